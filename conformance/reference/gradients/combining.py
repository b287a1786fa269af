"""Gradient rules of joining, repeating and reordering."""

from __future__ import annotations

from typing import Any

from conformance.reference.dispatch import Rules, ops


def of_cat(grad: Any, tensors: list[tuple[int, ...]], dim: int) -> list[Any]:
    """Each tensor gets its part (`tensors` are the shapes)."""
    parts: list[Any] = []
    start = 0
    for shape in tensors:
        if shape == (0,) and grad._array.ndim != 1:
            parts.append(None)
            continue
        parts.append(ops.slice(grad, dim, start, start + shape[dim], 1))
        start += shape[dim]
    return parts


def of_stack(grad: Any, tensors: list[tuple[int, ...]], dim: int) -> list[Any]:
    """Each tensor gets its slice."""
    return [ops.select(grad, dim, position) for position in range(len(tensors))]


def of_repeat(grad: Any, shape: tuple[int, ...], sizes: tuple[int, ...]) -> Any:
    """The sum over the copies."""
    missing = len(sizes) - len(shape)
    split: list[int] = []
    dims: list[int] = []
    for position, times in enumerate(sizes):
        dims.append(len(split))
        split += [times, 1 if position < missing else shape[position - missing]]
    return ops.sum(grad.reshape(tuple(split)), tuple(dims), False).reshape(shape)


CAT = of_cat
STACK = of_stack

RULES: dict[str, Rules] = {
    "flip": {"self": lambda grad, dims: ops.flip(grad, dims)},
    "roll": {"self": lambda grad, shifts, dims: ops.roll(grad, tuple(-each for each in shifts), dims)},
    "repeat": {"self": lambda grad, self_shape, sizes: of_repeat(grad, self_shape, sizes)},
    "tril": {"self": lambda grad, diagonal: ops.tril(grad, diagonal)},
    "triu": {"self": lambda grad, diagonal: ops.triu(grad, diagonal)},
    "constant_pad_nd": {
        "self": lambda grad, pad: ops.constant_pad_nd(grad, tuple((-before, -after) for before, after in pad), 0)
    },
    "complex": {"real": lambda grad: grad.real, "imag": lambda grad: grad.imag},
    "where": {
        "self": lambda grad, condition: ops.where(condition, grad, 0.0),
        "other": lambda grad, condition: ops.where(condition, 0.0, grad),
    },
}
