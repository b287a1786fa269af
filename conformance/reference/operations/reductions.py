"""Reductions, scans and sorting with PyTorch's signatures."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

from conformance.reference import dtypes
from conformance.reference.dispatch import declare, ops
from conformance.reference.forward import reductions as forward
from conformance.reference.forward.shaping import wrap_dim
from conformance.reference.gradients.reductions import RULES
from conformance.reference.tensors import Tensor

_PAIR = ("values", "indices")
_sum = declare("sum", forward.sum_, RULES["sum"], parameters=("dim", "keepdim"))
_mean = declare("mean", forward.mean, RULES["mean"], parameters=("dim", "keepdim"))
_var = declare("var", forward.var, RULES["var"], parameters=("dim", "keepdim", "correction"))
_std = declare("std", forward.std, RULES["std"], parameters=("dim", "keepdim", "correction"))
_prod = declare("prod", forward.prod, RULES["prod"], parameters=("dim", "keepdim"))
_logsumexp = declare("logsumexp", forward.logsumexp, RULES["logsumexp"], parameters=("dim", "keepdim"))
_norm = declare("linalg_vector_norm", forward.norm, RULES["linalg_vector_norm"], parameters=("dim", "keepdim", "p"))
_amax = declare("amax", forward.amax, RULES["amax"])
_amin = declare("amin", forward.amin, RULES["amin"])
_all = declare("all", forward.all_)
_any = declare("any", forward.any_)
_argmax = declare("argmax", forward.argmax)
_argmin = declare("argmin", forward.argmin)
_count_nonzero = declare("count_nonzero", forward.count_nonzero)
_max_dim = declare("max", forward.max_dim, RULES["picked"], outputs=_PAIR)
_min_dim = declare("min", forward.min_dim, RULES["picked"], outputs=_PAIR)
_median_dim = declare("median_dim", forward.median_dim, RULES["picked"], outputs=_PAIR)
_kthvalue = declare("kthvalue", forward.kthvalue, RULES["picked"], outputs=_PAIR)
_median = declare("median", forward.median, RULES["of_all"])
_max = declare("max_all", lambda x: forward.amax(x, None, False), RULES["of_all"])
_min = declare("min_all", lambda x: forward.amin(x, None, False), RULES["of_all"])
_sort = declare("sort", forward.sort, RULES["ordered"], outputs=_PAIR)
_topk = declare("topk", forward.topk, RULES["ordered"], outputs=_PAIR)
_cummax = declare("cummax", forward.cummax, RULES["ordered"], outputs=_PAIR)
_cummin = declare("cummin", forward.cummin, RULES["ordered"], outputs=_PAIR)
_cumsum = declare("cumsum", forward.cumsum, RULES["cumsum"])
_cumprod = declare("cumprod", forward.cumprod, RULES["cumprod"])
_softmax = declare("_softmax", forward.softmax, RULES["_softmax"])
_log_softmax = declare("_log_softmax", forward.log_softmax, RULES["_log_softmax"])

DimArgument = int | Sequence[int] | None
DType = dtypes.dtype | None

_result_type: Any = namedtuple
max_result = _result_type("max", _PAIR)
min_result = _result_type("min", _PAIR)
median_result = _result_type("median", _PAIR)
kthvalue_result = _result_type("kthvalue", _PAIR)
sort_result = _result_type("sort", _PAIR)
topk_result = _result_type("topk", _PAIR)
cummax_result = _result_type("cummax", _PAIR)
cummin_result = _result_type("cummin", _PAIR)


def dims_of(self: Tensor, dim: DimArgument) -> tuple[int, ...] | None:
    """The dimensions to reduce, counted from the front; None and the empty list mean all."""
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


def in_type(self: Tensor, dtype: DType) -> Any:
    """The tensor in the type a sum is taken in: the one asked for, int64 for smaller integers and bool."""
    if dtype is None and self._array.dtype.kind in "iub":
        dtype = dtypes.int64
    return self if dtype is None else self.to(dtype)


def _floating(self: Tensor, name: str) -> None:
    if self._array.dtype.kind in "iub":
        raise RuntimeError(
            f"{name}(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {self.dtype!r}"
        )


def _nonempty(self: Tensor, name: str) -> None:
    if not self._array.size:
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
            "the 'dim' argument."
        )


def _filled_dim(self: Tensor, dim: int, name: str) -> int:
    """A dimension from the front; IndexError when it has no elements to choose from."""
    dim = wrap_dim(dim, self._array.ndim)
    if self._array.ndim and not self._array.shape[dim]:
        raise IndexError(f"{name}(): Expected reduction dim {dim} to have non-zero size.")
    return dim


def sum(self: Tensor, dim: DimArgument = None, keepdim: bool = False, *, dtype: DType = None) -> Tensor:
    """The sum over `dim`, or over everything."""
    if dtype is not None or self._array.dtype.kind in "iub":
        self = in_type(self, dtype)
    return _sum(self, None if dim is None else dims_of(self, dim), keepdim)  # type: ignore[no-any-return]


def nansum(self: Tensor, dim: DimArgument = None, keepdim: bool = False, *, dtype: DType = None) -> Tensor:
    """The sum with nan counted as zero."""
    return sum(ops.where(self.isnan(), 0.0, self), dim, keepdim, dtype=dtype)


def mean(self: Tensor, dim: DimArgument = None, keepdim: bool = False, *, dtype: DType = None) -> Tensor:
    """The mean over `dim`, or over everything; RuntimeError for integers."""
    self = self if dtype is None else in_type(self, dtype)
    _floating(self, "mean")
    return _mean(self, dims_of(self, dim), keepdim)  # type: ignore[no-any-return]


def prod(self: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: DType = None) -> Tensor:
    """The product over `dim`, or over everything."""
    self = in_type(self, dtype)
    return _prod(self, dims_of(self, dim), keepdim)  # type: ignore[no-any-return]


def var(
    self: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """The variance, over n - 1 unless unbiased=False or another correction says otherwise."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 0 if unbiased is False else 1
    _floating(self, "var")
    return _var(self, dims_of(self, dim), keepdim, correction)  # type: ignore[no-any-return]


