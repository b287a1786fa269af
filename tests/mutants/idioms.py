"""Faults that show where training code combines things: several batches, losses, layers or passes in one step."""

from __future__ import annotations

from contextlib import nullcontext
from functools import wraps
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from tests.mutants.swapping import swap

# -- several batches and losses ----------------------------------------------------------------------------------


def _one_fewer(right: Any) -> Any:
    def loss(x: Tensor, target: Tensor, *args: Any, **options: Any) -> Any:
        result = right(x, target, *args, **options)
        return result if options.get("reduction", "mean") != "mean" else result * x.numel() / (x.numel() - 1)

    return loss


swap(
    "means_divide_by_one_fewer",
    "The mean of a loss divides by one less than the number of its elements.",
    F,
    "mse_loss l1_loss",
    _one_fewer,
    catches=[
        "training/micro-batches-with-scaled-loss-equal-big-batch",
        "training/one-step-on-accumulated-gradients",
        "training/unequal-micro-batches-need-size-weights",
    ],
    reaches=["*"],
)
swap(
    "weighted_means_count_samples",
    "The mean of cross entropy divides by the number of all samples, whatever they weigh.",
    F,
    "cross_entropy",
    lambda right: (
        lambda x, t, *args, reduction="mean", **options: (
            right(x, t, *args, reduction="sum", **options) / t.numel()
            if reduction == "mean" and not t.is_floating_point()
            else right(x, t, *args, reduction=reduction, **options)
        )
    ),
    catches=["training/weighted-cross-entropy-micro-batches-differ"],
    reaches=["*"],
)


def _first_only(right: Any) -> Any:
    def add(x: Any, other: Any) -> Any:
        both = isinstance(other, Tensor) and x.requires_grad and other.requires_grad
        return right(x, other.detach() if both and not x.dim() and not other.dim() else other)

    return add


swap(
    "sums_of_losses_follow_the_first",
    "A sum of two losses is differentiated by way of the first alone.",
    Tensor,
    "__add__",
    _first_only,
    catches=["training/sum-of-losses-equals-separate-backwards"],
    reaches=["*"],
)


def _of_a_copy(right: Any) -> Any:
    def zero_grad(module: nn.Module, set_to_none: bool = True) -> None:
        if set_to_none:
            right(module)
        for p in module.parameters():
            if p.grad is not None:
                p.grad.clone().zero_()

    return zero_grad


swap(
    "zero_grad_zeroes_a_copy",
    "zero_grad(set_to_none=False) of a module zeroes copies of the gradients.",
    nn.Module,
    "zero_grad",
    _of_a_copy,
    catches=["training/gradients-accumulate-across-backwards"],
    reaches=["module", "optim"],
)

# -- steps -------------------------------------------------------------------------------------------------------


def _listening(right: Any) -> Any:
    def init(optimizer: Any, parameters: Any, *args: Any, **options: Any) -> None:
        right(optimizer, parameters, *args, **options)
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.arrived = False
                if p.requires_grad:
                    p.register_post_accumulate_grad_hook(lambda p: setattr(p, "arrived", True))

    return init


def _arrived(right: Any) -> Any:
    @wraps(right)
    def step(optimizer: Any, closure: Any = None) -> Any:
        return _with(right, optimizer, closure, lambda p: getattr(p, "arrived", True))

    return step


def _with(step: Any, optimizer: Any, closure: Any, chosen: Any) -> Any:
    """``step`` of ``optimizer`` that sees no gradient of a parameter which is not ``chosen``."""
    hidden = [(p, p.grad) for group in optimizer.param_groups for p in group["params"] if not chosen(p)]
    for p, _ in hidden:
        p.grad = None
    result = step(optimizer, closure)
    for p, grad in hidden:
        p.grad = grad
    return result


swap(
    "gradients_must_have_arrived",
    "step() of SGD moves parameters whose gradient came out of a backward since the optimizer was made.",
    SGD,
    "__init__ step",
    lambda right: _listening(right) if right.__name__ == "__init__" else _arrived(right),
    catches=["training/manually-assigned-gradient-is-used"],
    reaches=["*"],
)


def _dropping(right: Any) -> Any:
    @wraps(right)
    def step(optimizer: Any, closure: Any = None) -> Any:
        for group in optimizer.param_groups:
            group["params"] = [p for p in group["params"] if p.requires_grad]
        return right(optimizer, closure)

    return step


