"""Faults of moves between devices, and of saving and loading."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tests.mutants.originals import TensorBase
from tests.mutants.swapping import swap

# -- moves -------------------------------------------------------------------------------------------------------


def _leaf_elsewhere(right: Any) -> Any:
    def to(x: Any, *args: Any, **options: Any) -> Any:
        moved = right(x, *args, **options)
        if moved.device == x.device or not (x.is_leaf and x.requires_grad):
            return moved
        return TensorBase.detach(moved).requires_grad_()

    return to


swap(
    "moved_leaves_are_leaves",
    "A leaf that is moved to another device is a leaf there.",
    Tensor,
    "to",
    _leaf_elsewhere,
    catches=["transfer/device-move-of-leaf-is-non-leaf"],
    reaches=["leaf", "device", "detach"],
)
swap(
    "flags_stay_on_the_host",
    "A factory ignores requires_grad=True on another device than the CPU.",
    torch,
    "zeros ones full tensor",
    lambda right: (
        lambda *args, device=None, requires_grad=False, **options: right(
            *args, device=device, requires_grad=requires_grad and torch.device(device or "cpu").type == "cpu", **options
        )
    ),
    catches=["transfer/leaf-created-on-device"],
    reaches=["leaf", "device", "detach"],
)
swap(
    "conversions_are_contiguous",
    "A conversion of the dtype, and a copy, are contiguous.",
    Tensor,
    "to half clone",
    lambda right: lambda x, *args, **options: y if (y := right(x, *args, **options)) is x else y.contiguous(),
    catches=["transfer/conversion-keeps-strides"],
    reaches=["*"],
)
swap(
    "copies_share_what_fits",
    "copy_ takes the memory of a source that has the right dtype, device and shape.",
    Tensor,
    "copy_",
    lambda right: lambda x, source, *args: x.set_(source) if _could_be(x, source) else right(x, source, *args),
    catches=["transfer/copy-between-devices"],
    reaches=["*"],
)


def _could_be(x: Tensor, source: Any) -> bool:
    alike = all(getattr(x, fact) == getattr(source, fact, None) for fact in ("dtype", "device", "shape"))
    return alike and not x.requires_grad and not source.requires_grad and x._base is None


# -- saving and loading ------------------------------------------------------------------------------------------


def _loading(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """torch.load with ``change`` of its options."""
    return lambda right: (
        lambda file, map_location=None, **options: right(file, **change({"map_location": map_location, **options}))
    )


def _on_the_cpu(loaded: Any) -> Any:
    return torch.empty_like(loaded, device="cpu") if isinstance(loaded, Tensor) and loaded.is_meta else loaded


swap(
    "files_are_loaded_to_the_cpu",
    "torch.load puts everything on the CPU unless it is told otherwise.",
    torch,
    "load",
    lambda right: (
        lambda file, **options: _on_the_cpu(right(file, **options)) if not options else right(file, **options)
    ),
    catches=["serialization/loads-to-its-device"],
)
swap(
    "locations_are_names",
    "torch.load takes no mapping as map_location, and no function.",
    torch,
    "load",
    _loading(
        lambda options: (
            options if isinstance(options["map_location"], (str, torch.device)) else {**options, "map_location": None}
        )
    ),
    catches=["serialization/map-location-forms"],
)
swap(
    "files_are_trusted",
    "torch.load unpickles anything unless it is told otherwise.",
    torch,
    "load",
    _loading(lambda options: {"weights_only": False, **options}),
    catches=["serialization/weights-only-by-default"],
)


def _apart(value: Any) -> Any:
    if isinstance(value, list):
        return [_apart(one) for one in value]
    return value.clone() if type(value) is Tensor else value


swap(
    "files_hold_rows",
    "torch.save writes a tensor's elements row by row, and load makes it contiguous.",
    torch,
    "save",
    lambda right: (
        lambda value, *args, **options: right(
            TensorBase.contiguous(value.detach()) if type(value) is Tensor else value, *args, **options
        )
    ),
    catches=["serialization/keeps-dtype-shape-and-strides", "serialization/keeps-the-flag-and-not-the-gradient"],
    reaches=["device", "deepcopy"],
)
swap(
    "tensors_are_saved_apart",
    "torch.save writes each tensor of a list by itself, so that views lose their base.",
    torch,
    "save",
    lambda right: lambda value, *args, **options: right(_apart(value), *args, **options),
    catches=["serialization/preserves-views-and-parameters"],
)
