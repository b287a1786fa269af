"""Faults of dropout: which elements it drops, how it scales the others, and what its options do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.swapping import swap


def _replace_dropout(torch_: MonkeyPatch, dropout: Callable[..., torch.Tensor]) -> None:
    torch_.setattr(F, "dropout", dropout)


_dropout = F.dropout


@mutant(
    "Dropout does not rescale what it keeps.",
    catches=["dropout/train-zeroes-and-rescales", "dropout/backward-uses-forward-mask"],
)
def dropout_does_not_rescale(torch_: MonkeyPatch) -> None:
    def dropout(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        y = _dropout(x, p, training, inplace)
        return y * (1 - p) if training else y

    _replace_dropout(torch_, dropout)


@mutant(
    "Dropout keeps elements with probability p.",
    catches=["dropout/train-zeroes-and-rescales"],
)
def dropout_p_is_what_is_kept(torch_: MonkeyPatch) -> None:
    def dropout(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        return _dropout(x, 1 - p, training, inplace)

    _replace_dropout(torch_, dropout)


@mutant(
    "Dropout drops in evaluation mode too.",
    catches=["dropout/eval-dropout-is-identity"],
    reaches=["train-eval"],
)
def dropout_in_evaluation(torch_: MonkeyPatch) -> None:
    def dropout(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        return _dropout(x, p, True, inplace)

    _replace_dropout(torch_, dropout)


@mutant(
    "Dropout in evaluation mode scales by 1 - p, as in the paper.",
    catches=["dropout/eval-dropout-is-identity"],
    reaches=["train-eval"],
)
def dropout_scales_in_evaluation(torch_: MonkeyPatch) -> None:
    def dropout(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        y = _dropout(x, p, training, inplace)
        return y if training else y * (1 - p)

    _replace_dropout(torch_, dropout)


@mutant(
    "Dropout drops nothing under no_grad.",
    catches=["dropout/no-grad-does-not-disable-dropout"],
)
def dropout_stops_under_no_grad(torch_: MonkeyPatch) -> None:
    def dropout(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        return _dropout(x, p, training and torch.is_grad_enabled(), inplace)

    _replace_dropout(torch_, dropout)


@mutant(
    "Dropout's backward draws a mask of its own.",
    catches=["dropout/backward-uses-forward-mask"],
)
def dropout_backward_draws_again(torch_: MonkeyPatch) -> None:
    def dropout(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        y = _dropout(x, p, training, inplace)
        if not (training and x.requires_grad and y.requires_grad):
            return y
        through = _dropout(x, p, True)
        return through + (y - through).detach()

    _replace_dropout(torch_, dropout)


@mutant(
    "Dropout changes its input in place.",
    catches=["dropout/train-zeroes-and-rescales"],
)
def dropout_is_in_place(torch_: MonkeyPatch) -> None:
    def dropout(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        if training and not x.requires_grad:
            return _dropout(x, p, True, True)
        return _dropout(x, p, training, inplace)

    _replace_dropout(torch_, dropout)


@mutant(
    "Dropout always drops the same elements: every second one.",
    catches=["dropout/train-zeroes-and-rescales"],
    reaches=["rng"],
)
def dropout_ignores_p(torch_: MonkeyPatch) -> None:
    def dropout(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        if not training:
            return x
        mask = (torch.arange(x.numel(), device=x.device) % 2).reshape(x.shape)
        return x * mask / (1 - p)

    _replace_dropout(torch_, dropout)


@mutant(
    "Alpha dropout drops to zero, as other dropout does.",
    catches=["dropout/alpha-dropout-values", "dropout/alpha-dropout-keeps-mean-and-std"],
)
def alpha_dropout_drops_to_zero(torch_: MonkeyPatch) -> None:
    torch_.setattr(F, "alpha_dropout", _dropout)


@mutant(
    "Alpha dropout does not scale and shift what it keeps.",
    catches=["dropout/alpha-dropout-values", "dropout/alpha-dropout-keeps-mean-and-std"],
)
def alpha_dropout_keeps_elements_as_they_are(torch_: MonkeyPatch) -> None:
    right = F.alpha_dropout

    def alpha_dropout(x: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
        if not training or not 0 < p < 1:
            return right(x, p, training, inplace)
        return torch.where(_dropout(torch.ones_like(x), p) > 0, x, -1.7580993408473766)

    torch_.setattr(F, "alpha_dropout", alpha_dropout)


@mutant(
    "Channel-wise dropout draws for each element.",
    catches=["dropout/channelwise-variants", "dropout/dropout2d-treats-3d-input-as-ncl"],
)
def channels_drop_element_by_element(torch_: MonkeyPatch) -> None:
    for name in ("dropout1d", "dropout2d", "dropout3d"):
        torch_.setattr(F, name, _dropout)


@mutant(
    "Channel-wise dropout drops the same channels in every sample.",
    catches=["dropout/channelwise-variants"],
)
def channels_drop_in_all_samples(torch_: MonkeyPatch) -> None:
    def dropout(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        if not training or not 0 < p < 1:
            return _dropout(x, p, training, inplace)
        return x * _dropout(torch.ones((1, x.shape[1], *(1,) * (x.dim() - 2))), p).to(x)

    for name in ("dropout1d", "dropout2d", "dropout3d"):
        torch_.setattr(F, name, dropout)


@mutant(
    "Dropout2d takes three dimensions for one image, whose channels come first.",
    catches=["dropout/dropout2d-treats-3d-input-as-ncl"],
)
def dropout2d_takes_one_image(torch_: MonkeyPatch) -> None:
    right = F.dropout2d

    def dropout2d(x: Any, *args: Any, **options: Any) -> Any:
        return right(x[None], *args, **options)[0] if x.dim() == 3 else right(x, *args, **options)

    torch_.setattr(F, "dropout2d", dropout2d)


# -- options of the other forms ----------------------------------------------------------------------------------

CHANNELS = "dropout1d dropout2d dropout3d"

swap(
    "dropout_is_rare",
    "The probability of dropout is 0.1 unless another is given.",
    F,
    f"dropout {CHANNELS}",
    lambda right: lambda x, p=0.1, *args, **options: right(x, p, *args, **options),
    catches=["dropout/p-defaults-to-half"],
)
swap(
    "alpha_dropout_is_on",
    "F.alpha_dropout drops unless it is told not to.",
    F,
    "alpha_dropout feature_alpha_dropout",
    lambda right: lambda x, p=0.5, training=True, inplace=False: right(x, p, training, inplace),
    catches=["dropout/alpha-function-is-off-by-default"],
)
swap(
    "channels_are_never_dropped_in_place",
    "Forms of dropout other than the plain one ignore inplace.",
    F,
    f"{CHANNELS} alpha_dropout",
    lambda right: lambda x, p=0.5, training=True, inplace=False: right(x, p, training, False),
    catches=["dropout/inplace-of-channels-and-alpha"],
)


def _without_gradient(right: Any) -> Any:
    def dropout(x: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
        y = right(x, p, training, inplace)
        return x + (y - x).detach() if training and x.requires_grad else y

    return dropout


swap(
    "dropping_is_not_differentiated",
    "The gradient passes alpha dropout and the channel-wise forms as if nothing had been dropped.",
    F,
    f"{CHANNELS} alpha_dropout",
    _without_gradient,
    catches=["dropout/alpha-dropout-gradient", "dropout/backward-uses-forward-mask"],
)


def _by_element_unbatched(right: Any) -> Any:
    def dropout(x: Any, *args: Any) -> Any:
        return _dropout(x, *args) if x.dim() in (2, 4) else right(x, *args)

    return dropout


swap(
    "samples_without_a_batch_drop_elements",
    "Dropout1d and Dropout3d draw for each element where there is no batch.",
    F,
    "dropout1d dropout3d",
    _by_element_unbatched,
    catches=["dropout/unbatched-channels"],
)


@mutant(
    "AlphaDropout with inplace=True works in place.",
    catches=["dropout/alpha-layer-ignores-inplace"],
)
def alpha_dropout_layers_work_in_place(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: Any) -> Any:
        return F.alpha_dropout(x, layer.p, layer.training, layer.inplace)

    torch_.setattr(torch.nn.AlphaDropout, "forward", forward)
