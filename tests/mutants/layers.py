"""Faults of dropout and of losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it

from tests.mutants.mutant import MonkeyPatch, mutant

# -- dropout -----------------------------------------------------------------------------------------------------


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


# -- losses ------------------------------------------------------------------------------------------------------


def _replace_reduction(torch_: MonkeyPatch, name: str, default: str) -> None:
    right = getattr(F, name)

    def loss(*args: Any, reduction: str = default, **options: Any) -> Any:
        return right(*args, reduction=default if reduction == "mean" else reduction, **options)

    torch_.setattr(F, name, loss)


@mutant(
    "Cross entropy sums over the samples.",
    catches=["loss/cross-entropy-averages-over-samples"],
    reaches=["accumulation", "detach", "requires-grad", "train-eval"],
)
def cross_entropy_sums(torch_: MonkeyPatch) -> None:
    _replace_reduction(torch_, "cross_entropy", "sum")


@mutant(
    "The mean squared error is a sum.",
    catches=["loss/losses-reduce-to-scalar-by-default"],
    reaches=["accumulation"],
)
def mse_sums(torch_: MonkeyPatch) -> None:
    _replace_reduction(torch_, "mse_loss", "sum")


@mutant(
    "The absolute error keeps its elements apart unless told otherwise.",
    catches=["loss/losses-reduce-to-scalar-by-default"],
)
def l1_is_not_reduced(torch_: MonkeyPatch) -> None:
    _replace_reduction(torch_, "l1_loss", "none")


@mutant(
    "The mean squared error averages over samples only, not over the elements of each.",
    catches=["loss/losses-reduce-to-scalar-by-default"],
    reaches=["accumulation"],
)
def mse_averages_over_samples(torch_: MonkeyPatch) -> None:
    right = F.mse_loss

    def mse_loss(p: Any, t: Any, *args: Any, reduction: str = "mean", **options: Any) -> Any:
        if reduction == "mean":
            return right(p, t, *args, reduction="sum", **options) / p.shape[0]
        return right(p, t, *args, reduction=reduction, **options)

    torch_.setattr(F, "mse_loss", mse_loss)


@mutant(
    "The mean squared error is halved.",
    catches=["loss/losses-reduce-to-scalar-by-default"],
    reaches=["accumulation", "training-loop"],
)
def mse_is_halved(torch_: MonkeyPatch) -> None:
    right = F.mse_loss
    torch_.setattr(F, "mse_loss", lambda *args, **options: right(*args, **options) / 2)


@mutant(
    "Cross entropy takes its scores for log-probabilities.",
    catches=["loss/cross-entropy-averages-over-samples"],
    reaches=["accumulation", "backward", "detach", "requires-grad", "train-eval"],
)
def cross_entropy_does_not_normalise(torch_: MonkeyPatch) -> None:
    def cross_entropy(p: Any, t: Any, *args: Any, **options: Any) -> Any:
        return F.nll_loss(p, t, **options) if t.dtype == torch.int64 else right(p, t, *args, **options)

    right = F.cross_entropy
    torch_.setattr(F, "cross_entropy", cross_entropy)


@mutant(
    "Losses treat their target as a constant.",
    catches=["loss/target-requires-grad-is-harmless"],
)
def targets_are_constants(torch_: MonkeyPatch) -> None:
    for name in ("mse_loss", "l1_loss", "binary_cross_entropy_with_logits", "cross_entropy"):
        torch_.setattr(F, name, _constant_target(getattr(F, name)))


def _constant_target(loss: Callable[..., Any]) -> Callable[..., Any]:
    return lambda p, t, *args, **options: loss(p, t.detach(), *args, **options)


@mutant(
    "Losses pass no gradient to a target that was computed, only to one that is a leaf.",
    catches=["loss/target-requires-grad-is-harmless"],
)
def computed_targets_are_constants(torch_: MonkeyPatch) -> None:
    for name in ("mse_loss", "l1_loss", "binary_cross_entropy_with_logits", "cross_entropy"):
        torch_.setattr(F, name, _leaf_target(getattr(F, name)))


def _leaf_target(loss: Callable[..., Any]) -> Callable[..., Any]:
    return lambda p, t, *args, **options: loss(p, t if t.is_leaf else t.detach(), *args, **options)
