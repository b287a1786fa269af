"""Moving and casting a module: to(), float(), cpu() and the rest, all through `_apply`.

A parameter stays the same object: its `.data` is exchanged, and that of its gradient. A buffer is replaced. Only
floating-point and complex tensors are cast; integer buffers such as BatchNorm's counter keep their dtype.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from conformance.reference import dtypes
from conformance.reference.devices import device as Device
from conformance.reference.modes import no_grad
from conformance.reference.nn.modules.base.traversal import Traversal
from conformance.reference.tensors import Tensor

__all__ = ["Conversion"]

Self = TypeVar("Self", bound="Conversion")


class Conversion(Traversal):
    """`to` and its short forms. Every one works in place and returns the module."""

    def _apply(self: Self, fn: Callable[[Any], Any], recurse: bool = True) -> Self:
        if recurse:
            for module in self.children():
                module._apply(fn)
        parameter: Any
        for parameter in self._parameters.values():
            if parameter is None:
                continue
            with no_grad():
                parameter.data = fn(parameter)
                if parameter.grad is not None:
                    parameter.grad.data = fn(parameter.grad)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self: Self, *args: Any, **kwargs: Any) -> Self:
        """Takes a device, a dtype, both, or a tensor that has both; TypeError for a dtype that has no gradients."""
        device, dtype = _parse_destination(*args, **kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}"
            )
        if dtype is not None and dtype.is_complex:
            warnings.warn(
                "Complex modules are a new feature under active development whose design may change, "
                "and some modules might not work as expected when using complex tensors as parameters or buffers.",
                stacklevel=2,
            )

        def convert(tensor: Any) -> Any:
            castable = tensor.is_floating_point() or tensor.is_complex()
            return tensor.to(device or tensor.device, dtype if castable and dtype is not None else tensor.dtype)

        return self._apply(convert)

    def type(self: Self, dst_type: Any) -> Self:
        """Cast every parameter and every buffer, integer ones too."""
        return self._apply(lambda tensor: tensor.type(dst_type))

    def _cast_floating(self: Self, dtype: Any) -> Self:
        return self._apply(lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor)

    def float(self: Self) -> Self:
        """Cast floating-point parameters and buffers to float32."""
        return self._cast_floating(dtypes.float32)

    def double(self: Self) -> Self:
        """Cast floating-point parameters and buffers to float64."""
        return self._cast_floating(dtypes.float64)

    def half(self: Self) -> Self:
        """Cast floating-point parameters and buffers to float16."""
        return self._cast_floating(dtypes.float16)

    def bfloat16(self: Self) -> Self:
        """Cast floating-point parameters and buffers to bfloat16."""
        return self._cast_floating(dtypes.bfloat16)

    def cpu(self: Self) -> Self:
        """Move every parameter and buffer to the CPU."""
        return self._apply(lambda tensor: tensor.cpu())

    def to_empty(self: Self, *, device: Any, recurse: bool = True) -> Self:
        """Move without copying: every tensor is new and uninitialised."""
        return self._apply(lambda tensor: _empty_like(tensor, device), recurse=recurse)


def _empty_like(tensor: Any, device: Any) -> Any:
    return tensor.new_empty(tensor.shape, device=device)


def _parse_destination(
    *args: Any,
    device: Any = None,
    dtype: Any = None,
    non_blocking: bool = False,
    tensor: Any = None,
    memory_format: Any = None,
) -> tuple[Any, Any]:
    """The device and dtype that the arguments of `to` name; None for what is left as it is."""
    for argument in args:
        if isinstance(argument, Tensor):
            tensor = argument
        elif isinstance(argument, dtypes.dtype):
            dtype = argument
        elif isinstance(argument, (Device, str)):
            device = Device(argument) if isinstance(argument, str) else argument
        elif isinstance(argument, bool):
            continue
        elif argument is not None:
            raise TypeError(f"to() received an invalid combination of arguments - got ({type(argument).__name__})")
    if tensor is not None:
        device, dtype = tensor.device, tensor.dtype
    if isinstance(device, str):
        device = Device(device)
    return device, dtype
