"""Pooling on arrays (N, C, *spatial), in any number of spatial dimensions.

Maximum pooling returns, beside the values, where in the flattened spatial dimensions each came from; `take` and `put`
move values along such indices and are each other's derivative. Average pooling has its own adjoint. A window that
leaves the array sees padding: minus infinity for the maximum, zeros for the average.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Array = Any
Sizes = Sequence[int]

__all__ = ["adaptive_max", "adaptive_range", "average", "average_adjoint", "maximum", "pooled_sizes", "put", "take"]


def pooled_sizes(
    sizes: Sizes, window: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, ceil_mode: bool
) -> tuple[int, ...]:
    """How many windows fit along each dimension; with `ceil_mode` a last one may hang over the end."""
    found = []
    for size, extent, step, pad, gap in zip(sizes, window, stride, padding, dilation, strict=True):
        room = size + 2 * pad - gap * (extent - 1) - 1
        count = (-(-room // step) if ceil_mode else room // step) + 1
        if ceil_mode and (count - 1) * step >= size + pad:
            count -= 1
        found.append(count)
    return tuple(found)


def _padded(x: Array, fill: float, margins: list[tuple[int, int]]) -> Array:
    if not any(any(margin) for margin in margins):
        return x
    return np.pad(x, [(0, 0)] * (x.ndim - len(margins)) + margins, constant_values=fill)


def _margins(
    sizes: Sizes, positions: Sizes, window: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes
) -> list[tuple[int, int]]:
    """Padding before and after each dimension, so that every window lies inside."""
    return [
        (pad, max(pad, (count - 1) * step + gap * (extent - 1) + 1 - size - pad))
        for size, count, extent, step, pad, gap in zip(sizes, positions, window, stride, padding, dilation, strict=True)
    ]


def _windows(x: Array, positions: Sizes, window: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    """A view (N, C, *positions, *window)."""
    extents = tuple(gap * (extent - 1) + 1 for extent, gap in zip(window, dilation, strict=True))
    spatial = len(window)
    seen = sliding_window_view(x, extents, axis=tuple(range(x.ndim - spatial, x.ndim)))
    steps = tuple(slice(0, (count - 1) * step + 1, step) for count, step in zip(positions, stride, strict=True))
    index: tuple[Any, ...] = (..., *steps, *(slice(None, None, gap) for gap in dilation))
    return seen[index]


def maximum(
    x: Array, window: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, ceil_mode: bool
) -> tuple[Array, Array]:
    """The largest value of each window, and its index; the first of equals."""
    sizes = x.shape[2:]
    positions = pooled_sizes(sizes, window, stride, padding, dilation, ceil_mode)
    lowest = -np.inf if x.dtype.kind in "fV" else np.iinfo(x.dtype).min
    padded = _padded(x, lowest, _margins(sizes, positions, window, stride, padding, dilation))
    seen = _windows(padded, positions, window, stride, dilation).reshape(*x.shape[:2], *positions, math.prod(window))
    chosen = seen.argmax(-1)
    values = np.take_along_axis(seen, chosen[..., None], -1)[..., 0]
    index = np.zeros_like(chosen)
    for axis, offset in enumerate(np.unravel_index(chosen, tuple(window))):
        start = np.arange(positions[axis]) * stride[axis] - padding[axis]
        place = start.reshape(-1, *[1] * (len(window) - axis - 1)) + offset * dilation[axis]
        # A window that sees nothing but padding still names an element.
        index = index * sizes[axis] + place.clip(0, sizes[axis] - 1)
    return values, index


def adaptive_range(size: int, count: int) -> list[tuple[int, int]]:
    """The `count` ranges, which may overlap, into which adaptive pooling divides a dimension."""
    return [(place * size // count, -(-(place + 1) * size // count)) for place in range(count)]


def adaptive_max(x: Array, positions: Sizes) -> tuple[Array, Array]:
    """The largest value of each adaptive range, and its index in the flattened spatial dimensions."""
    sizes = x.shape[2:]
    values: Array = np.empty((*x.shape[:2], *positions), x.dtype)
    index: Array = np.empty(values.shape, np.int64)
    numbers = np.arange(math.prod(sizes)).reshape(sizes)
    ranges = [adaptive_range(size, count) for size, count in zip(sizes, positions, strict=True)]
    for place in itertools.product(*(range(count) for count in positions)):
        bounds = [ranges[axis][at] for axis, at in enumerate(place)]
        region = tuple(slice(*each) for each in bounds)
        seen, here = (slice(None), slice(None), *region), (slice(None), slice(None), *place)
        flat = x[seen].reshape(*x.shape[:2], math.prod(stop - start for start, stop in bounds))
        chosen = flat.argmax(-1)
        values[here] = np.take_along_axis(flat, chosen[..., None], -1)[..., 0]
        index[here] = numbers[region].ravel()[chosen]
    return values, index


def take(x: Array, index: Array) -> Array:
    """The elements (N, C, *positions) of x (N, C, *spatial) at flat spatial indices."""
    lead = x.shape[:2]
    flat, places = x.reshape(*lead, math.prod(x.shape[2:])), index.reshape(*lead, math.prod(index.shape[2:]))
    return np.take_along_axis(flat, places, -1).reshape(index.shape)


def put(values: Array, index: Array, sizes: Sizes) -> Array:
    """Zeros (N, C, *sizes) with each value added at its flat spatial index."""
    lead = values.shape[:2]
    rows, length = math.prod(lead), math.prod(sizes)
    flat = np.zeros(rows * length, values.dtype)
    own = np.arange(rows)[:, None] * length
    np.add.at(flat, (index.reshape(rows, math.prod(index.shape[2:])) + own).ravel(), values.ravel())
    return flat.reshape(*lead, *sizes)


def _divisors(
    sizes: Sizes, positions: Sizes, window: Sizes, stride: Sizes, padding: Sizes, count_include_pad: bool
) -> Array:
    """How many elements each window (*positions) averages over."""
    result = np.ones((), np.float64)
    for size, count, extent, step, pad in zip(sizes, positions, window, stride, padding, strict=True):
        start = np.arange(count) * step - pad
        stop = np.minimum(start + extent, size + pad)
        if not count_include_pad:
            start, stop = np.maximum(start, 0), np.minimum(stop, size)
        result = result[..., None] * (stop - start)
    return result


def average(
    x: Array,
    window: Sizes,
    stride: Sizes,
    padding: Sizes,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Array:
    """The mean of each window: over its size with padding, over the elements it sees, or over a given divisor."""
    once = [1] * len(window)
    sizes = x.shape[2:]
    positions = pooled_sizes(sizes, window, stride, padding, once, ceil_mode)
    padded = _padded(x, 0, _margins(sizes, positions, window, stride, padding, once))
    axes = tuple(range(-len(window), 0))
    wide = np.float32 if x.dtype.itemsize == 2 else x.dtype
    total = _windows(padded, positions, window, stride, once).sum(axes, dtype=wide)
    divisor = divisor_override or _divisors(sizes, positions, window, stride, padding, count_include_pad)
    return np.asarray(total / divisor).astype(x.dtype)


def average_adjoint(
    y: Array,
    sizes: Sizes,
    window: Sizes,
    stride: Sizes,
    padding: Sizes,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Array:
    """The transpose of `average`: each value, divided as there, is added to all that its window sees."""
    once = [1] * len(window)
    positions = y.shape[2:]
    margins = _margins(sizes, positions, window, stride, padding, once)
    padded = np.zeros(
        (*y.shape[:2], *(size + sum(margin) for size, margin in zip(sizes, margins, strict=True))), y.dtype
    )
    share = y / (divisor_override or _divisors(sizes, positions, window, stride, padding, count_include_pad))
    for offset in itertools.product(*map(range, window)):
        places = tuple(
            slice(at, at + (count - 1) * step + 1, step)
            for at, count, step in zip(offset, positions, stride, strict=True)
        )
        seen: tuple[Any, ...] = (..., *places)
        target = padded[seen]
        target += share.astype(y.dtype)
    inner: tuple[Any, ...] = tuple(
        slice(before, before + size) for (before, _), size in zip(margins, sizes, strict=True)
    )
    inner = (..., *inner)
    return np.ascontiguousarray(padded[inner])
