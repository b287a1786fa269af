"""Normalisation on arrays: subtract a mean, multiply by a reciprocal standard deviation, then scale and shift.

One function serves batch, instance, layer and group normalisation: they differ in the axes over which statistics are
taken and in the shape to which weight and bias are broadcast. Running statistics are the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = Any

__all__ = ["normalize", "normalize_by", "normalize_rms"]


def _wide(array: Array) -> Array:
    """16-bit types are computed in float32."""
    return array.astype(np.float32) if array.dtype.itemsize == 2 else array


def _affine(normal: Array, weight: Array | None, bias: Array | None, dtype: Any) -> Array:
    if weight is not None:
        normal = normal * _wide(weight)
    if bias is not None:
        normal = normal + _wide(bias)
    return normal.astype(dtype, copy=False)


def normalize(
    input: Array, weight: Array | None, bias: Array | None, axes: Sequence[int], eps: float
) -> tuple[Array, Array, Array]:
    """By the statistics of `input` itself over `axes`: (output, mean, biased variance).

    Mean and variance keep the axes with size 1. Weight and bias must broadcast against the input.
    """
    x = _wide(input)
    mean = x.mean(tuple(axes), keepdims=True)
    centred = x - mean
    variance = np.square(centred).mean(tuple(axes), keepdims=True)
    centred *= 1 / np.sqrt(variance + x.dtype.type(eps))
    return _affine(centred, weight, bias, input.dtype), mean, variance


def normalize_by(
    input: Array, weight: Array | None, bias: Array | None, mean: Array, variance: Array, eps: float
) -> Array:
    """By statistics that are given, as in evaluation; everything must broadcast against the input."""
    x = _wide(input)
    rstd = 1 / np.sqrt(_wide(variance) + _wide(variance).dtype.type(eps))
    return _affine((x - _wide(mean)) * rstd, weight, bias, input.dtype)


def normalize_rms(input: Array, weight: Array | None, axes: Sequence[int], eps: float) -> tuple[Array, Array]:
    """By the root of the mean square over `axes`, without centring: (output, its reciprocal)."""
    x = _wide(input)
    rstd = 1 / np.sqrt(np.square(x).mean(tuple(axes), keepdims=True) + x.dtype.type(eps))
    return _affine(x * rstd, weight, None, input.dtype), rstd
