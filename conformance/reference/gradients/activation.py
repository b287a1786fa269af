"""Gradient rules of the activation functions, and their conventions where a function has a corner.

At a corner the gradient is that of the side named here: leaky_relu and elu at zero the negative side; hardtanh at its
bounds zero; hardsigmoid at its ends zero, hardswish at its ends that of the middle and the right; hardshrink and
softshrink at their ends zero; threshold at its value zero.
"""

from __future__ import annotations

import math
from typing import Any

from conformance.reference.dispatch import Rules, ops

__all__ = ["ACTIVATION_RULES"]


def _where(condition: Any, chosen: Any, otherwise: Any = 0.0) -> Any:
    return ops.where(condition, chosen, otherwise)


def _elu(grad: Any, self: Any, alpha: float, scale: float, input_scale: float) -> Any:
    below = grad * (self * input_scale).exp() * (alpha * scale * input_scale)
    return _where(self > 0, grad * scale, below)


def _gelu(grad: Any, self: Any, approximate: str) -> Any:
    if approximate == "tanh":
        slope = math.sqrt(2 / math.pi)
        inner = ((self + self * self * self * 0.044715) * slope).tanh()
        along = (1 - inner * inner) * (1 + self * self * (3 * 0.044715)) * slope
        return grad * 0.5 * (1 + inner + self * along)
    cumulative = 0.5 * (1 + (self * math.sqrt(0.5)).erf())
    density = (self * self * -0.5).exp() * (1 / math.sqrt(2 * math.pi))
    return grad * (cumulative + self * density)


def _silu(grad: Any, self: Any) -> Any:
    share = self.sigmoid()
    return grad * share * (1 + self * (1 - share))


def _mish(grad: Any, self: Any) -> Any:
    level = ops.softplus(self, 1.0, 20.0).tanh()
    return grad * (level + self * self.sigmoid() * (1 - level * level))


def _hardswish(grad: Any, self: Any) -> Any:
    return _where(self < -3, 0.0, _where(self < 3, grad * (self / 3 + 0.5), grad))


ACTIVATION_RULES: dict[str, Rules] = {
    "leaky_relu": {"self": lambda grad, self, negative_slope: _where(self > 0, grad, grad * negative_slope)},
    "elu": {"self": _elu},
    "gelu": {"self": _gelu},
    "silu": {"self": _silu},
    "softplus": {
        "self": lambda grad, self, beta, threshold: _where(
            self * beta > threshold, grad, grad * (self * beta).sigmoid()
        )
    },
    "log_sigmoid": {"self": lambda grad, self: grad * (-self).sigmoid()},
    "mish": {"self": _mish},
    "hardtanh": {"self": lambda grad, self, min_val, max_val: _where((self > min_val) & (self < max_val), grad)},
    "hardsigmoid": {"self": lambda grad, self: _where((self > -3) & (self < 3), grad / 6)},
    "hardswish": {"self": _hardswish},
    "hardshrink": {"self": lambda grad, self, lambd: _where((self >= -lambd) & (self <= lambd), 0.0, grad)},
    "softshrink": {"self": lambda grad, self, lambd: _where((self >= -lambd) & (self <= lambd), 0.0, grad)},
    "threshold": {"self": lambda grad, self, threshold: _where(self <= threshold, 0.0, grad)},
}
