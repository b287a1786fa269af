"""Gradient rules of matrix functions. `.mH` is the conjugate transpose."""

from __future__ import annotations

from typing import Any

from conformance.reference.dispatch import Rules, ops
from conformance.reference.gradients.elementwise import conj


def of_solve_right(grad: Any, self: Any) -> Any:
    """The gradient for b in a x = b: it solves the adjoint system."""
    return ops.linalg_solve(self.mH, grad)


def of_solve_left(grad: Any, self: Any, result: Any) -> Any:
    """The gradient for a in a x = b: minus the outer product with the solution."""
    through = of_solve_right(grad, self)
    if result._array.ndim == self._array.ndim - 1:
        return -through.unsqueeze(-1) @ result.unsqueeze(-1).mH
    return -through @ result.mH


def of_cholesky(grad: Any, result: Any) -> Any:
    """Through the lower triangle, symmetrised."""
    lower = result
    phi = (lower.mH @ grad).tril()
    phi = phi - (phi.diagonal(0, -2, -1) * 0.5).diag_embed()
    inverse = ops.linalg_inv(lower)
    middle = inverse.mH @ phi @ inverse
    return (middle + middle.mH) * 0.5


RULES: dict[str, Rules] = {
    "mm": {"self": lambda grad, mat2: grad.mm(conj(mat2).t()), "mat2": lambda grad, self: conj(self).t().mm(grad)},
    "mv": {
        "self": lambda grad, vec: grad.unsqueeze(1) * conj(vec).unsqueeze(0),
        "vec": lambda grad, self: conj(self).t().mv(grad),
    },
    "dot": {"self": lambda grad, tensor: grad * conj(tensor), "tensor": lambda grad, self: grad * conj(self)},
    "bmm": {
        "self": lambda grad, mat2: grad.bmm(conj(mat2).transpose(1, 2)),
        "mat2": lambda grad, self: conj(self).transpose(1, 2).bmm(grad),
    },
    "linalg_inv": {"self": lambda grad, result: -(result.mH @ (grad @ result.mH))},
    "linalg_solve": {"self": of_solve_left, "other": of_solve_right},
    "linalg_det": {
        "self": lambda grad, self, result: (grad * conj(result)).unsqueeze(-1).unsqueeze(-1) * ops.linalg_inv(self).mH
    },
    "linalg_slogdet": {
        "self": lambda grads, self: (
            None if grads[1] is None else grads[1].unsqueeze(-1).unsqueeze(-1) * ops.linalg_inv(self).mH
        )
    },
    "linalg_cholesky": {"self": of_cholesky},
}
