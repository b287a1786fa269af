"""Gradient rules of reductions: the gradient of the result is spread over what was reduced."""

from __future__ import annotations

import math
from typing import Any

from conformance.reference.dispatch import Rules

Dim = tuple[int, ...] | None


def spread(grad: Any, shape: tuple[int, ...], dim: Dim, keepdim: bool) -> Any:
    """A reduced tensor expanded to the shape it was reduced from."""
    return restored(grad, shape, dim, keepdim).expand(shape)


def restored(reduced: Any, shape: tuple[int, ...], dim: Dim, keepdim: bool) -> Any:
    """A reduced tensor with its reduced dimensions back, of size 1."""
    if keepdim or dim is None or not shape:
        return reduced
    return reduced.reshape(tuple([1 if position in dim else n for position, n in enumerate(shape)]))


def count(shape: tuple[int, ...], dim: Dim) -> int:
    """How many elements each result was made of."""
    return math.prod(shape) if dim is None else math.prod([shape[d] for d in dim] if shape else [])


RULES: dict[str, Rules] = {
    "sum": dict(self=lambda grad, self_shape, dim, keepdim: spread(grad, self_shape, dim, keepdim)),
    "mean": dict(
        self=lambda grad, self_shape, dim, keepdim: spread(grad, self_shape, dim, keepdim) / count(self_shape, dim)
    ),
}
