"""Faults of how backward lays out gradients in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from tests.mutants.engine import leaves_of, replace_engine, run_engine
from tests.mutants.mutant import MonkeyPatch, mutant


def _lay_out(torch_: MonkeyPatch, place: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
    """The first gradient of a leaf becomes ``place(leaf, gradient)``."""

    def engine(results: Any, *args: Any, accumulate_grad: bool = False, **options: Any) -> tuple[Any, ...]:
        bare = [leaf for leaf in leaves_of(results) if leaf.grad is None] if accumulate_grad else []
        returned = run_engine(results, *args, accumulate_grad=accumulate_grad, **options)
        for leaf in bare:
            if leaf.grad is not None and not leaf.grad.requires_grad:
                leaf.grad = place(leaf, leaf.grad)
        return returned

    replace_engine(torch_, engine)


@mutant(
    "Gradients lie row by row, however their leaf does.",
    catches=["grad-layout/dense-param-strides-kept", "grad-layout/policy-can-be-relaxed"],
)
def gradients_lie_row_by_row(torch_: MonkeyPatch) -> None:
    _lay_out(torch_, lambda leaf, gradient: gradient.contiguous())


@mutant(
    "Gradients have the strides of their leaf, with its gaps.",
    catches=["grad-layout/non-dense-param-gets-contiguous"],
)
def gradients_have_the_gaps_of_their_leaf(torch_: MonkeyPatch) -> None:
    def place(leaf: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        if gradient.numel() == 0 or 0 in leaf.stride():
            return gradient
        return gradient.new_empty_strided(leaf.shape, leaf.stride()).copy_(gradient)

    _lay_out(torch_, place)


@mutant(
    "A gradient that is one number everywhere is stored as one number, expanded.",
    catches=["grad-layout/expanded-gradient-is-materialized"],
    reaches=["*"],
)
def uniform_gradients_stay_expanded(torch_: MonkeyPatch) -> None:
    def place(leaf: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        uniform = gradient.numel() > 1 and bool((gradient == gradient.flatten()[0]).all())
        return gradient.flatten()[0].expand(gradient.shape) if uniform else gradient

    _lay_out(torch_, place)


@mutant(
    "Adding to a gradient lays it out anew, row by row.",
    catches=["grad-layout/accumulation-preserves-strides"],
)
def accumulation_lays_out_anew(torch_: MonkeyPatch) -> None:
    def engine(results: Any, *args: Any, accumulate_grad: bool = False, **options: Any) -> tuple[Any, ...]:
        returned = run_engine(results, *args, accumulate_grad=accumulate_grad, **options)
        for leaf in leaves_of(results) if accumulate_grad else ():
            if leaf.grad is not None and not leaf.grad.requires_grad:
                leaf.grad.data = leaf.grad.data.contiguous()
        return returned

    replace_engine(torch_, engine)
