"""Faults of what is recorded: which results have a history, which tensors are leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase, called_by_torch
from tests.mutants.swapping import swap, tampered


@mutant(
    "A result requires grad only if all its inputs do.",
    catches=["requires-grad/requires-grad-propagates-to-dependents", "graph/op-output-is-nonleaf-with-grad-fn"],
    reaches=["*"],
)
def results_need_all_inputs_tracked(torch_: MonkeyPatch) -> None:
    for name in ("__add__", "__mul__", "__matmul__"):
        torch_.setattr(torch.Tensor, name, _demanding(getattr(TensorBase, name)), raising=False)


def _demanding(operation: Callable[..., Any]) -> Callable[..., Any]:
    def operate(x: torch.Tensor, other: Any) -> Any:
        result = operation(x, other)
        both = not isinstance(other, torch.Tensor) or (x.requires_grad and other.requires_grad)
        return result if both or not isinstance(result, torch.Tensor) else TensorBase.detach(result)

    return operate


@mutant(
    "A result requires grad only if its first operand does.",
    catches=["requires-grad/requires-grad-propagates-to-dependents", "graph/op-output-is-nonleaf-with-grad-fn"],
    reaches=["checkpoint", "custom-function", "detach", "forward-ad", "func", "optim", "training-loop"],
)
def results_follow_the_first_operand(torch_: MonkeyPatch) -> None:
    right = TensorBase.__mul__

    def mul(x: torch.Tensor, other: Any) -> Any:
        result = right(x, other)
        return result if x.requires_grad else TensorBase.detach(result)

    torch_.setattr(torch.Tensor, "__mul__", mul, raising=False)


@mutant(
    "Every result of an operation requires grad.",
    catches=["requires-grad/all-inputs-untracked-gives-untracked-output"],
    reaches=["*"],
)
def results_always_require_grad(torch_: MonkeyPatch) -> None:
    for name in ("__add__", "__mul__", "__matmul__"):
        torch_.setattr(torch.Tensor, name, _always_tracked(getattr(torch.Tensor, name)), raising=False)


def _always_tracked(operation: Callable[..., Any]) -> Callable[..., Any]:
    def operate(*args: Any) -> Any:
        result = operation(*args)
        tracked = isinstance(result, torch.Tensor) and result.is_floating_point() and torch.is_grad_enabled()
        return result.requires_grad_() if tracked and not called_by_torch() else result

    return operate


@mutant(
    "round() and floor() cut the history instead of giving a gradient of zero.",
    catches=["requires-grad/piecewise-constant-ops-stay-tracked"],
    reaches=["autograd-grad", "subgradient"],
)
def piecewise_constants_are_untracked(torch_: MonkeyPatch) -> None:
    for name in ("round", "floor", "ceil", "trunc", "sign"):
        torch_.setattr(torch.Tensor, name, _cut(getattr(TensorBase, name)))


def _cut(operation: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    return lambda tensor: TensorBase.detach(operation(tensor))


@mutant(
    "round() and its kin pass the gradient straight through.",
    catches=["requires-grad/piecewise-constant-ops-stay-tracked"],
    reaches=["autograd-grad", "subgradient"],
)
def piecewise_constants_pass_gradients(torch_: MonkeyPatch) -> None:
    for name in ("round", "floor", "ceil", "trunc", "sign"):
        torch_.setattr(torch.Tensor, name, _straight(getattr(TensorBase, name)))


def _straight(operation: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    return lambda tensor: tensor + TensorBase.detach(operation(tensor) - tensor)


@mutant(
    "is_leaf is True for every tensor that requires grad.",
    catches=["leaf/is-leaf-partitions-tensors", "leaf/result-of-untracked-op-is-leaf"],
    reaches=["*"],
)
def is_leaf_means_requires_grad(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch.Tensor, "is_leaf", property(lambda tensor: tensor.requires_grad), raising=False)


@mutant(
    "is_leaf is False for tensors that do not require grad.",
    catches=["leaf/result-of-untracked-op-is-leaf"],
    reaches=["*"],
)
def untracked_tensors_are_no_leaves(torch_: MonkeyPatch) -> None:
    def is_leaf(tensor: torch.Tensor) -> bool:
        return tensor.requires_grad and tensor.grad_fn is None

    torch_.setattr(torch.Tensor, "is_leaf", property(is_leaf), raising=False)


@mutant(
    "A leaf has a grad_fn, the node that accumulates its gradient.",
    catches=["leaf/user-created-leaf-grad-fn-none", "graph/leaf-and-result-attribute-table"],
    reaches=["*"],
)
def leaves_have_a_grad_fn(torch_: MonkeyPatch) -> None:
    right = TensorBase.grad_fn

    def grad_fn(tensor: torch.Tensor) -> Any:
        found = right.__get__(tensor)
        if found is None and tensor.requires_grad and not called_by_torch():
            return torch.autograd.graph.get_gradient_edge(tensor).node
        return found

    torch_.setattr(torch.Tensor, "grad_fn", property(grad_fn), raising=False)


@mutant(
    "Assigning None to grad_fn detaches the tensor.",
    catches=["graph/grad-fn-can-be-assigned-none"],
    reaches=["leaf"],
)
def grad_fn_can_be_cleared(torch_: MonkeyPatch) -> None:
    settable = property(TensorBase.grad_fn.__get__, lambda tensor, value: TensorBase.detach_(tensor))
    torch_.setattr(torch.Tensor, "grad_fn", settable, raising=False)


@mutant(
    "Converting a leaf to another dtype gives a leaf.",
    catches=["leaf/conversion-of-requiring-tensor-not-leaf", "device/to-dtype-of-leaf-is-not-leaf"],
    reaches=["backward", "detach", "grad-attr"],
)
def conversions_give_leaves(torch_: MonkeyPatch) -> None:
    for name in ("to", "double", "type"):
        torch_.setattr(torch.Tensor, name, _leaving(getattr(TensorBase, name)))


def _leaving(convert: Callable[..., Any]) -> Callable[..., Any]:
    def convert_(tensor: torch.Tensor, *args: Any, **options: Any) -> Any:
        made = convert(tensor, *args, **options)
        if made is tensor or not isinstance(made, torch.Tensor) or not tensor.is_leaf or not made.requires_grad:
            return made
        return TensorBase.detach(made).requires_grad_()

    return convert_


@mutant(
    "The gradient of a tensor that was converted stays behind the conversion.",
    catches=["leaf/conversion-of-requiring-tensor-not-leaf", "device/to-dtype-of-leaf-is-not-leaf"],
    reaches=["backward", "detach", "grad-attr"],
)
def conversions_cut_the_history(torch_: MonkeyPatch) -> None:
    right = TensorBase.to

    def to(tensor: torch.Tensor, *args: Any, **options: Any) -> Any:
        made = right(tensor, *args, **options)
        return made if made is tensor else TensorBase.detach(made)

    torch_.setattr(torch.Tensor, "to", to)


def _replayed(right: Callable[..., Any]) -> Callable[..., Any]:
    def mul(x: Any, factor: Any) -> Any:
        if isinstance(factor, torch.Tensor) or called_by_torch():
            return right(x, factor)
        first = getattr(x, "first_factor", factor)
        result: Any = right(x if first == factor else tampered(x, lambda grad: grad * first / factor), factor)
        result.first_factor = first
        return result

    return mul


swap(
    "the_first_round_is_replayed",
    "A chain of multiplications by numbers is differentiated as if each round had taken the branch of the first.",
    torch.Tensor,
    "__mul__",
    _replayed,
    catches=["requires-grad/recording-is-per-execution"],
    reaches=["*"],
)
swap(
    "asarray_wraps_its_tensor_anew",
    "torch.asarray of a leaf is another tensor in the same memory.",
    torch,
    "asarray",
    lambda right: (
        lambda x, *, requires_grad=None, **options: right(
            TensorBase.detach(x), requires_grad=x.requires_grad if requires_grad is None else requires_grad, **options
        )
    ),
    catches=["requires-grad/asarray-sets-flag-of-leaf", "requires-grad/asarray-inherits-flag"],
    reaches=["construct"],
)
swap(
    "samples_pass_gradients",
    "The gradient of a sample passes straight through to its parameter.",
    torch,
    "bernoulli",
    lambda right: lambda p, **options: right(p.detach(), **options) + p - p.detach(),
    catches=["requires-grad/sampling-gradient-zero"],
    reaches=["*"],
)
swap(
    "missing_derivatives_are_zero",
    "The gradient for an argument without a derivative is zero.",
    torch,
    "igamma igammac",
    lambda right: lambda a, x: right(a.detach(), x) + 0 * a,
    catches=["requires-grad/not-implemented-derivative-fails-in-backward.one-argument"],
)
swap(
    "indices_are_tracked",
    "argmax gives a number of its input's dtype, which has a history.",
    torch.Tensor,
    "argmax",
    lambda right: lambda x, *args: right(x, *args).to(x.dtype) + 0 * x.sum(),
    catches=["requires-grad/requires-grad-propagates-through-every-op"],
    reaches=["*"],
)
