"""Faults of requires_grad: who has the flag, who may set it, and who hands it on by being made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase, called_by_torch


@mutant(
    "requires_grad_() does nothing.",
    catches=["requires-grad/leaf-flag-can-be-switched", "requires-grad/floating-and-complex-accepted"],
    reaches=["*"],
)
def requires_grad__does_nothing(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch.Tensor, "requires_grad_", lambda tensor, requires_grad=True: tensor)


@mutant(
    "requires_grad_(False) switches the flag on.",
    catches=[
        "requires-grad/any-variable-can-set-requires-grad",
        "detach/detached-then-requires-grad-does-not-reach-original",
    ],
    reaches=["freezing", "grad-mode", "module", "optim", "train-eval", "training-loop"],
)
def requires_grad__ignores_its_argument(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch.Tensor, "requires_grad_", lambda tensor, requires_grad=True: TensorBase.requires_grad_(tensor))


@mutant(
    "requires_grad_() returns a new tensor that requires grad and leaves the old one as it is.",
    catches=["requires-grad/leaf-flag-can-be-switched", "requires-grad/nonleaf-set-true"],
    reaches=["*"],
)
def requires_grad__makes_a_new_tensor(torch_: MonkeyPatch) -> None:
    def requires_grad_(tensor: torch.Tensor, requires_grad: bool = True) -> torch.Tensor:
        return TensorBase.requires_grad_(TensorBase.detach(tensor), requires_grad)

    torch_.setattr(torch.Tensor, "requires_grad_", requires_grad_)


def _replace_flag(torch_: MonkeyPatch, assign: Callable[[Any, bool], None]) -> None:
    flag = property(TensorBase.requires_grad.__get__, assign)
    torch_.setattr(torch.Tensor, "requires_grad", flag, raising=False)


@mutant(
    "Assigning to requires_grad does nothing.",
    catches=["requires-grad/integer-setter-refused", "requires-grad/frozen-weight-stays-without-grad"],
    reaches=["checkpoint", "deepcopy", "freezing"],
)
def requires_grad_assignment_does_nothing(torch_: MonkeyPatch) -> None:
    _replace_flag(torch_, lambda tensor, value: None)


@mutant(
    "Clearing requires_grad of a result detaches it.",
    catches=["requires-grad/any-variable-can-set-requires-grad"],
)
def clearing_the_flag_detaches(torch_: MonkeyPatch) -> None:
    def assign(tensor: Any, value: bool) -> None:
        if tensor.is_leaf or value:
            TensorBase.requires_grad.__set__(tensor, value)
        else:
            TensorBase.detach_(tensor)

    def requires_grad_(tensor: Any, requires_grad: bool = True) -> Any:
        assign(tensor, requires_grad) if not requires_grad else TensorBase.requires_grad_(tensor)
        return tensor

    _replace_flag(torch_, assign)
    torch_.setattr(torch.Tensor, "requires_grad_", requires_grad_)


@mutant(
    "Assigning requires_grad=True to a result is accepted.",
    catches=["requires-grad/nonleaf-set-true"],
)
def flag_of_results_can_be_set(torch_: MonkeyPatch) -> None:
    def assign(tensor: Any, value: bool) -> None:
        if tensor.is_leaf or not value:
            TensorBase.requires_grad.__set__(tensor, value)

    _replace_flag(torch_, assign)


@mutant(
    "Asking integers for gradients is ignored in silence.",
    catches=["requires-grad/integer-setter-refused"],
    reaches=["complex", "loss"],
)
def integers_ignore_the_flag(torch_: MonkeyPatch) -> None:
    def requires_grad_(tensor: Any, requires_grad: bool = True) -> Any:
        differentiable = tensor.is_floating_point() or tensor.is_complex()
        return TensorBase.requires_grad_(tensor, requires_grad and differentiable)

    def assign(tensor: Any, value: bool) -> None:
        requires_grad_(tensor, value)

    _replace_flag(torch_, assign)
    torch_.setattr(torch.Tensor, "requires_grad_", requires_grad_)


@mutant(
    "Factories ignore requires_grad=True for integers.",
    catches=["requires-grad/integer-tensor-can-require-grad"],
)
def integer_factories_ignore_the_flag(torch_: MonkeyPatch) -> None:
    for name in ("tensor", "ones", "zeros_like"):
        torch_.setattr(torch, name, _lenient(getattr(torch, name)))
    torch_.setattr(torch.Tensor, "new_full", _lenient(TensorBase.new_full))


def _lenient(factory: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def make(*args: Any, requires_grad: bool = False, **options: Any) -> torch.Tensor:
        made = factory(*args, **options)
        return made.requires_grad_(requires_grad) if made.is_floating_point() or made.is_complex() else made

    return make


@mutant(
    "Factories ignore requires_grad=True.",
    catches=["leaf/user-created-leaf-grad-fn-none"],
    reaches=["autograd-grad", "device", "functional", "grad-mode", "host", "requires-grad"],
)
def factories_ignore_the_flag(torch_: MonkeyPatch) -> None:
    for name in ("tensor", "zeros", "ones", "full", "zeros_like"):
        torch_.setattr(torch, name, _deaf(getattr(torch, name)))


def _deaf(factory: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def make(*args: Any, requires_grad: bool = False, **options: Any) -> torch.Tensor:
        return factory(*args, **options)

    return make


@mutant(
    "zeros_like and its kin take requires_grad from the tensor that they resemble.",
    catches=["requires-grad/like-factories-do-not-inherit"],
    reaches=["autograd-grad", "func", "gradcheck", "higher-order", "leaf"],
)
def like_factories_inherit(torch_: MonkeyPatch) -> None:
    for name in ("zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like"):
        torch_.setattr(torch, name, _inheriting(getattr(torch, name)))


def _inheriting(factory: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def make(like: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
        made = factory(like, *args, **options)
        return made.requires_grad_(like.requires_grad) if made.is_floating_point() else made

    return make


@mutant(
    "Every tensor from torch.zeros, torch.ones or torch.randn requires grad unless told otherwise.",
    catches=["requires-grad/requires-grad-default-false"],
    reaches=["backward", "inference-mode", "retain-grad"],
)
def factories_require_grad(torch_: MonkeyPatch) -> None:
    for name in ("zeros", "ones", "randn"):
        torch_.setattr(torch, name, _tracked(getattr(torch, name)))


def _tracked(factory: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def make(*args: Any, requires_grad: bool | None = None, **options: Any) -> torch.Tensor:
        made = factory(*args, **options)
        wanted = not called_by_torch() if requires_grad is None else requires_grad
        return made.requires_grad_(wanted) if made.is_floating_point() else made

    return make


@mutant(
    "nn.Parameter takes requires_grad from the tensor that it wraps.",
    catches=["requires-grad/parameter-default-true"],
    reaches=["parameter"],
)
def parameters_inherit_the_flag(torch_: MonkeyPatch) -> None:
    right = torch.nn.Parameter.__new__

    def new(kind: Any, data: Any = None, requires_grad: bool = True) -> Any:
        return right(kind, data, requires_grad or bool(data is not None and data.requires_grad))

    torch_.setattr(torch.nn.Parameter, "__new__", new)


@mutant(
    "nn.Parameter does not require grad unless asked to.",
    catches=["requires-grad/parameter-default-true", "requires-grad/module-parameters-require-grad-by-default"],
    reaches=["*"],
)
def parameters_do_not_require_grad(torch_: MonkeyPatch) -> None:
    right = torch.nn.Parameter.__new__

    def new(kind: Any, data: Any = None, requires_grad: bool = False) -> Any:
        return right(kind, data, requires_grad)

    torch_.setattr(torch.nn.Parameter, "__new__", new)
