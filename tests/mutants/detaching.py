"""Faults of detach(), detach_() and .data."""

from __future__ import annotations

from typing import Any

import torch

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase


def _replace_detach(torch_: MonkeyPatch, detach: Any) -> None:
    torch_.setattr(torch.Tensor, "detach", detach)
    torch_.setattr(torch, "detach", detach)


@mutant(
    "detach() hands out a copy.",
    catches=[
        "detach/detach-shares-storage-both-ways",
        "detach/source-writes-count-in-the-detached",
        "inplace/inplace-on-detach-makes-backward-raise",
    ],
    reaches=["custom-function", "grad-layout", "host", "module"],
)
def detach_copies(torch_: MonkeyPatch) -> None:
    _replace_detach(torch_, lambda tensor: TensorBase.detach(tensor).clone())


@mutant(
    "detach() returns the tensor itself, history and all.",
    catches=[
        "detach/detach-result-is-leaf-without-history",
        "detach/detach-stops-backpropagation-there",
        "detach/stops-gradient",
    ],
    reaches=["*"],
)
def detach_does_nothing(torch_: MonkeyPatch) -> None:
    _replace_detach(torch_, lambda tensor: tensor)


@mutant(
    "detach() returns the tensor itself where it does not require grad.",
    catches=["detach/detach-of-a-leaf-leaves-it-alone"],
    reaches=["functional", "module"],
)
def detach_of_untracked_is_itself(torch_: MonkeyPatch) -> None:
    _replace_detach(torch_, lambda tensor: TensorBase.detach(tensor) if tensor.requires_grad else tensor)


@mutant(
    "detach() gives a view that still has a history.",
    catches=[
        "detach/detach-result-is-leaf-without-history",
        "detach/detach-stops-backpropagation-there",
        "detach/stops-gradient",
    ],
    reaches=["*"],
)
def detach_keeps_history(torch_: MonkeyPatch) -> None:
    _replace_detach(torch_, lambda tensor: tensor.view_as(tensor))


@mutant(
    "detach() gives a leaf that requires grad if its source does.",
    catches=["detach/detach-result-is-leaf-without-history", "detach/detach-of-a-leaf-leaves-it-alone"],
    reaches=["*"],
)
def detach_keeps_requires_grad(torch_: MonkeyPatch) -> None:
    def detach(tensor: torch.Tensor) -> torch.Tensor:
        return TensorBase.detach(tensor).requires_grad_(tensor.requires_grad)

    _replace_detach(torch_, detach)


@mutant(
    "detach() gives a tensor with a version counter of its own, as .data does.",
    catches=[
        "detach/detach-safer-than-data-version-counter",
        "detach/source-writes-count-in-the-detached",
        "inplace/inplace-on-detach-makes-backward-raise",
    ],
    reaches=["custom-function"],
)
def detach_has_its_own_version(torch_: MonkeyPatch) -> None:
    _replace_detach(torch_, lambda tensor: TensorBase.data.__get__(tensor))


@mutant(
    "detach() of a tensor detaches that tensor too.",
    catches=["detach/detach-result-is-leaf-without-history", "detach/stops-gradient"],
    reaches=["*"],
)
def detach_cuts_its_source(torch_: MonkeyPatch) -> None:
    def detach(tensor: torch.Tensor) -> torch.Tensor:
        detached = TensorBase.detach(tensor)
        if not tensor._is_view():
            TensorBase.detach_(tensor)
        return detached

    _replace_detach(torch_, detach)


@mutant(
    "detach_() returns a detached tensor and leaves the one it was called on alone.",
    catches=["detach/detach-underscore-modifies-in-place", "detach/detach-underscore-keeps-earlier-graph"],
    reaches=["module"],
)
def detach_underscore_makes_a_new_tensor(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch.Tensor, "detach_", TensorBase.detach)


@mutant(
    "detach_() takes views too.",
    catches=["detach/detach-underscore-refuses-views"],
)
def detach_underscore_of_views(torch_: MonkeyPatch) -> None:
    def detach_(tensor: torch.Tensor) -> torch.Tensor:
        return tensor if tensor._is_view() else TensorBase.detach_(tensor)

    torch_.setattr(torch.Tensor, "detach_", detach_)


