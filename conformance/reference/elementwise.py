"""How elementwise operations are declared: promotion, Python numbers, and the shortest path to a recorded result.

These are the operations a program calls most, so each gets one flat function. An operation's `result` says what its
type is: "same" as the operands' common type, "float" likewise but floating (integers become the default type), or
"bool".
"""

from __future__ import annotations

import contextvars
import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from conformance.reference import dtypes
from conformance.reference.declarations import Operation, Rules, ops
from conformance.reference.dtypes import BOOLEAN, FLOATING, INTEGER
from conformance.reference.forward.elementwise import quiet, subtract
from conformance.reference.modes import state
from conformance.reference.operands import by_dimension, common_device
from conformance.reference.recording import record, wants_grad
from conformance.reference.tensors import Tensor

ndarray = np.ndarray
_new = object.__new__


class _Silent(threading.local):
    """A way to call NumPy without its floating-point warnings that costs a tenth of numpy.errstate.

    Since NumPy 2 the error state belongs to the context (contextvars), so a context in which it is set is kept for
    each thread and functions are run in it. Before that, errstate itself. A context cannot be entered twice, which a
    finalizer might want in the middle of an operation: callers then fall back to the operation's own forward.
    """

    def __init__(self) -> None:
        self.run: Callable[..., Any] = _with_errstate
        if int(np.__version__.split(".", maxsplit=1)[0]) >= 2:
            context = contextvars.Context()
            context.run(np.seterr, all="ignore")
            self.run = context.run


def _with_errstate(function: Callable[..., Any], *args: Any) -> Any:
    with np.errstate(all="ignore"):
        return function(*args)


silent = _Silent()


def declare_unary(
    name: str, forward: Callable[..., Any], rules: Rules | None, result: str = "same"
) -> Callable[..., Any]:
    """Declare an elementwise function of one tensor and any further parameters."""
    operation = Operation(name, quiet(forward), rules, ("self",), _parameters(forward))
    to_float, differentiable = result == "float", rules is not None

    def arrays(inputs: Sequence[Any]) -> list[Any]:
        array = inputs[0]._array
        return [array.astype(dtypes.get_default_dtype().numpy) if to_float and array.dtype.kind in "iub" else array]

    operation.arrays = arrays

    def call(self: Tensor, *params: Any) -> Tensor:
        array = self._array
        if to_float and array.dtype.kind in "iub":
            array = array.astype(dtypes.get_default_dtype().numpy)
        try:
            array = silent.run(forward, array, *params)
        except RuntimeError:
            array = operation.forward(array, *params)
        made: Tensor = _new(Tensor)
        made._array = array if array.__class__ is ndarray else np.asarray(array)
        made._storage = made._grad_fn = made._base = None
        made._counter = [0]
        made._device = self._device
        made._output_nr = 0
        made._requires_grad = False
        if state.inference:
            made._inference = True
        elif differentiable and (self._requires_grad or self._base is not None) and state.grad:
            record_elementwise(operation, (self,), params, made)
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
    number_rules: Rules | None = None,
) -> Callable[..., Any]:
    """Declare an elementwise function of two operands, tensors or Python numbers.

    With `number_rules` a number as second operand is recorded as an operation of its own, that saves less.

    Called with anything else it returns NotImplemented, as Python's operators should; `strict` raises instead.
    """
    operation = Operation(name, quiet(forward), rules, inputs, ())
    with_number = operation
    if number_rules is not None:
        with_number = Operation(
            f"{name}_number", operation.forward, number_rules, inputs, (), title=f"{name.title()}Backward0"
        )
        operation.node_class.__name__ = f"{name.title()}Backward1"
    to_float, differentiable = result == "float", rules is not None
    refuses_boolean = name == "sub"

    def arrays(inputs: Sequence[Any]) -> Any:
        if refuses_boolean:
            _refuse_boolean_operand(*inputs)
        return operands(inputs[0], inputs[1], to_float)

    operation.arrays = with_number.arrays = arrays

    def call(self: Any, other: Any) -> Any:
        if isinstance(other, Tensor) and isinstance(self, Tensor):
            a, b, device, tensor, second = self._array, other._array, self._device, self, other
            if a.dtype is not b.dtype or (to_float and a.dtype.kind in "iub"):
                a, b = arrays((self, other))
            if device is not other._device:
                device = common_device((self, other))
        else:
            tensor = second = self if isinstance(self, Tensor) else other
            if not isinstance(self if tensor is other else other, NUMBERS):
                return NotImplemented
            device = tensor._device
            if refuses_boolean:
                _refuse_boolean_operand(self, other)
            a, b = operands(self, other, to_float)
        try:
            array = silent.run(forward, a, b)
        except ValueError:
            raise_mismatch(a.shape, b.shape)
        except RuntimeError:
            array = operation.forward(a, b)
        made: Tensor = _new(Tensor)
        made._array = array if array.__class__ is ndarray else np.asarray(array)
        made._storage = made._grad_fn = made._base = None
        made._counter = [0]
        made._device = device
        made._output_nr = 0
        made._requires_grad = False
        if state.inference:
            made._inference = True
        elif (
            differentiable
            and state.grad
            and (tensor._requires_grad or second._requires_grad or tensor._base is not None or second._base is not None)
        ):
            chosen = operation if isinstance(other, Tensor) else with_number
            record_elementwise(chosen, (self, other), (), made)
        return made

    call.__name__ = name
    call.operation = operation  # type: ignore[attr-defined]
    call.with_number = with_number  # type: ignore[attr-defined]
    setattr(ops, name, call)
    return call


