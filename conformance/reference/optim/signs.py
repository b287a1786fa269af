"""Rprop: steps whose size follows the gradient's signs and not its size."""

from __future__ import annotations

from typing import Any

from conformance.reference.dispatch import ops
from conformance.reference.operations.creation import full_like, zeros_like
from conformance.reference.optim.optimizer import Optimizer, check_range, new_step, number_of

__all__ = ["Rprop"]


class Rprop(Optimizer):
    """Each element has a step of its own: larger while the gradient keeps its sign, smaller when it turns.

    Where it turns the element rests for one step.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(
            params,
            {
                "lr": lr,
                "etas": etas,
                "step_sizes": step_sizes,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def _update(self, parameter: Any, gradient: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:
            like = parameter.detach()
            state.update(step=new_step(), prev=zeros_like(like), step_size=full_like(like, number_of(group["lr"])))
        state["step"] += 1
        smaller, larger = group["etas"]
        agreement = gradient * state["prev"]
        factor = ops.where(agreement > 0, larger, ops.where(agreement < 0, smaller, 1.0))
        size = state["step_size"].mul_(factor).clamp_(*group["step_sizes"])
        gradient = ops.where(agreement < 0, 0.0, gradient)
        parameter.add_(gradient.sign() * size, alpha=-1)
        state["prev"].copy_(gradient)
