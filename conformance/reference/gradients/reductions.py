"""Gradient rules of reductions and scans: the gradient of a result is spread over what it was made from."""

from __future__ import annotations

import math
from typing import Any

from conformance.reference.dispatch import Rules, constant, ops
from conformance.reference.gradients.elementwise import conj

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


def of_extremum(grad: Any, self: Any, result: Any, dim: Dim, keepdim: bool) -> Any:
    """amax, amin and max, min of everything: shared evenly among the elements that reach the extremum."""
    shape = self._array.shape
    reached = self == restored(result, shape, dim, keepdim)
    weights = reached / ops.sum(reached.to(grad.dtype), dim, True)
    return restored(grad, shape, dim, keepdim) * weights


def of_extremum_of_all(grad: Any, self: Any, result: Any) -> Any:
    """The functions max, min and median of everything: shared evenly; where the result is nan, among the nans."""
    array, extremum = self._array, result._array
    reached = array != array if extremum != extremum else array == extremum
    return ops.where(constant(reached, grad), grad / max(int(reached.sum()), 1), 0.0)


def of_chosen(grad: Any, indices: Any, shape: tuple[int, ...], dim: int, keepdim: bool = True) -> Any:
    """Operations that pick elements along dim: the gradient goes to the picked positions."""
    if not shape:
        return grad
    if not keepdim:
        grad, indices = grad.unsqueeze(dim), indices.unsqueeze(dim)
    return grad.new_zeros(shape).scatter_add(dim, indices, grad)


def of_var(grad: Any, self: Any, dim: Dim, keepdim: bool, correction: float) -> Any:
    """The variance: twice the deviation over the degrees of freedom."""
    shape = self._array.shape
    elements = count(shape, dim)
    # With no degree of freedom PyTorch answers nan or inf, not an error.
    freedom = elements - correction
    factor = 2 / freedom if freedom > 0 else math.nan if elements <= 1 else math.inf
    deviation = self - ops.mean(self, dim, True)
    return restored(grad, shape, dim, keepdim) * factor * deviation


def of_prod(grad: Any, self: Any, result: Any, dim: Dim, keepdim: bool) -> Any:
    """The product of all the others, from both sides so that zeros do no harm.

    `result` is not used: PyTorch saves it, and so a write to it must be noticed here too.
    """
    shape = self._array.shape
    if not shape:
        return grad.clone()
    others = _others(self.reshape(-1), 0).reshape(shape) if dim is None else _others(self, dim[0])
    return restored(grad, shape, dim, keepdim) * conj(others)


def _others(x: Any, dim: int) -> Any:
    n = x._array.shape[dim]
    one = ops.slice(x, dim, 0, 1, 1).clone() * 0 + 1
    before = ops.cat([one, ops.slice(x, dim, 0, n - 1, 1)], dim).cumprod(dim)
    after = ops.cat([one, ops.slice(x, dim, 1, n, 1).flip(dim)], dim).cumprod(dim).flip(dim)
    return before * after


def of_cumprod(grad: Any, self: Any, result: Any, dim: int) -> Any:
    """By division where nothing is zero, otherwise term by term."""
    if not self._array.ndim:
        return grad.clone()
    if (self._array != 0).all():
        return reverse_cumsum(grad * conj(result), dim) / conj(self)
    columns, n = [], self._array.shape[dim]
    for position in range(n):
        before = ops.slice(self, dim, 0, position, 1).prod(dim, keepdim=True)
        one = ops.slice(self, dim, 0, 1, 1).clone() * 0 + 1
        after = ops.cat([one, ops.slice(self, dim, position + 1, n, 1)], dim).cumprod(dim)
        terms = ops.slice(grad, dim, position, n, 1) * conj(before * after)
        columns.append(ops.sum(terms, (dim,), True))
    return ops.cat(columns, dim)


def reverse_cumsum(x: Any, dim: int) -> Any:
    """Sums from each position to the end."""
    return x.flip(dim).cumsum(dim).flip(dim) if x._array.ndim else x


def of_norm(grad: Any, self: Any, result: Any, dim: Dim, keepdim: bool, p: float) -> Any:
    """The p-norm; zero where the norm is zero."""
    shape = self._array.shape
    grad, result = restored(grad, shape, dim, keepdim), restored(result, shape, dim, keepdim)
    if p == 0:
        return None
    if p == 2:
        return ops.where(result == 0, 0.0, self * (grad / result))
    if p == 1:
        return ops.sgn(self) * grad
    if math.isinf(p):
        reached = self.abs() == result
        return ops.sgn(self) * (reached / ops.sum(reached.to(grad.dtype), dim, True)) * grad
    size = self.abs()
    direction = ops.sgn(self) * ops.where(size == 0, 0.0, size ** (p - 1))
    return ops.where(result == 0, 0.0, direction * (grad / result ** (p - 1)))


RULES: dict[str, Rules] = {
    "sum": {"self": lambda grad, self_shape, dim, keepdim: spread(grad, self_shape, dim, keepdim)},
    "mean": {
        "self": lambda grad, self_shape, dim, keepdim: spread(grad, self_shape, dim, keepdim) / count(self_shape, dim)
    },
    "var": {"self": of_var},
    # std at zero spread: zero.
    "std": {
        "self": lambda grad, self, result, dim, keepdim, correction: of_var(
            ops.where(result == 0, 0.0, grad / (result * 2)), self, dim, keepdim, correction
        )
    },
    "prod": {"self": of_prod},
    "logsumexp": {
        "self": lambda grad, self, result, dim, keepdim: (
            restored(grad, self._array.shape, dim, keepdim)
            * (self - restored(result, self._array.shape, dim, keepdim)).exp()
        )
    },
    "linalg_vector_norm": {"self": of_norm},
    "amax": {"self": of_extremum},
    "amin": {"self": of_extremum},
    "of_all": {"self": of_extremum_of_all},
    "picked": {
        "self": lambda grad, indices, self_shape, dim, keepdim: of_chosen(grad, indices, self_shape, dim, keepdim)
    },
    "ordered": {"self": lambda grad, indices, self_shape, dim: of_chosen(grad, indices, self_shape, dim)},
    "cumsum": {"self": lambda grad, dim: reverse_cumsum(grad, dim)},
    "cumprod": {"self": of_cumprod},
    "_softmax": {
        "self": lambda grad, result, dim: (
            (grad - ops.sum(grad * result, (dim,) if result._array.ndim else None, True)) * result
        )
    },
    "_log_softmax": {
        "self": lambda grad, result, dim: (
            grad - result.exp() * ops.sum(grad, (dim,) if result._array.ndim else None, True)
        )
    },
}
