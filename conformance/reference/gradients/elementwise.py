"""Gradient rules of the elementwise functions, one line each where possible.

`gradients/__init__.py` says how to read them. For complex numbers the gradient is PyTorch's: of a real loss with
respect to conj(z), so a holomorphic f contributes `grad * f'(z).conj()`. Where a function has no derivative the
convention is stated beside it.
"""

from __future__ import annotations

import math
from typing import Any

from conformance.reference.dispatch import Rules, ops


def conj(x: Any) -> Any:
    """The complex conjugate; real tensors and numbers are themselves."""
    if isinstance(x, (int, float, complex)):
        return x.conjugate()
    return ops.conj_physical(x) if x._array.dtype.kind == "c" else x


def zeros(grad: Any) -> Any:
    """No gradient, as zeros; they do not require grad themselves."""
    return grad.new_zeros(grad._array.shape)


def masked(grad: Any, mask: Any) -> Any:
    """The gradient where the mask holds, zero elsewhere (nan and inf do not leak)."""
    return ops.where(mask, grad, 0.0)


def pow_self(grad: Any, self: Any, exponent: Any) -> Any:
    """The rule exponent * self ** (exponent - 1); zero where the exponent is zero, even at self == 0."""
    if isinstance(exponent, (int, float, complex)):
        if exponent == 0:
            return grad * 0
        return grad * conj(exponent * self ** (exponent - 1))
    return ops.where(exponent == 0, 0.0, grad * conj(exponent * self ** (exponent - 1)))


def pow_exponent(grad: Any, self: Any, exponent: Any, result: Any) -> Any:
    """The rule result * log(self); zero where self == 0 and the exponent is not negative."""
    if isinstance(self, (int, float, complex)):
        if self == 0:
            return ops.where(exponent >= 0, 0.0, grad * conj(result * -math.inf))
        logarithm: Any = complex(math.log(abs(self)), math.pi) if _negative_complex(self, exponent) else _log(self)
        return grad * conj(result * logarithm)
    vanishes = ops.logical_and(self == 0, exponent.real >= 0)
    return ops.where(vanishes, 0.0, grad * conj(result * self.log()))


def _negative_complex(base: Any, exponent: Any) -> bool:
    return not isinstance(base, complex) and base < 0 and exponent._array.dtype.kind == "c"


def _log(number: Any) -> Any:
    if isinstance(number, complex):
        import cmath

        return cmath.log(number)
    return math.log(number) if number > 0 else math.nan


def of_larger(grad: Any, mine: Any, other: Any, loses: Any) -> Any:
    """Maximum and minimum: all to the one that does not lose, half where they are equal, to both where one is NaN."""
    shared = ops.where(mine == other, grad / 2, grad)
    return ops.where(loses, 0.0, shared)


UNARY_RULES: dict[str, Rules] = {
    "neg": {"self": lambda grad: -grad},
    "positive": {"self": lambda grad: grad},
    "abs": {"self": lambda grad, self: grad * ops.sgn(self)},
    "square": {"self": lambda grad, self: grad * conj(self * 2)},
    "sgn": {"self": lambda grad, self, result: _sgn_rule(grad, self, result)},
    # Piecewise constant functions have gradient zero everywhere, their steps included.
    "sign": {"self": zeros},
    "floor": {"self": zeros},
    "ceil": {"self": zeros},
    "trunc": {"self": zeros},
    "frac": {"self": lambda grad: grad},
    # relu at zero: zero.
    "relu": {"self": lambda grad, result: masked(grad, result > 0)},
    "exp": {"self": lambda grad, result: grad * conj(result)},
    "exp2": {"self": lambda grad, result: grad * conj(result * math.log(2))},
    "expm1": {"self": lambda grad, result: grad * conj(result + 1)},
    "log": {"self": lambda grad, self: grad / conj(self)},
    "log2": {"self": lambda grad, self: grad / conj(self * math.log(2))},
    "log10": {"self": lambda grad, self: grad / conj(self * math.log(10))},
    "log1p": {"self": lambda grad, self: grad / conj(self + 1)},
    "sqrt": {"self": lambda grad, result: grad / conj(result * 2)},
    "rsqrt": {"self": lambda grad, result: grad * conj(result * result * result * -0.5)},
    "reciprocal": {"self": lambda grad, result: -grad * conj(result * result)},
    "sin": {"self": lambda grad, self: grad * conj(self.cos())},
    "cos": {"self": lambda grad, self: -grad * conj(self.sin())},
    "tan": {"self": lambda grad, result: grad * conj(1 + result * result)},
    "asin": {"self": lambda grad, self: grad * conj((1 - self * self).rsqrt())},
    "acos": {"self": lambda grad, self: -grad * conj((1 - self * self).rsqrt())},
    "atan": {"self": lambda grad, self: grad / conj(self * self + 1)},
    "sinh": {"self": lambda grad, self: grad * conj(self.cosh())},
    "cosh": {"self": lambda grad, self: grad * conj(self.sinh())},
    "tanh": {"self": lambda grad, result: grad * conj(1 - result * result)},
    "asinh": {"self": lambda grad, self: grad * conj((self * self + 1).rsqrt())},
    "acosh": {"self": lambda grad, self: grad * conj((self - 1).rsqrt() * (self + 1).rsqrt())},
    "atanh": {"self": lambda grad, self: grad / conj(1 - self * self)},
    "sigmoid": {"self": lambda grad, result: grad * conj((1 - result) * result)},
    "erf": {"self": lambda grad, self: grad * (2 / math.sqrt(math.pi)) * (-(self * self)).exp()},
    "erfc": {"self": lambda grad, self: grad * (-2 / math.sqrt(math.pi)) * (-(self * self)).exp()},
}


