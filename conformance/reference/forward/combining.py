"""Joining, repeating and reordering arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = Any


def cat(arrays: Sequence[Array], dim: int) -> Array:
    """Joined along dim, contiguous; an empty one-dimensional array is skipped, as PyTorch's oldest programs expect."""
    kept = [each for each in arrays if each.shape != (0,)] or list(arrays[:1])
    first = kept[0]
    if any(not each.ndim for each in kept):
        raise RuntimeError("zero-dimensional tensor (at position 0) cannot be concatenated")
    for position, each in enumerate(kept):
        if each.ndim != first.ndim:
            raise RuntimeError(f"Tensors must have same number of dimensions: got {first.ndim} and {each.ndim}")
        if any(d != dim and n != m for d, (n, m) in enumerate(zip(each.shape, first.shape, strict=True))):
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {dim}. Expected {list(first.shape)} but got "
                f"{list(each.shape)} for tensor number {position} in the list."
            )
    return np.ascontiguousarray(np.concatenate(kept, axis=dim))  # NumPy would keep the order of dimensions in memory


def stack(arrays: Sequence[Array], dim: int) -> Array:
    """Joined along a new dimension, contiguous."""
    if any(each.shape != arrays[0].shape for each in arrays):
        shapes = [list(each.shape) for each in arrays]
        raise RuntimeError(f"stack expects each tensor to be equal size, but got {shapes[0]} and {shapes[1:]}")
    return np.ascontiguousarray(np.stack(arrays, axis=dim))


def flip(x: Array, dims: tuple[int, ...]) -> Array:
    """Reversed along dimensions, in the order of dimensions that x has."""
    made = np.empty_like(x)
    made[...] = np.flip(x, dims) if x.ndim else x
    return made


def roll(x: Array, shifts: tuple[int, ...], dims: tuple[int, ...] | None) -> Array:
    """Shifted, what leaves at one end entering at the other."""
    if dims is not None and not x.ndim:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    return np.roll(np.ascontiguousarray(x) if x.ndim else x, shifts if dims is not None else shifts[0], dims)


def repeat(x: Array, sizes: tuple[int, ...]) -> Array:
    """Copies side by side."""
    if len(sizes) < x.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    return np.tile(x, sizes)


def tril(x: Array, diagonal: int) -> Array:
    """The lower triangle, contiguous."""
    return np.ascontiguousarray(np.tril(x, diagonal))


def triu(x: Array, diagonal: int) -> Array:
    """The upper triangle, contiguous."""
    return np.ascontiguousarray(np.triu(x, diagonal))


def constant_pad(x: Array, pad: tuple[tuple[int, int], ...], value: float) -> Array:
    """Padded by (before, after) in each dimension; negative amounts crop."""
    crop = tuple(slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(x.shape, pad, strict=True))
    return np.pad(x[crop], [(max(b, 0), max(a, 0)) for b, a in pad], constant_values=value)


def unique(x: Array, dim: int | None) -> tuple[Array, Array, Array]:
    """Sorted distinct values, where each element is among them, and how often each occurs."""
    values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True, axis=dim)
    inverse = inverse.reshape(x.shape if dim is None else -1)
    return values, inverse.astype(np.int64), counts.astype(np.int64)


def complex_(real: Array, imag: Array) -> Array:
    """Complex numbers from their parts."""
    result = np.empty(np.broadcast_shapes(real.shape, imag.shape), np.result_type(real.dtype, np.complex64))
    result.real, result.imag = real, imag
    return result
