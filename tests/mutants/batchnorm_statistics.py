"""Faults of the running statistics: what they collect, how they move, and when."""

from __future__ import annotations

from typing import Any

import torch

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.normalisation import (
    after_forward,
    axes_of,
    move,
    replace_forward,
    right_forward,
    share_of_batch,
    tracks,
    uncounted,
    values_per_channel,
)


@mutant(
    "running_var collects the biased variance.",
    catches=["batchnorm/batchnorm-running-var-unbiased", "batchnorm/momentum-none-is-cumulative-average"],
    reaches=["train-eval/forgetting-eval-lets-test-data-change-model"],
)
def running_var_is_biased(torch_: MonkeyPatch) -> None:
    def change(layer: Any, x: torch.Tensor, mean: torch.Tensor, var: torch.Tensor) -> None:
        move(layer.running_var, var, x.var(axes_of(x), unbiased=False), share_of_batch(layer))

    after_forward(torch_, change)


@mutant(
    "momentum is the share of the old value.",
    catches=[
        "batchnorm/batchnorm-momentum-update-rule",
        "batchnorm/bn-smaller-momentum-remembers-longer",
        "batchnorm/bn-momentum-default",
    ],
)
def momentum_is_reversed(torch_: MonkeyPatch) -> None:
    def change(layer: Any, x: torch.Tensor, mean: torch.Tensor, var: torch.Tensor) -> None:
        if layer.momentum is not None:
            move(layer.running_mean, mean, x.mean(axes_of(x)), 1 - layer.momentum)
            if values_per_channel(x) > 1:
                move(layer.running_var, var, x.var(axes_of(x)), 1 - layer.momentum)

    after_forward(torch_, change)


@mutant(
    "momentum is 0.1, whatever was asked for.",
    catches=["batchnorm/batchnorm-momentum-update-rule"],
    reaches=["freezing", "train-eval"],
)
def momentum_is_fixed(torch_: MonkeyPatch) -> None:
    def change(layer: Any, x: torch.Tensor, mean: torch.Tensor, var: torch.Tensor) -> None:
        if layer.momentum is not None:
            move(layer.running_mean, mean, x.mean(axes_of(x)), 0.1)
            move(layer.running_var, var, x.var(axes_of(x)), 0.1)

    after_forward(torch_, change)


@mutant(
    "momentum=None means the default momentum.",
    catches=["batchnorm/momentum-none-is-cumulative-average"],
)
def momentum_none_is_the_default(torch_: MonkeyPatch) -> None:
    def change(layer: Any, x: torch.Tensor, mean: torch.Tensor, var: torch.Tensor) -> None:
        if layer.momentum is None:
            move(layer.running_mean, mean, x.mean(axes_of(x)), 0.1)
            move(layer.running_var, var, x.var(axes_of(x)), 0.1)

    after_forward(torch_, change)


@mutant(
    "momentum=None keeps the statistics of the last batch.",
    catches=["batchnorm/momentum-none-is-cumulative-average"],
)
def momentum_none_is_the_last_batch(torch_: MonkeyPatch) -> None:
    def change(layer: Any, x: torch.Tensor, mean: torch.Tensor, var: torch.Tensor) -> None:
        if layer.momentum is None:
            move(layer.running_mean, mean, x.mean(axes_of(x)), 1)
            move(layer.running_var, var, x.var(axes_of(x)), 1)

    after_forward(torch_, change)


@mutant(
    "running_mean does not move.",
    catches=["batchnorm/batchnorm-momentum-update-rule"],
    reaches=["freezing", "train-eval"],
)
def running_mean_stands_still(torch_: MonkeyPatch) -> None:
    after_forward(torch_, lambda layer, x, mean, var: layer.running_mean.copy_(mean))


@mutant(
    "running_var does not move.",
    catches=["batchnorm/batchnorm-momentum-update-rule", "batchnorm/batchnorm-running-var-unbiased"],
    reaches=["train-eval"],
)
def running_var_stands_still(torch_: MonkeyPatch) -> None:
    after_forward(torch_, lambda layer, x, mean, var: layer.running_var.copy_(var))


@mutant(
    "running_var holds standard deviations.",
    catches=["batchnorm/batchnorm-running-var-unbiased"],
    reaches=["train-eval"],
)
def running_var_is_a_deviation(torch_: MonkeyPatch) -> None:
    after_forward(
        torch_, lambda layer, x, mean, var: move(layer.running_var, var, x.std(axes_of(x)), share_of_batch(layer))
    )


