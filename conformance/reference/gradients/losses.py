"""Gradient rules of the losses.

The gradient of a reduced loss is a number for all elements; dividing by their count makes a sum's rule a mean's.
"""

from __future__ import annotations

from typing import Any

from conformance.reference.dispatch import Rules, ops

__all__ = ["BINARY_CROSS_ENTROPY", "NLL", "NLL_ADJOINT", "POINTWISE_RULES"]


def _share(grad: Any, reduction: str, like: Any) -> Any:
    """What arrives at each element's own loss."""
    return grad / like.numel() if reduction == "mean" else grad


def _mse(grad: Any, self: Any, target: Any, reduction: str) -> Any:
    return (self - target) * 2 * _share(grad, reduction, self)


def _smooth_l1(grad: Any, self: Any, target: Any, reduction: str, beta: float) -> Any:
    difference = self - target
    far = ops.sgn(difference)
    slope = ops.where(difference.abs() < beta, difference / beta, far) if beta else far
    return slope * _share(grad, reduction, self)


def _huber(grad: Any, self: Any, target: Any, reduction: str, delta: float) -> Any:
    difference = self - target
    slope = ops.where(difference.abs() <= delta, difference, ops.sgn(difference) * delta)
    return slope * _share(grad, reduction, self)


POINTWISE_RULES: dict[str, Rules] = {
    "mse_loss": {
        "self": _mse,
        "target": lambda grad, self, target, reduction: -_mse(grad, self, target, reduction),
    },
    "smooth_l1_loss": {
        "self": _smooth_l1,
        "target": lambda grad, self, target, reduction, beta: -_smooth_l1(grad, self, target, reduction, beta),
    },
    "huber_loss": {
        "self": _huber,
        "target": lambda grad, self, target, reduction, delta: -_huber(grad, self, target, reduction, delta),
    },
}


def _bce_input(grad: Any, self: Any, target: Any, weight: Any, reduction: str) -> Any:
    """(p - y) / (p (1 - p)), the denominator held away from zero."""
    slope = (self - target) / ((1 - self) * self).clamp(min=1e-12)
    return (slope if weight is None else slope * weight) * _share(grad, reduction, self)


def _bce_target(grad: Any, self: Any, target: Any, weight: Any, reduction: str) -> Any:
    slope = (-self).log1p().clamp(min=-100) - self.log().clamp(min=-100)
    return (slope if weight is None else slope * weight) * _share(grad, reduction, self)


BINARY_CROSS_ENTROPY: Rules = {"self": _bce_input, "target": _bce_target}


def _nll(
    grad: Any,
    self_shape: Any,
    target: Any,
    weight: Any,
    reduction: str,
    ignore_index: int,
    total_weight: Any,
) -> Any:
    if reduction == "mean":
        grad = grad / total_weight
    return ops.nll_loss_adjoint(grad.expand(target.shape), target, weight, self_shape, ignore_index)


NLL: Rules = {"self": _nll}
NLL_ADJOINT: Rules = {
    "self": lambda grad, target, weight, ignore_index: ops.nll_loss(grad, target, weight, "none", ignore_index)
}
