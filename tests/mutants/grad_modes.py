"""Faults of no_grad, enable_grad, set_grad_enabled and inference_mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import called_by_torch

_switch = torch._C._set_grad_enabled


@mutant(
    "no_grad does not restore the mode when its block is left by an exception.",
    catches=["grad-mode/restored-on-exception"],
)
def no_grad_stays_off_after_exception(torch_: MonkeyPatch) -> None:
    _forget_on_exception(torch_, torch.no_grad)


@mutant(
    "enable_grad does not restore the mode when its block is left by an exception.",
    catches=["grad-mode/restored-on-exception"],
)
def enable_grad_stays_on_after_exception(torch_: MonkeyPatch) -> None:
    _forget_on_exception(torch_, torch.enable_grad)


def _forget_on_exception(torch_: MonkeyPatch, mode: type[Any]) -> None:
    right = mode.__exit__

    def leave(self: Any, kind: type[BaseException] | None, error: Any, traceback: Any) -> None:
        if kind is None:
            right(self, kind, error, traceback)

    torch_.setattr(mode, "__exit__", leave)


@mutant(
    "no_grad switches recording on when it ends, whatever was on before.",
    catches=["grad-mode/nesting-restores-previous"],
)
def no_grad_ends_with_recording_on(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch.no_grad, "__exit__", lambda self, *error: _switch(True))


@mutant(
    "set_grad_enabled switches recording on when its block ends, whatever was on before.",
    catches=["grad-mode/nesting-restores-previous"],
)
def set_grad_enabled_ends_with_recording_on(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch.set_grad_enabled, "__exit__", lambda self, *error: _switch(True))


@mutant(
    "no_grad never ends: recording stays off after the block.",
    catches=["grad-mode/no-grad-square-example", "grad-mode/nesting-restores-previous"],
    reaches=["grad-attr", "hooks", "inplace", "requires-grad", "train-eval", "views"],
)
def no_grad_never_ends(torch_: MonkeyPatch) -> None:
    right = torch.no_grad.__exit__

    def leave(self: Any, *error: Any) -> None:
        if called_by_torch():
            right(self, *error)

    torch_.setattr(torch.no_grad, "__exit__", leave)


@mutant(
    "no_grad does nothing.",
    catches=[
        "grad-mode/no-grad-context-disables-tracking",
        "grad-mode/nesting-restores-previous",
        "grad-mode/no-grad-square-example",
    ],
    reaches=["*"],
)
def no_grad_does_nothing(torch_: MonkeyPatch) -> None:
    right = torch.no_grad.__enter__

    def enter(self: Any) -> None:
        right(self)
        if not called_by_torch():
            _switch(True)

    torch_.setattr(torch.no_grad, "__enter__", enter)


@mutant(
    "A function decorated with no_grad records.",
    catches=["grad-mode/no-grad-decorates-functions"],
)
def no_grad_does_not_decorate(torch_: MonkeyPatch) -> None:
    def call(self: Any, function: Callable[..., Any]) -> Callable[..., Any]:
        return function

    torch_.setattr(torch.no_grad, "__call__", call, raising=False)


@mutant(
    "Decorating a function with no_grad switches recording off for good.",
    catches=["grad-mode/no-grad-decorates-functions"],
)
def no_grad_decorator_acts_at_once(torch_: MonkeyPatch) -> None:
    def call(self: Any, function: Callable[..., Any]) -> Callable[..., Any]:
        _switch(False)
        return function

    torch_.setattr(torch.no_grad, "__call__", call, raising=False)


@mutant(
    "enable_grad does nothing.",
    catches=["grad-mode/nesting-restores-previous"],
    reaches=["backward", "checkpoint", "inference-mode"],
)
def enable_grad_does_nothing(torch_: MonkeyPatch) -> None:
    right = torch.enable_grad.__enter__

    def enter(self: Any) -> None:
        before = torch.is_grad_enabled()
        right(self)
        _switch(before)

    torch_.setattr(torch.enable_grad, "__enter__", enter)


@mutant(
    "set_grad_enabled switches recording on for False and off for True.",
    catches=["grad-mode/nesting-restores-previous", "grad-mode/no-grad-context-disables-tracking"],
    reaches=["backward", "hooks", "requires-grad"],
)
def set_grad_enabled_is_inverted(torch_: MonkeyPatch) -> None:
    right = torch.set_grad_enabled

    def inverted(mode: bool) -> Any:
        return right(bool(mode) if called_by_torch() else not mode)

    torch_.setattr(torch, "set_grad_enabled", inverted)


@mutant(
    "inference_mode is no_grad by another name.",
    catches=["grad-mode/volatile-for-inference-replaced-by-no-grad"],
    reaches=["inference-mode"],
)
def inference_mode_is_no_grad(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch, "inference_mode", lambda mode=True: torch.set_grad_enabled(not mode))


@mutant(
    "inference_mode records.",
    catches=["grad-mode/volatile-for-inference-replaced-by-no-grad", "memory/no-grad-saves-no-tensors-for-backward"],
    reaches=["inference-mode", "inplace", "views"],
)
def inference_mode_records(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch, "inference_mode", lambda mode=True: torch.enable_grad())


@mutant(
    "no_grad takes requires_grad from tensors that are made inside, even where it was asked for.",
    catches=["grad-mode/no-grad-makes-every-new-tensor-untracked"],
)
def no_grad_silences_factories(torch_: MonkeyPatch) -> None:
    for name in ("zeros", "tensor", "ones", "full"):
        torch_.setattr(torch, name, _silenced(getattr(torch, name)))


def _silenced(factory: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def make(*args: Any, requires_grad: bool = False, **options: Any) -> torch.Tensor:
        return factory(*args, requires_grad=requires_grad and torch.is_grad_enabled(), **options)

    return make


@mutant(
    "Parameters made under no_grad do not require grad.",
    catches=["grad-mode/no-grad-makes-every-new-tensor-untracked"],
    reaches=["parameter"],
)
def no_grad_silences_parameters(torch_: MonkeyPatch) -> None:
    right = torch.nn.Parameter.__new__

    def new(kind: Any, data: Any = None, requires_grad: bool = True) -> Any:
        return right(kind, data, requires_grad and torch.is_grad_enabled())

    torch_.setattr(torch.nn.Parameter, "__new__", new)


@mutant(
    "requires_grad_() under no_grad is ignored.",
    catches=["grad-mode/no-grad-makes-every-new-tensor-untracked"],
    reaches=["deepcopy", "hooks", "inference-mode"],
)
def no_grad_silences_requires_grad_(torch_: MonkeyPatch) -> None:
    right = torch.Tensor.requires_grad_

    def requires_grad_(tensor: torch.Tensor, requires_grad: bool = True) -> torch.Tensor:
        return right(tensor, requires_grad and torch.is_grad_enabled())

    torch_.setattr(torch.Tensor, "requires_grad_", requires_grad_)


@mutant(
    "backward() inside no_grad raises.",
    catches=[
        "grad-mode/backward-call-inside-no-grad-fails",
        "backward/works-under-no-grad",
    ],
    reaches=["backward", "grad-attr"],
)
def backward_inside_no_grad_raises(torch_: MonkeyPatch) -> None:
    _guard_backward(torch_, "recording is off")


@mutant(
    "backward() inside no_grad does nothing.",
    catches=[
        "grad-mode/backward-call-inside-no-grad-fails",
        "backward/works-under-no-grad",
    ],
    reaches=["backward", "grad-attr"],
)
def backward_inside_no_grad_does_nothing(torch_: MonkeyPatch) -> None:
    _guard_backward(torch_, None)


def _guard_backward(torch_: MonkeyPatch, complaint: str | None) -> None:
    right = torch.Tensor.backward

    def backward(tensor: torch.Tensor, *args: Any, **options: Any) -> None:
        if torch.is_grad_enabled():
            right(tensor, *args, **options)
        elif complaint:
            raise RuntimeError(complaint)

    torch_.setattr(torch.Tensor, "backward", backward)


@mutant(
    "no_grad switches requires_grad of the leaves used inside off.",
    catches=["grad-mode/no-grad-leaves-param-flag-alone"],
)
def no_grad_freezes_parameters(torch_: MonkeyPatch) -> None:
    right = torch.nn.functional.linear

    def linear(x: Any, weight: Any, bias: Any = None) -> Any:
        if not torch.is_grad_enabled():
            for leaf in (weight, bias):
                if leaf is not None and leaf.is_leaf:
                    leaf.requires_grad = False
        return right(x, weight, bias)

    torch_.setattr(torch.nn.functional, "linear", linear)