def _sgn_rule(grad: Any, self: Any, result: Any) -> Any:
    """Zero for real numbers; for z / |z| the part of the gradient across z, divided by |z|; zero at zero."""
    if self._array.dtype.kind != "c":
        return zeros(grad)
    size = self.abs()
    across = grad - (conj(result) * grad).real * result
    return ops.where(size == 0, 0.0, across / size)


BINARY_RULES: dict[str, Rules] = {
    "add": {"self": lambda grad: grad, "other": lambda grad: grad},
    "sub": {"self": lambda grad: grad, "other": lambda grad: -grad},
    "mul": {"self": lambda grad, other: grad * conj(other), "other": lambda grad, self: grad * conj(self)},
    "div": {
        "self": lambda grad, other: grad / conj(other),
        "other": lambda grad, self, other: -grad * conj((self / other) / other),
    },
    "pow": {"self": pow_self, "exponent": pow_exponent},
    "maximum": {
        "self": lambda grad, self, other: of_larger(grad, self, other, self < other),
        "other": lambda grad, self, other: of_larger(grad, self, other, other < self),
    },
    "minimum": {
        "self": lambda grad, self, other: of_larger(grad, self, other, self > other),
        "other": lambda grad, self, other: of_larger(grad, self, other, other > self),
    },
    # fmax and fmin: at a tie the first takes all, and a nan takes nothing.
    "fmax": {
        "self": lambda grad, self, other: masked(grad, ops.logical_or(self >= other, other.isnan())),
        "other": lambda grad, self, other: masked(grad, ops.logical_not(ops.logical_or(self >= other, other.isnan()))),
    },
    "fmin": {
        "self": lambda grad, self, other: masked(grad, ops.logical_or(self <= other, other.isnan())),
        "other": lambda grad, self, other: masked(grad, ops.logical_not(ops.logical_or(self <= other, other.isnan()))),
    },
    "remainder": {
        "self": lambda grad: grad,
        "other": lambda grad, self, other: -grad * ops.floor(self / other),
    },
    "fmod": {
        "self": lambda grad: grad,
        "other": lambda grad, self, other: -grad * ops.trunc(self / other),
    },
    "div_floor": {"self": zeros, "other": zeros},
    "div_trunc": {"self": zeros, "other": zeros},
    "atan2": {
        "self": lambda grad, self, other: grad * (other / (self * self + other * other)),
        "other": lambda grad, self, other: grad * (-self / (self * self + other * other)),
    },
    "hypot": {
        "self": lambda grad, self, result: grad * (self / result),
        "other": lambda grad, other, result: grad * (other / result),
    },
    "logaddexp": {
        "self": lambda grad, self, result: grad * (self - result).exp(),
        "other": lambda grad, other, result: grad * (other - result).exp(),
    },
    "xlogy": {
        "self": lambda grad, self, other: grad * ops.where(ops.logical_and(self == 0, other <= 0), 0.0, other.log()),
        "other": lambda grad, self, other: grad * self / other,
    },
    "copysign": {
        "self": lambda grad, self, result: masked(grad * ops.sgn(self) * ops.sgn(result), self != 0),
        "other": zeros,
    },
    # Recorded, but without a derivative: they raise when a gradient has to pass.
    "heaviside": {},
    "floor_divide": {},
}


def _inside(self: Any, min: Any, max: Any) -> Any:
    """Where clamp lets the gradient pass: the bounds belong to the inside."""
    if min is None or max is None:
        return self <= max if min is None else self >= min
    return ops.logical_and(self >= min, self <= max)


def _angle_rule(grad: Any, self: Any) -> Any:
    if self._array.dtype.kind != "c":
        return zeros(grad)
    size = self.abs()
    # d angle = Im(dz / z); as a gradient with respect to conj(z) that is i z / |z|^2.
    return ops.where(size == 0, 0.0, grad * self * 1j / (size * size))


CLAMP_RULES: dict[str, Rules] = {
    "clamp": {
        "self": lambda grad, self, min, max: masked(grad, _inside(self, min, max)),
        "min": lambda grad, self, min, max: masked(
            grad, self < min if max is None else ops.logical_and(self < min, min < max)
        ),
        "max": lambda grad, self, min, max: masked(
            grad, self > max if min is None else ops.logical_or(self > max, max < min)
        ),
    },
    "lerp": {
        "self": lambda grad, weight: grad * (1 - conj(weight)),
        "end": lambda grad, weight: grad * conj(weight),
        "weight": lambda grad, self, end: grad * conj(end - self),
    },
    "lerp_number": {
        "self": lambda grad, weight: grad * (1 - conj(weight)),
        "end": lambda grad, weight: grad * conj(weight),
    },
    "nan_to_num": {"self": lambda grad, self: masked(grad, self.isfinite())},
    "angle": {"self": _angle_rule},
    "round": {"self": zeros},
}