@mutant(
    "A forward moves the statistics twice.",
    catches=["batchnorm/batchnorm-momentum-update-rule"],
    reaches=["freezing", "train-eval"],
)
def statistics_move_twice(torch_: MonkeyPatch) -> None:
    def change(layer: Any, x: torch.Tensor, mean: torch.Tensor, var: torch.Tensor) -> None:
        factor = share_of_batch(layer)
        move(layer.running_mean, layer.running_mean.clone(), x.mean(axes_of(x)), factor)
        move(layer.running_var, layer.running_var.clone(), x.var(axes_of(x)), factor)

    after_forward(torch_, change)


@mutant(
    "num_batches_tracked is not counted.",
    catches=["batchnorm/num-batches-tracked-counts-training-forwards"],
)
def batches_are_not_counted(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        y = right_forward(layer, x)
        if tracks(layer) and layer.momentum is not None:
            layer.num_batches_tracked.sub_(1)
        return y

    replace_forward(torch_, forward)


@mutant(
    "num_batches_tracked counts samples.",
    catches=["batchnorm/num-batches-tracked-counts-training-forwards"],
)
def samples_are_counted(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        y = right_forward(layer, x)
        if tracks(layer) and layer.momentum is not None:
            layer.num_batches_tracked.add_(x.shape[0] - 1)
        return y

    replace_forward(torch_, forward)


@mutant(
    "num_batches_tracked counts forwards in evaluation mode too.",
    catches=["batchnorm/num-batches-tracked-counts-training-forwards"],
)
def evaluations_are_counted(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        if not layer.training and layer.num_batches_tracked is not None:
            layer.num_batches_tracked.add_(1)
        return right_forward(layer, x)

    replace_forward(torch_, forward)


@mutant(
    "A forward replaces the buffers with new tensors.",
    catches=["batchnorm/running-stats-updated-in-place"],
)
def buffers_are_replaced(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        if tracks(layer):
            layer.running_mean, layer.running_var = layer.running_mean.clone(), layer.running_var.clone()
            layer.num_batches_tracked = layer.num_batches_tracked.clone()
        return right_forward(layer, x)

    replace_forward(torch_, forward)


@mutant(
    "The running statistics carry the history of the batches.",
    catches=["batchnorm/running-stats-carry-no-history"],
)
def statistics_have_a_history(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        if not (tracks(layer) and x.requires_grad):
            return right_forward(layer, x)
        mean = layer.running_mean.clone()
        y = right_forward(layer, x)
        factor = share_of_batch(layer)
        layer.running_mean = (1 - factor) * mean + factor * x.mean(axes_of(x)).to(mean.dtype)
        return y

    replace_forward(torch_, forward)


@mutant(
    "The statistics move in backward, not in the forward.",
    catches=["batchnorm/batchnorm-stats-update-needs-only-forward"],
    reaches=["train-eval"],
)
def statistics_move_in_backward(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        if not tracks(layer):
            return right_forward(layer, x)
        before = layer.running_mean.clone(), layer.running_var.clone()
        y = right_forward(layer, x)
        moved = layer.running_mean.clone(), layer.running_var.clone()

        def put(mean: torch.Tensor, var: torch.Tensor) -> None:
            uncounted(layer, lambda: (layer.running_mean.copy_(mean), layer.running_var.copy_(var)))

        put(*before)
        if y.requires_grad:
            y.register_hook(lambda gradient: put(*moved))
        return y

    replace_forward(torch_, forward)


@mutant(
    "no_grad freezes the statistics.",
    catches=["batchnorm/no-grad-does-not-freeze-batchnorm"],
    reaches=["train-eval"],
)
def no_grad_freezes_statistics(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        buffers = [layer.running_mean, layer.running_var, layer.num_batches_tracked]
        before = [buffer.clone() for buffer in buffers if tracks(layer)]
        y = right_forward(layer, x)
        if not torch.is_grad_enabled():
            for buffer, old in zip(buffers, before):
                buffer.copy_(old)
        return y

    replace_forward(torch_, forward)


@mutant(
    "no_grad puts the layer into evaluation.",
    catches=["batchnorm/no-grad-does-not-freeze-batchnorm"],
    reaches=["train-eval"],
)
def no_grad_means_evaluation(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        training = layer.training
        layer.training = training and torch.is_grad_enabled()
        try:
            return right_forward(layer, x)
        finally:
            layer.training = training

    replace_forward(torch_, forward)


@mutant(
    "Frozen parameters freeze the statistics.",
    catches=["freezing/freezing-parameters-freezes-whole-module-state"],
)
def frozen_parameters_freeze_statistics(torch_: MonkeyPatch) -> None:
    def change(layer: Any, x: torch.Tensor, mean: torch.Tensor, var: torch.Tensor) -> None:
        if layer.weight is not None and not layer.weight.requires_grad:
            layer.running_mean.copy_(mean)
            layer.running_var.copy_(var)

    after_forward(torch_, change)
