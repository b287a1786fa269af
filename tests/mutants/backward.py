"""Faults of what backward stores on leaves, and of the gradient that it starts from."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch

from tests.mutants.engine import leaves_of, replace_engine, run_engine
from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase


def _store(torch_: MonkeyPatch, combine: Callable[[torch.Tensor | None, torch.Tensor], torch.Tensor]) -> None:
    """What backward stores on a leaf becomes ``combine(what was there, what this backward brings)``."""

    def engine(results: Any, *args: Any, accumulate_grad: bool = False, **options: Any) -> tuple[Any, ...]:
        if not accumulate_grad:
            return run_engine(results, *args, accumulate_grad=False, **options)
        leaves = leaves_of(results)
        before = [leaf.grad for leaf in leaves]
        for leaf in leaves:
            leaf.grad = None
        returned: tuple[Any, ...] = ()
        try:
            returned = run_engine(results, *args, accumulate_grad=True, **options)
        finally:
            for leaf, old in zip(leaves, before):
                leaf.grad = old if leaf.grad is None else combine(old, leaf.grad)
        return returned

    replace_engine(torch_, engine)


# -- what is stored ----------------------------------------------------------------------------------------------


@mutant(
    "backward overwrites the gradients that are there.",
    catches=[
        "accumulation/grads-accumulate-over-backward-calls",
        "accumulation/adds-to-an-assigned-grad",
        "accumulation/sum-of-losses-equals-separate-backwards",
        "backward/convnet-printed-numbers-from-old-log-softmax",
    ],
    reaches=["*"],
)
def backward_overwrites(torch_: MonkeyPatch) -> None:
    _store(torch_, lambda old, new: new)


@mutant(
    "backward keeps the first gradient and drops later ones.",
    catches=[
        "accumulation/grads-accumulate-over-backward-calls",
        "accumulation/adds-to-an-assigned-grad",
        "accumulation/sum-of-losses-equals-separate-backwards",
    ],
    reaches=["*"],
)
def backward_keeps_the_first(torch_: MonkeyPatch) -> None:
    _store(torch_, lambda old, new: new if old is None else old)


@mutant(
    "backward adds twice to a gradient that is there.",
    catches=[
        "accumulation/grads-accumulate-over-backward-calls",
        "accumulation/adds-to-an-assigned-grad",
        "accumulation/sum-of-losses-equals-separate-backwards",
    ],
    reaches=["*"],
)
def backward_adds_twice(torch_: MonkeyPatch) -> None:
    _store(torch_, lambda old, new: new if old is None else old + 2 * new)


@mutant(
    "backward averages the old gradient and the new.",
    catches=[
        "accumulation/grads-accumulate-over-backward-calls",
        "accumulation/adds-to-an-assigned-grad",
        "accumulation/sum-of-losses-equals-separate-backwards",
    ],
    reaches=["*"],
)
def backward_averages(torch_: MonkeyPatch) -> None:
    _store(torch_, lambda old, new: new if old is None else (old + new) / 2)


@mutant(
    "backward puts the sum into a new tensor instead of adding in place.",
    catches=[
        "accumulation/accumulation-happens-in-the-same-grad-tensor",
        "grad-attr/accumulation-in-place-keeps-identity",
    ],
    reaches=["grad-layout", "graph", "hooks-post-accumulate"],
)
def backward_accumulates_out_of_place(torch_: MonkeyPatch) -> None:
    _store(torch_, lambda old, new: new if old is None else old + new)


@mutant(
    "The gradients that backward stores require grad.",
    catches=["accumulation/grads-accumulate-over-backward-calls", "backward/leaf-grad-shape-dtype-match"],
    reaches=["grad-attr", "grad-layout", "grad-mode", "graph", "higher-order", "hooks-post-accumulate", "parameter"],
)
def stored_gradients_require_grad(torch_: MonkeyPatch) -> None:
    _store(torch_, lambda old, new: (new if old is None else old + new).detach().requires_grad_())


@mutant(
    "backward stores gradients in float64, whatever the leaf's dtype.",
    catches=["backward/leaf-grad-shape-dtype-match", "grad-attr/same-dtype-and-device"],
    reaches=["*"],
)
def stored_gradients_are_float64(torch_: MonkeyPatch) -> None:
    right = TensorBase.grad

    def read(tensor: torch.Tensor) -> torch.Tensor | None:
        found = right.__get__(tensor)
        return found if found is None or found.dtype.is_complex else found.double()

    torch_.setattr(torch.Tensor, "grad", property(read, right.__set__, right.__delete__), raising=False)


@mutant(
    "backward clears the gradients that earlier backwards stored on leaves it does not reach.",
    catches=["training-loop/second-task-loop-code-as-printed"],
    reaches=["accumulation", "backward-multi", "custom-function", "grad-layout", "graph", "hooks", "optim"],
)
def backward_clears_other_gradients(torch_: MonkeyPatch) -> None:
    stored: list[weakref.ref[torch.Tensor]] = []

    def engine(results: Any, *args: Any, accumulate_grad: bool = False, **options: Any) -> tuple[Any, ...]:
        if accumulate_grad:
            reached = leaves_of(results)
            others = [leaf for one in stored if (leaf := one()) is not None]
            for leaf in others:
                if not any(leaf is one for one in reached):
                    leaf.grad = None
            stored[:] = [weakref.ref(leaf) for leaf in reached]
        return run_engine(results, *args, accumulate_grad=accumulate_grad, **options)

    replace_engine(torch_, engine)


@mutant(
    "Intermediate results retain their gradient unasked.",
    catches=["leaf/nonleaf-grad-not-kept", "leaf/nonleaf-grad-access-warns"],
    reaches=["accumulation", "backward", "func", "retain-grad", "training-loop"],
)
def results_retain_gradients(torch_: MonkeyPatch) -> None:
    for name in ("__mul__", "__add__", "__pow__", "sum"):
        torch_.setattr(torch.Tensor, name, _retaining(getattr(torch.Tensor, name)), raising=False)
    torch_.setattr(torch.nn.functional, "linear", _retaining(torch.nn.functional.linear))


def _retaining(operation: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def operate(*args: Any, **options: Any) -> torch.Tensor:
        result = operation(*args, **options)
        if isinstance(result, torch.Tensor) and result.requires_grad and not result.is_leaf:
            TensorBase.retain_grad(result)
        return result

    return operate


@mutant(
    "The gradient of an operand that was broadcast is averaged over what it was broadcast to, not summed.",
    catches=["backward/leaf-grad-shape-dtype-match"],
    reaches=["broadcast", "zero-element"],
)
def broadcast_gradients_are_averaged(torch_: MonkeyPatch) -> None:
    right = TensorBase.__mul__

    class Averaged(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
            ctx.share = x.numel() / like.numel()
            return x.view_as(x)

        @staticmethod
        def backward(ctx: Any, *grads: torch.Tensor) -> Any:
            return grads[0] * ctx.share, None

    def mul(x: torch.Tensor, other: Any) -> Any:
        if isinstance(other, torch.Tensor) and other.dim() and x.shape != other.shape and x.requires_grad:
            return right(Averaged.apply(x, right(x.detach(), other.detach())), other)
        return right(x, other)

    torch_.setattr(torch.Tensor, "__mul__", mul, raising=False)


@mutant(
    "A tensor that is used twice gets the gradient of one use only.",
    catches=[
        "graph/graph-is-a-binary-tree",
        "hooks/runs-once-on-the-sum-of-all-uses",
        "backward/fan-out-sums",
        "backward/vector-output-three-ways",
    ],
    reaches=["*"],
)
def only_one_use_counts(torch_: MonkeyPatch) -> None:
    right = TensorBase.__mul__

    def mul(x: torch.Tensor, other: Any) -> Any:
        return right(x, other.detach() if other is x else other)

    torch_.setattr(torch.Tensor, "__mul__", mul, raising=False)


# -- the gradient to start from ----------------------------------------------------------------------------------


def _grads(torch_: MonkeyPatch, make: Callable[[torch.Tensor, Any], Any]) -> None:
    """``make(result, gradient)`` replaces the checked gradient to start from."""
    right = torch.autograd._make_grads

    def make_grads(results: Any, grads: Any, is_grads_batched: bool) -> Any:
        return right(results, [make(*pair) for pair in zip(results, grads)], is_grads_batched)

    torch_.setattr(torch.autograd, "_make_grads", make_grads)


@mutant(
    "backward starts from ones, whatever gradient it is given.",
    catches=[
        "backward/nonscalar-backward-with-gradient-argument",
        "backward/grad-tensors-act-as-weights",
        "autograd-grad/autograd-grad-grad-outputs-like-backward",
        "backward-multi/grad-tensors",
    ],
    reaches=["*"],
)
def gradient_argument_is_ignored(torch_: MonkeyPatch) -> None:
    _grads(torch_, lambda result, grad: grad if grad is None else torch.ones_like(grad))


@mutant(
    "A gradient given for a scalar is ignored.",
    catches=["backward/grad-tensors-only-for-nonscalars"],
    reaches=["complex", "graph", "subgradient"],
)
def gradient_of_scalars_is_ignored(torch_: MonkeyPatch) -> None:
    _grads(torch_, lambda result, grad: None if result.numel() == 1 and grad is not None else grad)


@mutant(
    "A result of several elements starts a backward from ones.",
    catches=[
        "backward/nonscalar-backward-needs-gradient",
        "backward/zero-element-needs-gradient",
        "autograd-grad/grad-outputs-required",
        "loss/unreduced-loss-needs-gradient-argument",
        "backward-multi/none-for-scalars",
    ],
    reaches=["backward-multi", "complex", "graph"],
)
def implicit_gradient_of_ones(torch_: MonkeyPatch) -> None:
    def make(result: torch.Tensor, grad: Any) -> Any:
        return torch.ones_like(result) if grad is None and result.requires_grad else grad

    _grads(torch_, make)


@mutant(
    "The implicit gradient is for results of no dimension only.",
    catches=["backward/implicit-backward-only-for-zero-dim"],
    reaches=["backward-multi", "graph", "requires-grad"],
)
def implicit_gradient_only_without_dimensions(torch_: MonkeyPatch) -> None:
    def make(result: torch.Tensor, grad: Any) -> Any:
        if grad is None and result.dim():
            raise RuntimeError("a gradient is needed")
        return grad

    _grads(torch_, make)


@mutant(
    "A gradient of another shape is broadcast to that of the result.",
    catches=["backward/grad-tensors-shape-must-match", "autograd-grad/grad-outputs-required"],
    reaches=["graph"],
)
def gradient_argument_is_broadcast(torch_: MonkeyPatch) -> None:
    def make(result: torch.Tensor, grad: Any) -> Any:
        try:
            return grad if grad is None else grad.expand_as(result)
        except RuntimeError:
            return grad

    _grads(torch_, make)


@mutant(
    "A gradient of another shape is reshaped to that of the result.",
    catches=["backward/grad-tensors-shape-must-match", "autograd-grad/grad-outputs-required"],
    reaches=["graph"],
)
def gradient_argument_is_reshaped(torch_: MonkeyPatch) -> None:
    def make(result: torch.Tensor, grad: Any) -> Any:
        fits = grad is not None and grad.numel() == result.numel()
        return grad.reshape(result.shape) if fits else grad

    _grads(torch_, make)
