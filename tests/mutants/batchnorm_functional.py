"""Faults of F.batch_norm, the function under the layers: its defaults, and what it does with statistics."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F  # noqa: N812 - as everybody writes it
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from tests.mutants.normalisation import axes_of
from tests.mutants.swapping import swap


def _defaults(**other: Any) -> Any:
    """The right function with other defaults; the layers, which pass everything, are not affected."""

    def build(right: Any) -> Any:
        def batch_norm(x: Any, mean: Any, var: Any, *args: Any, **options: Any) -> Any:
            return right(x, mean, var, *args, **(options if len(args) > 2 else {**other, **options}))

        return batch_norm

    return build


swap(
    "functional_batch_norm_trains",
    "F.batch_norm normalises with the batch unless told otherwise.",
    F,
    "batch_norm",
    _defaults(training=True),
    catches=["batchnorm/functional-training-defaults-false", "batchnorm/functional-without-statistics"],
)
swap(
    "functional_momentum_is_nine_tenths",
    "The momentum of F.batch_norm is 0.9 unless told otherwise.",
    F,
    "batch_norm",
    _defaults(momentum=0.9),
    catches=["batchnorm/functional-updates-given-buffers-in-place"],
)


def _on_copies(right: Any) -> Any:
    def batch_norm(x: Any, mean: Any, var: Any, *args: Any, **options: Any) -> Any:
        copies = (one if one is None else one.clone() for one in (mean, var))
        return right(x, *copies, *args, **options)

    return batch_norm


swap(
    "given_statistics_stay",
    "F.batch_norm leaves the statistics that it is given as they are, in training too.",
    F,
    "batch_norm",
    _on_copies,
    catches=["batchnorm/functional-updates-given-buffers-in-place"],
    reaches=["*"],
)


def _always_normalising(right: Any) -> Any:
    def batch_norm(x: Any, mean: Any, var: Any, *args: Any, **options: Any) -> Any:
        if mean is None:
            mean, var = x.mean(axes_of(x)).detach(), x.var(axes_of(x), unbiased=False).detach()
        return right(x, mean, var, *args, **options)

    return batch_norm


swap(
    "missing_statistics_are_those_of_the_batch",
    "F.batch_norm without statistics takes those of the batch, in evaluation too.",
    F,
    "batch_norm",
    _always_normalising,
    catches=["batchnorm/functional-without-statistics"],
)


def _layer_only(right: Any) -> Any:
    def reset(layer: Any) -> None:
        count = layer.num_batches_tracked
        if count is None or count.is_meta or not count:
            right(layer)
        elif layer.affine:
            nn.init.ones_(layer.weight)
            nn.init.zeros_(layer.bias)

    return reset


swap(
    "reset_parameters_spares_statistics",
    "reset_parameters() of a layer that has seen batches leaves its running statistics.",
    _NormBase,
    "reset_parameters",
    _layer_only,
    catches=["batchnorm/reset-parameters"],
)


def _early(right: Any) -> Any:
    def batch_norm(x: Any, mean: Any, var: Any, *args: Any, **options: Any) -> Any:
        try:
            return right(x, mean, var, *args, **options)
        except ValueError:
            if mean is not None:
                mean.copy_(0.9 * mean + 0.1 * x.mean(axes_of(x)))
            raise

    return batch_norm


swap(
    "refused_batches_move_statistics",
    "A batch of one value per channel moves the running mean before it is refused.",
    F,
    "batch_norm",
    _early,
    catches=["batchnorm/single-value-per-channel"],
)
