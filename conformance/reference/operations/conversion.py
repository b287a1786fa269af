"""Copies, detaching, and conversion between types, devices, NumPy and Python."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from conformance.reference import devices, dtypes
from conformance.reference.dispatch import Operation, attach, declare, ops, record, wants_grad, write
from conformance.reference.gradients.elementwise import zeros
from conformance.reference.modes import state
from conformance.reference.tensors import Tensor, alias, storage_of, wrap

IDENTITY = {"self": lambda grad: grad}


def _copy(x: Any) -> Any:
    """A copy in the same order of dimensions; repeated elements (stride 0) have none."""
    return x.copy(order="C" if 0 in x.strides else "K")


clone_ = declare("clone", _copy, IDENTITY)
declare("contiguous_copy", lambda x: x.copy(order="C"), IDENTITY)
declare("conj_physical", np.conjugate, {"self": lambda grad: ops.conj_physical(grad)}, parameters=())


class memory_format:  # noqa: N801  torch names it so
    """How the elements of a copy are laid out."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")


def _channels_last(x: Any) -> Any:
    return np.moveaxis(np.moveaxis(x, 1, -1).copy(order="C"), -1, 1)


declare("channels_last_copy", _channels_last, IDENTITY, parameters=())


def clone(self: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy that gradients flow through, strided like the original unless another format is asked for."""
    if memory_format in (channels_last, channels_last_3d):
        return ops.channels_last_copy(self)  # type: ignore[no-any-return]
    return ops.contiguous_copy(self) if memory_format is contiguous_format else clone_(self)  # type: ignore


def _cast(x: Any, dtype: dtypes.dtype) -> Any:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return x.astype(dtype.numpy)


cast = declare("_to_copy", _cast, IDENTITY)


_moving = Operation(
    "_to_device",
    _copy,
    {"self": lambda grad, origin: move(grad, origin)},
    ("self",),
    ("origin",),
    title="ToCopyBackward0",
)


def move(self: Tensor, device: devices.device) -> Tensor:
    """A copy on another device."""
    devices.check_dtype(device, self.dtype)
    _refuse_meta(self)
    made = wrap(self._array.copy(order="K"), device)
    if state.grad and wants_grad((self,)):
        attach(record(_moving, (self,), (self._device,), (made,)), (made,))
    return made


def to(
    self: Tensor,
    *args: Any,
    dtype: Any = None,
    device: Any = None,
    non_blocking: bool = False,
    copy: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """The tensor in another type or on another device; itself when it is so already and no copy is asked for."""
    for each in args:
        if isinstance(each, Tensor):
            dtype, device = each.dtype, each._device
        elif isinstance(each, dtypes.dtype):
            dtype = each
        elif each is not None and not isinstance(each, bool):
            device = each  # a bool would be non_blocking
    result = self
    place = self._device if device is None else devices.device(device).placed()
    if place is not self._device:
        result = move(result if dtype is None or dtype is result.dtype else cast(result, dtype), place)
    elif dtype is not None and dtype is not self.dtype:
        devices.check_dtype(place, dtype)
        result = cast(self, dtype)
    if memory_format in (channels_last, channels_last_3d):
        return ops.channels_last_copy(result)  # type: ignore[no-any-return]
    if copy and result is self:
        result = cast(self, self.dtype)
    if memory_format is contiguous_format and result is not self and not result._array.flags.c_contiguous:
        return ops.contiguous_copy(result)  # type: ignore[no-any-return]
    return result


def detach(self: Tensor) -> Tensor:
    """A leaf on the same memory, with the same version counter, outside the graph."""
    return _versioned(alias(self))


def detach_(self: Tensor) -> Tensor:
    """Take the tensor itself out of the graph; RuntimeError for views."""
    if self._base is not None:
        raise RuntimeError("Can't detach views in-place. Use detach() instead.")
    self._grad_fn, self._output_nr, self._requires_grad = None, 0, False
    return self


def get_data(self: Tensor) -> Tensor:
    """`.data`: as detach(), but with a version counter of its own, so that autograd does not see writes."""
    return _versioned(alias(self, counter=[0]))


def _versioned(tensor: Tensor) -> Tensor:
    """What is detached from an inference tensor is one still, but its version counts."""
    if tensor._inference:
        tensor._versioned = True
    return tensor


def set_data(self: Tensor, value: Tensor) -> None:
    """`.data = value`: the tensor takes over the elements; history, flag and version stay."""
    if not isinstance(value, Tensor):
        raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
    if self.requires_grad and value.dtype.category < dtypes.FLOATING:
        raise RuntimeError("data set to a tensor that requires gradients must be floating point or complex dtype")
    self._storage = storage_of(value)
    self._array, self._geometry, self._device = value._array, value._geometry, value._device
    accumulator = self._accumulator and self._accumulator()
    if accumulator:
        accumulator.outputs = [(self._array.shape, self._array.dtype, self._device)]


def numpy(self: Tensor, *, force: bool = False) -> Any:
    """The elements as a NumPy array on the same memory; `force` detaches, and copies from a device."""
    if force:
        _refuse_meta(self)
        return self._array
    if self._device is not devices.cpu:
        raise TypeError(
            f"can't convert {self._device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host "
            "memory first."
        )
    if self._array.dtype.kind == "V":
        raise TypeError("Got unsupported ScalarType BFloat16")
    if state.grad and self.requires_grad:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
    return self._array[...]


def _refuse_meta(self: Tensor) -> None:
    """NotImplementedError, as torch raises it, for a tensor whose elements are nobody's business."""
    if self._device.type == "meta":
        raise NotImplementedError("Cannot copy out of meta tensor; no data!")


def item(self: Tensor) -> Any:
    """The one element as a Python number; RuntimeError when there are several."""
    _refuse_meta(self)
    if self._array.size != 1:
        raise RuntimeError(f"a Tensor with {self._array.size} elements cannot be converted to Scalar")
    only = self._array.reshape(())
    return float(only) if only.dtype.kind == "V" else only.item()


def tolist(self: Tensor) -> Any:
    """Nested lists of Python numbers."""
    _refuse_meta(self)
    array = self._array
    return (array.astype(np.float32) if array.dtype.kind == "V" else array).tolist()


def _filled(x: Any, value: Any) -> Any:
    return np.full(x.shape, value, x.dtype)


def _copied(x: Any, source: Any) -> Any:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.broadcast_to(source, x.shape).astype(x.dtype)


declare("fill", _filled, {"self": zeros})
declare("copy", _copied, {"self": zeros, "source": lambda grad: grad}, ("self", "source"))
declare("fill_tensor", _copied, {"self": zeros, "value": lambda grad: grad.sum()}, ("self", "value"))


def fill_(self: Tensor, value: Any) -> Tensor:
    """Every element becomes `value`, a number or a 0-d tensor."""
    if isinstance(value, Tensor):
        if value._array.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value._array.ndim} dimensions."
            )
        return write(self, ops.fill_tensor.operation, (self, value), overlap=True)
    return write(self, ops.fill.operation, (self,), (value,), overlap=True)


def zero_(self: Tensor) -> Tensor:
    """Every element becomes 0."""
    return write(self, ops.fill.operation, (self,), (0,), overlap=True)


def _same_window(self: Tensor, src: Tensor) -> bool:
    """Whether two tensors see the very same elements."""
    mine, theirs = self._array, src._array
    steps = [a == b or n == 1 for n, a, b in zip(mine.shape, mine.strides, theirs.strides)]
    here, there = mine.__array_interface__["data"][0], theirs.__array_interface__["data"][0]
    return mine.shape == theirs.shape and here == there and all(steps) and mine.dtype == theirs.dtype


def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """The elements become those of `src`, broadcast, cast and moved."""
    if not isinstance(src, Tensor):
        raise TypeError(f"copy_(): argument 'other' (position 1) must be Tensor, not {type(src).__name__}")
    try:
        np.broadcast_to(src._array, self._array.shape)
    except ValueError:
        raise RuntimeError(
            f"The expanded size of the tensor {list(self.shape)} must match the existing size {list(src.shape)}"
        ) from None
    if src._device is not self._device:
        src = move(src, self._device)
    return write(self, ops.copy.operation, (self, src), overlap=_same_window(self, src))
