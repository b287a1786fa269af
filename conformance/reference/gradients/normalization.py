"""Gradient rules of normalisation.

Mean and variance are outputs of the operation too, so the rules below may use them as what they are,
functions of the input; that makes double backward right without another formula.
"""

from __future__ import annotations

import math
from typing import Any

__all__ = ["NORMALIZE", "NORMALIZE_BY", "NORMALIZE_RMS"]


def _count(shape: Any, axes: Any) -> int:
    return math.prod(shape[axis] for axis in axes)


def _normalize(
    grads: Any, input: Any, weight: Any, mean: Any, variance: Any, axes: Any, eps: float, needs: Any
) -> tuple[Any, Any, Any]:
    grad, grad_mean, grad_variance = grads
    axes = list(axes)
    count = _count(input.shape, axes)
    centred = input - mean
    rstd = (variance + eps).rsqrt()
    along_input: Any = 0
    if grad is not None and needs[0]:
        direct = (grad if weight is None else grad * weight) * rstd
        slope = (direct * centred).mean(axes, keepdim=True) * rstd * rstd
        along_input = direct - direct.mean(axes, keepdim=True) - centred * slope
    if grad_mean is not None:
        along_input = along_input + grad_mean / count
    if grad_variance is not None:
        along_input = along_input + centred * (grad_variance * (2 / count))
    return (
        along_input if needs[0] else None,
        grad * (centred * rstd) if needs[1] and grad is not None else None,
        grad if needs[2] else None,
    )


def _normalize_rms(grads: Any, input: Any, weight: Any, rstd: Any, axes: Any, needs: Any) -> tuple[Any, Any]:
    grad, grad_rstd = grads
    axes = list(axes)
    normal = input * rstd
    along_input: Any = 0
    along_normal: Any = 0
    if grad is not None and needs[0]:
        scaled = grad if weight is None else grad * weight
        along_input = scaled * rstd
        along_normal = -(scaled * normal).sum(axes, keepdim=True) * rstd
    if grad_rstd is not None:
        along_normal = along_normal - grad_rstd * rstd * rstd
    return (
        along_input + along_normal * normal / _count(input.shape, axes) if needs[0] else None,
        grad * normal if needs[1] and grad is not None else None,
    )


NORMALIZE = {"all": _normalize}
NORMALIZE_RMS = {"all": _normalize_rms}
NORMALIZE_BY = {
    "input": lambda grad, weight, variance, eps: (grad if weight is None else grad * weight) * (variance + eps).rsqrt(),
    "weight": lambda grad, input, mean, variance, eps: grad * (input - mean) * (variance + eps).rsqrt(),
    "bias": lambda grad: grad,
}
