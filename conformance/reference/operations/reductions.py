"""Reductions with PyTorch's signatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conformance.reference import dtypes
from conformance.reference.dispatch import declare
from conformance.reference.forward import reductions as forward
from conformance.reference.forward.shaping import wrap_dim
from conformance.reference.gradients.reductions import RULES
from conformance.reference.tensors import Tensor

_sum = declare("sum", forward.sum_, RULES["sum"])
_mean = declare("mean", forward.mean, RULES["mean"])

DimArgument = int | Sequence[int] | None


def dims_of(self: Tensor, dim: DimArgument) -> tuple[int, ...] | None:
    """The dimensions to reduce, counted from the front; None (and for sums the empty list) means all."""
    ndim = self._array.ndim
    if dim is None:
        return None
    chosen = (dim,) if isinstance(dim, int) else tuple(dim)
    if not chosen:
        return None
    found = tuple([wrap_dim(each, ndim) for each in chosen])
    if len(set(found)) != len(found):
        raise RuntimeError(f"dim {found[0]} appears multiple times in the list of dims")
    return found if ndim else None


def in_type(self: Tensor, dtype: dtypes.dtype | None) -> Any:
    """The tensor in the type a sum is taken in: the one asked for, int64 for smaller integers and bool."""
    if dtype is None:
        dtype = dtypes.int64 if self._array.dtype.kind in "iub" else None
    return self if dtype is None else self.to(dtype)  # type: ignore[attr-defined]


def sum(self: Tensor, dim: DimArgument = None, keepdim: bool = False, *, dtype: dtypes.dtype | None = None) -> Tensor:
    """The sum over `dim`, or over everything."""
    if dtype is not None or self._array.dtype.kind in "iub":
        self = in_type(self, dtype)
    return _sum(self, None if dim is None else dims_of(self, dim), keepdim)  # type: ignore[no-any-return]


def mean(self: Tensor, dim: DimArgument = None, keepdim: bool = False, *, dtype: dtypes.dtype | None = None) -> Tensor:
    """The mean over `dim`, or over everything; RuntimeError for integers."""
    if dtype is not None:
        self = in_type(self, dtype)
    if self._array.dtype.kind in "iub":
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {self.dtype!r}"
        )
    return _mean(self, dims_of(self, dim), keepdim)  # type: ignore[no-any-return]
