"""Faults of the formulas of SGD and Adam."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch

from tests.mutants.mutant import MonkeyPatch, mutant

_sgd_module: Any = importlib.import_module("torch.optim.sgd")
_adam_module: Any = importlib.import_module("torch.optim.adam")


def _sgd(torch_: MonkeyPatch, **change: Callable[[Any], Any]) -> None:
    """The update of SGD with changed hyperparameters."""
    right = _sgd_module.sgd

    def sgd(*args: Any, **options: Any) -> None:
        right(*args, **{**options, **{name: alter(options[name]) for name, alter in change.items()}})

    torch_.setattr(_sgd_module, "sgd", sgd)


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
    right = _adam_module.adam
    torch_.setattr(
        _adam_module, "adam", lambda *args, **options: right(*args, **{**options, "decoupled_weight_decay": True})
    )


@mutant(
    "Adam swaps its betas.",
    catches=["optim-adam/bias-corrected-update"],
)
def adam_swaps_betas(torch_: MonkeyPatch) -> None:
    right = _adam_module.adam

    def adam(*args: Any, beta1: float, beta2: float, **options: Any) -> None:
        right(*args, beta1=beta2, beta2=beta1, **options)

    torch_.setattr(_adam_module, "adam", adam)
