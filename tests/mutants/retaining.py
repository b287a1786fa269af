"""Faults of retain_grad(): which gradient it keeps, of which tensors, and how often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from tests.mutants.swapping import swap

#: Keeps one gradient for a tensor.
Keep = Callable[[torch.Tensor, torch.Tensor], None]


def _add(x: torch.Tensor, grad: torch.Tensor) -> None:
    x.grad = grad.clone() if x.grad is None else x.grad + grad


def _add_in_place(x: torch.Tensor, grad: torch.Tensor) -> None:
    if x.grad is None:
        x.grad = grad.clone()
    else:
        x.grad.add_(grad)


def _kept_by(
    register: Callable[[Any, Callable[[torch.Tensor], None]], Any], keep: Keep = _add, *, again: bool = False
) -> Any:
    """``retain_grad`` of results as a hook that ``register`` adds, and ``retains_grad`` to go with it."""

    def build(right: Any) -> Any:
        def retain_grad(x: Any) -> None:
            if x.is_leaf:
                right(x)
            elif again or not hasattr(x, "kept"):
                x.kept = True
                register(x, lambda grad: keep(x, grad))

        return retain_grad if callable(right) else property(lambda x: hasattr(x, "kept"))

    return build


swap(
    "retained_gradients_add_up_in_place",
    "A retained gradient is added to in place.",
    torch.Tensor,
    "retain_grad retains_grad",
    _kept_by(lambda x, keep: x.register_hook(keep), _add_in_place),
    catches=["retain-grad/accumulates-out-of-place"],
    reaches=["hooks", "leaf"],
)
swap(
    "every_call_retains_once_more",
    "retain_grad() that is called again keeps the gradient twice.",
    torch.Tensor,
    "retain_grad retains_grad",
    _kept_by(lambda x, keep: x.register_hook(keep), again=True),
    catches=["retain-grad/leaf-noop-and-flag", "retain-grad/sees-tensor-hooks"],
    reaches=["hooks", "leaf"],
)
swap(
    "retained_gradients_are_of_the_first_value",
    "After a write in place the retained gradient is still that of the value before.",
    torch.Tensor,
    "retain_grad retains_grad",
    _kept_by(lambda x, keep: x.grad_fn.register_prehook(lambda grads: keep(grads[x.output_nr]))),
    catches=["retain-grad/follows-tensor-through-inplace"],
    reaches=["hooks", "leaf"],
)
swap(
    "retained_gradients_come_after_node_hooks",
    "The retained gradient is what the pre-hooks of the node left.",
    torch.Tensor,
    "retain_grad retains_grad",
    _kept_by(lambda x, keep: x.grad_fn.register_hook(lambda _, grads: keep(grads[x.output_nr]))),
    catches=["retain-grad/node-prehook-not-seen"],
    reaches=["hooks", "leaf"],
)
swap(
    "retain_grad_takes_anything",
    "retain_grad() of a tensor that does not require grad does nothing.",
    torch.Tensor,
    "retain_grad",
    lambda right: lambda x: right(x) if x.requires_grad else None,
    catches=["retain-grad/refused-without-requires-grad"],
    reaches=["leaf"],
)


def _refused() -> None:
    raise RuntimeError("a leaf keeps its gradient anyway")


swap(
    "leaves_refuse_to_retain",
    "retain_grad() of a leaf raises.",
    torch.Tensor,
    "retain_grad",
    lambda right: lambda x: _refused() if x.is_leaf else right(x),
    catches=["retain-grad/leaf-noop-and-flag"],
    reaches=["hooks", "leaf"],
)
