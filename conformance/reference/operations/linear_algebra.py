"""Products of vectors and matrices, and the part of torch.linalg that the reference has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from conformance.reference.dispatch import declare, ops
from conformance.reference.errors import NotSupported
from conformance.reference.forward import linear_algebra as forward
from conformance.reference.gradients.linear_algebra import RULES
from conformance.reference.operations.reductions import vector_norm
from conformance.reference.tensors import Tensor


def _same_types(inputs: Sequence[Any]) -> list[Any]:
    first, second = inputs
    if first._array.dtype != second._array.dtype:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {first.dtype!r} != {second.dtype!r}")
    return [first._array, second._array]


def _declare_product(name: str, function: Any, inputs: tuple[str, str]) -> Any:
    call = declare(name, function, RULES[name], inputs, parameters=())
    call.operation.arrays = _same_types  # type: ignore[attr-defined]
    return call


_mm = _declare_product("mm", forward.mm, ("self", "mat2"))
_mv = _declare_product("mv", forward.mv, ("self", "vec"))
_dot = _declare_product("dot", forward.dot, ("self", "tensor"))
_bmm = _declare_product("bmm", forward.bmm, ("self", "mat2"))
_inv = declare("linalg_inv", forward.inverse, RULES["linalg_inv"])
_det = declare("linalg_det", forward.determinant, RULES["linalg_det"])
_solve = declare("linalg_solve", forward.solve, RULES["linalg_solve"], ("self", "other"))
_cholesky = declare("linalg_cholesky", forward.cholesky, RULES["linalg_cholesky"])
_slogdet = declare("linalg_slogdet", forward.slogdet, RULES["linalg_slogdet"], outputs=("sign", "logabsdet"))


def mm(self: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices."""
    if self._array.ndim != 2 or mat2._array.ndim != 2:
        raise RuntimeError("self must be a matrix" if self._array.ndim != 2 else "mat2 must be a matrix")
    return _mm(self, mat2)  # type: ignore[no-any-return]


def mv(self: Tensor, vec: Tensor) -> Tensor:
    """The product of a matrix and a vector."""
    if self._array.ndim != 2 or vec._array.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {self._array.ndim}, {vec._array.ndim}")
    return _mv(self, vec)  # type: ignore[no-any-return]


def dot(self: Tensor, tensor: Tensor) -> Tensor:
    """The sum of products of two vectors, nothing conjugated."""
    return _dot(self, tensor)  # type: ignore[no-any-return]


def bmm(self: Tensor, mat2: Tensor) -> Tensor:
    """The products of two batches of matrices."""
    return _bmm(self, mat2)  # type: ignore[no-any-return]


def matmul(self: Tensor, other: Tensor) -> Tensor:
    """The matrix product with vectors promoted and batches broadcast."""
    for each, name in ((self, "input"), (other, "other")):
        if not isinstance(each, Tensor):
            raise TypeError(f"matmul(): argument '{name}' must be Tensor, not {type(each).__name__}")
    a, b = self._array.ndim, other._array.ndim
    if not a or not b:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {a}D and {b}D")
    if a <= 2 and b <= 2:
        if a == 2:
            return _mm(self, other) if b == 2 else _mv(self, other)  # type: ignore[no-any-return]
        return _dot(self, other) if b == 1 else ops._unsafe_view(_mm(self.unsqueeze(0), other), other._array.shape[1:])  # type: ignore
    return _batched(self, other, a, b)


def _batched(self: Any, other: Any, a: int, b: int) -> Tensor:
    left = self.unsqueeze(0) if a == 1 else self
    right = other.unsqueeze(1) if b == 1 else other
    rows, columns = left._array.shape[-2], right._array.shape[-1]
    try:
        batch = np.broadcast_shapes(left._array.shape[:-2], right._array.shape[:-2])
    except ValueError as error:
        raise RuntimeError(f"The batch dimensions of the factors do not broadcast: {error}") from None
    count = math.prod(batch)
    first = left.expand((*batch, *left._array.shape[-2:])).reshape(count, rows, left._array.shape[-1])
    second = right.expand((*batch, *right._array.shape[-2:])).reshape(count, right._array.shape[-2], columns)
    shape = (*batch, *((rows,) if a > 1 else ()), *((columns,) if b > 1 else ()))
    return ops._unsafe_view(_bmm(first, second), shape)  # type: ignore[no-any-return]


def outer(self: Tensor, vec2: Tensor) -> Tensor:
    """All products of the elements of two vectors."""
    return self.unsqueeze(1) * vec2.unsqueeze(0)  # type: ignore[no-any-return]


def addmm(self: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """The sum beta * self + alpha * (mat1 @ mat2)."""
    return _weighted(self, mm(mat1, mat2), beta, alpha)


def addmv(self: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """The sum beta * self + alpha * (mat @ vec)."""
    return _weighted(self, mv(mat, vec), beta, alpha)


def baddbmm(self: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """The sum beta * self + alpha * (batch1 @ batch2)."""
    return _weighted(self, bmm(batch1, batch2), beta, alpha)


def _weighted(self: Any, product: Any, beta: Any, alpha: Any) -> Tensor:
    product = product if alpha == 1 else product * alpha
    return product if beta == 0 else (self if beta == 1 else self * beta) + product  # type: ignore[no-any-return]


def trace(self: Tensor) -> Tensor:
    """The sum of a matrix's diagonal."""
    return self.diagonal().sum()  # type: ignore[no-any-return]


def einsum(equation: str, *operands: Any) -> Tensor:
    """Sums of products named by letters; the output letters may be left out."""
    tensors = list(operands[0]) if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else list(operands)
    if "." in equation:
        raise NotSupported("torch.einsum with an ellipsis")
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    letters = sorted({each for each in left if each.isalpha()})
    if not arrow:
        right = "".join(each for each in letters if left.count(each) == 1)
    order = [*right, *[each for each in letters if each not in right]]
    product: Any = None
    for term, operand in zip(terms, tensors, strict=True):
        aligned = _aligned(term, operand, order)
        product = aligned if product is None else product * aligned
    summed = tuple(range(len(right), len(order)))
    return product.sum(summed) if summed else product  # type: ignore[no-any-return]


def _aligned(term: str, operand: Any, order: list[str]) -> Tensor:
    """An operand with its letters in the common order, size 1 where it lacks one; a repeated letter is a diagonal."""
    while len(set(term)) < len(term):
        letter = next(each for each in term if term.count(each) > 1)
        first, second = term.index(letter), term.rindex(letter)
        operand = operand.diagonal(0, first, second)
        term = term[:first] + term[first + 1 : second] + term[second + 1 :] + letter
    operand = operand.permute(tuple(term.index(each) for each in order if each in term))
    for position, each in enumerate(order):
        if each not in term:
            operand = operand.unsqueeze(position)
    return operand  # type: ignore[no-any-return]


def det(self: Tensor) -> Tensor:
    """The determinant."""
    return _det(self)  # type: ignore[no-any-return]


def inverse(self: Tensor) -> Tensor:
    """The inverse matrix; RuntimeError when it is singular."""
    return _inv(self)  # type: ignore[no-any-return]


def logdet(self: Tensor) -> Tensor:
    """The logarithm of the determinant."""
    return _slogdet(self)[1]  # type: ignore[no-any-return]


linalg = SimpleNamespace(
    vector_norm=vector_norm,
    norm=vector_norm,
    inv=inverse,
    det=det,
    solve=lambda a, b: _solve(a, b),
    cholesky=lambda a: _cholesky(a),
    slogdet=lambda a: _slogdet(a),
    matmul=matmul,
)

__all__ = ["ops"]
