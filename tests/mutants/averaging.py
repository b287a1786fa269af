"""Faults of averaged models, of batch statistics over several processes, and of root mean square normalization."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import swa_utils

from tests.mutants.swapping import swap

# -- averaged models ---------------------------------------------------------------------------------------------


def _updating(way: Callable[[Any, Any, int], Any]) -> Any:
    """AveragedModel whose parameters become ``way(average, parameter, updates before)``."""

    def build(right: Any) -> Any:
        def update(averaged: Any, model: nn.Module) -> None:
            before = int(averaged.n_averaged)
            made = [
                way(p.detach(), q.detach(), before) for p, q in zip(averaged.module.parameters(), model.parameters())
            ]
            right(averaged, model)
            for p, new in zip(averaged.module.parameters(), made):
                p.detach().copy_(new)

        return update

    return build


swap(
    "averages_count_the_first_copy",
    "An AveragedModel counts the parameters that it was made with.",
    swa_utils.AveragedModel,
    "update_parameters",
    _updating(lambda p, q, before: p + (q - p) / (before + 2)),
    catches=["swa/averaged-model-is-the-running-mean", "swa/averaged-model-computes-with-the-average"],
)
swap(
    "averages_are_means",
    "avg_fn and use_buffers are ignored.",
    swa_utils.AveragedModel,
    "__init__",
    lambda right: lambda averaged, model, *args, **options: right(averaged, model),
    catches=["swa/average-is-what-avg-fn-makes-it", "swa/buffers-are-averaged-if-asked"],
)


def _moving(right: Any) -> Any:
    def update(loader: Any, model: nn.Module, device: Any = None) -> None:
        for batch in loader:
            model.train()(batch[-1] if isinstance(batch, (list, tuple)) else batch)

    return update


swap(
    "update_bn_is_a_pass_in_training",
    "update_bn runs the last entry of each batch through the model in training mode, and does nothing else.",
    swa_utils,
    "update_bn",
    _moving,
    catches=[
        "swa/update-bn-recomputes-statistics",
        "swa/update-bn-takes-first-of-pair",
        "swa/update-bn-without-batchnorm",
    ],
)

swap(
    "rates_anneal_one_epoch_early",
    "SWALR reaches its rate one epoch early, and always along the cosine.",
    swa_utils.SWALR,
    "__init__",
    lambda right: (
        lambda scheduler, optimizer, swa_lr, anneal_epochs=10, anneal_strategy="cos", **options: right(
            scheduler, optimizer, swa_lr, anneal_epochs - 1, **options
        )
    ),
    catches=["swa/rate-anneals-to-a-constant"],
)

# -- synchronized batch normalization ----------------------------------------------------------------------------


def _rebuilt(right: Any) -> Any:
    def convert(cls: Any, module: Any, process_group: Any = None) -> Any:
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            fresh = cls(module.num_features)
            fresh.load_state_dict(module.state_dict())
            return fresh
        for name, child in module.named_children():
            setattr(module, name, convert(cls, child))
        return module

    return classmethod(convert)


swap(
    "converted_layers_are_new",
    "convert_sync_batchnorm makes default layers of the same values.",
    nn.SyncBatchNorm,
    "convert_sync_batchnorm",
    _rebuilt,
    catches=["syncbn/convert-sync-batchnorm", "syncbn/convert-sync-batchnorm-single"],
)
swap(
    "synchronized_layers_always_use_the_batch",
    "SyncBatchNorm normalizes with the batch's statistics in evaluation mode too.",
    nn.SyncBatchNorm,
    "forward",
    lambda right: lambda norm, x: right(norm.train(), x),
    catches=["syncbn/falls-back-to-batchnorm-without-process-group"],
)
swap(
    "synchronized_layers_take_any_rank",
    "SyncBatchNorm takes the last dimension for the channels where there is one only.",
    nn.SyncBatchNorm,
    "forward",
    lambda right: lambda norm, x: right(norm, x) if x.dim() > 1 else x * norm.weight + norm.bias,
    catches=["syncbn/rank-is-checked"],
)


def _drawn(layer: Any) -> None:
    if layer.weight is not None:
        nn.init.uniform_(layer.weight)


swap(
    "synchronized_layers_begin_as_documented",
    "The weight of a SyncBatchNorm is drawn at random.",
    nn.SyncBatchNorm,
    "reset_parameters",
    lambda right: lambda norm: (right(norm), _drawn(norm))[0],
    catches=["syncbn/weight-initialised-to-ones"],
)

# -- root mean square normalization ------------------------------------------------------------------------------

swap(
    "rms_norm_begins_random",
    "The weight of RMSNorm is drawn at random.",
    nn.RMSNorm,
    "reset_parameters",
    lambda right: lambda norm: (right(norm), _drawn(norm))[0],
    catches=["rmsnorm/parameters"],
)


def _constant_scale(right: Any) -> Any:
    def rms_norm(x: Any, shape: Any, weight: Any = None, eps: Any = None) -> Any:
        scale = (right(x, shape, None, eps) / x).detach()
        return x * scale if weight is None else x * scale * weight

    return rms_norm


swap(
    "mean_squares_are_constants",
    "The gradient of RMSNorm takes the mean square for a constant.",
    nn.functional,
    "rms_norm",
    _constant_scale,
    catches=["rmsnorm/gradients"],
)


def _broadcast(right: Any) -> Any:
    def rms_norm(x: Any, shape: Any, weight: Any = None, eps: Any = None) -> Any:
        if x.shape[-len(shape) :] == torch.Size(shape):
            return right(x, shape, weight, eps)
        return right(x, x.shape[-len(shape) :], None, eps)

    return rms_norm


swap(
    "rms_norm_takes_any_shape",
    "RMSNorm goes by the number of dimensions in normalized_shape, not by their sizes.",
    nn.functional,
    "rms_norm",
    _broadcast,
    catches=["rmsnorm/shape-is-checked"],
)
