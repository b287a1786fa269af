"""Faults of linear, convolution, pooling and embedding layers, of normalisation without batches, and of losses."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
from torch import nn

from tests.mutants.swapping import swap

# -- layers ------------------------------------------------------------------------------------------------------

swap(
    "linear_subtracts_its_bias",
    "A linear layer negates its bias.",
    F,
    "linear",
    lambda right: lambda x, weight, bias=None: right(x, weight, bias if bias is None else -bias),
    catches=["linear/forward-formula", "linear/gradients"],
    reaches=["*"],
)
swap(
    "linear_converts_its_input",
    "A linear layer converts its input to the weight's dtype.",
    F,
    "linear",
    lambda right: lambda x, weight, bias=None: right(x.to(weight.dtype), weight, bias),
    catches=["linear/no-implicit-dtype-promotion"],
)
swap(
    "linear_starts_at_zero",
    "A linear layer begins with a bias of zeros.",
    nn.Linear,
    "reset_parameters",
    lambda right: lambda layer: (right(layer), layer.bias is None or nn.init.zeros_(layer.bias))[0],
    catches=["linear/parameter-shapes-and-init-range"],
    reaches=["*"],
)
swap(
    "convolution_flips_its_kernel",
    "A convolution flips its kernel.",
    F,
    "conv1d conv2d conv3d",
    lambda right: lambda x, weight, *args, **options: right(x, weight.flip(*range(2, weight.dim())), *args, **options),
    catches=["conv/is-cross-correlation"],
    reaches=["*"],
)
swap(
    "convolution_ignores_dilation",
    "Convolutions ignore dilation.",
    F,
    "conv1d conv2d conv3d",
    lambda right: (
        lambda x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1: right(
            x, weight, bias, stride, padding, 1, groups
        )
    ),
    catches=["conv/output-shape"],
    reaches=["*"],
)
swap(
    "pooling_moves_by_one",
    "Pooling moves its window by one unless a stride is given.",
    F,
    "max_pool2d avg_pool2d",
    lambda right: (
        lambda x, kernel, stride=None, *args, **options: right(
            x, kernel, 1 if stride in (None, kernel) else stride, *args, **options
        )
    ),
    catches=["pool/stride-defaults-to-kernel"],
    reaches=["*"],
)
swap(
    "average_pooling_leaves_padding_out",
    "Average pooling never counts padding.",
    F,
    "avg_pool2d",
    lambda right: (
        lambda x, kernel, stride=None, padding=0, ceil=False, count=True, divisor=None: right(
            x, kernel, stride, padding, ceil, False, None
        )
    ),
    catches=["pool/avg-counts-padding-by-default", "pool/avg-divisor-override"],
    reaches=["*"],
)
swap(
    "max_pooling_pads_with_zeros",
    "Max pooling takes its padding for zeros.",
    F,
    "max_pool2d",
    lambda right: lambda x, *args, **options: right(x.relu(), *args, **options),
    catches=["pool/max-padding-is-minus-infinity"],
    reaches=["*"],
)
swap(
    "embeddings_wrap_around",
    "An index out of range wraps around.",
    F,
    "embedding",
    lambda right: lambda index, weight, *args, **options: right(index % weight.shape[0], weight, *args, **options),
    catches=["embedding/index-out-of-range"],
)
swap(
    "embeddings_learn_nothing",
    "The gradient of an embedding's row is never there.",
    F,
    "embedding",
    lambda right: lambda index, weight, *args, **options: right(index, weight.detach(), *args, **options),
    catches=["embedding/lookup-shape-and-gradient"],
    reaches=["*"],
)

# -- normalisation -----------------------------------------------------------------------------------------------

swap(
    "layer_norm_is_scaled",
    "Layer normalization scales its result down.",
    F,
    "layer_norm",
    lambda right: lambda *args, **options: 0.9 * right(*args, **options),
    catches=["layernorm/normalizes-last-dims-biased"],
    reaches=["*"],
)
swap(
    "layer_norm_detaches_its_statistics",
    "Layer normalization sends no gradient through mean and variance.",
    F,
    "layer_norm",
    lambda right: lambda x, shape, *args, **options: right(x.detach(), shape, *args, **options) + (x - x.detach()),
    catches=["layernorm/input-gradient-formula"],
    reaches=["*"],
)
swap(
    "group_norm_is_layer_norm",
    "Group normalization puts all channels into one group.",
    F,
    "group_norm",
    lambda right: lambda x, groups, *args, **options: right(x, 1, *args, **options),
    catches=["groupnorm/per-group-statistics"],
)
swap(
    "group_norm_ignores_its_weight",
    "Group normalization leaves its weight out.",
    F,
    "group_norm",
    lambda right: lambda x, groups, weight=None, bias=None, eps=1e-5: right(x, groups, None, bias, eps),
    catches=["groupnorm/per-group-statistics"],
)
swap(
    "instance_norm_uses_the_batch",
    "Instance normalization normalises over the batch.",
    F,
    "instance_norm",
    lambda right: (
        lambda x, mean=None, var=None, weight=None, bias=None, use=True, momentum=0.1, eps=1e-5: F.batch_norm(
            x, mean, var, weight, bias, use, momentum, eps
        )
    ),
    catches=["instancenorm/per-sample-per-channel-biased"],
)
swap(
    "instance_norm_never_uses_statistics",
    "Instance normalization with running statistics normalises with the instance in evaluation too.",
    F,
    "instance_norm",
    lambda right: (
        lambda x, mean=None, var=None, weight=None, bias=None, use=True, momentum=0.1, eps=1e-5: right(
            x, None, None, weight, bias, True, momentum, eps
        )
    ),
    catches=[
        "instancenorm/tracked-eval-uses-running-stats",
        "instancenorm/tracked-eval-uses-running-stats-evaluation",
    ],
)
swap(
    "rms_norm_subtracts_the_mean",
    "RMS normalization subtracts the mean.",
    F,
    "rms_norm",
    lambda right: lambda x, shape, *args, **options: right(x - x.mean(-1, keepdim=True), shape, *args, **options),
    catches=["rmsnorm/formula-without-mean-subtraction"],
)
swap(
    "rms_norm_eps_is_that_of_layer_norm",
    "RMS normalization has an eps of 1e-5 unless told otherwise.",
    F,
    "rms_norm",
    lambda right: lambda x, shape, weight=None, eps=None: right(x, shape, weight, 1e-5 if eps is None else eps),
    catches=["rmsnorm/eps-none-is-machine-epsilon"],
    reaches=["rmsnorm"],
)

# -- losses ------------------------------------------------------------------------------------------------------


def _loss(**fixed: Any) -> Any:
    return lambda right: lambda *args, **options: right(*args, **{**options, **fixed})


swap(
    "nothing_is_ignored",
    "Cross entropy has no index to ignore unless given one of its own.",
    F,
    "cross_entropy",
    lambda right: (
        lambda *args, ignore_index=-100, **options: right(
            *args, ignore_index=-1 if ignore_index == -100 else ignore_index, **options
        )
    ),
    catches=["loss-ce/ignore-index-default"],
    reaches=["loss-ce"],
)
swap(
    "labels_are_never_smoothed",
    "Cross entropy ignores label_smoothing.",
    F,
    "cross_entropy",
    _loss(label_smoothing=0.0),
    catches=["loss-ce/label-smoothing-index-targets", "loss-ce/label-smoothing-range"],
)
swap(
    "classes_weigh_the_same",
    "Cross entropy ignores class weights.",
    F,
    "cross_entropy",
    _loss(weight=None),
    catches=["loss-ce/class-weight-mean-divides-by-weight-sum"],
    reaches=["*"],
)
swap(
    "cross_entropy_takes_the_softmax_first",
    "Cross entropy takes the logarithm of the softmax.",
    F,
    "cross_entropy",
    lambda right: lambda p, *args, **options: right(p.softmax(1 if p.dim() > 1 else 0).log(), *args, **options),
    catches=["loss-ce/stable-for-large-logits"],
)
swap(
    "binary_cross_entropy_is_not_clamped",
    "The logarithms of binary cross entropy are not clamped.",
    F,
    "binary_cross_entropy",
    lambda right: (
        lambda p, t, weight=None, reduction="mean", **options: _reduced(
            -(t * p.log() + (1 - t) * (1 - p).log()) * (1 if weight is None else weight), reduction
        )
    ),
    catches=["loss-bce/log-is-clamped", "loss-bce/range-is-checked", "loss-bce/input-and-shape-checks"],
)


def _reduced(losses: Any, reduction: str) -> Any:
    return {"mean": torch.mean, "sum": torch.sum, "none": lambda all_of_them: all_of_them}[reduction](losses)


swap(
    "logits_go_through_sigmoid",
    "Binary cross entropy of logits is that of their sigmoid.",
    F,
    "binary_cross_entropy_with_logits",
    lambda right: (
        lambda x, t, weight=None, reduction="mean", pos_weight=None, **options: F.binary_cross_entropy(
            x.sigmoid(), t, weight, reduction=reduction
        )
    ),
    catches=["loss-bce/with-logits-is-exact-for-large-logits", "loss-bce/pos-weight"],
)
swap(
    "nll_takes_the_logarithm",
    "The negative log likelihood takes the logarithm itself.",
    F,
    "nll_loss",
    lambda right: lambda p, *args, **options: right(p.abs().log(), *args, **options),
    catches=["loss-nll/picks-target-log-probability"],
    reaches=["*"],
)
swap(
    "smooth_l1_is_huber",
    "The smooth absolute error is Huber's, which is beta times as large.",
    F,
    "smooth_l1_loss",
    lambda right: lambda p, t, reduction="mean", beta=1.0, **options: F.huber_loss(p, t, reduction, beta),
    catches=["loss-regression/smooth-l1-and-huber", "loss-regression/smooth-l1-without-bend"],
    reaches=["loss-regression"],
)
swap(
    "kl_div_takes_probabilities",
    "The divergence takes probabilities in both places.",
    F,
    "kl_div",
    lambda right: lambda p, t, *args, **options: right(p.exp(), t, *args, **options),
    catches=["loss-regression/kl-div-conventions"],
)
