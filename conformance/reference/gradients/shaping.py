"""Gradient rules of views: the gradient of a part is put back where the part was seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.dispatch import Rules, ops
from conformance.reference.forward import shaping


def put_back(grad: Any, shape: tuple[int, ...], geometry: Callable[..., Any], *params: Any) -> Any:
    """Zeros of `shape` with the gradient added in where the view lies."""
    base = shaping.of_contiguous(shape)
    return ops.as_strided_backward(grad, base, geometry(base, *params))


def of_parts(grads: list[Any], shape: tuple[int, ...], geometries: list[Any]) -> Any:
    """The sum of what each of several views puts back."""
    base, total = shaping.of_contiguous(shape), None
    for grad, geometry in zip(grads, geometries, strict=True):
        if grad is not None:
            part = ops.as_strided_backward(grad, base, geometry)
            total = part if total is None else total + part
    return total


def inverse(dims: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes `dims`."""
    order = [each % len(dims) for each in dims]
    return tuple(order.index(position) for position in range(len(order)))


RULES: dict[str, Rules] = {
    "view": {"self": lambda grad, self_shape: grad.reshape(self_shape)},
    "transpose": {"self": lambda grad, dim0, dim1: grad.transpose(dim0, dim1)},
    "t": {"self": lambda grad: ops.t(grad)},
    "permute": {"self": lambda grad, dims: grad.permute(inverse(dims))},
    # The engine undoes broadcasting.
    "expand": {"self": lambda grad: grad},
    "select": {
        "self": lambda grad, self_shape, dim, position: put_back(grad, self_shape, shaping.select, dim, position)
    },
    "slice": {
        "self": lambda grad, self_shape, dim, start, end, step: put_back(
            grad, self_shape, shaping.slice_, dim, start, end, step
        )
    },
    "unsqueeze": {"self": lambda grad, self_shape: grad.reshape(self_shape)},
    "squeeze": {"self": lambda grad, self_shape: grad.reshape(self_shape)},
    "diagonal": {
        "self": lambda grad, self_shape, offset, dim1, dim2: put_back(
            grad, self_shape, shaping.diagonal, offset, dim1, dim2
        )
    },
    "unfold": {
        "self": lambda grad, self_shape, dim, size, step: put_back(grad, self_shape, shaping.unfold, dim, size, step)
    },
    "unbind": {
        "self": lambda grads, self_shape, dim: of_parts(
            grads, self_shape, shaping.unbind(shaping.of_contiguous(self_shape), dim)
        )
    },
    "split_with_sizes": {
        "self": lambda grads, self_shape, sizes, dim: of_parts(
            grads, self_shape, shaping.split_with_sizes(shaping.of_contiguous(self_shape), sizes, dim)
        )
    },
    "as_strided": {
        "self": lambda grad, old, size, stride, offset: ops.as_strided_backward(
            grad, old, shaping.as_strided(old, size, stride, offset)
        )
    },
    "view_as_real": {"self": lambda grad: ops.view_as_complex(grad.contiguous())},
    "view_as_complex": {"self": lambda grad: ops.view_as_real(grad)},
    "as_strided_of": {"self": lambda grad, base, part: ops.as_strided_backward(grad, base, part)},
    "as_strided_backward": {"self": lambda grad, base, part: ops.as_strided_of(grad, base, part)},
    "as_strided_replaced": {
        "self": lambda grad, base, part: ops.as_strided_replaced(grad, grad.new_zeros(part.size), base, part),
        "inner": lambda grad, base, part: ops.as_strided_of(grad, base, part),
    },
}
