"""Reductions on arrays. `dim` is a tuple of dimensions counted from the front, or None for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.reference.forward.elementwise import quiet

Array = Any
Dim = tuple[int, ...] | None

# Untyped, as NumPy's stubs do not know a `keepdims` that is decided at run time.
ADD: Any = np.add
MULTIPLY: Any = np.multiply


def widened(x: Array) -> Array:
    """Sixteen-bit floats as float32, the type PyTorch accumulates them in."""
    return x.astype(np.float32) if x.dtype.itemsize == 2 and x.dtype.kind in "fV" else x


def _accumulated(function: Callable[..., Array]) -> Callable[..., Array]:
    """A reduction computed in the accumulation type and rounded once."""

    def apply(x: Array, dim: Dim, keepdim: bool, *params: Any) -> Array:
        wide = widened(x)
        return (
            function(x, dim, keepdim, *params) if wide is x else function(wide, dim, keepdim, *params).astype(x.dtype)
        )

    return quiet(apply)


def _sum(x: Array, dim: Dim, keepdim: bool) -> Array:
    return ADD.reduce(x, axis=dim, keepdims=keepdim)


def _mean(x: Array, dim: Dim, keepdim: bool) -> Array:
    total = ADD.reduce(x, axis=dim, keepdims=keepdim)
    elements = x.size if dim is None else int(np.prod([x.shape[d] for d in dim]))
    return np.divide(total, x.dtype.type(elements))


def _var(x: Array, dim: Dim, keepdim: bool, correction: float) -> Array:
    """The sum of squared deviations over n - correction; nan (or inf) when that is not positive."""
    elements = x.size if dim is None else int(np.prod([x.shape[d] for d in dim])) if x.ndim else 1
    mean = ADD.reduce(x, axis=dim, keepdims=True) / x.dtype.type(elements)
    squares = np.square(np.abs(x - mean))
    total = ADD.reduce(squares, axis=dim, keepdims=keepdim)
    return np.divide(total, squares.dtype.type(max(elements - correction, 0)))


def _prod(x: Array, dim: Dim, keepdim: bool) -> Array:
    return MULTIPLY.reduce(x, axis=dim, keepdims=keepdim)


def _logsumexp(x: Array, dim: Dim, keepdim: bool) -> Array:
    """log(sum(exp(x))), from the largest element so that nothing overflows."""
    largest = np.max(x, axis=dim, keepdims=True, initial=-np.inf)
    largest = np.where(np.isfinite(largest), largest, 0)
    found = np.log(np.sum(np.exp(x - largest), axis=dim, keepdims=True)) + largest
    return found if keepdim else np.squeeze(found, axis=dim) if dim is not None else found.reshape(())


def _norm(x: Array, dim: Dim, keepdim: bool, p: float) -> Array:
    size = np.abs(x)
    if p == np.inf:
        return np.max(size, axis=dim, keepdims=keepdim)
    if p == -np.inf:
        return np.min(size, axis=dim, keepdims=keepdim)
    if p == 0:
        return np.sum(size != 0, axis=dim, keepdims=keepdim).astype(size.dtype)
    if p == 2:
        return np.sqrt(np.sum(size * size, axis=dim, keepdims=keepdim))
    return np.power(np.sum(np.power(size, p), axis=dim, keepdims=keepdim), 1 / p).astype(size.dtype)


def _std(x: Array, dim: Dim, keepdim: bool, correction: float) -> Array:
    return np.sqrt(_var(x, dim, keepdim, correction))


std = _accumulated(_std)
sum_ = _accumulated(_sum)
mean = _accumulated(_mean)
var = _accumulated(_var)
prod = _accumulated(_prod)
logsumexp = _accumulated(_logsumexp)
norm = _accumulated(_norm)


@quiet
def amax(x: Array, dim: Dim, keepdim: bool) -> Array:
    """The largest element; nan if there is one."""
    return np.max(x, axis=dim, keepdims=keepdim)


@quiet
def amin(x: Array, dim: Dim, keepdim: bool) -> Array:
    """The smallest element; nan if there is one."""
    return np.min(x, axis=dim, keepdims=keepdim)


def all_(x: Array, dim: Dim, keepdim: bool) -> Array:
    """Whether all are true."""
    return np.all(x, axis=dim, keepdims=keepdim)


def any_(x: Array, dim: Dim, keepdim: bool) -> Array:
    """Whether any is true."""
    return np.any(x, axis=dim, keepdims=keepdim)


def count_nonzero(x: Array, dim: Dim) -> Array:
    """How many are not zero."""
    return np.asarray(np.count_nonzero(x, axis=dim), dtype=np.int64)


def argmax(x: Array, dim: int | None, keepdim: bool) -> Array:
    """Where the largest is."""
    return np.asarray(np.argmax(x, axis=dim, keepdims=keepdim), dtype=np.int64)


def argmin(x: Array, dim: int | None, keepdim: bool) -> Array:
    """Where the smallest is."""
    return np.asarray(np.argmin(x, axis=dim, keepdims=keepdim), dtype=np.int64)


def _at(x: Array, indices: Array, dim: int, keepdim: bool) -> tuple[Array, Array]:
    """The values at indices that keep the reduced dimension, and those indices."""
    if not x.ndim:
        return x.copy(), np.zeros((), np.int64)
    values = np.take_along_axis(x, indices, dim)
    indices = indices.astype(np.int64)
    return (values, indices) if keepdim else (np.squeeze(values, dim), np.squeeze(indices, dim))


def max_dim(x: Array, dim: int, keepdim: bool) -> tuple[Array, Array]:
    """The largest along dim and where it is."""
    return _at(x, np.argmax(x, axis=dim, keepdims=True) if x.ndim else x, dim, keepdim)


def min_dim(x: Array, dim: int, keepdim: bool) -> tuple[Array, Array]:
    """The smallest along dim and where it is."""
    return _at(x, np.argmin(x, axis=dim, keepdims=True) if x.ndim else x, dim, keepdim)


def kthvalue(x: Array, k: int, dim: int, keepdim: bool) -> tuple[Array, Array]:
    """The k-th smallest along dim and where it is."""
    order = np.argsort(x, axis=dim, kind="stable") if x.ndim else x
    return _at(x, np.take(order, [k - 1], axis=dim) if x.ndim else x, dim, keepdim)


def median_dim(x: Array, dim: int, keepdim: bool) -> tuple[Array, Array]:
    """The lower of the two middle values; the first nan where there is one."""
    if not x.ndim:
        return _at(x, x, dim, keepdim)
    order = np.argsort(x, axis=dim, kind="stable")
    index = np.take(order, [(x.shape[dim] - 1) // 2], axis=dim)
    if x.dtype.kind == "f":
        missing = np.isnan(x)
        index = np.where(missing.any(axis=dim, keepdims=True), missing.argmax(axis=dim, keepdims=True), index)
    return _at(x, index, dim, keepdim)


def median(x: Array) -> Array:
    """The lower median of all elements."""
    values, _ = median_dim(x.reshape(-1), 0, False)
    return values


def sort(x: Array, dim: int, descending: bool, stable: bool) -> tuple[Array, Array]:
    """Sorted values and where each was; equal values keep their order."""
    if not x.ndim:
        return x.copy(), np.zeros((), np.int64)
    if descending:
        reverse = np.flip(x, dim)
        order = x.shape[dim] - 1 - np.flip(np.argsort(reverse, axis=dim, kind="stable"), dim)
    else:
        order = np.argsort(x, axis=dim, kind="stable")
    return _laid_out(x, np.take_along_axis(x, order, dim)), _laid_out(x, order.astype(np.int64))


def _laid_out(x: Array, values: Array) -> Array:
    """Values with the order of dimensions that x has."""
    made = np.empty_like(x, dtype=values.dtype)
    made[...] = values
    return made


def topk(x: Array, k: int, dim: int, largest: bool, sorted: bool) -> tuple[Array, Array]:
    """The k largest (smallest) along dim, sorted, and where they are."""
    if not x.ndim:
        return x.copy(), np.zeros((), np.int64)
    if not 0 <= k <= x.shape[dim]:
        raise RuntimeError("selected index k out of range")
    values, order = sort(x, dim, largest, True)
    chosen = (slice(None),) * dim + (slice(0, k),)
    return values[chosen].copy(), order[chosen].copy()


@quiet
def cumsum(x: Array, dim: int) -> Array:
    """Running sums, row-major."""
    return np.ascontiguousarray(np.cumsum(x, axis=dim, dtype=x.dtype)) if x.ndim else x.copy()


@quiet
def cumprod(x: Array, dim: int) -> Array:
    """Running products, row-major."""
    return np.ascontiguousarray(np.cumprod(x, axis=dim, dtype=x.dtype)) if x.ndim else x.copy()


def _running(x: Array, dim: int, better: Any) -> tuple[Array, Array]:
    if not x.ndim:
        return x.copy(), np.zeros((), np.int64)
    rows = np.moveaxis(x, dim, 0)
    indices = np.zeros(rows.shape, np.int64)
    best = rows[0].copy()
    for step in range(1, len(rows)):
        wins = better(rows[step], best) | np.isnan(rows[step])
        indices[step] = np.where(wins, step, indices[step - 1])
        best = np.where(wins, rows[step], best)
    indices = np.moveaxis(indices, 0, dim)
    return np.take_along_axis(x, indices, dim), np.ascontiguousarray(indices)


def cummax(x: Array, dim: int) -> tuple[Array, Array]:
    """Running maxima and where they are."""
    return _running(x, dim, np.greater_equal)


def cummin(x: Array, dim: int) -> tuple[Array, Array]:
    """Running minima and where they are."""
    return _running(x, dim, np.less_equal)


@quiet
def softmax(x: Array, dim: int) -> Array:
    """exp(x) over its sum along dim."""
    wide = widened(x)
    if not x.ndim or not x.size:
        return np.where(np.isnan(x), x, np.ones_like(x))
    powers = np.exp(wide - np.max(wide, axis=dim, keepdims=True))
    return (powers / np.sum(powers, axis=dim, keepdims=True)).astype(x.dtype, order="C", copy=False)


@quiet
def log_softmax(x: Array, dim: int) -> Array:
    """The logarithm of softmax."""
    wide = widened(x)
    if not x.ndim or not x.size:
        return np.where(np.isnan(x), x, np.zeros_like(x))
    shifted = wide - np.max(wide, axis=dim, keepdims=True)
    return (shifted - np.log(np.sum(np.exp(shifted), axis=dim, keepdims=True))).astype(x.dtype, order="C", copy=False)
