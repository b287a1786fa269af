"""Convolution on arrays, in any number of dimensions, and its two companions.

The three functions are the partial derivatives of one trilinear form in the larger array x (N, C, *spatial), the
kernel w (K, C / groups, *window) and the smaller array y (N, K, *positions): each computes one of the three from the
other two. So the gradients of each are the other two.

Work is done on unfolded columns: a strided view of the windows, then one matrix product a group.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Array = Any
Sizes = Sequence[int]

__all__ = ["convolution", "convolution_transpose", "convolution_weight", "output_sizes", "transposed_sizes"]


def output_sizes(sizes: Sizes, window: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> tuple[int, ...]:
    """How many positions the window has along each spatial dimension."""
    return tuple(
        (size + 2 * pad - gap * (extent - 1) - 1) // step + 1
        for size, extent, step, pad, gap in zip(sizes, window, stride, padding, dilation, strict=True)
    )


def transposed_sizes(
    sizes: Sizes, window: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, output_padding: Sizes
) -> tuple[int, ...]:
    """The spatial sizes of a transposed convolution's result."""
    return tuple(
        (size - 1) * step - 2 * pad + gap * (extent - 1) + extra + 1
        for size, extent, step, pad, gap, extra in zip(
            sizes, window, stride, padding, dilation, output_padding, strict=True
        )
    )


def convolution(
    x: Array, w: Array, bias: Array | None, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> Array:
    """`x` and w -> y: at each position the product of the window's elements with the kernel."""
    positions = output_sizes(x.shape[2:], w.shape[2:], stride, padding, dilation)
    columns = _columns(x, w.shape[2:], stride, padding, dilation, groups)
    y = _channels_second(columns @ _kernel_matrix(w, groups), x.shape[0], positions)
    return _with_bias(y, bias).astype(x.dtype, copy=False)


def convolution_transpose(
    y: Array,
    w: Array,
    bias: Array | None,
    sizes: Sizes,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    groups: int,
) -> Array:
    """`y` and w -> x of the given spatial sizes: each element of y adds its kernel to the window it came from."""
    count, window = y.shape[0], w.shape[2:]
    columns = _rows(y, groups) @ _kernel_matrix(w, groups).swapaxes(1, 2)
    columns = columns.reshape(groups, count, *y.shape[2:], w.shape[1], *window)
    padded = np.zeros(
        (count, groups, w.shape[1], *(size + 2 * pad for size, pad in zip(sizes, padding, strict=True))), columns.dtype
    )
    for offset in itertools.product(*map(range, window)):
        places = tuple(
            slice(at * gap, at * gap + (extent - 1) * step + 1, step)
            for at, gap, extent, step in zip(offset, dilation, y.shape[2:], stride, strict=True)
        )
        target = padded[_last(places)]
        part = np.moveaxis(columns[_last(offset)], (0, -1), (1, 2))
        target += part[_last(slice(0, extent) for extent in target.shape[3:])]
    inner = tuple(slice(pad, pad + size) for pad, size in zip(padding, sizes, strict=True))
    x = _with_bias(padded[_last(inner)].reshape(count, groups * w.shape[1], *sizes), bias)
    return np.ascontiguousarray(x.astype(y.dtype, copy=False))


def convolution_weight(
    x: Array, y: Array, window: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> Array:
    """`x` and y -> w: for each place of the window, the product of y with what that place saw of x."""
    columns = _columns(x, window, stride, padding, dilation, groups, y.shape[2:])
    kernels = _rows(y, groups).swapaxes(1, 2) @ columns
    return np.ascontiguousarray(kernels.reshape(y.shape[1], x.shape[1] // groups, *window).astype(x.dtype, copy=False))


def _last(places: Iterable[Any]) -> tuple[Any, ...]:
    """An index into the last dimensions."""
    return (..., *places)


def _spatial(places: Iterable[Any]) -> tuple[Any, ...]:
    """An index into the dimensions from the third on."""
    return (slice(None), slice(None), *places)


def _with_bias(y: Array, bias: Array | None) -> Array:
    return y if bias is None else y + _wide(bias).reshape(-1, *[1] * (y.ndim - 2))


def _wide(array: Array) -> Array:
    """16-bit types are summed in float32."""
    return array.astype(np.float32) if array.dtype.itemsize == 2 else array


def _columns(
    x: Array,
    window: Sizes,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    groups: int,
    positions: Sizes | None = None,
) -> Array:
    """(groups, N * positions, C / groups * window): what the window sees, a row for each position."""
    x = _wide(x)
    spatial = len(window)
    if any(padding):
        x = np.pad(x, [(0, 0), (0, 0), *((pad, pad) for pad in padding)])
    extents = tuple(gap * (extent - 1) + 1 for extent, gap in zip(window, dilation, strict=True))
    seen = sliding_window_view(x, extents, axis=tuple(range(2, 2 + spatial)))
    seen = seen[_last(slice(None, None, gap) for gap in dilation)]
    seen = seen[_spatial(slice(None, None, step) for step in stride)]
    if positions is not None:
        seen = seen[_spatial(slice(0, count) for count in positions)]
    count, channels, *rest = seen.shape
    split = seen.reshape(count, groups, channels // groups, *rest) if groups > 1 else seen[:, None]
    ordered = np.moveaxis(split, (1, 2), (0, 2 + spatial))
    rows = count * int(np.prod(rest[:spatial]))
    return np.ascontiguousarray(ordered).reshape(groups, rows, channels // groups * int(np.prod(window)))


def _kernel_matrix(w: Array, groups: int) -> Array:
    """(K, C / groups, *window) -> (groups, C / groups * window, K / groups)."""
    per_group = w.shape[0] // groups
    return _wide(w).reshape(groups, per_group, int(np.prod(w.shape[1:]))).swapaxes(1, 2)


def _rows(y: Array, groups: int) -> Array:
    """(N, K, *positions) -> (groups, N * positions, K / groups)."""
    count, kernels, *positions = y.shape
    split = np.moveaxis(_wide(y).reshape(count, groups, kernels // groups, *positions), (1, 2), (0, -1))
    return split.reshape(groups, count * int(np.prod(positions)), kernels // groups)


def _channels_second(rows: Array, count: int, positions: Sizes) -> Array:
    """The inverse of `_rows`."""
    groups, _, per_group = rows.shape
    split = rows.reshape(groups, count, *positions, per_group)
    return np.ascontiguousarray(np.moveaxis(split, (0, -1), (1, 2))).reshape(count, groups * per_group, *positions)
