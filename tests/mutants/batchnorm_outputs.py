"""Faults of what BatchNorm normalises with, in either mode."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.normalisation import (
    affine_step,
    axes_of,
    move,
    normalised_by,
    per_channel,
    replace_forward,
    right_forward,
    right_init,
    tracks,
    uncounted,
    values_per_channel,
)

# -- modes -------------------------------------------------------------------------------------------------------


@mutant(
    "Evaluation mode moves the statistics.",
    catches=["batchnorm/eval-batchnorm-uses-running-stats-and-freezes-them", "batchnorm/batchnorm-combo-eval-track"],
    reaches=["train-eval"],
)
def evaluation_moves_statistics(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        y = right_forward(layer, x)
        if not layer.training and layer.running_mean is not None and values_per_channel(x) > 1:
            factor = 0.1 if layer.momentum is None else layer.momentum
            new = ((layer.running_mean, x.mean(axes_of(x))), (layer.running_var, x.var(axes_of(x))))
            uncounted(layer, lambda: [move(buffer, buffer.clone(), batch, factor) for buffer, batch in new])
        return y

    replace_forward(torch_, forward)


@mutant(
    "Evaluation mode normalises with the batch although statistics are kept.",
    catches=["batchnorm/eval-batchnorm-uses-running-stats-and-freezes-them", "batchnorm/batchnorm-combo-eval-track"],
    reaches=["train-eval"],
)
def evaluation_uses_the_batch(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        if layer.training or values_per_channel(x) == 1:
            return right_forward(layer, x)
        return torch.nn.functional.batch_norm(x, None, None, layer.weight, layer.bias, True, 0.0, layer.eps)

    replace_forward(torch_, forward)


@mutant(
    "Training mode normalises with the running statistics, after moving them.",
    catches=["batchnorm/batchnorm-combo-train-track", "batchnorm/batchnorm-normalises-with-biased-var"],
    reaches=["accumulation", "detach", "freezing", "requires-grad", "train-eval"],
)
def training_uses_running_statistics(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        y = right_forward(layer, x)
        if not tracks(layer):
            return y
        buffers = layer.running_mean.clone(), layer.running_var.clone()
        return torch.nn.functional.batch_norm(x, *buffers, layer.weight, layer.bias, False, 0.0, layer.eps)

    replace_forward(torch_, forward)


@mutant(
    "Without tracking, evaluation mode takes mean 0 and variance 1.",
    catches=["batchnorm/batchnorm-combo-eval-notrack"],
)
def untracked_evaluation_uses_zeros(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        if layer.training or layer.running_mean is not None:
            return right_forward(layer, x)
        layer._check_input_dim(x)
        zeros = torch.zeros(x.shape[1], dtype=x.dtype, device=x.device)
        return torch.nn.functional.batch_norm(x, zeros, zeros + 1, layer.weight, layer.bias, False, 0.0, layer.eps)

    replace_forward(torch_, forward)


@mutant(
    "track_running_stats=False keeps buffers all the same.",
    catches=["batchnorm/batchnorm-combo-eval-notrack", "batchnorm/batchnorm-combo-train-notrack"],
    reaches=["module"],
)
def untracked_layers_have_buffers(torch_: MonkeyPatch) -> None:
    def build(layer: Any, *args: Any, **options: Any) -> None:
        right_init(layer, *args, **options)
        if not layer.track_running_stats:
            layer.running_mean = torch.zeros(layer.num_features)
            layer.running_var = torch.ones(layer.num_features)
            layer.num_batches_tracked = torch.tensor(0)

    torch_.setattr(_BatchNorm, "__init__", build)


@mutant(
    "Switching track_running_stats off on a built layer makes evaluation use the batch.",
    catches=["batchnorm/batchnorm-toggle-track-attribute-after-construction"],
)
def switched_off_tracking_forgets_buffers(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        if layer.training or layer.track_running_stats or layer.running_mean is None:
            return right_forward(layer, x)
        return torch.nn.functional.batch_norm(x, None, None, layer.weight, layer.bias, True, 0.0, layer.eps)

    replace_forward(torch_, forward)


# -- what a batch is normalised with -----------------------------------------------------------------------------


@mutant(
    "A batch is normalised with its unbiased variance.",
    catches=["batchnorm/batchnorm-normalises-with-biased-var"],
    reaches=["accumulation", "detach", "freezing", "requires-grad", "train-eval"],
)
def batches_are_normalised_unbiased(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        n = values_per_channel(x)
        if not layer.training or n == 1:
            return right_forward(layer, x)
        return normalised_by(layer, x, lambda var: (var * n / (n - 1) + layer.eps).rsqrt())

    replace_forward(torch_, forward)


@mutant(
    "eps is added to the standard deviation, outside the root.",
    catches=["batchnorm/batchnorm-eps-inside-sqrt"],
    reaches=["accumulation", "freezing", "train-eval"],
)
def eps_is_outside_the_root(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        return normalised_by(layer, x, lambda var: 1 / (var.sqrt() + layer.eps))

    replace_forward(torch_, forward)


@mutant(
    "eps is added in training only.",
    catches=["batchnorm/batchnorm-eps-inside-sqrt"],
    reaches=["train-eval"],
)
def eps_is_for_training_only(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        return right_forward(layer, x) if layer.training else normalised_by(layer, x, lambda var: var.rsqrt())

    replace_forward(torch_, forward)


@mutant(
    "The eps that was asked for is ignored.",
    catches=["batchnorm/batchnorm-eps-inside-sqrt"],
)
def eps_is_fixed(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        eps, layer.eps = layer.eps, 1e-5
        try:
            return right_forward(layer, x)
        finally:
            layer.eps = eps

    replace_forward(torch_, forward)


@mutant(
    "eps defaults to 1e-3.",
    catches=["batchnorm/batchnorm1d-signature"],
    reaches=["accumulation", "detach", "freezing", "requires-grad", "train-eval"],
)
def eps_defaults_to_a_thousandth(torch_: MonkeyPatch) -> None:
    def build(layer: Any, features: int, eps: float = 1e-3, *args: Any, **options: Any) -> None:
        right_init(layer, features, eps, *args, **options)

    torch_.setattr(_BatchNorm, "__init__", build)


@mutant(
    "Every position has statistics of its own: only the batch is averaged over.",
    catches=["batchnorm/batchnorm-stats-reduce-over-batch-and-length"],
    reaches=["accumulation", "detach", "freezing", "requires-grad", "train-eval"],
)
def statistics_are_per_position(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        if not layer.training or x.dim() == 2 or x.shape[0] == 1:
            return right_forward(layer, x)
        right_forward(layer, x)
        y = (x - x.mean(0)) / (x.var(0, unbiased=False) + layer.eps).sqrt()
        return affine_step(layer, y)

    replace_forward(torch_, forward)


@mutant(
    "A (N, C) batch is normalised sample by sample.",
    catches=["batchnorm/batchnorm1d-2d-input-omits-channel", "batchnorm/batchnorm-normalises-with-biased-var"],
    reaches=["accumulation", "detach", "freezing", "requires-grad", "train-eval"],
)
def flat_batches_are_normalised_by_sample(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        if x.dim() != 2 or not layer.training:
            return right_forward(layer, x)
        right_forward(layer, x)
        y = torch.nn.functional.layer_norm(x, x.shape[1:], eps=layer.eps)
        return affine_step(layer, y)

    replace_forward(torch_, forward)


@mutant(
    "The statistics of the batch are constants in backward.",
    catches=["train-eval/eval-gradients-same-as-train"],
    reaches=["accumulation", "batchnorm", "detach", "freezing", "requires-grad"],
)
def batch_statistics_are_constants(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        if not layer.training:
            return right_forward(layer, x)
        right_forward(layer, x)
        mean, var = x.detach().mean(axes_of(x)), x.detach().var(axes_of(x), unbiased=False)
        y = (x - per_channel(mean, x)) * per_channel((var + layer.eps).rsqrt(), x)
        return affine_step(layer, y)

    replace_forward(torch_, forward)
