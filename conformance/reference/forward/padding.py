"""Constant padding of arrays, and cropping, which is its adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["constant_pad", "crop"]

Margins = tuple[tuple[int, int], ...]


def constant_pad(input: Any, margins: Margins, value: float) -> Any:
    """With `value` around it: a pair (before, after) for each dimension, none negative."""
    return np.pad(input, margins, constant_values=np.asarray(value).astype(input.dtype))


def crop(input: Any, margins: Margins) -> Any:
    """Without the margins."""
    inner = tuple(slice(before, size - after) for (before, after), size in zip(margins, input.shape, strict=True))
    return np.ascontiguousarray(input[inner])