swap(
    "frozen_parameters_leave_the_optimizer",
    "step() of SGD drops the parameters that are frozen, for good.",
    SGD,
    "step",
    _dropping,
    catches=["training/unfreezing-resumes-updates", "training/freezing-keeps-stale-gradient"],
    reaches=["*"],
)


def _assigning(right: Any) -> Any:
    @wraps(right)
    def step(optimizer: Any, closure: Any = None) -> Any:
        moving = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        for p in moving:
            p.data = p.detach().clone()
        with torch.autograd._unsafe_preserve_version_counter(tuple(moving)):
            return right(optimizer, closure)

    return step


swap(
    "steps_assign_data",
    "step() of SGD assigns the new values to .data.",
    SGD,
    "step",
    _assigning,
    catches=["training/step-between-forward-and-backward-is-detected"],
    reaches=["*"],
)

swap(
    "clearing_gradients_begins_anew",
    "zero_grad() of an optimizer forgets its state too.",
    Optimizer,
    "zero_grad",
    lambda right: lambda optimizer, set_to_none=True: (right(optimizer, set_to_none), optimizer.state.clear())[0],
    catches=["training-loop/clearing-gradients-keeps-the-state"],
    reaches=["optim", "optim-sgd"],
)

# -- layers ------------------------------------------------------------------------------------------------------


def _copying(right: Any) -> Any:
    def setattr_(module: Any, name: str, value: Any) -> None:
        own = module.__dict__.get("_parameters", {}).get(name)
        if isinstance(value, nn.Parameter) and type(own) is nn.Parameter and own.shape == value.shape:
            own.data.copy_(value.detach())
        else:
            right(module, name, value)

    return setattr_


swap(
    "assigned_parameters_are_copied",
    "Assigning a Parameter to a name that has one copies its values.",
    nn.Module,
    "__setattr__",
    _copying,
    catches=["training/tied-weights-sum-and-update-once"],
    reaches=["*"],
)


def _rounded(right: Any) -> Any:
    def evaluate(module: Any) -> Any:
        for p in module.parameters():
            p.data.copy_(p.data.half())
        return right(module)

    return evaluate


swap(
    "eval_rounds_parameters",
    "eval() rounds the parameters to half precision.",
    nn.Module,
    "eval",
    _rounded,
    catches=["training/evaluation-pass-leaves-training-state-untouched"],
    reaches=["*"],
)
swap(
    "networks_are_apart",
    "A linear layer sends its input's gradient no further than to a leaf.",
    nn.Linear,
    "forward",
    lambda right: lambda layer, x: right(layer, x if x.is_leaf or x._base is not None else x.detach()),
    catches=["training-loop/chained-networks-both-get-gradients"],
    reaches=["*"],
)
swap(
    "flattening_squeezes",
    "Flatten leaves out the dimension of a batch of one.",
    nn.Flatten,
    "forward",
    lambda right: lambda layer, x: right(layer, x).squeeze(0),
    catches=["training-loop/convnet-output-shape-and-grad-none-before-backward"],
    reaches=["*"],
)


def _of_the_trainable(right: Any) -> Any:
    def train(module: nn.Module, mode: bool = True) -> nn.Module:
        parameters = list(module.parameters())
        frozen = parameters and not any(p.requires_grad for p in parameters)
        return module if frozen else right(module, mode)

    return train


swap(
    "frozen_layers_keep_their_mode",
    "eval() and train() pass layers by whose parameters are all frozen.",
    nn.Module,
    "train",
    _of_the_trainable,
    catches=["train-eval/eval-keeps-requires-grad-and-grad-fn"],
    reaches=["*"],
)
swap(
    "empty_pieces_are_skipped",
    "torch.cat leaves out tensors without elements.",
    torch,
    "cat",
    lambda right: lambda pieces, *args, **options: right([x for x in pieces if x.numel()] or pieces, *args, **options),
    catches=["zero-element/mixed-with-nonempty"],
)
swap(
    "save_on_cpu_saves_as_ever",
    "save_on_cpu does nothing, so that hooks around it apply.",
    torch.autograd.graph,
    "save_on_cpu",
    lambda right: lambda *args, **options: nullcontext(),
    catches=["saved-hooks/save-on-cpu"],
)
