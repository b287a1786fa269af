"""How elementwise operations are declared: promotion, Python numbers, and the shortest path to a recorded result.

These are the operations a program calls most, so each gets one flat function. An operation's `result` says what its
type is: "same" as the operands' common type, "float" likewise but floating (integers become the default type), or
"bool".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from conformance.reference import dtypes, graph
from conformance.reference.dispatch import (
    Operation,
    Rules,
    attach,
    by_dimension,
    common_device,
    ops,
    record,
    wants_grad,
)
from conformance.reference.dtypes import BOOLEAN, FLOATING, INTEGER
from conformance.reference.modes import state
from conformance.reference.tensors import Tensor, wrap

ndarray = np.ndarray
_new = object.__new__


def declare_unary(name: str, forward: Callable[..., Any], rules: Rules | None, result: str = "same") -> Callable[..., Any]:
    """Declare an elementwise function of one tensor and any further parameters."""
    operation = Operation(name, forward, rules, ("self",), _parameters(forward))
    to_float, differentiable = result == "float", rules is not None

    def arrays(inputs: Sequence[Any]) -> list[Any]:
        array = inputs[0]._array
        return [array.astype(dtypes.get_default_dtype().numpy) if to_float and array.dtype.kind in "iub" else array]

    operation.arrays = arrays

    def call(self: Tensor, *params: Any) -> Tensor:
        array = self._array
        if to_float and array.dtype.kind in "iub":
            array = array.astype(dtypes.get_default_dtype().numpy)
        made = wrap(forward(array, *params), self._device)
        if differentiable and state.grad and (self._requires_grad or self._base is not None) and wants_grad((self,)):
            attach(record(operation, (self,), params, (made,)), (made,))
        return made

    call.__name__ = name
    call.operation = operation  # type: ignore[attr-defined]
    setattr(ops, name, call)
    return call


def _parameters(forward: Callable[..., Any]) -> list[str]:
    code = getattr(getattr(forward, "__wrapped__", forward), "__code__", None)
    return list(code.co_varnames[1 : code.co_argcount]) if code else []


def declare_binary(
    name: str,
    forward: Callable[..., Any],
    rules: Rules | None,
    result: str = "same",
    inputs: tuple[str, str] = ("self", "other"),
) -> Callable[..., Any]:
    """Declare an elementwise function of two operands, tensors or Python numbers."""
    operation = Operation(name, forward, rules, inputs, ())
    to_float, differentiable = result == "float", rules is not None

    def arrays(inputs: Sequence[Any]) -> Any:
        return operands(inputs[0], inputs[1], to_float)

    operation.arrays = arrays

    def call(self: Any, other: Any) -> Tensor:
        if isinstance(other, Tensor) and isinstance(self, Tensor):
            a, b, device = self._array, other._array, self._device
            if a.dtype is not b.dtype or (to_float and a.dtype.kind in "iub"):
                a, b = operands(self, other, to_float)
            if device is not other._device:
                device = common_device((self, other))
        else:
            a, b = operands(self, other, to_float)
            device = common_device((self, other))
        try:
            array = forward(a, b)
        except ValueError:
            raise_mismatch(a.shape, b.shape)
        made: Tensor = _new(Tensor)
        made._array = array if array.__class__ is ndarray else np.asarray(array)
        made._storage = made._grad_fn = made._base = None
        made._counter = [0]
        made._device = device
        made._output_nr = 0
        made._requires_grad = False
        if state.inference:
            made._inference = True
        elif state.grad and differentiable and wants_grad((self, other)):
            node = record(operation, (self, other), (), (made,))
            array = made._array
            node.outputs = [(array.shape, array.dtype, device)]
            if array.dtype.kind not in "iub":
                made._grad_fn = node
                made._requires_grad = True
        return made

    call.__name__ = name
    call.operation = operation  # type: ignore[attr-defined]
    setattr(ops, name, call)
    return call


def operands(self: Any, other: Any, to_float: bool) -> tuple[Any, Any]:
    """The arrays of two operands in their common type; a number is a NumPy scalar of that type."""
    if isinstance(self, Tensor) and not isinstance(other, Tensor):
        kind = self.dtype
        rank = _RANK.get(other.__class__, 9)
        if rank <= kind.category and not (to_float and kind.category < FLOATING):
            return self._array, number(other, self._array.dtype)
    common = dtypes.result_type(*by_dimension((self, other)))
    if to_float and common.category < FLOATING:
        common = dtypes.get_default_dtype()
    return as_type(self, common.numpy), as_type(other, common.numpy)


_RANK = {bool: BOOLEAN, int: INTEGER, float: FLOATING, complex: dtypes.COMPLEX}


def number(value: Any, target: np.dtype[Any]) -> Any:
    """A Python number as a scalar of a NumPy type; integers wrap around."""
    if target.kind in "iu":
        return np.asarray(value).astype(target)
    return target.type(value)


def as_type(operand: Any, target: np.dtype[Any]) -> Any:
    """A tensor's array, or a number, in a NumPy type."""
    if isinstance(operand, Tensor):
        array = operand._array
        return array if array.dtype == target else array.astype(target)
    return number(operand, target)


def raise_mismatch(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """The RuntimeError for shapes that do not broadcast, naming the dimension from the right where they part."""
    for back in range(1, min(len(a), len(b)) + 1):
        if a[-back] != b[-back] and 1 not in (a[-back], b[-back]):
            raise RuntimeError(
                f"The size of tensor a ({a[-back]}) must match the size of tensor b ({b[-back]}) at non-singleton "
                f"dimension {max(len(a), len(b)) - back}"
            ) from None
    raise


__all__ = ["as_type", "declare_binary", "declare_unary", "graph", "number", "operands"]
