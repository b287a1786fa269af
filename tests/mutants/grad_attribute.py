"""Faults of the attribute ``grad``: what may be assigned to it, whom it belongs to, and in which dtype it is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.weak import WeakIdKeyDictionary

from tests.mutants.engine import leaves_of, replace_engine, run_engine
from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase

_right = TensorBase.grad
_assign = _right.__set__
Assign = Callable[[torch.Tensor, Any], None]


def _replace_grad(torch_: MonkeyPatch, assign: Assign, read: Callable[[torch.Tensor], Any] = _right.__get__) -> None:
    torch_.setattr(torch.Tensor, "grad", property(read, assign, _right.__delete__), raising=False)


def _converting(torch_: MonkeyPatch, convert: Callable[[torch.Tensor, Any], Any]) -> None:
    """What is assigned to .grad is ``convert(tensor, value)`` instead of ``value``; None stays None."""
    _replace_grad(torch_, lambda tensor, value: _assign(tensor, None if value is None else convert(tensor, value)))


# -- what may be assigned ----------------------------------------------------------------------------------------


@mutant(
    "Assigning to .grad keeps a copy.",
    catches=["grad-attr/assign-keeps-object", "parameter/grad-assignment-must-match"],
    reaches=["*"],
)
def assigned_gradients_are_copied(torch_: MonkeyPatch) -> None:
    _converting(torch_, lambda tensor, value: value.clone() if isinstance(value, torch.Tensor) else value)


@mutant(
    "Assigning to .grad is refused for a tensor that does not require grad.",
    catches=["grad-attr/assign-keeps-object"],
    reaches=["deepcopy", "module", "state-dict"],
)
def plain_tensors_take_no_gradient(torch_: MonkeyPatch) -> None:
    def assign(tensor: torch.Tensor, value: Any) -> None:
        if value is not None and not tensor.requires_grad:
            raise RuntimeError("only tensors that require grad have a gradient")
        _assign(tensor, value)

    _replace_grad(torch_, assign)


@mutant(
    "A tensor that is assigned to .grad is broadcast to the shape of its owner.",
    catches=["grad-attr/assign-wrong-shape"],
    reaches=["parameter/grad-assignment-must-match"],
)
def assigned_gradients_are_broadcast(torch_: MonkeyPatch) -> None:
    def convert(tensor: torch.Tensor, value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or value.shape == tensor.shape:
            return value
        try:
            return value.expand(tensor.shape).clone()
        except RuntimeError:
            return value.reshape(tensor.shape)

    _converting(torch_, convert)


@mutant(
    "A tensor that is assigned to .grad is converted to the dtype of its owner.",
    catches=["grad-attr/assign-wrong-dtype", "grad-attr/dtype-override"],
    reaches=["device/gradient-must-match-parameter"],
)
def assigned_gradients_are_converted(torch_: MonkeyPatch) -> None:
    _converting(torch_, lambda tensor, value: value.to(tensor.dtype) if isinstance(value, torch.Tensor) else value)


@mutant(
    "A tensor that is assigned to .grad is moved to the device of its owner.",
    catches=["grad-attr/assign-wrong-device"],
    reaches=["device/gradient-must-match-parameter"],
)
def assigned_gradients_are_moved(torch_: MonkeyPatch) -> None:
    def convert(tensor: torch.Tensor, value: Any) -> Any:
        elsewhere = isinstance(value, torch.Tensor) and value.device != tensor.device
        return torch.zeros(value.shape, dtype=value.dtype, device=tensor.device) if elsewhere else value

    _converting(torch_, convert)


@mutant(
    "Numbers, lists and arrays that are assigned to .grad become tensors.",
    catches=["grad-attr/assign-non-tensor"],
    reaches=["parameter/grad-assignment-must-match"],
)
def assigned_gradients_are_made_tensors(torch_: MonkeyPatch) -> None:
    def convert(tensor: torch.Tensor, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value
        made = [float("nan")] if isinstance(value, str) else [float(one) for one in torch.as_tensor(value).reshape(-1)]
        return torch.tensor(made, dtype=tensor.dtype).expand(tensor.shape).clone()

    _converting(torch_, convert)


@mutant("A tensor may be its own gradient.", catches=["grad-attr/assign-self-refused"])
def tensors_may_be_their_own_gradient(torch_: MonkeyPatch) -> None:
    _converting(torch_, lambda tensor, value: TensorBase.detach(value) if value is tensor else value)


@mutant(
    "A refused assignment to .grad clears it.",
    catches=["grad-attr/assign-wrong-shape", "grad-attr/assign-wrong-dtype", "grad-attr/assign-wrong-device"],
    reaches=["parameter/grad-assignment-must-match"],
)
def refused_assignments_clear_the_gradient(torch_: MonkeyPatch) -> None:
    def assign(tensor: torch.Tensor, value: Any) -> None:
        if value is not tensor:
            _assign(tensor, None)
        _assign(tensor, value)

    _replace_grad(torch_, assign)


# -- when it appears, and whose it is ----------------------------------------------------------------------------


@mutant(
    "A gradient that was reset to None comes back in the next backward, in the same memory.",
    catches=["grad-attr/reset-to-none"],
)
def cleared_gradients_are_used_again(torch_: MonkeyPatch) -> None:
    former = WeakIdKeyDictionary()

    def assign(tensor: torch.Tensor, value: Any) -> None:
        old = _right.__get__(tensor)
        if value is None and old is not None and not old.requires_grad:
            former[tensor] = old
        _assign(tensor, value)

    def read(tensor: torch.Tensor) -> Any:
        found = _right.__get__(tensor)
        old = former.pop(tensor, None) if found is not None else None
        if old is None or old is found or old.dtype != found.dtype or found.requires_grad:
            return found
        with torch.no_grad():
            _assign(tensor, old.copy_(found))
        return old

    _replace_grad(torch_, assign, read)


@mutant(
    "backward stores zeros on leaves that took part in a multiplication and get no gradient from it.",
    catches=["grad-attr/unreached-leaf-stays-none"],
    reaches=["*"],
)
def unreached_leaves_get_zeros(torch_: MonkeyPatch) -> None:
    seen = WeakIdKeyDictionary()
    right = TensorBase.__mul__

    def mul(x: torch.Tensor, other: Any) -> Any:
        for one in (x, other):
            if isinstance(one, torch.Tensor) and one.is_leaf and one.requires_grad:
                seen[one] = True
        return right(x, other)

    def engine(*args: Any, accumulate_grad: bool = False, **options: Any) -> tuple[Any, ...]:
        returned = run_engine(*args, accumulate_grad=accumulate_grad, **options)
        for leaf in list(seen) if accumulate_grad else ():
            if leaf.grad is None:
                leaf.grad = torch.zeros_like(leaf)
        return returned

    torch_.setattr(torch.Tensor, "__mul__", mul, raising=False)
    replace_engine(torch_, engine)


def _after_backward(torch_: MonkeyPatch, change: Callable[[list[torch.Tensor]], None]) -> None:
    """``change(leaves)`` runs after each backward with the leaves that had no gradient before it and have one now."""

    def engine(results: Any, *args: Any, accumulate_grad: bool = False, **options: Any) -> tuple[Any, ...]:
        bare = [leaf for leaf in leaves_of(results) if leaf.grad is None] if accumulate_grad else []
        returned = run_engine(results, *args, accumulate_grad=accumulate_grad, **options)
        change([leaf for leaf in bare if leaf.grad is not None])
        return returned

    replace_engine(torch_, engine)


@mutant(
    "A gradient that several leaves receive alike is stored once, for all of them.",
    catches=["grad-attr/leaves-do-not-share-gradient-storage"],
    reaches=["*"],
)
def equal_gradients_are_shared(torch_: MonkeyPatch) -> None:
    def change(leaves: list[torch.Tensor]) -> None:
        for leaf in leaves[1:]:
            first, own = leaves[0].grad, leaf.grad
            if first is not None and own is not None and first.dtype == own.dtype and torch.equal(first, own):
                leaf.grad = first

    _after_backward(torch_, change)


@mutant(
    "The first gradient of a leaf requires grad where the gradient that backward was given does.",
    catches=["grad-attr/not-differentiable-by-default"],
)
def flags_of_given_gradients_are_kept(torch_: MonkeyPatch) -> None:
    def engine(results: Any, grads: Any, *args: Any, accumulate_grad: bool = False, **options: Any) -> tuple[Any, ...]:
        returned = run_engine(results, grads, *args, accumulate_grad=accumulate_grad, **options)
        if accumulate_grad and any(given is not None and given.requires_grad for given in grads):
            for leaf in leaves_of(results):
                if leaf.grad is not None:
                    leaf.grad.requires_grad_()
        return returned

    replace_engine(torch_, engine)


@mutant(
    "With create_graph=True, too, backward adds into the gradient that is there.",
    catches=["grad-attr/accumulation-out-of-place-with-create-graph"],
)
def recorded_gradients_are_added_in_place(torch_: MonkeyPatch) -> None:
    def engine(results: Any, grads: Any, retain: Any, create: Any, *args: Any, **options: Any) -> tuple[Any, ...]:
        before = [(leaf, leaf.grad) for leaf in leaves_of(results) if create and options.get("accumulate_grad")]
        returned = run_engine(results, grads, retain, create, *args, **options)
        for leaf, old in before:
            if old is not None and leaf.grad is not None and not old.requires_grad:
                leaf.grad = old.copy_(leaf.grad)
        return returned

    replace_engine(torch_, engine)


# -- grad_dtype --------------------------------------------------------------------------------------------------


def _replace_grad_dtype(torch_: MonkeyPatch, read: Callable[[Any], Any], assign: Callable[[Any, Any], None]) -> None:
    torch_.setattr(torch.Tensor, "grad_dtype", property(read, assign), raising=False)


@mutant("grad_dtype of a result can be read and set, to no effect.", catches=["grad-attr/dtype-leaf-only"])
def results_have_a_grad_dtype(torch_: MonkeyPatch) -> None:
    right = TensorBase.grad_dtype

    def read(tensor: torch.Tensor) -> Any:
        return right.__get__(tensor) if tensor.is_leaf else tensor.dtype

    def assign(tensor: torch.Tensor, value: Any) -> None:
        if tensor.is_leaf:
            right.__set__(tensor, value)

    _replace_grad_dtype(torch_, read, assign)


@mutant(
    "grad_dtype is remembered and not heeded.",
    catches=["grad-attr/dtype-override", "grad-attr/dtype-none-accepts-anything"],
)
def grad_dtype_is_ignored(torch_: MonkeyPatch) -> None:
    chosen = WeakIdKeyDictionary()
    _replace_grad_dtype(torch_, lambda tensor: chosen.get(tensor, tensor.dtype), chosen.__setitem__)


@mutant(
    "A leaf's gradient has the dtype in which the result was computed.",
    catches=["grad-attr/same-dtype-and-device.converted"],
    reaches=["backward", "device", "dtype", "leaf", "requires-grad", "transfer"],
)
def gradients_have_the_dtype_of_the_result(torch_: MonkeyPatch) -> None:
    def engine(results: Any, *args: Any, accumulate_grad: bool = False, **options: Any) -> tuple[Any, ...]:
        returned = run_engine(results, *args, accumulate_grad=accumulate_grad, **options)
        dtype = getattr(results[0], "dtype", torch.int64)
        for leaf in leaves_of(results) if accumulate_grad else ():
            if leaf.grad is not None and leaf.grad.is_floating_point() and dtype.is_floating_point:
                leaf.grad.data = leaf.grad.data.to(dtype)
        return returned

    replace_engine(torch_, engine)
