"""Reductions on arrays. `dim` is a tuple of dimensions counted from the front, or None for all of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.reference.forward.elementwise import quiet

Array = Any
Dim = tuple[int, ...] | None


@quiet
def sum_(x: Array, dim: Dim, keepdim: bool) -> Array:
    return np.add.reduce(x, axis=dim, keepdims=keepdim)


@quiet
def mean(x: Array, dim: Dim, keepdim: bool) -> Array:
    return np.mean(x, axis=dim, keepdims=keepdim, dtype=x.dtype)
