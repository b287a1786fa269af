"""Faults of BatchNorm as it is built, and of what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.normalisation import (
    per_channel,
    replace_forward,
    right_forward,
    right_init,
    values_per_channel,
)


def after_building(torch_: MonkeyPatch, change: Callable[[Any], None]) -> None:
    def build(layer: Any, *args: Any, **options: Any) -> None:
        right_init(layer, *args, **options)
        change(layer)

    torch_.setattr(_BatchNorm, "__init__", build)


@mutant(
    "momentum defaults to 0.9.",
    catches=["batchnorm/bn-momentum-default"],
)
def momentum_defaults_to_nine_tenths(torch_: MonkeyPatch) -> None:
    def build(layer: Any, features: int, eps: float = 1e-5, momentum: Any = 0.9, *args: Any, **options: Any) -> None:
        right_init(layer, features, eps, momentum, *args, **options)

    torch_.setattr(_BatchNorm, "__init__", build)


def _fill(torch_: MonkeyPatch, name: str, write: Callable[[torch.Tensor], Any]) -> None:
    """A new layer's tensor ``name`` begins with what ``write`` puts there."""

    def change(layer: Any) -> None:
        if getattr(layer, name) is not None:
            write(getattr(layer, name).detach())

    after_building(torch_, change)


@mutant(
    "weight begins with zeros.",
    catches=["batchnorm/batchnorm-affine-true-params"],
    reaches=["detach", "freezing", "requires-grad", "train-eval"],
)
def weight_begins_with_zeros(torch_: MonkeyPatch) -> None:
    _fill(torch_, "weight", lambda weight: weight.zero_())


@mutant(
    "weight begins with numbers between 0 and 1.",
    catches=["batchnorm/batchnorm-affine-true-params"],
    reaches=["detach", "freezing", "requires-grad", "train-eval"],
)
def weight_begins_random(torch_: MonkeyPatch) -> None:
    _fill(torch_, "weight", lambda weight: weight.copy_(torch.linspace(0.25, 0.75, len(weight))))


@mutant(
    "bias begins with ones.",
    catches=["batchnorm/batchnorm-affine-true-params"],
    reaches=["detach", "freezing", "requires-grad", "train-eval"],
)
def bias_begins_with_ones(torch_: MonkeyPatch) -> None:
    _fill(torch_, "bias", lambda bias: bias.fill_(1))


@mutant(
    "running_var begins with zeros.",
    catches=["batchnorm/batchnorm-track-true-buffers-init"],
    reaches=["train-eval"],
)
def running_var_begins_with_zeros(torch_: MonkeyPatch) -> None:
    _fill(torch_, "running_var", lambda running_var: running_var.zero_())


@mutant(
    "running_mean and running_var are parameters.",
    catches=["batchnorm/batchnorm-track-true-buffers-init"],
    reaches=["leaf", "module", "requires-grad", "train-eval"],
)
def statistics_are_parameters(torch_: MonkeyPatch) -> None:
    def change(layer: Any) -> None:
        for name in ("running_mean", "running_var"):
            buffer = layer._buffers.pop(name, None)
            if buffer is not None:
                layer.register_parameter(name, torch.nn.Parameter(buffer, requires_grad=False))

    after_building(torch_, change)


@mutant(
    "affine=False keeps weight and bias.",
    catches=["batchnorm/batchnorm-affine-false-has-no-params"],
    reaches=["train-eval"],
)
def affine_false_has_parameters(torch_: MonkeyPatch) -> None:
    def change(layer: Any) -> None:
        if not layer.affine:
            layer.weight = torch.nn.Parameter(torch.ones(layer.num_features))
            layer.bias = torch.nn.Parameter(torch.zeros(layer.num_features))

    after_building(torch_, change)


@mutant(
    "The shift is added before the scale is applied.",
    catches=["batchnorm/batchnorm-affine-true-params"],
)
def shift_precedes_scale(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        if layer.weight is None or layer.bias is None:
            return right_forward(layer, x)
        weight, bias = layer.weight, layer.bias
        y = right_forward(layer, x)
        return y + per_channel(bias * weight - bias, x)

    replace_forward(torch_, forward)


@mutant(
    "The batch may have any number of channels.",
    catches=["batchnorm/batchnorm1d-num-features-is-channel-dim"],
)
def channels_are_not_checked(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        if x.dim() > 1 and x.shape[1] != layer.num_features:
            return x
        return right_forward(layer, x)

    replace_forward(torch_, forward)


@mutant(
    "One value per channel is normalised to 0 instead of being refused.",
    catches=["batchnorm/single-value-per-channel"],
)
def single_values_are_accepted(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        return x * 0 if layer.training and values_per_channel(x) == 1 else right_forward(layer, x)

    replace_forward(torch_, forward)


@mutant(
    "eps=0 is accepted.",
    catches=["batchnorm/eps-zero-is-refused"],
)
def zero_eps_is_accepted(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        return right_forward(layer, x) if layer.eps else x

    replace_forward(torch_, forward)
