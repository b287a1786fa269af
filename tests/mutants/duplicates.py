"""Faults of copy.deepcopy and of pickling: what a copy of a tensor keeps and what it leaves behind."""

from __future__ import annotations

import functools
from typing import Any

import torch
import torch._utils
from torch import Tensor
from torch.nn import Parameter

from tests.mutants.swapping import swap


def _copied(change: Any) -> Any:
    """``change(original, copy)`` before a copy is handed out."""
    return lambda right: lambda original, memo: change(original, right(original, memo))


def _with_gradient(original: Any, copy: Any) -> Any:
    if original.grad is not None:
        copy.grad = original.grad.clone()
    return copy


swap(
    "parameter_copies_keep_gradients",
    "The copy of a parameter has a copy of its gradient.",
    Parameter,
    "__deepcopy__",
    _copied(_with_gradient),
    catches=["deepcopy/parameter"],
    reaches=["module", "module-tree", "swa"],
)
swap(
    "parameter_copies_require_grad",
    "The copy of a parameter requires grad, frozen or not.",
    Parameter,
    "__deepcopy__",
    _copied(lambda original, copy: copy.requires_grad_()),
    catches=["deepcopy/parameter"],
    reaches=["freezing", "module", "module-tree", "swa"],
)
swap(
    "parameter_copies_are_tensors",
    "The copy of a parameter is a plain tensor.",
    Parameter,
    "__deepcopy__",
    _copied(lambda original, copy: copy.detach().requires_grad_(copy.requires_grad)),
    catches=["deepcopy/parameter"],
    reaches=["*"],
)
swap(
    "copies_lack_gradients",
    "The copy of a tensor has no gradient.",
    Tensor,
    "__deepcopy__",
    _copied(lambda original, copy: (setattr(copy, "grad", None), copy)[1] if copy.is_leaf else copy),
    catches=["deepcopy/leaf"],
    reaches=["module", "module-tree"],
)


def _plain(right: Any) -> Any:
    @functools.wraps(right)
    def rebuild(*args: Any) -> Any:
        return right(*args).requires_grad_(False)

    return rebuild


swap(
    "pickles_lose_the_flag",
    "A tensor that was pickled does not require grad.",
    torch._utils,
    "_rebuild_tensor_v2",
    _plain,
    catches=["deepcopy/pickle"],
    reaches=["serialization", "parameter", "numpy"],
)


def _contiguous(right: Any) -> Any:
    def copy(original: Any, memo: Any) -> Any:
        made = right(original, memo)
        made.data = made.data.contiguous()
        return made

    return copy


swap(
    "copies_are_contiguous",
    "The copy of a tensor is contiguous, whatever the layout of its source.",
    Tensor,
    "__deepcopy__",
    _contiguous,
    catches=["deepcopy/keeps-strides"],
    reaches=["deepcopy"],
)