def std(
    self: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """The square root of the variance."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 0 if unbiased is False else 1
    _floating(self, "std")
    return _std(self, dims_of(self, dim), keepdim, correction)  # type: ignore[no-any-return]


def var_mean(
    self: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Any:
    """Variance and mean."""
    return var(self, dim, unbiased, keepdim, correction=correction), mean(
        self, None if isinstance(dim, bool) else dim, keepdim
    )


def std_mean(
    self: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Any:
    """Standard deviation and mean."""
    return std(self, dim, unbiased, keepdim, correction=correction), mean(
        self, None if isinstance(dim, bool) else dim, keepdim
    )


def logsumexp(self: Tensor, dim: DimArgument, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x)))."""
    return _logsumexp(self, dims_of(self, dim), keepdim)  # type: ignore[no-any-return]


def vector_norm(
    x: Tensor, ord: float = 2, dim: DimArgument = None, keepdim: bool = False, *, dtype: DType = None
) -> Tensor:
    """The p-norm of all elements, or along `dim`."""
    x = x if dtype is None else in_type(x, dtype)
    return _norm(x, dims_of(x, dim), keepdim, float(ord))  # type: ignore[no-any-return]


def norm(self: Tensor, p: Any = 2, dim: DimArgument = None, keepdim: bool = False, dtype: DType = None) -> Tensor:
    """The p-norm of the elements; "fro" is 2."""
    return vector_norm(self, 2.0 if p in ("fro", None) else p, dim, keepdim, dtype=dtype)


def amax(self: Tensor, dim: DimArgument = None, keepdim: bool = False) -> Tensor:
    """The largest value; the gradient is shared among equals."""
    return _amax(self, dims_of(self, dim), keepdim)  # type: ignore[no-any-return]


def amin(self: Tensor, dim: DimArgument = None, keepdim: bool = False) -> Tensor:
    """The smallest value; the gradient is shared among equals."""
    return _amin(self, dims_of(self, dim), keepdim)  # type: ignore[no-any-return]


def max(self: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest value; with `dim` values and indices; with a tensor the elementwise maximum."""
    if isinstance(dim, Tensor):
        return ops.maximum(self, dim)
    if dim is None:
        _nonempty(self, "max")
        return _max(self)
    return max_result(*_max_dim(self, _filled_dim(self, dim, "max"), keepdim))


def min(self: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest value; with `dim` values and indices; with a tensor the elementwise minimum."""
    if isinstance(dim, Tensor):
        return ops.minimum(self, dim)
    if dim is None:
        _nonempty(self, "min")
        return _min(self)
    return min_result(*_min_dim(self, _filled_dim(self, dim, "min"), keepdim))


def median(self: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower median; with `dim` values and indices."""
    if dim is None:
        return _median(self)
    return median_result(*_median_dim(self, wrap_dim(dim, self._array.ndim), keepdim))


def kthvalue(self: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """The k-th smallest value and its index."""
    return kthvalue_result(*_kthvalue(self, k, wrap_dim(dim, self._array.ndim), keepdim))


def argmax(self: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the largest value (of the flattened tensor without dim)."""
    return _argmax(self, None if dim is None else _filled_dim(self, dim, "argmax"), keepdim)  # type: ignore


def argmin(self: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the smallest value (of the flattened tensor without dim)."""
    return _argmin(self, None if dim is None else _filled_dim(self, dim, "argmin"), keepdim)  # type: ignore


def all(self: Tensor, dim: DimArgument = None, keepdim: bool = False) -> Tensor:
    """Whether all elements are true."""
    return _all(self, dims_of(self, dim), keepdim)  # type: ignore[no-any-return]


def any(self: Tensor, dim: DimArgument = None, keepdim: bool = False) -> Tensor:
    """Whether any element is true."""
    return _any(self, dims_of(self, dim), keepdim)  # type: ignore[no-any-return]


def count_nonzero(self: Tensor, dim: DimArgument = None) -> Tensor:
    """How many elements are not zero."""
    return _count_nonzero(self, dims_of(self, dim))  # type: ignore[no-any-return]


def sort(self: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """Sorted values and their indices; always stable here."""
    return sort_result(*_sort(self, wrap_dim(dim, self._array.ndim), descending, stable))


def argsort(self: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The indices that sort."""
    return sort(self, dim, descending, stable)[1]  # type: ignore[no-any-return]


def topk(self: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The k largest (or smallest) values and their indices."""
    return topk_result(*_topk(self, k, wrap_dim(dim, self._array.ndim), largest, sorted))


def cumsum(self: Tensor, dim: int, *, dtype: DType = None) -> Tensor:
    """Running sums along dim."""
    return _cumsum(in_type(self, dtype), wrap_dim(dim, self._array.ndim))  # type: ignore[no-any-return]


def cumprod(self: Tensor, dim: int, *, dtype: DType = None) -> Tensor:
    """Running products along dim."""
    return _cumprod(in_type(self, dtype), wrap_dim(dim, self._array.ndim))  # type: ignore[no-any-return]


def cummax(self: Tensor, dim: int) -> Any:
    """Running maxima along dim and their indices."""
    return cummax_result(*_cummax(self, wrap_dim(dim, self._array.ndim)))


def cummin(self: Tensor, dim: int) -> Any:
    """Running minima along dim and their indices."""
    return cummin_result(*_cummin(self, wrap_dim(dim, self._array.ndim)))


def softmax(self: Tensor, dim: int | None = None, dtype: DType = None) -> Tensor:
    """exp(x) over its sum along dim."""
    if dim is None:
        raise TypeError("softmax() missing 1 required positional argument: 'dim'")
    return _softmax(self if dtype is None else in_type(self, dtype), wrap_dim(dim, self._array.ndim))  # type: ignore


def log_softmax(self: Tensor, dim: int | None = None, dtype: DType = None) -> Tensor:
    """The logarithm of softmax, computed without losing small probabilities."""
    if dim is None:
        raise TypeError("log_softmax() missing 1 required positional argument: 'dim'")
    return _log_softmax(self if dtype is None else in_type(self, dtype), wrap_dim(dim, self._array.ndim))  # type: ignore
