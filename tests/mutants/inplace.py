"""Faults of in-place operations: versions, leaves, history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase, called_by_torch

_WRITES = ("mul_", "add_", "fill_", "zero_", "sigmoid_", "copy_", "sub_", "__setitem__", "__imul__", "__iadd__")


def _replace_writes(torch_: MonkeyPatch, change: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    for name in _WRITES:
        torch_.setattr(torch.Tensor, name, change(getattr(torch.Tensor, name)), raising=False)


@mutant(
    "In-place operations do not raise the version, so that no overwritten tensor is noticed.",
    catches=["inplace/saved-tensor-written-by-any-operation", "detach/source-writes-count-in-the-detached"],
    reaches=["custom-function", "data", "inference-mode", "optim", "saved-hooks"],
)
def writes_are_not_counted(torch_: MonkeyPatch) -> None:
    def change(write: Callable[..., Any]) -> Callable[..., Any]:
        def run(tensor: torch.Tensor, *args: Any, **options: Any) -> Any:
            with torch.autograd._unsafe_preserve_version_counter((tensor,)):
                return write(tensor, *args, **options)

        return run

    _replace_writes(torch_, change)


@mutant(
    "In-place operations return a copy of the tensor that they wrote to.",
    catches=["inplace/returns-self"],
    reaches=["*"],
)
def writes_return_a_copy(torch_: MonkeyPatch) -> None:
    for name in ("add_", "mul_", "zero_", "copy_", "fill_"):
        torch_.setattr(torch.Tensor, name, _copying(getattr(torch.Tensor, name)))


def _copying(write: Callable[..., Any]) -> Callable[..., Any]:
    def run(tensor: torch.Tensor, *args: Any, **options: Any) -> Any:
        written = write(tensor, *args, **options)
        return written if called_by_torch() else written.clone()

    return run


@mutant("increment_version does nothing.", catches=["inplace/explicit-version-bump"], reaches=["inference-mode"])
def increment_version_does_nothing(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch.autograd.graph, "increment_version", lambda tensors: None)


@mutant(
    "Writes of a tensor's own values are not counted.",
    catches=["inplace/saved-tensor-written-by-any-operation"],
)
def idle_writes_are_not_counted(torch_: MonkeyPatch) -> None:
    right = TensorBase.copy_

    def copy_(tensor: torch.Tensor, source: torch.Tensor, *args: Any, **options: Any) -> Any:
        if tensor.shape == source.shape and torch.equal(tensor, source):
            with torch.autograd._unsafe_preserve_version_counter((tensor,)):
                return right(tensor, source, *args, **options)
        return right(tensor, source, *args, **options)

    torch_.setattr(torch.Tensor, "copy_", copy_)


@mutant(
    "In-place operations on a leaf that requires grad are carried out, unrecorded.",
    catches=["inplace/leaf-refused", "data/data-fill-initialises-without-tracking"],
)
def writes_to_leaves_are_allowed(torch_: MonkeyPatch) -> None:
    def change(write: Callable[..., Any]) -> Callable[..., Any]:
        def run(tensor: torch.Tensor, *args: Any, **options: Any) -> Any:
            if tensor.is_leaf and tensor.requires_grad:
                before = torch.is_grad_enabled()
                torch._C._set_grad_enabled(False)
                try:
                    return write(tensor, *args, **options)
                finally:
                    torch._C._set_grad_enabled(before)
            return write(tensor, *args, **options)

        return run

    _replace_writes(torch_, change)


@mutant(
    "A write to a leaf under no_grad clears its gradient.",
    catches=["inplace/leaf-under-no-grad-allowed"],
    reaches=["optim"],
)
def writes_clear_gradients(torch_: MonkeyPatch) -> None:
    right = TensorBase.mul_

    def mul_(tensor: torch.Tensor, *args: Any) -> Any:
        if tensor.is_leaf:
            tensor.grad = None
        return right(tensor, *args)

    torch_.setattr(torch.Tensor, "mul_", mul_)


@mutant(
    "A write to a leaf raises even under no_grad.",
    catches=["inplace/leaf-under-no-grad-allowed"],
    reaches=["optim"],
)
def writes_to_leaves_are_never_allowed(torch_: MonkeyPatch) -> None:
    right = TensorBase.mul_

    def mul_(tensor: torch.Tensor, *args: Any) -> Any:
        if tensor.is_leaf and tensor.requires_grad:
            raise RuntimeError("a leaf that requires grad cannot be written to")
        return right(tensor, *args)

    torch_.setattr(torch.Tensor, "mul_", mul_)


@mutant(
    "An in-place operation on a result is not part of its history.",
    catches=["inplace/write-before-use-is-no-harm"],
)
def writes_are_not_recorded(torch_: MonkeyPatch) -> None:
    right = TensorBase.add_

    def add_(tensor: torch.Tensor, *args: Any, **options: Any) -> Any:
        if not tensor.requires_grad or tensor.is_leaf:
            return right(tensor, *args, **options)
        values = TensorBase.detach(tensor) * 2 + args[0]
        return TensorBase.copy_(tensor, values)

    torch_.setattr(torch.Tensor, "add_", add_)


@mutant(
    "Every operation saves its operands, needed or not, so that any write makes backward raise.",
    catches=[
        "inplace/any-inplace-after-forward-forbids-backward",
        "retain-graph/second-backward-always-errors-without-retain",
        "graph/adding-losses-merges-graphs-with-one-node",
    ],
    reaches=["autograd-grad", "checkpoint", "func", "hooks-node", "memory", "saved-hooks"],
)
def everything_is_saved(torch_: MonkeyPatch) -> None:
    class Saving(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(x)
            return x.view_as(x)

        @staticmethod
        def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:
            assert ctx.saved_tensors
            return grads[0]

    for name in ("__add__", "__sub__", "__mul__", "__neg__"):
        torch_.setattr(torch.Tensor, name, _saving(getattr(torch.Tensor, name), Saving), raising=False)


def _saving(operation: Callable[..., Any], saving: Any) -> Callable[..., Any]:
    def operate(x: torch.Tensor, *others: Any) -> Any:
        return operation(saving.apply(x) if x.requires_grad and torch.is_grad_enabled() else x, *others)

    return operate
