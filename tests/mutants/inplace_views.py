"""Faults of writes in place: through views, into targets that cannot take them, under no_grad, and of out=."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase, called_by_torch

Write = Callable[..., Any]

_WRITES = ("add_", "mul_", "copy_", "zero_")


def _replace_writes(torch_: MonkeyPatch, change: Callable[[Write], Write], names: tuple[str, ...] = _WRITES) -> None:
    for name in names:
        torch_.setattr(torch.Tensor, name, change(getattr(TensorBase, name)))


# -- what a target can take --------------------------------------------------------------------------------------


@mutant(
    "An operation in place rounds its result to the target's dtype, integers too.",
    catches=["inplace/dtype-and-shape-fixed"],
    reaches=["dtype"],
)
def writes_round_to_integers(torch_: MonkeyPatch) -> None:
    def change(write: Write) -> Write:
        def run(tensor: torch.Tensor, other: Any = 0, *args: Any, **options: Any) -> Any:
            narrow = isinstance(other, torch.Tensor) and not tensor.dtype.is_floating_point
            return write(tensor, other.to(tensor.dtype) if narrow else other, *args, **options)

        return run

    _replace_writes(torch_, change, ("add_", "mul_"))


@mutant(
    "An operation in place widens its target to the shape of the result.",
    catches=["inplace/dtype-and-shape-fixed"],
)
def writes_widen_their_target(torch_: MonkeyPatch) -> None:
    def change(write: Write) -> Write:
        def run(tensor: torch.Tensor, other: Any = 0, *args: Any, **options: Any) -> Any:
            if isinstance(other, torch.Tensor) and not tensor.requires_grad:
                shape = torch.broadcast_shapes(tensor.shape, other.shape)
                if shape != tensor.shape:
                    tensor.data = tensor.data.expand(shape).clone()
            return write(tensor, other, *args, **options)

        return run

    _replace_writes(torch_, change, ("add_", "mul_"))


@mutant(
    "The target of an operation in place takes the dtype of a wider operand.",
    catches=["inplace/wider-operand-keeps-the-dtype"],
    reaches=["dtype"],
)
def writes_widen_the_dtype(torch_: MonkeyPatch) -> None:
    def change(write: Write) -> Write:
        def run(tensor: torch.Tensor, other: Any, *args: Any, **options: Any) -> Any:
            if isinstance(other, torch.Tensor) and other.dim() and not tensor.requires_grad:
                tensor.data = tensor.data.to(torch.promote_types(tensor.dtype, other.dtype))
            return write(tensor, other, *args, **options)

        return run

    _replace_writes(torch_, change, ("mul_",))


@mutant(
    "Writing to an expanded tensor gives it memory of its own.",
    catches=["inplace/overlapping-target-refused"],
)
def overlapping_targets_are_copied(torch_: MonkeyPatch) -> None:
    def change(write: Write) -> Write:
        def run(tensor: torch.Tensor, *args: Any, **options: Any) -> Any:
            if 0 in tensor.stride() and tensor.numel() > 1 and not tensor.requires_grad:
                tensor.data = tensor.data.clone()
            return write(tensor, *args, **options)

        return run

    _replace_writes(torch_, change)


@mutant(
    "out= takes arguments that require grad while recording, and its result has no history.",
    catches=["inplace/out-argument-not-differentiable"],
)
def out_is_taken_while_recording(torch_: MonkeyPatch) -> None:
    right = torch.add

    def add(*args: Any, out: Any = None, **options: Any) -> Any:
        if out is None:
            return right(*args, **options)
        with torch.no_grad():
            return right(*args, out=out, **options)

    torch_.setattr(torch, "add", add)


@mutant(
    "out= refuses a target or an argument that requires grad under no_grad too.",
    catches=["inplace/out-argument-not-differentiable"],
)
def out_is_never_taken(torch_: MonkeyPatch) -> None:
    right = torch.add

    def add(*args: Any, out: Any = None, **options: Any) -> Any:
        if out is None:
            return right(*args, **options)
        if any(isinstance(one, torch.Tensor) and one.requires_grad for one in (*args, out)):
            raise RuntimeError("out= and requires_grad exclude each other")
        return right(*args, out=out, **options)

    torch_.setattr(torch, "add", add)


# -- views -------------------------------------------------------------------------------------------------------


@mutant(
    "The views that unbind, split and chunk return may be written like any other.",
    catches=["inplace/multi-output-view-refused"],
    reaches=["graph/output-index"],
)
def views_of_one_call_are_writable(torch_: MonkeyPatch) -> None:
    def unbind(tensor: torch.Tensor, dim: int = 0) -> Any:
        return tuple(tensor.select(dim, place) for place in range(tensor.shape[dim]))

    def split(tensor: torch.Tensor, size: int, dim: int = 0) -> Any:
        length = tensor.shape[dim]
        return tuple(tensor.narrow(dim, at, min(size, length - at)) for at in range(0, length, size))

    def chunk(tensor: torch.Tensor, chunks: int, dim: int = 0) -> Any:
        return split(tensor, -(-tensor.shape[dim] // chunks), dim)

    def method(right: Any, mine: Any) -> Any:
        def run(tensor: torch.Tensor, *args: Any, **options: Any) -> Any:
            ordinary = tensor.dim() > 0 and not called_by_torch() and all(isinstance(one, int) for one in args)
            return (mine if ordinary else right)(tensor, *args, **options)

        return run

    torch_.setattr(torch.Tensor, "unbind", method(TensorBase.unbind, unbind))
    torch_.setattr(torch.Tensor, "split", method(torch.Tensor.split, split))
    torch_.setattr(torch.Tensor, "chunk", method(TensorBase.chunk, chunk))


def _leaf_behind(tensor: torch.Tensor) -> bool:
    return tensor._base is not None and tensor._base.is_leaf and tensor._base.requires_grad


@mutant(
    "A recorded write to a view of a leaf that requires grad is carried out, unrecorded.",
    catches=["inplace/view-of-leaf-refused"],
)
def views_of_leaves_are_written(torch_: MonkeyPatch) -> None:
    def change(write: Write) -> Write:
        def run(tensor: torch.Tensor, *args: Any, **options: Any) -> Any:
            if not _leaf_behind(tensor):
                return write(tensor, *args, **options)
            with torch.no_grad():
                return write(tensor, *args, **options)

        return run

    _replace_writes(torch_, change)


@mutant(
    "A recorded write to a leaf or to a view of one raises after it was carried out.",
    catches=["inplace/leaf-refused", "inplace/view-of-leaf-refused"],
)
def refused_writes_are_carried_out(torch_: MonkeyPatch) -> None:
    def change(write: Write) -> Write:
        def run(tensor: torch.Tensor, *args: Any, **options: Any) -> Any:
            refused = (tensor.is_leaf and tensor.requires_grad) or _leaf_behind(tensor)
            if not (refused and torch.is_grad_enabled()):
                return write(tensor, *args, **options)
            with torch.no_grad():
                write(tensor, *args, **options)
            raise RuntimeError("a leaf that requires grad was written to")

        return run

    _replace_writes(torch_, change)


@mutant(
    "A write of something recorded into a view of a plain tensor is not recorded on the base.",
    catches=["inplace/plain-base-acquires-history-through-view"],
)
def plain_bases_stay_plain(torch_: MonkeyPatch) -> None:
    right = TensorBase.copy_

    def copy_(tensor: torch.Tensor, source: torch.Tensor, *args: Any) -> Any:
        plain = tensor._base is not None and not tensor._base.requires_grad
        return right(tensor, source.detach() if plain else source, *args)

    torch_.setattr(torch.Tensor, "copy_", copy_)


# -- no_grad -----------------------------------------------------------------------------------------------------


@mutant(
    "Writes of tensors with a history, and into tensors with one, are recorded under no_grad too.",
    catches=["inplace/no-grad-modify-of-non-leaf-not-recorded", "inplace/no-grad-write-into-plain"],
)
def writes_under_no_grad_are_recorded(torch_: MonkeyPatch) -> None:
    def change(write: Write) -> Write:
        def run(tensor: torch.Tensor, *args: Any, **options: Any) -> Any:
            leaf = (tensor.is_leaf and tensor.requires_grad) or _leaf_behind(tensor)
            if leaf or called_by_torch() or tensor.is_inference():
                return write(tensor, *args, **options)
            with torch.enable_grad():
                return write(tensor, *args, **options)

        return run

    _replace_writes(torch_, change)


@mutant(
    "fill_ and zero_ leave the history of a result as it was.",
    catches=["inplace/differentiable-on-non-leaf", "inplace/through-view-updates-base-gradient"],
)
def fills_keep_the_history(torch_: MonkeyPatch) -> None:
    def change(write: Write) -> Write:
        def run(tensor: torch.Tensor, *args: Any) -> Any:
            if tensor.is_leaf or not tensor.requires_grad:
                return write(tensor, *args)
            with torch.no_grad():
                return write(tensor, *args)

        return run

    _replace_writes(torch_, change, ("fill_", "zero_"))
