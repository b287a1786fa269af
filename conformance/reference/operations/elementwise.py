"""Elementwise operations with PyTorch's signatures, and their in-place forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.dispatch import ops, write
from conformance.reference.elementwise import NUMBERS, declare_binary, declare_unary
from conformance.reference.forward import elementwise as forward
from conformance.reference.gradients.elementwise import BINARY_RULES, UNARY_RULES
from conformance.reference.tensors import Tensor

UNARY: dict[str, Callable[..., Tensor]] = {}
BINARY: dict[str, Callable[..., Tensor]] = {}

for _name, _function in forward.UNARY.items():
    UNARY[_name] = declare_unary(_name, _function, UNARY_RULES.get(_name))
for _name, _function in forward.UNARY_FLOAT.items():
    UNARY[_name] = declare_unary(_name, _function, UNARY_RULES.get(_name), "float")
for _name, _function in forward.UNARY_BOOLEAN.items():
    UNARY[_name] = declare_unary(_name, _function, None, "bool")
for _name, _function in forward.BINARY.items():
    _inputs = ("self", "exponent") if _name == "pow" else ("self", "other")
    _rules = BINARY_RULES.get(_name)
    _for_number = {"self": _rules["self"]} if _name == "pow" and _rules else None
    BINARY[_name] = declare_binary(_name, _function, _rules, "same", _inputs, _for_number)
for _name, _function in forward.BINARY_FLOAT.items():
    BINARY[_name] = declare_binary(_name, _function, BINARY_RULES.get(_name), "float")
for _name, _function in forward.BINARY_BOOLEAN.items():
    BINARY[_name] = declare_binary(_name, _function, None, "bool")


def inplace_of(name: str) -> Callable[..., Tensor]:
    """The in-place form of an elementwise operation: `name_(self, *others)`."""
    function = getattr(ops, name)
    operation = function.operation
    if len(operation.inputs) == 1:

        def call(self: Tensor, *params: Any) -> Tensor:
            return write(self, operation, (self,), params)
    else:

        def call(self: Tensor, other: Any) -> Tensor:  # type: ignore[misc]
            if isinstance(other, Tensor):
                return write(self, operation, (self, other))
            if not isinstance(other, NUMBERS):
                raise TypeError(f"{name}_(): expected a Tensor or a number, but got {type(other).__name__}")
            return write(self, function.with_number, (self, other))

    call.__name__ = f"{name}_"
    setattr(ops, call.__name__, call)
    return call


INPLACE = {f"{name}_": inplace_of(name) for name in (*UNARY, *BINARY) if name not in ("isnan", "isinf", "isfinite")}

# Second names, as functions, as methods and in place.
OTHER_NAMES = {
    "absolute": "abs",
    "arccos": "acos",
    "arcsin": "asin",
    "arctan": "atan",
    "arctan2": "atan2",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "negative": "neg",
    "multiply": "mul",
    "divide": "div",
    "true_divide": "div",
    "subtract": "sub",
    "greater": "gt",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "not_equal": "ne",
    "fix": "trunc",
}
