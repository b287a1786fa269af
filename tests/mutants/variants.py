"""Faults of the formulas of Adagrad and of the less common algorithms."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.swapping import swap


def _updating(name: str, **change: Callable[[Any], Any]) -> Callable[[MonkeyPatch], None]:
    """The update of an algorithm with changed hyperparameters."""

    def patch(torch_: MonkeyPatch) -> None:
        home: Any = importlib.import_module(f"torch.optim.{name}")
        right = getattr(home, name)

        def update(*args: Any, **options: Any) -> None:
            right(*args, **{**options, **{option: alter(options[option]) for option, alter in change.items()}})

        torch_.setattr(home, name, update)

    return patch


def _with(**defaults: Any) -> Callable[[Any], Any]:
    return lambda right: lambda optimizer, params, **options: right(optimizer, params, **{**defaults, **options})


def _always(**fixed: Any) -> Callable[[Any], Any]:
    return lambda right: lambda optimizer, params, **options: right(optimizer, params, **{**options, **fixed})


swap(
    "adagrad_starts_at_zero",
    "Adagrad ignores initial_accumulator_value.",
    torch.optim.Adagrad,
    "__init__",
    _always(initial_accumulator_value=0.0),
    catches=["optim-adagrad/update-rule"],
)
swap(
    "adagrad_starts_at_a_tenth",
    "Adagrad's sum starts at 0.1 unless told otherwise, as in other frameworks.",
    torch.optim.Adagrad,
    "__init__",
    _with(initial_accumulator_value=0.1),
    catches=["optim-adagrad/defaults-and-state-names"],
    reaches=["optim"],
)


@mutant("Adagrad divides its rate from the first step on.", catches=["optim-adagrad/update-rule"])
def adagrad_decays_at_once(torch_: MonkeyPatch) -> None:
    home: Any = importlib.import_module("torch.optim.adagrad")
    right = home.adagrad

    def adagrad(params: Any, grads: Any, sums: Any, steps: Any, *args: Any, **options: Any) -> None:
        for step in steps:
            step.add_(1)
        right(params, grads, sums, steps, *args, **options)
        for step in steps:
            step.sub_(1)

    torch_.setattr(home, "adagrad", adagrad)


@mutant("Adagrad ignores lr_decay.", catches=["optim-adagrad/update-rule"], reaches=["optim"])
def adagrad_never_decays(torch_: MonkeyPatch) -> None:
    _updating("adagrad", lr_decay=lambda decay: 0.0)(torch_)


@mutant(
    "Adagrad turns the decay round where it maximizes.",
    catches=["optim-adagrad/weight-decay-and-maximize"],
    reaches=["optim"],
)
def adagrad_maximizes_the_decay(torch_: MonkeyPatch) -> None:
    home: Any = importlib.import_module("torch.optim.adagrad")
    right = home.adagrad

    def adagrad(*args: Any, lr: Any, maximize: bool, **options: Any) -> None:
        right(*args, lr=-lr if maximize else lr, maximize=False, **options)

    torch_.setattr(home, "adagrad", adagrad)


@mutant("Adadelta averages with rho and 1 - rho the other way round.", catches=["optim-variants/adadelta"])
def adadelta_forgets_the_past(torch_: MonkeyPatch) -> None:
    _updating("adadelta", rho=lambda rho: 1 - rho)(torch_)


@mutant("Adamax has no eps.", catches=["optim-variants/adamax"])
def adamax_has_no_eps(torch_: MonkeyPatch) -> None:
    _updating("adamax", eps=lambda eps: 0.0)(torch_)


@mutant("Adamax never lets its divisor fall.", catches=["optim-variants/adamax"])
def adamax_only_grows(torch_: MonkeyPatch) -> None:
    _updating("adamax", beta2=lambda beta: 1.0)(torch_)


@mutant("NAdam ignores momentum_decay.", catches=["optim-variants/nadam"])
def nadam_warms_up_slowly(torch_: MonkeyPatch) -> None:
    _updating("nadam", momentum_decay=lambda decay: 4e-3)(torch_)


@mutant("NAdam decays into the gradient though it was told to decouple.", catches=["optim-variants/nadam"])
def nadam_couples_weight_decay(torch_: MonkeyPatch) -> None:
    _updating("nadam", decoupled_weight_decay=lambda decoupled: False)(torch_)


@mutant("RAdam ignores weight decay.", catches=["optim-variants/radam"])
def radam_ignores_weight_decay(torch_: MonkeyPatch) -> None:
    _updating("radam", weight_decay=lambda decay: 0.0)(torch_)


@mutant("RAdam never trusts the averaged squares.", catches=["optim-variants/radam"])
def radam_never_trusts(torch_: MonkeyPatch) -> None:
    _updating("radam", beta2=lambda beta: min(beta, 0.5))(torch_)


@mutant("Rprop's steps have no bounds.", catches=["optim-variants/rprop"])
def rprop_has_no_bounds(torch_: MonkeyPatch) -> None:
    _updating("rprop", step_size_min=lambda least: 0.0, step_size_max=lambda most: 1e9)(torch_)


@mutant(
    "Rprop shortens its step where the sign stays and lengthens it where it turns.", catches=["optim-variants/rprop"]
)
def rprop_swaps_its_factors(torch_: MonkeyPatch) -> None:
    _updating("rprop", etaminus=lambda eta: 1.5, etaplus=lambda eta: 0.25)(torch_)


swap(
    "adadelta_starts_slow",
    "Adadelta's rate is 1e-3 unless told otherwise, as in other frameworks.",
    torch.optim.Adadelta,
    "__init__",
    _with(lr=1e-3),
    catches=["optim-variants/defaults"],
)
swap(
    "adamax_starts_as_adam",
    "Adamax's rate is Adam's, 1e-3, unless told otherwise.",
    torch.optim.Adamax,
    "__init__",
    _with(lr=1e-3),
    catches=["optim-variants/defaults"],
)
