"""Elementwise functions on arrays: NumPy's own where they agree with PyTorch, others where they do not.

Inputs have one common dtype by the time they come here; what that is, is settled in `operations/elementwise.py`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any


def quiet(function: Callable[..., Array]) -> Callable[..., Array]:
    """Without NumPy's floating-point warnings: PyTorch gives inf and nan silently."""
    wrapped: Callable[..., Array] = np.errstate(all="ignore")(function)
    return wrapped


def real_only(function: Callable[..., Array]) -> Callable[..., Array]:
    """A function that complex numbers do not have: RuntimeError for them."""

    @functools.wraps(function)
    def apply(x: Array, *others: Array) -> Array:
        if x.dtype.kind == "c":
            raise RuntimeError(f"{function.__name__} is not implemented for complex tensors")
        return function(x, *others)

    return apply


def subtract(x: Array, y: Array) -> Array:
    """The difference; not of booleans."""
    if x.dtype.kind == "b":
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, "
            "use the `~` or `logical_not()` operator instead."
        )
    return np.subtract(x, y)


def absolute(x: Array) -> Array:
    """|x|; not of booleans."""
    if x.dtype.kind == "b":
        raise RuntimeError("abs is not implemented for bool tensors")
    return np.abs(x)


def square(x: Array) -> Array:
    """The square; booleans count as int64."""
    return np.square(x.astype(np.int64) if x.dtype.kind == "b" else x)


def reciprocal(x: Array) -> Array:
    """One over x."""
    return np.divide(x.dtype.type(1), x)


def rsqrt(x: Array) -> Array:
    """One over the square root."""
    return np.divide(x.dtype.type(1), np.sqrt(x))


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), from the side where the exponential does not overflow."""
    if x.dtype.kind == "c":
        return 1 / (1 + np.exp(-x))
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small)).astype(x.dtype, copy=False)


def relu(x: Array) -> Array:
    """The positive part; nan stays."""
    return np.maximum(x, x.dtype.type(0))


def sign(x: Array) -> Array:
    """-1, 0 or 1; nan has the sign 0."""
    found = x.copy() if x.dtype.kind == "b" else np.sign(x)
    return np.where(np.isnan(found), 0, found).astype(x.dtype, copy=False) if x.dtype.kind in "fV" else found


def sgn(x: Array) -> Array:
    """The number over its size, zero at zero."""
    if x.dtype.kind != "c":
        return sign(x)
    size = np.abs(x)
    return np.where(size == 0, 0, x / np.where(size == 0, 1, size)).astype(x.dtype, copy=False)


def softplus(x: Array, beta: float, threshold: float) -> Array:
    """A smooth positive part: log(1 + e^(beta x)) / beta, and x itself beyond the threshold."""
    scaled = x * beta
    return np.where(scaled > threshold, x, np.log1p(np.exp(np.minimum(scaled, threshold))) / beta).astype(x.dtype)


def frac(x: Array) -> Array:
    """What truncation leaves."""
    return x - np.trunc(x)


def trunc_divide(x: Array, y: Array) -> Array:
    """Division rounded toward zero; ZeroDivisionError of integers becomes RuntimeError."""
    if x.dtype.kind in "iub":
        _refuse_zero(y)
        quotient = np.abs(x) // np.abs(y)
        return np.where((x < 0) != (y < 0), -quotient, quotient).astype(x.dtype, copy=False)
    return np.trunc(np.divide(x, y))


def floor_divide(x: Array, y: Array) -> Array:
    """Division rounded down."""
    if x.dtype.kind in "iub":
        _refuse_zero(y)
    _refuse_boolean(x, "floor_divide")
    return np.floor_divide(x, y)


def remainder(x: Array, y: Array) -> Array:
    """What division rounded down leaves: the sign is the divisor's."""
    if x.dtype.kind in "iub":
        _refuse_zero(y)
    _refuse_boolean(x, "remainder")
    return np.remainder(x, y)


def fmod(x: Array, y: Array) -> Array:
    """What division rounded toward zero leaves: the sign is the dividend's."""
    if x.dtype.kind in "iub":
        _refuse_zero(y)
    return np.fmod(x, y)


def power(x: Array, y: Array) -> Array:
    """The power; integers to negative powers raise."""
    _refuse_boolean(x, "pow")
    if x.dtype.kind in "iu" and np.any(np.less(y, 0)):
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    return np.power(x, y)


def heaviside(x: Array, values: Array) -> Array:
    """The step function, with `values` at zero."""
    return np.heaviside(x, values)


def xlogy(x: Array, y: Array) -> Array:
    """The product x log(y), zero where x is zero."""
    return np.where((x == 0) & ~np.isnan(y), 0, x * np.log(y)).astype(x.dtype, copy=False)


