"""Optimizers that divide by a root of squared gradients: RMSprop, Adagrad, Adadelta."""

from __future__ import annotations

from typing import Any

from conformance.reference.operations.creation import zeros_like
from conformance.reference.optim.optimizer import (
    Optimizer,
    check_implementation,
    check_range,
    new_step,
    number_of,
)

__all__ = ["Adadelta", "Adagrad", "RMSprop"]


class RMSprop(Optimizer):
    """p -= lr * g / (sqrt(v) + eps), v a moving average of g ** 2; less the mean's square where `centered`."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        check_range("epsilon value", eps)
        check_range("momentum value", momentum)
        check_range("weight_decay value", weight_decay)
        check_range("alpha value", alpha)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "capturable": capturable,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
            },
        )

    def _update(self, parameter: Any, gradient: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        zeros: Any = zeros_like(parameter.detach())
        if not state:
            state["step"], state["square_avg"] = new_step(), zeros
            if group["momentum"] > 0:
                state["momentum_buffer"] = zeros.clone()
            if group["centered"]:
                state["grad_avg"] = zeros.clone()
        state["step"] += 1
        if group["weight_decay"] != 0:
            gradient = gradient.add(parameter, alpha=group["weight_decay"])
        alpha = group["alpha"]
        square = state["square_avg"].mul_(alpha).addcmul_(gradient, gradient, value=1 - alpha)
        if group["centered"]:
            mean = state["grad_avg"].lerp_(gradient, 1 - alpha)
            square = square.addcmul(mean, mean, value=-1)
        scale = square.sqrt().add(group["eps"])
        rate = number_of(group["lr"])
        if group["momentum"] > 0:
            buffer = state["momentum_buffer"].mul_(group["momentum"]).addcdiv_(gradient, scale)
            parameter.add_(buffer, alpha=-rate)
        else:
            parameter.addcdiv_(gradient, scale, value=-rate)


class Adagrad(Optimizer):
    """p -= lr' * g / (sqrt(sum of all g ** 2) + eps), lr' = lr / (1 + (step - 1) * lr_decay)."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_range("learning rate", lr)
        check_range("lr_decay value", lr_decay)
        check_range("weight_decay value", weight_decay)
        check_range("initial_accumulator_value value", initial_accumulator_value)
        check_range("epsilon value", eps)
        check_implementation(foreach, fused, differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "eps": eps,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "fused": fused,
            },
        )
        for group in self.param_groups:
            for parameter in group["params"]:
                self._begin(parameter, group)

    def _begin(self, parameter: Any, group: dict[str, Any]) -> None:
        total: Any = zeros_like(parameter.detach())
        start = group["initial_accumulator_value"]
        total.fill_(complex(start, start) if parameter.is_complex() else start)
        self.state[parameter].update(step=new_step(), sum=total)

    def _update(self, parameter: Any, gradient: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:  # of a group that was added later
            self._begin(parameter, group)
            state = self.state[parameter]
        state["step"] += 1
        if group["weight_decay"] != 0:
            gradient = gradient.add(parameter, alpha=group["weight_decay"])
        rate = number_of(group["lr"]) / (1 + (float(state["step"]) - 1) * group["lr_decay"])
        scale = state["sum"].addcmul_(gradient, gradient, value=1).sqrt().add(group["eps"])
        parameter.addcdiv_(gradient, scale, value=-rate)


class Adadelta(Optimizer):
    """p -= lr * d, d = g * sqrt(average of d ** 2 + eps) / sqrt(average of g ** 2 + eps)."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_range("epsilon value", eps)
        check_range("weight_decay value", weight_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "rho": rho,
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "capturable": capturable,
                "foreach": foreach,
                "differentiable": differentiable,
            },
        )

    def _update(self, parameter: Any, gradient: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:
            zeros: Any = zeros_like(parameter.detach())
            state.update(step=new_step(), square_avg=zeros, acc_delta=zeros.clone())
        state["step"] += 1
        if group["weight_decay"] != 0:
            gradient = gradient.add(parameter, alpha=group["weight_decay"])
        rho, eps = group["rho"], group["eps"]
        square = state["square_avg"].mul_(rho).addcmul_(gradient, gradient, value=1 - rho)
        change = state["acc_delta"].add(eps).sqrt_().div_(square.add(eps).sqrt_()).mul_(gradient)
        state["acc_delta"].mul_(rho).addcmul_(change, change, value=1 - rho)
        parameter.add_(change, alpha=-number_of(group["lr"]))
