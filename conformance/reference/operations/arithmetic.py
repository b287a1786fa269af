"""Elementwise operations whose PyTorch signature has more than operands: alpha, rounding modes, bounds, tolerances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from conformance.reference import dtypes
from conformance.reference.dispatch import by_dimension, declare, ops, write
from conformance.reference.elementwise import NUMBERS, as_type, declare_unary, strict
from conformance.reference.forward import elementwise as forward
from conformance.reference.forward.elementwise import quiet
from conformance.reference.gradients.elementwise import CLAMP_RULES
from conformance.reference.tensors import Tensor


def _common(inputs: Sequence[Any]) -> list[Any]:
    """Operands in their common type; None stays."""
    target = dtypes.result_type(*by_dimension([each for each in inputs if each is not None])).numpy
    return [None if each is None else as_type(each, target) for each in inputs]


_clamp = declare("clamp", quiet(forward.clamp), CLAMP_RULES["clamp"], ("self", "min", "max"), parameters=())
_clamp.operation.arrays = _common  # type: ignore[attr-defined]
_lerp = declare("lerp", quiet(forward.lerp), CLAMP_RULES["lerp"], ("self", "end", "weight"), parameters=())
_lerp.operation.arrays = _common  # type: ignore[attr-defined]
_lerp_number = declare("lerp_number", quiet(forward.lerp), CLAMP_RULES["lerp_number"], ("self", "end"))
_lerp_number.operation.arrays = _common  # type: ignore[attr-defined]
nan_to_num_ = declare("nan_to_num", forward.nan_to_num, CLAMP_RULES["nan_to_num"])
_angle = declare("angle", quiet(np.angle), CLAMP_RULES["angle"], parameters=())
_round = declare_unary("round", lambda x, decimals: np.round(x, decimals), CLAMP_RULES["round"])


def _scaled(other: Any, alpha: Any) -> Any:
    """Other times alpha; TypeError unless it is a tensor or a number."""
    if not isinstance(other, (Tensor, *NUMBERS)):
        raise TypeError(f"expected a Tensor or a number, but got {type(other).__name__}")
    return other if alpha == 1 else other * alpha


def add(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """The sum self + alpha * other."""
    return strict(ops.add)(self, _scaled(other, alpha))  # type: ignore[no-any-return]


def sub(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """The difference self - alpha * other; RuntimeError for booleans."""
    return strict(ops.sub)(self, _scaled(other, alpha))  # type: ignore[no-any-return]


def add_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """add, in place."""
    return write(self, ops.add.operation, (self, _scaled(other, alpha)))


def sub_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """sub, in place."""
    return write(self, ops.sub.operation, (self, _scaled(other, alpha)))


def rsub(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """The difference other - alpha * self."""
    return ops.sub(other, _scaled(self, alpha))  # type: ignore[no-any-return]


_ROUNDED = {"floor": "div_floor", "trunc": "div_trunc", None: "div"}


def div(self: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """True division, or rounded down ("floor") or toward zero ("trunc")."""
    return strict(getattr(ops, _rounded(rounding_mode)))(self, other)  # type: ignore[no-any-return]


def div_(self: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """div, in place."""
    return write(self, getattr(ops, _rounded(rounding_mode)).operation, (self, _scaled(other, 1)))


def _rounded(mode: str | None) -> str:
    if mode not in _ROUNDED:
        raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{mode}'")
    return _ROUNDED[mode]


subtract, subtract_, divide, true_divide = sub, sub_, div, div


def clamp(self: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Between bounds, each a number, a tensor or None; inside (bounds included) the gradient passes."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    return _clamp(self, min, max)  # type: ignore[no-any-return]


def clamp_(self: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """clamp, in place."""
    return write(self, ops.clamp.operation, (self, min, max))


clip, clip_ = clamp, clamp_


def clamp_min(self: Tensor, min: Any) -> Tensor:
    """Only the lower bound of clamp."""
    return clamp(self, min=min)


def clamp_max(self: Tensor, max: Any) -> Tensor:
    """Only the upper bound of clamp."""
    return clamp(self, max=max)


def clamp_min_(self: Tensor, min: Any) -> Tensor:
    """clamp_min, in place."""
    return clamp_(self, min=min)


def clamp_max_(self: Tensor, max: Any) -> Tensor:
    """clamp_max, in place."""
    return clamp_(self, max=max)


def lerp(self: Tensor, end: Tensor, weight: Any) -> Tensor:
    """The point self + weight * (end - self)."""
    return _lerp(self, end, weight) if isinstance(weight, Tensor) else _lerp_number(self, end, weight)  # type: ignore


def lerp_(self: Tensor, end: Tensor, weight: Any) -> Tensor:
    """lerp, in place."""
    if isinstance(weight, Tensor):
        return write(self, ops.lerp.operation, (self, end, weight))
    return write(self, ops.lerp_number.operation, (self, end), (weight,))


def addcmul(self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """The sum self + value * tensor1 * tensor2."""
    return ops.add(self, _scaled(tensor1 * tensor2, value))  # type: ignore


def addcdiv(self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """The sum self + value * tensor1 / tensor2."""
    return ops.add(self, _scaled(tensor1, value) / tensor2)  # type: ignore[no-any-return]


def addcmul_(self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """addcmul, in place."""
    return write(self, ops.add.operation, (self, _scaled(tensor1 * tensor2, value)))


def addcdiv_(self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """addcdiv, in place."""
    return write(self, ops.add.operation, (self, _scaled(tensor1, value) / tensor2))


def nan_to_num(self: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """Numbers for nan and infinities."""
    return nan_to_num_(self, nan, posinf, neginf)  # type: ignore[no-any-return]


def angle(self: Tensor) -> Tensor:
    """The argument of complex numbers; 0 or pi for real ones."""
    return _angle(self)  # type: ignore[no-any-return]


def round(self: Tensor, *, decimals: int = 0) -> Tensor:
    """To the nearest whole number, halves to the even one."""
    return _round(self, decimals)  # type: ignore[no-any-return]


def round_(self: Tensor, *, decimals: int = 0) -> Tensor:
    """round, in place."""
    return write(self, ops.round.operation, (self,), (decimals,))


def float_power(self: Any, exponent: Any) -> Tensor:
    """A power in double precision."""
    return ops.pow(_double(self), _double(exponent))  # type: ignore[no-any-return]


def _double(operand: Any) -> Any:
    if not isinstance(operand, Tensor):
        return operand
    return operand.to(dtypes.complex128 if operand.dtype.is_complex else dtypes.float64)


def rad2deg(self: Tensor) -> Tensor:
    """Radians in degrees."""
    return self * (180 / np.pi)  # type: ignore


def deg2rad(self: Tensor) -> Tensor:
    """Degrees in radians."""
    return self * (np.pi / 180)  # type: ignore


def logit(self: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)), of x clamped to [eps, 1 - eps] if eps is given."""
    x = self if eps is None else clamp(self, eps, 1 - eps)
    return ops.log(x / (1 - x))  # type: ignore


def isclose(self: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Where |self - other| <= atol + rtol * |other|."""
    if self._array.dtype != other._array.dtype:
        raise RuntimeError(f"{self.dtype!r} did not match {other.dtype!r}")
    return declared_isclose(self, other, rtol, atol, equal_nan)  # type: ignore[no-any-return]


declared_isclose = declare(
    "isclose",
    quiet(lambda x, y, rtol, atol, equal_nan: np.isclose(x, y, rtol, atol, equal_nan)),
    None,
    ("self", "other"),
    parameters=("rtol", "atol", "equal_nan"),
)


def allclose(self: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements are close."""
    return bool(isclose(self, other, rtol, atol, equal_nan)._array.all())


def equal(self: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and the same elements."""
    return self._array.shape == other._array.shape and bool(np.array_equal(self._array, other._array))


def is_nonzero(self: Tensor) -> bool:
    """Whether the one element is not zero."""
    return bool(self)


def heaviside(self: Tensor, values: Tensor) -> Tensor:
    """The step function with `values` at zero; recorded, but its backward raises."""
    if self._array.dtype != values._array.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    return ops.heaviside(self, values)  # type: ignore[no-any-return]