@mutant(
    "detach_() copies the values to other memory.",
    catches=["detach/detach-underscore-modifies-in-place"],
)
def detach_underscore_moves_memory(torch_: MonkeyPatch) -> None:
    def detach_(tensor: torch.Tensor) -> torch.Tensor:
        TensorBase.detach_(tensor)
        tensor.data = tensor.clone()
        return tensor

    torch_.setattr(torch.Tensor, "detach_", detach_)


def _replace_data(torch_: MonkeyPatch, get: Any) -> None:
    torch_.setattr(torch.Tensor, "data", property(get, TensorBase.data.__set__), raising=False)


@mutant(
    ".data shares the version counter of its tensor, as detach() does.",
    catches=[
        "data/autograd-does-not-track-data-edits",
        "data/inplace-on-data-silently-corrupts-grad",
        "detach/detach-safer-than-data-version-counter",
    ],
    reaches=["gradcheck", "inplace"],
)
def data_shares_version(torch_: MonkeyPatch) -> None:
    _replace_data(torch_, TensorBase.detach)


@mutant(
    ".data hands out a copy.",
    catches=["data/data-shares-storage-without-grad", "data/data-fill-initialises-without-tracking"],
    reaches=["detach", "gradcheck"],
)
def data_copies(torch_: MonkeyPatch) -> None:
    _replace_data(torch_, lambda tensor: TensorBase.detach(tensor).clone())


@mutant(
    ".data is the tensor itself.",
    catches=[
        "data/data-shares-storage-without-grad",
        "data/data-fill-initialises-without-tracking",
        "data/tensor-data-is-untracked",
    ],
    reaches=["detach", "gradcheck", "inplace", "parameter", "requires-grad"],
)
def data_is_the_tensor(torch_: MonkeyPatch) -> None:
    _replace_data(torch_, lambda tensor: tensor)


@mutant(
    ".data of a leaf requires grad.",
    catches=[
        "data/data-shares-storage-without-grad",
        "data/data-fill-initialises-without-tracking",
        "data/tensor-data-is-untracked",
    ],
    reaches=["detach", "gradcheck", "requires-grad"],
)
def data_keeps_requires_grad(torch_: MonkeyPatch) -> None:
    _replace_data(torch_, lambda tensor: TensorBase.data.__get__(tensor).requires_grad_(tensor.requires_grad))


@mutant(
    "Assigning to .data copies the values into the memory that is there.",
    catches=[
        "data/assigning-data-replaces-the-values",
        "detach/data-assignment",
    ],
    reaches=["detach", "parameter"],
)
def data_assignment_copies(torch_: MonkeyPatch) -> None:
    def assign(tensor: torch.Tensor, values: torch.Tensor) -> None:
        TensorBase.data.__set__(tensor, values.clone())

    torch_.setattr(torch.Tensor, "data", property(TensorBase.data.__get__, assign), raising=False)


@mutant(
    "Assigning to .data clears the gradient.",
    catches=["detach/data-assignment"],
    reaches=["device/module-to-keeps-parameters", "module/to-converts-existing-gradients"],
)
def data_assignment_clears_the_gradient(torch_: MonkeyPatch) -> None:
    def assign(tensor: torch.Tensor, values: torch.Tensor) -> None:
        TensorBase.data.__set__(tensor, values)
        tensor.grad = None

    torch_.setattr(torch.Tensor, "data", property(TensorBase.data.__get__, assign), raising=False)


@mutant(
    "Assigning to .data takes numbers and lists.",
    catches=["detach/data-assignment-of-no-tensor"],
)
def data_assignment_converts(torch_: MonkeyPatch) -> None:
    def assign(tensor: torch.Tensor, values: Any) -> None:
        made = values if isinstance(values, torch.Tensor) else torch.tensor(0.0 if values is None else values)
        TensorBase.data.__set__(tensor, made)

    torch_.setattr(torch.Tensor, "data", property(TensorBase.data.__get__, assign), raising=False)
