"""Faults of the formulas of SGD, Adam, AdamW and RMSprop."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch

from tests.mutants.mutant import MonkeyPatch, mutant

_sgd_module: Any = importlib.import_module("torch.optim.sgd")
_adam_module: Any = importlib.import_module("torch.optim.adam")
_rmsprop_module: Any = importlib.import_module("torch.optim.rmsprop")


def _changed(torch_: MonkeyPatch, module: Any, name: str, **change: Callable[[Any], Any]) -> None:
    """The update ``name`` with changed hyperparameters."""
    right = getattr(module, name)

    def update(*args: Any, **options: Any) -> None:
        right(*args, **{**options, **{option: alter(options[option]) for option, alter in change.items()}})

    torch_.setattr(module, name, update)


def _sgd(torch_: MonkeyPatch, **change: Callable[[Any], Any]) -> None:
    _changed(torch_, _sgd_module, "sgd", **change)


def _adam(torch_: MonkeyPatch, **change: Callable[[Any], Any]) -> None:
    _changed(torch_, _adam_module, "adam", **change)


def _rmsprop(torch_: MonkeyPatch, **change: Callable[[Any], Any]) -> None:
    _changed(torch_, _rmsprop_module, "rmsprop", **change)


@mutant(
    "SGD adds the gradient.",
    catches=["optim/sgd-lr1-weight-is-old-minus-grad"],
    reaches=["backward", "freezing", "optim-sgd", "training-loop"],
)
def sgd_goes_uphill(torch_: MonkeyPatch) -> None:
    _sgd(torch_, lr=lambda lr: -lr)


@mutant(
    "SGD ignores the learning rate.",
    catches=["optim/sgd-lr1-weight-is-old-minus-grad"],
    reaches=["backward", "freezing", "optim-sgd", "training-loop"],
)
def sgd_ignores_lr(torch_: MonkeyPatch) -> None:
    _sgd(torch_, lr=lambda lr: 1.0)


@mutant(
    "SGD subtracts the weight decay.",
    catches=["optim-sgd/weight-decay-is-l2-gradient"],
    reaches=["optim"],
)
def sgd_weight_decay_has_the_wrong_sign(torch_: MonkeyPatch) -> None:
    _sgd(torch_, weight_decay=lambda decay: -decay)


@mutant(
    "SGD ignores weight decay.",
    catches=["optim-sgd/weight-decay-is-l2-gradient"],
    reaches=["optim"],
)
def sgd_ignores_weight_decay(torch_: MonkeyPatch) -> None:
    _sgd(torch_, weight_decay=lambda decay: 0.0)


@mutant(
    "SGD ignores momentum.",
    catches=["optim-sgd/momentum-buffer-starts-at-gradient"],
    reaches=["optim"],
)
def sgd_ignores_momentum(torch_: MonkeyPatch) -> None:
    _sgd(torch_, momentum=lambda momentum: 0.0)


@mutant(
    "SGD damps the first gradient of a momentum, too, by the momentum itself.",
    catches=["optim-sgd/momentum-buffer-starts-at-gradient"],
    reaches=["optim"],
)
def sgd_momentum_averages(torch_: MonkeyPatch) -> None:
    right = _sgd_module.sgd

    def sgd(params: Any, grads: Any, buffers: Any, *args: Any, **options: Any) -> None:
        right(params, grads, buffers, *args, **{**options, "dampening": options["momentum"]})

    torch_.setattr(_sgd_module, "sgd", sgd)


@mutant(
    "SGD swaps plain and Nesterov momentum.",
    catches=["optim-sgd/nesterov", "optim-sgd/momentum-buffer-starts-at-gradient"],
    reaches=["optim"],
)
def sgd_nesterov_is_swapped(torch_: MonkeyPatch) -> None:
    right = _sgd_module.sgd

    def sgd(*args: Any, **options: Any) -> None:
        right(*args, **{**options, "nesterov": bool(options["momentum"]) and not options["nesterov"]})

    torch_.setattr(_sgd_module, "sgd", sgd)


@mutant(
    "SGD ignores dampening.",
    catches=["optim-sgd/dampening-starts-at-second-step"],
)
def sgd_ignores_dampening(torch_: MonkeyPatch) -> None:
    _sgd(torch_, dampening=lambda dampening: 0.0)


@mutant(
    "SGD ignores maximize.",
    catches=["optim-sgd/maximize-negates-before-decay"],
)
def sgd_ignores_maximize(torch_: MonkeyPatch) -> None:
    _sgd(torch_, maximize=lambda maximize: False)


@mutant(
    "Adam does not correct the bias of its averages.",
    catches=["optim-adam/bias-corrected-update"],
)
def adam_has_no_bias_correction(torch_: MonkeyPatch) -> None:
    right = _adam_module.adam

    def adam(params: Any, grads: Any, averages: Any, squares: Any, largest: Any, steps: Any, **options: Any) -> None:
        far = [torch.full_like(step, 1e6) for step in steps]
        right(params, grads, averages, squares, largest, far, **options)
        for step in steps:
            step.add_(1)

    torch_.setattr(_adam_module, "adam", adam)


@mutant(
    "Adam decouples its weight decay, as AdamW does.",
    catches=["optim-adam/weight-decay-enters-the-moments"],
)
def adam_decouples_weight_decay(torch_: MonkeyPatch) -> None:
    _adam(torch_, decoupled_weight_decay=lambda decoupled: True)


@mutant(
    "Adam swaps its betas.",
    catches=["optim-adam/bias-corrected-update"],
)
def adam_swaps_betas(torch_: MonkeyPatch) -> None:
    right = _adam_module.adam

    def adam(*args: Any, beta1: float, beta2: float, **options: Any) -> None:
        right(*args, beta1=beta2, beta2=beta1, **options)

    torch_.setattr(_adam_module, "adam", adam)


@mutant(
    "Adam ignores eps.",
    catches=["optim-adam/eps-outside-the-square-root"],
    reaches=["optim", "optim-adamw"],
)
def adam_ignores_eps(torch_: MonkeyPatch) -> None:
    _adam(torch_, eps=lambda eps: 0.0)


@mutant(
    "Adam ignores maximize.",
    catches=["optim-adam/options-together", "optim-adamw/decoupled-decay"],
    reaches=["optim"],
)
def adam_ignores_maximize(torch_: MonkeyPatch) -> None:
    _adam(torch_, maximize=lambda maximize: False)


@mutant(
    "AdamW decays as Adam does, into the gradient.",
    catches=["optim-adamw/decoupled-decay", "optim-adamw/equals-adam-with-decoupled-flag"],
    reaches=["optim"],
)
def adamw_couples_weight_decay(torch_: MonkeyPatch) -> None:
    _adam(torch_, decoupled_weight_decay=lambda decoupled: False)


@mutant(
    "AdamW decays by its weight_decay whatever lr is.",
    catches=["optim-adamw/decoupled-decay", "optim-adamw/equals-adam-with-decoupled-flag"],
    reaches=["optim"],
)
def adamw_decays_without_lr(torch_: MonkeyPatch) -> None:
    right = _adam_module.adam

    def adam(params: Any, *args: Any, weight_decay: Any, **options: Any) -> None:
        decoupled = options["decoupled_weight_decay"]
        for p in params if decoupled else []:
            p.mul_(1 - weight_decay)
        right(params, *args, weight_decay=0.0 if decoupled else weight_decay, **options)

    torch_.setattr(_adam_module, "adam", adam)


@mutant(
    "AdamW decays after its step.",
    catches=["optim-adamw/decoupled-decay", "optim-adamw/equals-adam-with-decoupled-flag"],
    reaches=["optim"],
)
def adamw_decays_afterwards(torch_: MonkeyPatch) -> None:
    right = _adam_module.adam

    def adam(params: Any, *args: Any, weight_decay: Any, **options: Any) -> None:
        decoupled = options["decoupled_weight_decay"]
        right(params, *args, weight_decay=0.0 if decoupled else weight_decay, **options)
        for p in params if decoupled else []:
            p.mul_(1 - options["lr"] * weight_decay)

    torch_.setattr(_adam_module, "adam", adam)


def _defaulting(torch_: MonkeyPatch, kind: Any, **defaults: Any) -> None:
    """An optimizer with other defaults."""
    right = kind.__init__
    torch_.setattr(kind, "__init__", lambda one, params, **options: right(one, params, **{**defaults, **options}))


@mutant(
    "AdamW does not decay unless told to.",
    catches=["optim-adamw/default-weight-decay"],
    reaches=["optim"],
)
def adamw_decays_on_request(torch_: MonkeyPatch) -> None:
    _defaulting(torch_, torch.optim.AdamW, weight_decay=0.0)


@mutant("SGD moves by 0.01 unless told otherwise.", catches=["optim-sgd/plain-update"])
def sgd_starts_fast(torch_: MonkeyPatch) -> None:
    _defaulting(torch_, torch.optim.SGD, lr=0.01)


@mutant(
    "RMSprop averages with an alpha of 0.9 unless told otherwise, as other frameworks do.",
    catches=["optim-rmsprop/defaults-and-state-names"],
)
def rmsprop_has_another_default(torch_: MonkeyPatch) -> None:
    _defaulting(torch_, torch.optim.RMSprop, alpha=0.9)


@mutant("RMSprop ignores momentum.", catches=["optim-rmsprop/update-rule"])
def rmsprop_ignores_momentum(torch_: MonkeyPatch) -> None:
    _rmsprop(torch_, momentum=lambda momentum: 0.0)


@mutant("RMSprop ignores centered.", catches=["optim-rmsprop/update-rule"])
def rmsprop_is_never_centered(torch_: MonkeyPatch) -> None:
    _rmsprop(torch_, centered=lambda centered: False)


@mutant("RMSprop gives alpha to the present gradient and the rest to the past.", catches=["optim-rmsprop/update-rule"])
def rmsprop_forgets_the_past(torch_: MonkeyPatch) -> None:
    _rmsprop(torch_, alpha=lambda alpha: 1 - alpha)


@mutant(
    "RMSprop starts its average of squares at one.",
    catches=["optim-rmsprop/update-rule", "optim-rmsprop/weight-decay-and-maximize"],
)
def rmsprop_starts_at_one(torch_: MonkeyPatch) -> None:
    right = _rmsprop_module.rmsprop

    def rmsprop(params: Any, grads: Any, squares: Any, averages: Any, buffers: Any, steps: Any, **options: Any) -> None:
        for square, step in zip(squares, steps):
            square.add_(1.0 if step == 0 else 0.0)
        right(params, grads, squares, averages, buffers, steps, **options)

    torch_.setattr(_rmsprop_module, "rmsprop", rmsprop)


@mutant("RMSprop ignores maximize.", catches=["optim-rmsprop/weight-decay-and-maximize"])
def rmsprop_ignores_maximize(torch_: MonkeyPatch) -> None:
    _rmsprop(torch_, maximize=lambda maximize: False)


@mutant(
    "RMSprop turns the decay round where it maximizes.",
    catches=["optim-rmsprop/weight-decay-and-maximize"],
)
def rmsprop_maximizes_the_decay(torch_: MonkeyPatch) -> None:
    right = _rmsprop_module.rmsprop

    def rmsprop(*args: Any, lr: Any, maximize: bool, **options: Any) -> None:
        right(*args, lr=-lr if maximize else lr, maximize=False, **options)

    torch_.setattr(_rmsprop_module, "rmsprop", rmsprop)
