"""Faults of losses: how they reduce, and what they make of their target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it

from tests.mutants.mutant import MonkeyPatch, mutant


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
