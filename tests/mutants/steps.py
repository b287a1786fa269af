"""Faults of step(): which parameters it moves, how it writes, what it does to gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import SGD, Adam, Optimizer, RMSprop

from tests.mutants.mutant import MonkeyPatch, mutant


def _around_step(torch_: MonkeyPatch, wrap: Callable[[Callable[[], Any], list[Any]], Any]) -> None:
    """``wrap(step, parameters)`` runs in place of step() of every optimizer."""
    for kind in (SGD, Adam, RMSprop, torch.optim.Adagrad):
        torch_.setattr(kind, "step", _wrapped(kind.step, wrap))


def _wrapped(right: Any, wrap: Callable[[Callable[[], Any], list[Any]], Any]) -> Any:
    def step(optimizer: Optimizer, *args: Any, **options: Any) -> Any:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        return wrap(lambda: right(optimizer, *args, **options), parameters)

    return hooked(step)


def _after_step(torch_: MonkeyPatch, change: Callable[[Any], Any]) -> None:
    """``change`` of every parameter that has a gradient follows step()."""

    def wrap(step: Callable[[], Any], parameters: list[Any]) -> Any:
        result = step()
        for p in parameters:
            if p.grad is not None:
                change(p)
        return result

    _around_step(torch_, wrap)


def _without_gradients(torch_: MonkeyPatch, of: Callable[[list[Any]], list[Any]]) -> None:
    """step() does not see the gradients ``of`` some parameters, which have them again afterwards."""

    def wrap(step: Callable[[], Any], parameters: list[Any]) -> Any:
        kept = [(p, p.grad) for p in of(parameters)]
        for p, _ in kept:
            p.grad = None
        result = step()
        for p, grad in kept:
            p.grad = grad
        return result

    _around_step(torch_, wrap)


def hooked(step: Any) -> Any:
    """A step that torch does not wrap again to run hooks: the right one, which it calls, runs them."""
    step.hooked = True
    return step


@mutant(
    "step() clears the gradients.",
    catches=["optim/step-leaves-gradients-alone", "accumulation/framework-never-clears-grad-itself"],
)
def step_clears_gradients(torch_: MonkeyPatch) -> None:
    def clear(p: Any) -> None:
        p.grad = None

    _after_step(torch_, clear)


@mutant(
    "step() zeroes the gradients in place.",
    catches=["optim/step-leaves-gradients-alone", "accumulation/framework-never-clears-grad-itself"],
)
def step_zeroes_gradients(torch_: MonkeyPatch) -> None:
    _after_step(torch_, lambda p: p.grad.detach().zero_())


@mutant(
    "step() scales the gradients that it reads.",
    catches=["optim/step-leaves-gradients-alone", "accumulation/framework-never-clears-grad-itself"],
)
def step_changes_gradients(torch_: MonkeyPatch) -> None:
    _after_step(torch_, lambda p: p.grad.detach().mul_(0.5))


@mutant(
    "step() gives its parameters other memory.",
    catches=["optim/step-updates-leaf-in-place"],
)
def step_moves_memory(torch_: MonkeyPatch) -> None:
    def wrap(step: Callable[[], Any], parameters: list[Any]) -> Any:
        for p in parameters:
            p.data = p.detach().clone()
        return step()

    _around_step(torch_, wrap)


@mutant(
    "step() puts new parameters into its groups and leaves the model's alone.",
    catches=["optim/step-updates-leaf-in-place"],
    reaches=["backward", "freezing", "optim-adam", "optim-sgd", "training-loop"],
)
def step_rebinds_parameters(torch_: MonkeyPatch) -> None:
    def step(right: Any) -> Any:
        def run(optimizer: Optimizer, closure: Any = None) -> Any:
            for group in optimizer.param_groups:
                group["params"] = [_twin(p) for p in group["params"]]
            return right(optimizer, closure)

        return run

    for kind in (SGD, Adam, RMSprop, torch.optim.Adagrad):
        torch_.setattr(kind, "step", step(kind.step))


def _twin(parameter: Any) -> Any:
    twin = torch.nn.Parameter(parameter.detach().clone(), parameter.requires_grad)
    twin.grad = parameter.grad
    return twin


@mutant(
    "step() writes through .data, which is not counted.",
    catches=["optim/step-writes-through-data-attribute"],
)
def step_is_not_counted(torch_: MonkeyPatch) -> None:
    def wrap(step: Callable[[], Any], parameters: list[Any]) -> Any:
        with torch.autograd._unsafe_preserve_version_counter(tuple(parameters)):
            return step()

    _around_step(torch_, wrap)


@mutant(
    "step() skips frozen parameters even where they have a gradient.",
    catches=["freezing/freeze-after-backward-keeps-stale-grad"],
)
def step_skips_frozen_parameters(torch_: MonkeyPatch) -> None:
    _without_gradients(torch_, lambda parameters: [p for p in parameters if not p.requires_grad])


@mutant(
    "step() takes a missing gradient for zeros.",
    catches=[
        "optim/optimizer-skips-params-with-none-grad",
        "optim/zeroed-versus-none-grad-in-step",
        "grad-mode/no-grad-forward-keeps-param-grad-none",
    ],
    reaches=["freezing", "optim-adam"],
)
def step_takes_none_for_zeros(torch_: MonkeyPatch) -> None:
    def wrap(step: Callable[[], Any], parameters: list[Any]) -> Any:
        missing = [p for p in parameters if p.grad is None]
        for p in missing:
            p.grad = torch.zeros_like(p)
        result = step()
        for p in missing:
            p.grad = None
        return result

    _around_step(torch_, wrap)


@mutant(
    "step() takes a gradient of zeros for none.",
    catches=["optim/zeroed-versus-none-grad-in-step"],
)
def step_takes_zeros_for_none(torch_: MonkeyPatch) -> None:
    _without_gradients(torch_, lambda parameters: [p for p in parameters if p.grad is not None and not p.grad.any()])


@mutant(
    "step() moves the first parameter only.",
    catches=["optim/parameter-order-in-optimizer-irrelevant", "optim/optimizer-updates-only-given-params"],
    reaches=["freezing", "training-loop"],
)
def step_moves_the_first_parameter_only(torch_: MonkeyPatch) -> None:
    _without_gradients(torch_, lambda parameters: parameters[1:])


@mutant(
    "step() does nothing the first time.",
    catches=["optim/sgd-lr1-weight-is-old-minus-grad", "optim/backward-and-step-are-independent"],
    reaches=["*"],
)
def step_begins_late(torch_: MonkeyPatch) -> None:
    def wrap(step: Callable[[], Any], parameters: list[Any]) -> Any:
        moving = [p for p in parameters if p.grad is not None]
        begun = all(hasattr(p, "begun") for p in moving)
        for p in moving:
            p.begun = True
        return step() if begun else None

    _around_step(torch_, wrap)


@mutant(
    "step() gives parameters of one shape each other's gradients.",
    catches=["optim/parameter-order-in-optimizer-irrelevant"],
)
def step_mixes_parameters(torch_: MonkeyPatch) -> None:
    def wrap(step: Callable[[], Any], parameters: list[Any]) -> Any:
        kept = [(p, p.grad) for p in parameters]
        for (p, _), (_, other) in zip(kept, kept[::-1]):
            if p.grad is not None and other is not None and other.shape == p.shape:
                p.grad = other
        result = step()
        for p, grad in kept:
            p.grad = grad
        return result

    _around_step(torch_, wrap)
