"""Adam and its relatives: moving averages of the gradient and of its square, both corrected for their start at zero."""

from __future__ import annotations

import math
from typing import Any

from conformance.reference.dispatch import ops
from conformance.reference.operations.creation import zeros_like
from conformance.reference.optim.optimizer import (
    Optimizer,
    check_implementation,
    check_range,
    new_step,
    number_of,
)

__all__ = ["Adam", "AdamW", "Adamax", "NAdam", "RAdam"]


def _check(lr: Any, betas: tuple[float, float], eps: float, weight_decay: float) -> None:
    check_range("learning rate", lr)
    check_range("epsilon value", eps)
    check_range("beta parameter at index 0", betas[0], below=1.0)
    check_range("beta parameter at index 1", betas[1], below=1.0)
    check_range("weight_decay value", weight_decay)


def _start(state: dict[str, Any], parameter: Any, *averages: str) -> None:
    if not state:
        state["step"] = new_step()
        for name in averages:
            state[name] = zeros_like(parameter.detach())


def _decayed(parameter: Any, gradient: Any, group: dict[str, Any]) -> Any:
    """Weight decay: into the gradient, or decoupled, straight from the parameter."""
    decay = group["weight_decay"]
    if decay == 0:
        return gradient
    if group.get("decoupled_weight_decay"):
        parameter.mul_(1 - number_of(group["lr"]) * decay)
        return gradient
    return gradient.add(parameter, alpha=decay)


def _average(state: dict[str, Any], gradient: Any, betas: tuple[Any, Any]) -> tuple[Any, Any]:
    """Move both averages toward the gradient and its square."""
    first, second = (number_of(beta) for beta in betas)
    state["exp_avg"].lerp_(gradient, 1 - first)
    state["exp_avg_sq"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
    return state["exp_avg"], state["exp_avg_sq"]


class Adam(Optimizer):
    """p -= lr * m' / (sqrt(v') + eps), m' and v' being the averages divided by 1 - beta ** step.

    With amsgrad v is the largest average of squares seen so far. `decoupled_weight_decay` makes it AdamW.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        _check(lr, betas, eps, weight_decay)
        check_implementation(foreach, fused, differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
                "fused": fused,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def _update(self, parameter: Any, gradient: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        extra = ("max_exp_avg_sq",) if group["amsgrad"] else ()
        _start(state, parameter, "exp_avg", "exp_avg_sq", *extra)
        state["step"] += 1
        step = float(state["step"])
        gradient = _decayed(parameter, gradient, group)
        mean, square = _average(state, gradient, group["betas"])
        if group["amsgrad"]:
            square = state["max_exp_avg_sq"].copy_(ops.maximum(state["max_exp_avg_sq"].clone(), square))
        first, second = (1 - number_of(beta) ** step for beta in group["betas"])
        scale = (square.sqrt() / math.sqrt(second)).add_(group["eps"])
        parameter.addcdiv_(mean, scale, value=-number_of(group["lr"]) / first)


class AdamW(Adam):
    """Adam whose weight decay acts on the parameter directly: p -= lr * weight_decay * p first."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )


class Adamax(Optimizer):
    """Adam with the infinity norm: the average of squares is replaced by a decaying maximum of |gradient|."""

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        _check(lr, betas, eps, weight_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def _update(self, parameter: Any, gradient: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        _start(state, parameter, "exp_avg", "exp_inf")
        state["step"] += 1
        gradient = _decayed(parameter, gradient, group)
        first, second = group["betas"]
        state["exp_avg"].lerp_(gradient, 1 - first)
        state["exp_inf"].copy_(ops.maximum(state["exp_inf"] * second, gradient.abs() + group["eps"]))
        rate = number_of(group["lr"]) / (1 - first ** float(state["step"]))
        parameter.addcdiv_(state["exp_avg"], state["exp_inf"], value=-rate)


class NAdam(Optimizer):
    """Adam with Nesterov momentum, whose momentum grows from step to step."""

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        _check(lr, betas, eps, weight_decay)
        check_range("momentum_decay value", momentum_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
            },
        )

    def _update(self, parameter: Any, gradient: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:
            _start(state, parameter, "exp_avg", "exp_avg_sq")
            state["mu_product"] = new_step() + 1
        state["step"] += 1
        step = float(state["step"])
        gradient = _decayed(parameter, gradient, group)
        mean, square = _average(state, gradient, group["betas"])
        first, second = group["betas"]
        now, following = (first * (1.0 - 0.5 * 0.96 ** (at * group["momentum_decay"])) for at in (step, step + 1))
        state["mu_product"] *= now
        product = float(state["mu_product"])
        scale = (square / (1 - second**step)).sqrt().add(group["eps"])
        rate = number_of(group["lr"])
        parameter.addcdiv_(gradient, scale, value=-rate * (1.0 - now) / (1.0 - product))
        parameter.addcdiv_(mean, scale, value=-rate * following / (1.0 - product * following))


class RAdam(Optimizer):
    """Adam that leaves out the division while too few gradients have been seen for a trustworthy variance."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        _check(lr, betas, eps, weight_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "decoupled_weight_decay": decoupled_weight_decay,
                "differentiable": differentiable,
            },
        )

    def _update(self, parameter: Any, gradient: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        _start(state, parameter, "exp_avg", "exp_avg_sq")
        state["step"] += 1
        step = float(state["step"])
        gradient = _decayed(parameter, gradient, group)
        mean, square = _average(state, gradient, group["betas"])
        first, second = group["betas"]
        longest = 2 / (1 - second) - 1
        seen = longest - 2 * step * second**step / (1 - second**step)
        change = mean / (1 - first**step)
        if seen > 5.0:
            trust = (seen - 4) * (seen - 2) * longest / ((longest - 4) * (longest - 2) * seen)
            change = change * (math.sqrt(1 - second**step) / (square.sqrt() + group["eps"])) * math.sqrt(trust)
        parameter.add_(change, alpha=-number_of(group["lr"]))