def logaddexp(x: Array, y: Array) -> Array:
    """The logarithm of e^x + e^y."""
    return np.logaddexp(x, y)


def clamp(x: Array, low: Array | None, high: Array | None) -> Array:
    """Between the bounds; nan stays nan, and where low > high the result is high."""
    if low is not None:
        x = np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


def where(condition: Array, x: Array, y: Array) -> Array:
    """One or the other, by a condition."""
    return np.where(condition, x, y)


def lerp(start: Array, end: Array, weight: Array) -> Array:
    """Between start and end."""
    return start + weight * (end - start)


def nan_to_num(x: Array, nan: float, posinf: float | None, neginf: float | None) -> Array:
    """Numbers in place of nan and the infinities."""
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


def _refuse_boolean(x: Array, name: str) -> None:
    if x.dtype.kind == "b":
        raise RuntimeError(f"{name} is not implemented for bool tensors")


def _refuse_zero(y: Array) -> None:
    if np.any(np.equal(y, 0)):
        raise RuntimeError("ZeroDivisionError")


def _by_element(function: Callable[[float], float]) -> Callable[[Array], Array]:
    """A function of the math module, applied to each element."""
    vectorised = np.vectorize(function, otypes=[np.float64])

    @functools.wraps(function)
    def apply(x: Array) -> Array:
        return vectorised(x).astype(x.dtype) if x.size else x.copy()

    return apply


def _lgamma(x: float) -> float:
    if math.isnan(x) or math.isinf(x):
        return abs(x)
    return math.inf if x <= 0 and x == math.floor(x) else math.lgamma(x)


lgamma = _by_element(_lgamma)
erf = _by_element(math.erf)
erfc = _by_element(math.erfc)


def logical_not(x: Array) -> Array:
    """Where x is zero."""
    return np.logical_not(x)


def isinf(x: Array) -> Array:
    """Where x is infinite."""
    return np.isinf(x) if x.dtype.kind in "fcV" else np.zeros(x.shape, bool)


def isnan(x: Array) -> Array:
    """Where x is nan."""
    return np.isnan(x) if x.dtype.kind in "fcV" else np.zeros(x.shape, bool)


def isfinite(x: Array) -> Array:
    """Where x is neither infinite nor nan."""
    return np.isfinite(x) if x.dtype.kind in "fcV" else np.ones(x.shape, bool)


# Functions that keep the type they are given; integers stay integers.
UNARY: dict[str, Callable[..., Array]] = {
    "neg": np.negative,
    "positive": np.positive,
    "abs": absolute,
    "sign": real_only(sign),
    "sgn": sgn,
    "square": square,
    "relu": relu,
    "floor": real_only(np.floor),
    "ceil": real_only(np.ceil),
    "trunc": real_only(np.trunc),
    "frac": frac,
    "bitwise_not": np.invert,
}

# Functions whose result is floating: integers are taken to the default type first.
UNARY_FLOAT: dict[str, Callable[..., Array]] = {
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "rsqrt": rsqrt,
    "reciprocal": reciprocal,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "sigmoid": sigmoid,
    "erf": erf,
    "erfc": erfc,
    "lgamma": lgamma,
}

UNARY_BOOLEAN: dict[str, Callable[..., Array]] = {
    "isnan": isnan,
    "isinf": isinf,
    "isfinite": isfinite,
    "logical_not": logical_not,
    "signbit": np.signbit,
}

BINARY: dict[str, Callable[..., Array]] = {
    "add": np.add,
    "sub": subtract,
    "mul": np.multiply,
    "pow": power,
    "maximum": real_only(np.maximum),
    "minimum": real_only(np.minimum),
    "fmax": real_only(np.fmax),
    "fmin": real_only(np.fmin),
    "floor_divide": real_only(floor_divide),
    "remainder": real_only(remainder),
    "fmod": real_only(fmod),
    "div_floor": real_only(floor_divide),
    "div_trunc": real_only(trunc_divide),
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
}

BINARY_FLOAT: dict[str, Callable[..., Array]] = {
    "div": np.divide,
    "atan2": real_only(np.arctan2),
    "hypot": real_only(np.hypot),
    "logaddexp": real_only(logaddexp),
    "xlogy": xlogy,
    "heaviside": heaviside,
    "copysign": np.copysign,
    "nextafter": np.nextafter,
}

BINARY_BOOLEAN: dict[str, Callable[..., Array]] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": real_only(np.less),
    "le": real_only(np.less_equal),
    "gt": real_only(np.greater),
    "ge": real_only(np.greater_equal),
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
}
