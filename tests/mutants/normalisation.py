"""What the mutants of batch normalization are made from: its forward, and ways to change it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from tests.mutants.mutant import MonkeyPatch

right_forward = _BatchNorm.forward
right_init = _BatchNorm.__init__
Forward = Callable[[Any, torch.Tensor], torch.Tensor]


def replace_forward(torch_: MonkeyPatch, forward: Forward) -> None:
    torch_.setattr(_BatchNorm, "forward", forward)


def tracks(layer: Any) -> bool:
    return bool(layer.training and layer.track_running_stats and layer.running_mean is not None)


def per_channel(values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return values.reshape([1, -1] + [1] * (x.dim() - 2))


def axes_of(x: torch.Tensor) -> list[int]:
    return [axis for axis in range(x.dim()) if axis != 1]


def values_per_channel(x: torch.Tensor) -> int:
    return x.numel() // x.shape[1]


def normalised_by(layer: Any, x: torch.Tensor, scale: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """The layer's output, with ``scale(biased variance, or running_var)`` in place of 1 / sqrt(var + eps)."""
    right_forward(layer, x)  # checks the input and moves the statistics
    batch = layer.training or layer.running_mean is None
    mean = x.mean(axes_of(x)) if batch else layer.running_mean
    var = x.var(axes_of(x), unbiased=False) if batch else layer.running_var
    y = (x - per_channel(mean, x)) * per_channel(scale(var), x)
    if layer.weight is not None:
        y = y * per_channel(layer.weight, x)
    return y if layer.bias is None else y + per_channel(layer.bias, x)


def affine_step(layer: Any, y: torch.Tensor) -> torch.Tensor:
    if layer.weight is not None:
        y = y * per_channel(layer.weight, y)
    return y if layer.bias is None else y + per_channel(layer.bias, y)


def after_forward(torch_: MonkeyPatch, change: Callable[[Any, torch.Tensor, torch.Tensor, torch.Tensor], None]) -> None:
    """``change(layer, x, old mean, old variance)`` runs after each forward that moved the statistics."""

    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        if not tracks(layer):
            return right_forward(layer, x)
        mean, var = layer.running_mean.clone(), layer.running_var.clone()
        y = right_forward(layer, x)
        uncounted(layer, lambda: change(layer, x, mean, var))
        return y

    replace_forward(torch_, forward)


def uncounted(layer: Any, write: Callable[[], Any]) -> None:
    """Write to the buffers without raising their version: backward has saved them, and would rightly complain."""
    buffers = (layer.running_mean, layer.running_var)
    with torch.no_grad(), torch.autograd._unsafe_preserve_version_counter(buffers):
        write()


def share_of_batch(layer: Any) -> float:
    return layer.momentum if layer.momentum is not None else 1 / float(layer.num_batches_tracked)


def move(buffer: torch.Tensor, old: torch.Tensor, new: torch.Tensor, factor: float) -> None:
    buffer.copy_((1 - factor) * old + factor * new)
