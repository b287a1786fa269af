"""The functions of the torch namespace, as opposed to the methods of Tensor: `torch.add` beside `Tensor.add`.

Most are the very same functions. The elementwise ones and the reductions take `out=` besides, which writes the result
into a given tensor; PyTorch does not differentiate through that, and neither does the reference.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.reference import dtypes
from conformance.reference.dispatch import by_dimension, check_writable, store, wants_grad
from conformance.reference.elementwise import strict
from conformance.reference.modes import state
from conformance.reference.operations import (
    arithmetic,
    combining,
    conversion,
    creation,
    elementwise,
    indexing,
    linear_algebra,
    reductions,
    shaping,
)
from conformance.reference.tensors import Tensor


def write_out(name: str, out: Tensor, function: Callable[..., Any], args: Any, kwargs: Any) -> Tensor:
    """Compute and write into `out`, resized if need be; RuntimeError when anything requires grad."""
    if state.grad and (out.requires_grad or wants_grad((*args, *kwargs.values()))):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the "
            "arguments requires grad."
        )
    result = function(*args, **kwargs)
    if out._array.shape != result._array.shape:
        if out._array.size:
            warnings.warn(
                f"An output with one or more elements was resized since it had shape {list(out.shape)}, which does not "
                f"match the required output shape {list(result.shape)}.",
                UserWarning,
                stacklevel=3,
            )
        out._array, out._storage, out._geometry = np.empty(result._array.shape, out._array.dtype), None, None
    check_writable(out)
    store(out, result._array)
    return out


def with_out(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that also takes `out=`."""

    @functools.wraps(function)
    def call(*args: Any, out: Tensor | None = None, **kwargs: Any) -> Any:
        if "input" in kwargs:
            args = (kwargs.pop("input"), *args)
        return function(*args, **kwargs) if out is None else write_out(function.__name__, out, function, args, kwargs)

    return call


def is_tensor(obj: Any) -> bool:
    """Whether it is a Tensor."""
    return isinstance(obj, Tensor)


def result_type(tensor1: Any, tensor2: Any) -> dtypes.dtype:
    """The type that an operation on both would have."""
    return dtypes.result_type(*by_dimension((tensor1, tensor2)))


def can_cast(from_: dtypes.dtype, to: dtypes.dtype) -> bool:
    """Whether the type promotion rules allow writing one type into the other."""
    return dtypes.can_cast(from_, to)


def is_inference(tensor: Tensor) -> bool:
    """Whether the tensor was made in inference mode."""
    return tensor.is_inference()


_HIDDEN = {"div_floor", "div_trunc"}  # torch.div with a rounding mode


def table() -> dict[str, Callable[..., Any]]:
    """Every function of the namespace by its name."""
    found: dict[str, Any] = {}
    for name, each in elementwise.UNARY.items():
        found[name] = with_out(each)
    for name, each in elementwise.BINARY.items():
        found[name] = with_out(strict(each))
    # The in-place forms of functions of one tensor are functions too: torch.sin_ is, torch.add_ is not.
    found.update({name: each for name, each in elementwise.INPLACE.items() if name[:-1] in elementwise.UNARY})
    for module in (creation, conversion, shaping, reductions, combining, indexing, linear_algebra, arithmetic):
        for name, each in vars(module).items():
            code = getattr(each, "__code__", None)
            if code and not name.startswith("_") and each.__module__ == module.__name__ and name not in _NOT_FUNCTIONS:
                found[name] = with_out(each) if module in (reductions, arithmetic, linear_algebra, combining) else each
    found.update(complex=combining.complex)
    for alias, name in elementwise.OTHER_NAMES.items():
        found[alias] = found[name]
    found.update(is_tensor=is_tensor, result_type=result_type, can_cast=can_cast, is_inference=is_inference)
    found.update(
        {
            name: lambda self, name=name: getattr(self, name)()
            for name in ("numel", "is_floating_point", "is_complex", "is_signed")
        }
    )
    return {name: each for name, each in found.items() if name not in _HIDDEN}


# Helpers of the operations' modules, and what PyTorch has as a method only.
_NOT_FUNCTIONS = {
    "array_of",
    "finish",
    "shape_of",
    "like",
    "legacy_constructor",
    "as_subclass",
    "new_zeros",
    "new_ones",
    "new_empty",
    "new_full",
    "new_tensor",
    "sizes_of",
    "dims_of",
    "in_type",
    "to",
    "move",
    "get_data",
    "set_data",
    "numpy",
    "item",
    "tolist",
    "copy_",
    "fill_",
    "view",
    "expand",
    "contiguous",
    "is_contiguous",
    "getitem",
    "setitem",
    "repeat",
    "view_as",
    "reshape_as",
    "expand_as",
    "sum_to_size",
    "write_out",
    "declared_isclose",
}