NUMBERS = (int, float, complex, np.generic)


def strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """A binary operation as a function or method: TypeError for operands that are neither tensors nor numbers."""

    @functools.wraps(function)
    def call(self: Any, other: Any) -> Any:
        found = function(self, other)
        if found is NotImplemented:
            raise TypeError(f"{function.__name__}(): expected a Tensor or a number, but got {type(other).__name__}")
        return found

    return call


def record_elementwise(operation: Operation, inputs: Sequence[Any], params: Sequence[Any], made: Tensor) -> None:
    """Record an operation with one result, if an input does require grad."""
    node = record(operation, inputs, params, (made,))
    if node.plan.mask or wants_grad(inputs):
        array = made._array
        node.outputs = [(array.shape, array.dtype, made._device)]
        if array.dtype.kind not in "iub":
            made._grad_fn = node
            made._requires_grad = True


def _refuse_boolean_operand(self: Any, other: Any) -> None:
    """RuntimeError when one of the operands of a subtraction is a boolean tensor."""
    for each in (self, other):
        if isinstance(each, Tensor) and each._array.dtype.kind == "b":
            subtract(each._array, each._array)


def operands(self: Any, other: Any, to_float: bool) -> tuple[Any, Any]:
    """The arrays of two operands in their common type; a number is a NumPy scalar of that type."""
    if not isinstance(other, Tensor):
        array = self._array
        if _RANK.get(other.__class__, 9) <= RANK_OF_KIND[array.dtype.kind] and not (
            to_float and array.dtype.kind in "iub"
        ):
            return array, number(other, array.dtype)
    elif not isinstance(self, Tensor):
        array = other._array
        if _RANK.get(self.__class__, 9) <= RANK_OF_KIND[array.dtype.kind] and not (
            to_float and array.dtype.kind in "iub"
        ):
            return number(self, array.dtype), array
    common = dtypes.result_type(*by_dimension((self, other)))
    if to_float and common.category < FLOATING:
        common = dtypes.get_default_dtype()
    return as_type(self, common.numpy), as_type(other, common.numpy)


_RANK = {bool: BOOLEAN, int: INTEGER, float: FLOATING, complex: dtypes.COMPLEX}
RANK_OF_KIND = {"b": BOOLEAN, "i": INTEGER, "u": INTEGER, "f": FLOATING, "V": FLOATING, "c": dtypes.COMPLEX}


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


def raise_mismatch(a: tuple[int, ...], b: tuple[int, ...]) -> NoReturn:
    """The RuntimeError for shapes that do not broadcast, naming the dimension from the right where they part."""
    for back in range(1, min(len(a), len(b)) + 1):
        if a[-back] != b[-back] and 1 not in (a[-back], b[-back]):
            raise RuntimeError(
                f"The size of tensor a ({a[-back]}) must match the size of tensor b ({b[-back]}) at non-singleton "
                f"dimension {max(len(a), len(b)) - back}"
            ) from None
    raise RuntimeError(f"shapes {list(a)} and {list(b)} do not broadcast")
