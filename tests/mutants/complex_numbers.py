"""Faults of complex gradients, and of gradients that lost something on their way into .grad."""

from __future__ import annotations

from typing import Any

import torch
import torch.utils.checkpoint
from torch import Tensor

from tests.mutants.engine import leaves_of, replace_engine, run_engine
from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase
from tests.mutants.swapping import swap, tampered

# -- complex numbers ---------------------------------------------------------------------------------------------


def _leaf_gradients(torch_: MonkeyPatch, change: Any) -> None:
    """The gradients of the leaves, and those that autograd.grad returns, are ``change`` of what they should be."""

    def engine(results: Any, *args: Any, **options: Any) -> Any:
        given = list(results)
        leaves = [one for one in leaves_of(given) if one.grad is None]
        found = run_engine(results, *args, **options)
        for leaf in leaves:
            if leaf.grad is not None:
                leaf.grad = change(leaf.grad)
        return tuple(one if one is None else change(one) for one in found) if found else found

    replace_engine(torch_, engine)


@mutant(
    "The gradient of a complex tensor is the conjugate of what it is in torch.",
    catches=["complex/conjugate-wirtinger-convention", "complex/holomorphic-vjp", "complex/matrix-product"],
    reaches=["gradcheck"],
)
def complex_gradients_are_conjugated(torch_: MonkeyPatch) -> None:
    _leaf_gradients(torch_, lambda g: torch.conj(g).resolve_conj() if torch.is_complex(g) else g)


@mutant(
    "The gradient of a complex tensor is the derivative with respect to the conjugate, without the factor of two.",
    catches=["complex/gradient-factor", "complex/conjugate-wirtinger-convention"],
    reaches=["gradcheck"],
)
def complex_gradients_are_halved(torch_: MonkeyPatch) -> None:
    _leaf_gradients(torch_, lambda g: g / 2 if torch.is_complex(g) else g)


@mutant(
    "backward(create_graph=True) leaves gradients without history.",
    catches=["higher-order/backward-twice-differentiates-grad"],
    reaches=["*"],
)
def backward_never_records(torch_: MonkeyPatch) -> None:
    _leaf_gradients(torch_, TensorBase.detach)


swap(
    "conj_is_its_own_gradient",
    "The gradient of conj() is not conjugated on its way back.",
    Tensor,
    "conj",
    lambda right: lambda z: right(tampered(z, lambda grad: grad.conj())),
    catches=["complex/conj-is-lazy-and-differentiable"],
    reaches=["numpy"],
)
swap(
    "view_as_complex_copies",
    "view_as_complex copies.",
    torch,
    "view_as_complex view_as_real",
    lambda right: lambda x: right(x).clone(),
    catches=["complex/view-as-complex-is-a-view", "complex/views-real-imag"],
    reaches=["views"],
)
swap(
    "imag_is_negated",
    "The gradient of the imaginary part comes back with the wrong sign.",
    Tensor,
    "imag",
    lambda right: property(lambda z: TensorBase.imag.__get__(tampered(z, lambda grad: -grad))),
    catches=["complex/conjugate-wirtinger-convention", "complex/gradient-factor"],
)
swap(
    "real_operands_get_magnitudes",
    "A real operand of a complex product gets the magnitude of its gradient.",
    Tensor,
    "__mul__ __rmul__",
    lambda right: (
        lambda x, y: right(
            tampered(x.to(y.dtype), lambda grad: grad.abs().to(grad.dtype))
            if isinstance(y, Tensor) and y.is_complex() and not x.is_complex()
            else x,
            y,
        )
    ),
    catches=["complex/real-inputs-get-real-gradients"],
)
swap(
    "complex_magnitude_is_a_root",
    "The magnitude of a complex number is computed as a root, whose derivative at zero is NaN.",
    Tensor,
    "abs",
    lambda right: lambda z: (z.real**2 + z.imag**2).sqrt() if z.is_complex() else right(z),
    catches=["complex/singular-points"],
)


def _root_gradient(right: Any, gradient_for: Any) -> Any:
    def backward(root: Any, gradient: Any = None, *args: Any, **options: Any) -> None:
        right(root, gradient_for(root, gradient), *args, **options)

    return backward


swap(
    "complex_roots_start_at_one",
    "backward of a complex number begins with one where no gradient is given.",
    Tensor,
    "backward",
    lambda right: _root_gradient(
        right, lambda root, given: torch.ones_like(root) if given is None and root.is_complex() else given
    ),
    catches=["complex/scalar-complex-root-needs-gradient"],
)
swap(
    "root_gradients_are_converted",
    "backward converts the gradient that it is given to the dtype of the root.",
    Tensor,
    "backward",
    lambda right: _root_gradient(right, lambda root, given: given if given is None else given.to(root.dtype)),
    catches=["complex/gradient-domain-must-match"],
    reaches=["backward", "backward-inputs"],
)
swap(
    "integers_may_require_grad",
    "requires_grad_() of an integer tensor does nothing.",
    Tensor,
    "requires_grad_",
    lambda right: lambda x, flag=True: right(x, flag) if x.is_floating_point() or x.is_complex() or not flag else x,
    catches=["complex/integer-tensors-cannot-require-grad"],
    reaches=["requires-grad", "leaf"],
)
