"""Faults of modules: the mode they are in, what freezing them does, which parameters they list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
from torch import nn

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase


@mutant(
    "eval() and train() set the mode of the module alone, not of those inside it.",
    catches=["train-eval/eval-clears-training-flag-recursively", "train-eval/train-undoes-eval"],
    reaches=["batchnorm"],
)
def modes_are_not_recursive(torch_: MonkeyPatch) -> None:
    def train(module: nn.Module, mode: bool = True) -> nn.Module:
        module.training = mode
        return module

    torch_.setattr(nn.Module, "train", train)


@mutant(
    "eval() and train() reach the children, and no deeper.",
    catches=["train-eval/eval-clears-training-flag-recursively"],
)
def modes_reach_children_only(torch_: MonkeyPatch) -> None:
    def train(module: nn.Module, mode: bool = True) -> nn.Module:
        module.training = mode
        for child in module.children():
            child.training = mode
        return module

    torch_.setattr(nn.Module, "train", train)


@mutant(
    "eval() and train() return nothing.",
    catches=["train-eval/eval-clears-training-flag-recursively", "train-eval/train-undoes-eval"],
)
def modes_return_nothing(torch_: MonkeyPatch) -> None:
    def train(module: nn.Module, mode: bool = True) -> None:
        for one in module.modules():
            one.training = mode

    torch_.setattr(nn.Module, "train", train)


@mutant(
    "train() ignores its argument.",
    catches=["train-eval/train-undoes-eval"],
    reaches=["batchnorm"],
)
def train_ignores_its_argument(torch_: MonkeyPatch) -> None:
    right = nn.Module.train
    torch_.setattr(nn.Module, "train", lambda module, mode=True: right(module))
    torch_.setattr(nn.Module, "eval", lambda module: right(module, False))


@mutant(
    "train() after eval() does nothing.",
    catches=["train-eval/train-undoes-eval", "dropout/train-after-eval-drops-again"],
    reaches=["batchnorm"],
)
def eval_is_for_good(torch_: MonkeyPatch) -> None:
    right = nn.Module.train

    def train(module: nn.Module, mode: bool = True) -> nn.Module:
        return module if mode and not module.training else right(module, mode)

    torch_.setattr(nn.Module, "train", train)


@mutant(
    "A module begins in evaluation mode.",
    catches=["train-eval/module-training-defaults-true"],
    reaches=["accumulation", "batchnorm", "detach", "dropout", "freezing", "requires-grad"],
)
def modules_begin_in_evaluation(torch_: MonkeyPatch) -> None:
    right = nn.Module.__init__

    def build(module: nn.Module, *args: Any, **options: Any) -> None:
        right(module, *args, **options)
        module.training = False

    torch_.setattr(nn.Module, "__init__", build)


@mutant(
    "eval() freezes the parameters.",
    catches=["train-eval/eval-keeps-requires-grad-and-grad-fn", "train-eval/backward-after-eval"],
    reaches=["batchnorm"],
)
def eval_freezes(torch_: MonkeyPatch) -> None:
    def evaluate(module: nn.Module) -> nn.Module:
        return module.train(False).requires_grad_(False)

    torch_.setattr(nn.Module, "eval", evaluate)


@mutant(
    "eval() switches recording off.",
    catches=["train-eval/eval-keeps-requires-grad-and-grad-fn", "train-eval/backward-after-eval"],
)
def eval_switches_recording_off(torch_: MonkeyPatch) -> None:
    def evaluate(module: nn.Module) -> nn.Module:
        torch._C._set_grad_enabled(False)
        return module.train(False)

    torch_.setattr(nn.Module, "eval", evaluate)


@mutant(
    "eval() clears the gradients.",
    catches=["train-eval/backward-after-eval"],
)
def eval_clears_gradients(torch_: MonkeyPatch) -> None:
    def evaluate(module: nn.Module) -> nn.Module:
        module.zero_grad()
        return module.train(False)

    torch_.setattr(nn.Module, "eval", evaluate)


@mutant(
    "Module.requires_grad_ does nothing.",
    catches=[
        "freezing/grad-flows-through-layer-with-frozen-weight",
        "freezing/freezing-parameters-freezes-whole-module-state",
    ],
    reaches=["module", "requires-grad", "train-eval"],
)
def module_requires_grad_does_nothing(torch_: MonkeyPatch) -> None:
    torch_.setattr(nn.Module, "requires_grad_", lambda module, requires_grad=True: module)


@mutant(
    "Module.requires_grad_ clears the gradients that are there.",
    catches=["freezing/freeze-after-backward-keeps-stale-grad"],
)
def freezing_clears_gradients(torch_: MonkeyPatch) -> None:
    def requires_grad_(tensor: Any, requires_grad: bool = True) -> Any:
        if not requires_grad and tensor.is_leaf:
            tensor.grad = None
        return TensorBase.requires_grad_(tensor, requires_grad)

    def assign(tensor: Any, value: bool) -> None:
        if not value and tensor.is_leaf:
            tensor.grad = None
        TensorBase.requires_grad.__set__(tensor, value)

    torch_.setattr(torch.Tensor, "requires_grad_", requires_grad_)
    flag = property(TensorBase.requires_grad.__get__, assign)
    torch_.setattr(torch.Tensor, "requires_grad", flag, raising=False)


@mutant(
    "Module.requires_grad_ freezes the module's own parameters, not those of its children.",
    catches=["freezing/freeze-submodule-keeps-rest-trainable"],
    reaches=["module", "requires-grad"],
)
def freezing_is_not_recursive(torch_: MonkeyPatch) -> None:
    def requires_grad_(module: nn.Module, requires_grad: bool = True) -> nn.Module:
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad_(requires_grad)
        return module

    torch_.setattr(nn.Module, "requires_grad_", requires_grad_)


@mutant(
    "A layer with a frozen weight passes no gradient on to its input.",
    catches=["freezing/grad-flows-through-layer-with-frozen-weight"],
)
def frozen_weights_stop_gradients(torch_: MonkeyPatch) -> None:
    right = F.linear

    def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        return right(x if weight.requires_grad else x.detach(), weight, bias)

    torch_.setattr(F, "linear", linear)


@mutant(
    "A layer whose input requires grad gives its weight none.",
    catches=["requires-grad/input-requires-grad-only-adds-input-gradient"],
    reaches=["*"],
)
def tracked_inputs_starve_weights(torch_: MonkeyPatch) -> None:
    right = F.linear

    def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        return right(x, weight.detach() if x.requires_grad and x.is_leaf else weight, bias)

    torch_.setattr(F, "linear", linear)


@mutant(
    "Activations cut the history of their input.",
    catches=["requires-grad/parameterless-modules-follow-input-flag"],
    reaches=["*"],
)
def activations_detach(torch_: MonkeyPatch) -> None:
    for kind in (nn.ReLU, nn.Sigmoid, nn.Tanh, nn.Softmax):
        torch_.setattr(kind, "forward", _detaching(kind.forward))


def _detaching(forward: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    return lambda module, x: forward(module, x).detach()


@mutant("load_state_dict() loads nothing.", catches=["device/device-agnostic-pattern"], reaches=["*"])
def states_are_not_loaded(torch_: MonkeyPatch) -> None:
    torch_.setattr(nn.Module, "load_state_dict", lambda module, state, *args, **options: None)


@mutant(
    "A DataLoader gives batches that require grad.", catches=["requires-grad/dataloader-batches-do-not-require-grad"]
)
def batches_require_grad(torch_: MonkeyPatch) -> None:
    right = torch.utils.data.DataLoader.__iter__

    def batches(loader: Any) -> Any:
        return ([x.requires_grad_() if x.is_floating_point() else x for x in batch] for batch in right(loader))

    torch_.setattr(torch.utils.data.DataLoader, "__iter__", batches)


@mutant(
    "Parameters are listed in reverse order.",
    catches=["requires-grad/sequential-conv-parameter-names-and-flags"],
    reaches=["accumulation", "batchnorm", "freezing", "module", "parameter", "train-eval", "training-loop"],
)
def parameters_are_listed_in_reverse(torch_: MonkeyPatch) -> None:
    right = nn.Module.named_parameters

    def named_parameters(module: nn.Module, *args: Any, **options: Any) -> Any:
        return reversed(list(right(module, *args, **options)))

    torch_.setattr(nn.Module, "named_parameters", named_parameters)
