"""Activation functions on arrays; those that are ordinary elementwise functions too are in `elementwise`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.reference.forward.elementwise import erf, quiet, sigmoid

Array = Any

__all__ = ["ACTIVATIONS"]


def _like(values: Array, x: Array) -> Array:
    return values.astype(x.dtype, copy=False)


def leaky_relu(x: Array, negative_slope: float) -> Array:
    return _like(np.where(x > 0, x, x * negative_slope), x)


def elu(x: Array, alpha: float, scale: float, input_scale: float) -> Array:
    """`scale` * x above zero, scale * alpha * (e^(input_scale x) - 1) below."""
    return _like(np.where(x > 0, x * scale, np.expm1(np.minimum(x, 0) * input_scale) * (alpha * scale)), x)


def gelu(x: Array, approximate: str) -> Array:
    """`x` times the normal distribution's cumulative function, or its approximation by tanh."""
    if approximate == "tanh":
        inner = (x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)
        return _like(x * 0.5 * (1 + np.tanh(inner)), x)
    return _like(x * 0.5 * (1 + erf(x * math.sqrt(0.5))), x)


def silu(x: Array) -> Array:
    return _like(x * sigmoid(x), x)


def softplus(x: Array, beta: float, threshold: float) -> Array:
    """log(1 + e^(beta x)) / beta, and x itself where beta x is above the threshold."""
    scaled = x * beta
    return _like(np.where(scaled > threshold, x, np.log1p(np.exp(np.minimum(scaled, threshold))) / beta), x)


def log_sigmoid(x: Array) -> Array:
    return _like(np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))), x)


def mish(x: Array) -> Array:
    return _like(x * np.tanh(np.logaddexp(x, 0)), x)


def hardtanh(x: Array, min_val: float, max_val: float) -> Array:
    return _like(np.clip(x, x.dtype.type(min_val), x.dtype.type(max_val)), x)


def hardsigmoid(x: Array) -> Array:
    return _like(np.clip(x + 3, 0, 6) / 6, x)


def hardswish(x: Array) -> Array:
    return _like(x * np.clip(x + 3, 0, 6) / 6, x)


def hardshrink(x: Array, lambd: float) -> Array:
    return _like(np.where((x >= -lambd) & (x <= lambd), 0, x), x)


def softshrink(x: Array, lambd: float) -> Array:
    return _like(np.where(x > lambd, x - lambd, np.where(x < -lambd, x + lambd, x * 0)), x)


def threshold(x: Array, threshold: float, value: float) -> Array:
    return _like(np.where(x <= threshold, x.dtype.type(value), x), x)


ACTIVATIONS: dict[str, Callable[..., Array]] = {
    function.__name__: quiet(function)
    for function in (
        elu,
        gelu,
        hardshrink,
        hardsigmoid,
        hardswish,
        hardtanh,
        leaky_relu,
        log_sigmoid,
        mish,
        silu,
        softplus,
        softshrink,
        threshold,
    )
}
