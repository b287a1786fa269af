"""Reading and writing by index arrays. Out-of-place: each gives a new array."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def index(x: Array, indices: tuple[Any, ...]) -> Array:
    """x[indices], with slices where a dimension has no index array."""
    try:
        return np.array(x[indices], order="C")
    except IndexError as error:
        raise IndexError(_torch_words(str(error))) from None


def _torch_words(message: str) -> str:
    return message.replace("boolean index did not match", "The shape of the mask does not match")


def index_put(x: Array, values: Array, indices: tuple[Any, ...], accumulate: bool) -> Array:
    """A copy with values written, or added, at the indices."""
    result = x.copy(order="K")
    try:
        if accumulate:
            np.add.at(result, indices, values)
        else:
            result[indices] = values
    except ValueError:
        shape = x[indices].shape
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast to indexing result of "
            f"shape {list(shape)}"
        ) from None
    return result


def index_select(x: Array, dim: int, index: Array) -> Array:
    """The slices that `index` names."""
    if not x.ndim:
        x = x.reshape(1)
        return np.take(x, index, axis=0).reshape(())
    return np.take(x, index, axis=dim)


def _along(x: Array, dim: int, index: Array) -> tuple[Array, ...]:
    """The index arrays that pair `index` with every other dimension's own position."""
    grids = list(np.ogrid[tuple(slice(0, n) for n in index.shape)])
    grids[dim] = index
    return tuple(grids)


def gather(x: Array, dim: int, index: Array) -> Array:
    """Along dim, the elements that `index` names at each position."""
    _check_dimensions(x, index)
    if not x.ndim:
        return np.full(index.shape, x)
    _check(x, dim, index)
    return x[_along(x, dim, index)]


def scatter(x: Array, src: Array, dim: int, index: Array) -> Array:
    """A copy with `src` written along dim where `index` says."""
    return _scattered(x, src, dim, index, False)


def scatter_add(x: Array, src: Array, dim: int, index: Array) -> Array:
    """A copy with `src` added along dim where `index` says."""
    return _scattered(x, src, dim, index, True)


def scatter_value(x: Array, dim: int, index: Array, value: Any) -> Array:
    """A copy with a number written along dim where `index` says."""
    return _scattered(x, np.full(index.shape, value, x.dtype), dim, index, False)


def _scattered(x: Array, src: Array, dim: int, index: Array, add: bool) -> Array:
    _check_dimensions(x, index)
    result = x.copy(order="K")
    if not index.size:
        return result
    if not x.ndim:
        result = result.reshape(1)
        src, index = src.reshape(-1), index.reshape(-1)
    _check(result, dim, index)
    place = _along(result, dim, index)
    part = src[tuple(slice(0, n) for n in index.shape)]
    if add:
        np.add.at(result, place, part)
    else:
        result[place] = part
    return result.reshape(x.shape)


def _check_dimensions(x: Array, index: Array) -> None:
    if max(x.ndim, 1) != max(index.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")


def _check(x: Array, dim: int, index: Array) -> None:
    n = x.shape[dim]
    if index.size and (index.min() < 0 or index.max() >= n):
        wrong = index[(index < 0) | (index >= n)].flat[0]
        raise RuntimeError(f"index {wrong} is out of bounds for dimension {dim} with size {n}")


def index_add(x: Array, source: Array, dim: int, index: Array, alpha: Any) -> Array:
    """A copy with the slices of `source`, times alpha, added where `index` says."""
    result = x.copy(order="K")
    place: Any = (slice(None),) * dim + (index,) if x.ndim else ()
    np.add.at(result, place, source if alpha == 1 else source * source.dtype.type(alpha))
    return result


def index_copy(x: Array, source: Array, dim: int, index: Array) -> Array:
    """A copy with the slices of `source` written where `index` says."""
    result = x.copy(order="K")
    result[(slice(None),) * dim + (index,)] = source
    return result


def index_fill(x: Array, dim: int, index: Array, value: Any) -> Array:
    """A copy with a number in the slices that `index` names."""
    result = x.copy(order="K")
    result[(slice(None),) * dim + (index,)] = value
    return result


def masked_fill(x: Array, value: Array, mask: Array) -> Array:
    """A copy with `value` where the mask is true."""
    return np.where(mask, np.asarray(value).astype(x.dtype), x)


def nonzero(x: Array) -> Array:
    """The indices of what is not zero, one row for each."""
    if not x.ndim:
        return np.zeros((int(bool(x)), 0), np.int64)
    return np.stack(np.nonzero(x), axis=1).astype(np.int64)
