"""Gradient rules of normalisation.

Mean and variance are outputs of the operation too, so the rules below may use them as what they are,
functions of the input; that makes double backward right without another formula.
"""

from __future__ import annotations

import math
from typing import Any

from conformance.reference.dispatch import Rules

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
    parts = []
    if grad is not None and needs[0]:
        direct = (grad if weight is None else grad * weight) * rstd
        slope = (direct * centred).mean(axes, keepdim=True) * rstd * rstd
        parts.append(direct - direct.mean(axes, keepdim=True) - centred * slope)
    if grad_mean is not None:
        parts.append((grad_mean / count).expand(input.shape))
    if grad_variance is not None:
        parts.append(centred * (grad_variance * (2 / count)))
    return (
        _total(parts) if needs[0] else None,
        grad * (centred * rstd) if needs[1] and grad is not None else None,
        grad if needs[2] else None,
    )


def _total(parts: list[Any]) -> Any:
    """The sum, or None of nothing."""
    if not parts:
        return None
    first, *others = parts
    return sum(others, first)


def _normalize_rms(grads: Any, input: Any, weight: Any, rstd: Any, axes: Any, needs: Any) -> tuple[Any, Any]:
    grad, grad_rstd = grads
    axes = list(axes)
    normal = input * rstd
    parts = []
    if grad is not None and needs[0]:
        scaled = grad if weight is None else grad * weight
        parts.append(rstd * (scaled - normal * (scaled * normal).mean(axes, keepdim=True)))
    if grad_rstd is not None:
        parts.append(grad_rstd * rstd * rstd * normal * (-1 / _count(input.shape, axes)))
    return (
        _total(parts) if needs[0] else None,
        grad * normal if needs[1] and grad is not None else None,
    )


NORMALIZE: Rules = {"all": _normalize}
NORMALIZE_RMS: Rules = {"all": _normalize_rms}
NORMALIZE_BY: Rules = {
    "input": lambda grad, weight, variance, eps: (grad if weight is None else grad * weight) * (variance + eps).rsqrt(),
    "weight": lambda grad, input, mean, variance, eps: grad * (input - mean) * (variance + eps).rsqrt(),
    "bias": lambda grad: grad,
}
