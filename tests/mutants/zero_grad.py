"""Faults of zero_grad(), of optimizers and of modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

from tests.mutants.mutant import MonkeyPatch, mutant


def _owners() -> tuple[type[Any], ...]:
    return Optimizer, torch.nn.Module


def _parameters(owner: Any) -> list[Any]:
    if isinstance(owner, Optimizer):
        return [p for group in owner.param_groups for p in group["params"]]
    return list(owner.parameters())


def _replace_zero_grad(torch_: MonkeyPatch, zero_grad: Callable[[Any, bool], None]) -> None:
    def replacement(owner: Any, set_to_none: bool = True) -> None:
        zero_grad(owner, set_to_none)

    for kind in _owners():
        torch_.setattr(kind, "zero_grad", replacement)


@mutant(
    "zero_grad() does nothing.",
    catches=[
        "optim/zero-grad-leaves-zero-tensor",
        "optim/model-zero-grad-equals-optimizer-zero-grad",
        "training-loop/step-only-every-accumulation-steps",
    ],
    reaches=["module"],
)
def zero_grad_does_nothing(torch_: MonkeyPatch) -> None:
    _replace_zero_grad(torch_, lambda owner, set_to_none: None)


@mutant(
    "zero_grad() fills with zeros, whatever set_to_none says.",
    catches=["optim/zero-grad-leaves-zero-tensor"],
    reaches=["module", "training-loop"],
)
def zero_grad_never_sets_none(torch_: MonkeyPatch) -> None:
    def zero_grad(owner: Any, set_to_none: bool) -> None:
        for p in _parameters(owner):
            if p.grad is not None:
                p.grad.detach().zero_()

    _replace_zero_grad(torch_, zero_grad)


@mutant(
    "zero_grad() fills with zeros unless set_to_none=True is passed, as before 2.0.",
    catches=["optim/zero-grad-leaves-zero-tensor"],
    reaches=["module"],
)
def zero_grad_defaults_to_zeros(torch_: MonkeyPatch) -> None:
    for kind in _owners():
        torch_.setattr(kind, "zero_grad", _with_default(kind.zero_grad))


def _with_default(right: Any) -> Any:
    return lambda owner, set_to_none=False: right(owner, set_to_none)


@mutant(
    "zero_grad() sets None, whatever set_to_none says.",
    catches=["optim/zero-grad-leaves-zero-tensor", "optim/model-zero-grad-equals-optimizer-zero-grad"],
    reaches=["module"],
)
def zero_grad_always_sets_none(torch_: MonkeyPatch) -> None:
    def zero_grad(owner: Any, set_to_none: bool) -> None:
        for p in _parameters(owner):
            p.grad = None

    _replace_zero_grad(torch_, zero_grad)


@mutant(
    "zero_grad(set_to_none=False) puts a new tensor of zeros into .grad.",
    catches=["optim/zero-grad-leaves-zero-tensor", "module/zero-grad-false-fills-in-place"],
)
def zero_grad_makes_new_zeros(torch_: MonkeyPatch) -> None:
    def zero_grad(owner: Any, set_to_none: bool) -> None:
        for p in _parameters(owner):
            if p.grad is not None:
                p.grad = None if set_to_none else torch.zeros_like(p.grad)

    _replace_zero_grad(torch_, zero_grad)


@mutant(
    "zero_grad(set_to_none=False) makes zeros where there is no gradient.",
    catches=["optim/zero-grad-initialises-grad-to-zero"],
    reaches=["module"],
)
def zero_grad_makes_gradients(torch_: MonkeyPatch) -> None:
    def zero_grad(owner: Any, set_to_none: bool) -> None:
        for p in _parameters(owner):
            p.grad = None if set_to_none else torch.zeros_like(p)

    _replace_zero_grad(torch_, zero_grad)


@mutant(
    "An optimizer's zero_grad() clears its first group only.",
    catches=["optim/zero-grad-scope-differs-for-partial-optimizer"],
)
def zero_grad_clears_the_first_group_only(torch_: MonkeyPatch) -> None:
    right = Optimizer.zero_grad

    def zero_grad(optimizer: Any, set_to_none: bool = True) -> None:
        groups, optimizer.param_groups = optimizer.param_groups, optimizer.param_groups[:1]
        right(optimizer, set_to_none)
        optimizer.param_groups = groups

    torch_.setattr(Optimizer, "zero_grad", zero_grad)


@mutant(
    "Module.zero_grad() clears the module's own parameters, not those of its children.",
    catches=["optim/model-zero-grad-equals-optimizer-zero-grad"],
    reaches=["module"],
)
def zero_grad_is_not_recursive(torch_: MonkeyPatch) -> None:
    def zero_grad(module: Any, set_to_none: bool = True) -> None:
        for p in module.parameters(recurse=False):
            if p.grad is not None:
                p.grad = None if set_to_none else p.grad.detach().zero_()

    torch_.setattr(torch.nn.Module, "zero_grad", zero_grad)


@mutant(
    "zero_grad(set_to_none=False) fills gradients with zeros and leaves them their history.",
    catches=["module/zero-grad-false-leaves-the-graph", "optim/zero-grad-false-leaves-the-graph"],
)
def zero_grad_keeps_history(torch_: MonkeyPatch) -> None:
    def zero_grad(owner: Any, set_to_none: bool) -> None:
        for p in _parameters(owner):
            if set_to_none:
                p.grad = None
            elif p.grad is not None:
                p.grad.detach().zero_()

    _replace_zero_grad(torch_, zero_grad)
