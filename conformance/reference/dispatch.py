"""The seam where forward functions and gradient rules meet: how an operation is declared, called and recorded.

**Declaring an operation.** Three things make one, and they live apart:

1. a *forward function* in `forward/`: arrays in, arrays out; it knows nothing of tensors or gradients::

       def linear(input, weight, bias): ...

2. its *gradient rules* in `gradients/`: for each differentiable input a function whose **parameter names say what it
   needs**; only that is saved, and only when that input requires grad::

       "mul": {"self": lambda grad, other: grad * conj(other),
               "other": lambda grad, self: grad * conj(self)},
       "exp": {"self": lambda grad, result: grad * conj(result)},

   A rule is written with operations of the reference (methods of Tensor, or `ops.name(...)` for every declared one),
   so it is differentiable itself and double backward works for every op. Names a rule may use: `grad` (`grads` for a
   list with one entry per output, None where undefined), any input or parameter of the forward function by its name,
   `<input>_shape` for an input's shape without keeping the input, `result` (of several outputs: their names), and
   `needs` (a tuple of bools, one per input). The key `all` declares one rule for all inputs at once; it returns a
   tuple with one entry per input. A rule need not undo broadcasting, nor take the real part for a real input, nor
   cast: the engine fits each gradient to what it is the gradient of.

3. a declaration in `operations/`, which joins both under a name::

       linear = declare("linear", forward.linear, RULES["linear"], inputs=("input", "weight", "bias"))

   The result is a function of the inputs (tensors, or None where the forward function accepts it) followed by the
   other parameters, all positional: `linear(x, w, None)`. Defaults, keywords and checks belong to a function around it
   with PyTorch's signature. `outputs=("values", "indices")` for several outputs (integer and boolean ones never
   require grad); `hidden=("mean",)` for further arrays that the forward function returns after the outputs and only
   the rules see. `declare_variadic` is for operations on one list of tensors (cat, stack): the rule returns a list.

**In place** (`writing.py`). `write(target, op.operation, inputs, params)` runs an operation and writes its result into
`target`, which must be the first input: it checks leaves and views, bumps the version and gives `target` (and its
base) the new history.

**Views.** `declare_view(name, geometry, rules)`: `geometry(old: Geometry, *parameters) -> Geometry`.

**Elementwise.** `elementwise.py` has `declare_unary` and `declare_binary`: the fast paths, with promotion and Python
numbers.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from conformance.reference import dtypes, graph
from conformance.reference.declarations import INPUT, VARIADIC, Operation, OperationNode, Rules, operations, ops
from conformance.reference.graph import gradient_edge
from conformance.reference.modes import state
from conformance.reference.operands import by_dimension, common_device, constant
from conformance.reference.recording import anomaly, attach, current_node, record, wants_grad
from conformance.reference.tensors import Tensor, geometry_of, storage_of, wrap
from conformance.reference.views import DEFAULT, MULTI_OUTPUT, make_view
from conformance.reference.writing import check_version, check_writable, store, write

__all__ = [
    "Operation",
    "Rules",
    "anomaly",
    "attach",
    "by_dimension",
    "check_version",
    "check_writable",
    "common_device",
    "constant",
    "declare",
    "declare_variadic",
    "declare_view",
    "operations",
    "ops",
    "record",
    "store",
    "wants_grad",
    "write",
]


def declare(
    name: str,
    forward: Callable[..., Any],
    rules: Rules | None = None,
    inputs: Sequence[str] = ("self",),
    outputs: Sequence[str] = ("result",),
    hidden: Sequence[str] = (),
    parameters: Sequence[str] | None = None,
) -> Callable[..., Any]:
    """Declare an operation on whole tensors; see the module's docstring."""
    operation = Operation(name, forward, rules, inputs, parameters, outputs, hidden)
    count, several = len(operation.inputs), len(operation.outputs) + len(operation.hidden) > 1
    visible = len(operation.outputs)
    differentiable = rules is not None

    def call(*args: Any) -> Any:
        inputs, params = args[:count], args[count:]
        device = args[0]._device if count == 1 else common_device(inputs)
        try:
            computed = forward(*operation.arrays(inputs), *params)
        except ValueError as error:
            raise RuntimeError(f"{name}: {error}") from None
        produced = [wrap(each, device) for each in computed] if several else [wrap(computed, device)]
        results = produced[:visible]
        if differentiable and state.grad and wants_grad(inputs):
            node = record(operation, inputs, params, produced)
            attach(node, results)
        return results[0] if visible == 1 else tuple(results)

    call.__name__ = name
    call.operation = operation  # type: ignore[attr-defined]
    setattr(ops, name, call)
    return call


def declare_variadic(name: str, forward: Callable[..., Any], rule: Callable[..., Any]) -> Callable[..., Any]:
    """Declare an operation on one list of tensors; to the rule `tensors` are their shapes, and it returns a list."""
    operation = Operation(name, forward, {"all": rule}, VARIADIC, None)

    def call(tensors: Sequence[Tensor], *params: Any) -> Tensor:
        tensors = tuple(tensors)
        target = dtypes.result_type(*by_dimension(tensors)).numpy if tensors else None
        arrays = [each._array if each._array.dtype == target else each._array.astype(target) for each in tensors]
        result = wrap(forward(arrays, *params), common_device(tensors))
        if state.grad and wants_grad(tensors):
            node: OperationNode = operation.node_class()
            node.edges = tuple([gradient_edge(each) for each in tensors])
            node.sequence_nr = next(graph.sequence)
            node.plan = operation.plan(1)
            node.saved = [
                tuple(each._array.shape for each in tensors) if kind == INPUT else params[index]
                for kind, index in node.plan.sources
            ]
            if anomaly.enabled:
                node.traceback, node.forward_node = traceback.format_stack()[:-1], current_node()
            attach(node, (result,))
        return result

    call.__name__ = name
    call.operation = operation  # type: ignore[attr-defined]
    setattr(ops, name, call)
    return call


def declare_view(
    name: str,
    geometry: Callable[..., Any],
    rules: Rules,
    several: bool = False,
    dtype: Callable[[dtypes.dtype], dtypes.dtype] | None = None,
) -> Callable[..., Any]:
    """Declare an operation whose result (results, if `several`) shares the input's memory.

    `dtype` tells the result's type when it is another one. A rule may ask for `old`, the input's geometry.
    """
    parameters = [*list(inspect.signature(geometry).parameters)[1:], "old"]
    operation = Operation(name, geometry, rules, ("self",), parameters)

    def call(self: Tensor, *params: Any) -> Any:
        storage_of(self)
        old = geometry_of(self)
        found = geometry(old, *params)
        if several:
            views = [make_view(self, each, MULTI_OUTPUT) for each in found]
        else:
            views = [make_view(self, found, DEFAULT, dtype(self.dtype).numpy if dtype else None)]
        if state.grad and (self._requires_grad or self._base is not None) and wants_grad((self,)):
            attach(record(operation, (self,), (*params, old), ()), views)
        return tuple(views) if several else views[0]

    call.__name__ = name
    call.operation = operation  # type: ignore[attr-defined]
    setattr(ops, name, call)
    return call
