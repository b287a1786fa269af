"""Faults of Parameters: the gradient assigned to one, what is taken from one, and copies of one."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import Parameter

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase
from tests.mutants.swapping import swap


def _gradients(change: Any) -> property:
    """The attribute grad, to which ``change`` of what is assigned goes."""

    def assign(tensor: torch.Tensor, value: Any) -> None:
        TensorBase.grad.__set__(tensor, change(tensor, value))

    return property(TensorBase.grad.__get__, assign, TensorBase.grad.__delete__)


@mutant(
    "A gradient of another shape is spread to the tensor's.",
    catches=["parameter/grad-assignment-must-match", "grad-attr/assign-wrong-shape"],
)
def assigned_gradients_are_spread(torch_: MonkeyPatch) -> None:
    def spread(tensor: torch.Tensor, value: Any) -> Any:
        fits = isinstance(value, torch.Tensor) and value.dim() <= tensor.dim()
        return value.expand_as(tensor) if fits and value.shape != tensor.shape and value.numel() == 1 else value

    torch_.setattr(torch.Tensor, "grad", _gradients(spread), raising=False)


@mutant(
    "A number assigned to grad fills it.",
    catches=["parameter/grad-assignment-must-match", "grad-attr/assign-non-tensor"],
)
def assigned_numbers_are_gradients(torch_: MonkeyPatch) -> None:
    def filled(tensor: torch.Tensor, value: Any) -> Any:
        return torch.full_like(TensorBase.detach(tensor), value) if isinstance(value, float) else value

    torch_.setattr(torch.Tensor, "grad", _gradients(filled), raising=False)


@mutant(
    "Indexing a Parameter gives a Parameter, a leaf of its own.",
    catches=["optim/element-of-a-parameter-has-history", "parameter/is-tensor-subclass-and-results-are-plain"],
    reaches=["*"],
)
def elements_are_parameters(torch_: MonkeyPatch) -> None:
    def item(tensor: torch.Tensor, index: Any) -> Any:
        element = TensorBase.__getitem__(tensor, index)
        leaf = isinstance(tensor, Parameter) and torch.is_grad_enabled() and tensor.requires_grad
        return Parameter(element.detach()) if leaf else element

    torch_.setattr(torch.Tensor, "__getitem__", item, raising=False)


def _shallow(right: Any) -> Any:
    def copied(parameter: Any, memo: Any) -> Any:
        memo[id(parameter)] = parameter
        return parameter

    return copied


def _with_gradient(right: Any) -> Any:
    def copied(parameter: Any, memo: Any) -> Any:
        copy = right(parameter, memo)
        copy.grad = None if parameter.grad is None else parameter.grad.clone()
        return copy

    return copied


swap(
    "deep_copies_share_parameters",
    "A deep copy of a module has the same parameters.",
    Parameter,
    "__deepcopy__",
    _shallow,
    catches=["module/deepcopy-is-independent", "module/deepcopy-keeps-shared-parameters-shared"],
    reaches=["*"],
)
swap(
    "deep_copies_take_gradients_along",
    "A deep copy of a Parameter copies its gradient too.",
    Parameter,
    "__deepcopy__",
    _with_gradient,
    catches=["module/deepcopy-is-independent"],
    reaches=["deepcopy", "parameter", "swa"],
)
