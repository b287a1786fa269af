"""The seam where forward functions and gradient rules meet: how an operation is declared, called and recorded.

**Declaring an operation.** Three things make one, and they live apart:

1. a *forward function* in `forward/`: arrays in, arrays out; it knows nothing of tensors or gradients::

       def linear(input, weight, bias): ...

2. its *gradient rules* in `gradients/`: for each differentiable input a function whose **parameter names say what it
   needs**; only that is saved, and only when that input requires grad::

       "mul": dict(self=lambda grad, other: grad * other.conj(),
                   other=lambda grad, self: grad * self.conj()),
       "exp": dict(self=lambda grad, result: grad * result.conj()),

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
   the rules see. `variadic=True` for one list of tensors instead of inputs (cat, stack): its rule returns a list.

**In place.** `write(target, op, inputs, params)` runs an operation and writes its result into `target`, which must be
the first input: it checks leaves and views, bumps the version and gives `target` (and its base) the new history.

**Views.** `declare_view(name, geometry, rules)`: `geometry(old: Geometry, *parameters) -> Geometry`.

**Elementwise.** `elementwise.py` has `declare_unary` and `declare_binary`: the fast paths, with promotion and Python
numbers.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from conformance.reference import devices, dtypes, graph
from conformance.reference.graph import Edge, Node, SavedTensor, accumulator, gradient_edge
from conformance.reference.modes import state
from conformance.reference.storages import may_overlap, overlaps_partially
from conformance.reference.tensors import Tensor, geometry_of, storage_of, wrap
from conformance.reference.views import (
    DEFAULT,
    MULTI_OUTPUT,
    check_inplace,
    make_view,
    ops,
    rebase_history,
)

operations: dict[str, Operation] = {}
"""The declarations themselves, for tests that go over all of them."""

anomaly = SimpleNamespace(enabled=False, check_nan=True)

Rules = dict[str, Callable[..., Any]]

INPUT, PARAMETER, OUTPUT, SHAPE, NEEDS = range(5)


# Parameters that are tensors to PyTorch and arrays here, as nothing differentiates by them.
TENSOR_PARAMETERS = ("index", "indices", "mask")


class Plan:
    """What to save and what to compute for one combination of inputs that require grad."""

    __slots__ = ("all_outputs", "gradients", "joint", "mask", "releases", "sources")

    def __init__(self, operation: Operation, mask: int) -> None:
        rules, inputs = operation.rules, operation.inputs
        self.mask = mask
        self.joint = rules.get("all")
        chosen = (
            [(0, self.joint)]
            if self.joint is not None
            else [(n, rules[name]) for n, name in enumerate(inputs) if mask >> n & 1 and name in rules]
        )
        self.sources: list[tuple[int, Any]] = []
        self.gradients: list[tuple[int, Callable[..., Any], tuple[int, ...]]] = []
        self.all_outputs = False
        for position, rule in chosen:
            first, *names = inspect.signature(rule).parameters
            picks = []
            for name in names:
                source = operation.source(name)
                if source not in self.sources:
                    self.sources.append(source)
                picks.append(self.sources.index(source))
            self.gradients.append((position, rule, tuple(picks)))
            self.all_outputs = self.all_outputs or first == "grads"
        # Outputs are saved for any of the rules, as PyTorch does it; inputs only for those that will run.
        for rule in rules.values():
            for name in list(inspect.signature(rule).parameters)[1:]:
                source = operation.source(name)
                if source[0] == OUTPUT and source not in self.sources:
                    self.sources.append(source)
        # A node that keeps shapes and plain parameters only can run any number of times.
        self.releases = any(
            kind in (INPUT, OUTPUT) or (kind == PARAMETER and operation.parameters[index] in TENSOR_PARAMETERS)
            for kind, index in self.sources
        )


def arrays_of(inputs: Sequence[Any]) -> Sequence[Any]:
    """The arrays of tensors; anything else stays itself."""
    return [each._array if isinstance(each, Tensor) else each for each in inputs]


class Operation:
    """A declared operation."""

    __slots__ = ("arrays", "forward", "hidden", "inputs", "name", "node_class", "outputs", "parameters", "plans", "rules")

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        rules: Rules | None,
        inputs: Sequence[str],
        parameters: Sequence[str] | None = None,
        outputs: Sequence[str] = ("result",),
        hidden: Sequence[str] = (),
        title: str = "",
    ) -> None:
        self.name = name
        self.forward = forward
        self.rules = rules or {}
        self.inputs = tuple(inputs)
        if parameters is None:
            parameters = list(inspect.signature(forward).parameters)[len(self.inputs) :]
        self.parameters = tuple(parameters)
        self.outputs = tuple(outputs)
        self.hidden = tuple(hidden)
        self.arrays: Callable[[Sequence[Any]], Sequence[Any]] = arrays_of
        self.plans: dict[int, Plan] = {}
        title = title or "".join(part[:1].upper() + part[1:] for part in name.strip("_").split("_")) + "Backward0"
        self.node_class: type[OperationNode] = type(title, (OperationNode,), {"__slots__": (), "operation": self})
        operations[name] = self

    def source(self, name: str) -> tuple[int, int]:
        """Where a name that a gradient rule uses comes from."""
        if name == "needs":
            return (NEEDS, 0)
        if name in self.inputs:
            return (INPUT, self.inputs.index(name))
        if name in self.parameters:
            return (PARAMETER, self.parameters.index(name))
        produced = self.outputs + self.hidden
        if name in produced:
            return (OUTPUT, produced.index(name))
        if name.endswith("_shape") and name[:-6] in self.inputs:
            return (SHAPE, self.inputs.index(name[:-6]))
        raise TypeError(f"the gradient rule of {self.name} asks for {name!r}, which the operation does not have")

    def plan(self, mask: int) -> Plan:
        """The plan for a bit mask of inputs that require grad, made once."""
        found = self.plans.get(mask)
        if found is None:
            found = self.plans[mask] = Plan(self, mask)
        return found


class OperationNode(Node):
    """The node of a declared operation: its saved values and the plan that says what to do with them."""

    __slots__ = ("plan", "saved")
    operation: ClassVar[Operation]
    plan: Plan
    saved: list[Any] | None

    def apply(self, grads: list[Tensor | None]) -> list[Tensor | None]:
        saved = self.saved
        if saved is None:
            raise RuntimeError(graph.RELEASED)
        plan = self.plan
        if grads[0] is None and not plan.all_outputs:
            return [None] * len(self.edges)
        values = [each.unpack(self) if each.__class__ is SavedTensor else each for each in saved]
        grad: Any = grads if plan.all_outputs else grads[0]
        if plan.joint is not None:
            _, rule, picks = plan.gradients[0]
            return list(rule(grad, *[values[pick] for pick in picks]))
        result: list[Tensor | None] = [None] * len(self.edges)
        for position, rule, picks in plan.gradients:
            if len(picks) == 1:
                result[position] = rule(grad, values[picks[0]])
            else:
                result[position] = rule(grad, *[values[pick] for pick in picks])
        if not self.operation.rules:
            raise RuntimeError(f"derivative for aten::{self.operation.name} is not implemented")
        return result

    def release(self) -> None:
        if self.plan.releases and self.saved is not None:
            for each in self.saved:
                if each.__class__ is SavedTensor:
                    each.tensor = each.packed = None
            self.saved = None

    def __getattr__(self, name: str) -> Any:
        raw = name.startswith("_raw_saved_")
        if raw or name.startswith("_saved_"):
            source = self.operation.source(name[11:] if raw else name[7:])
            if source in self.plan.sources:
                if self.saved is None:
                    raise RuntimeError(graph.RELEASED)
                value = self.saved[self.plan.sources.index(source)]
                return value if raw or value.__class__ is not SavedTensor else value.unpack(self)
        raise AttributeError(f"'{self.name()}' object has no attribute '{name}'")


def record(
    operation: Operation, inputs: Sequence[Any], params: Sequence[Any], outputs: Sequence[Any] | None
) -> OperationNode:
    """Make the node of an operation and save what its rules will need; without `outputs` those are left to save."""
    mask, bit, edges = 0, 1, []
    for each in inputs:
        edge: Edge = NO_EDGE
        if isinstance(each, Tensor):
            if each._base is None:
                if each._grad_fn is not None:
                    edge = (each._grad_fn, each._output_nr)
                    mask |= bit
                elif each._requires_grad:
                    edge = (accumulator(each), 0)
                    mask |= bit
            else:
                edge = gradient_edge(each)
                if edge[0] is not None:
                    mask |= bit
        edges.append(edge)
        bit += bit
    plan = operation.plans.get(mask) or operation.plan(mask)
    node: OperationNode = operation.node_class()
    node.edges = tuple(edges)
    node.sequence_nr = next(graph.sequence)
    node.plan = plan
    saved: list[Any] = []
    for kind, index in plan.sources:
        if kind == INPUT:
            value = inputs[index]
            saved.append(SavedTensor(value) if isinstance(value, Tensor) else value)
        elif kind == OUTPUT:
            # A hidden output is nobody's function: it is saved like an input that needs no gradient.
            number = index if index < len(operation.outputs) else -1
            saved.append(SavedTensor(outputs[index], number) if outputs is not None else None)
        elif kind == PARAMETER:
            saved.append(params[index])
        elif kind == SHAPE:
            value = inputs[index]
            saved.append(value._array.shape if isinstance(value, Tensor) else ())
        else:
            saved.append(tuple(bool(mask >> n & 1) for n in range(len(inputs))))
    node.saved = saved
    if anomaly.enabled:
        node.traceback = traceback.format_stack()[:-2]
        node.forward_node = current_node()
    return node


NO_EDGE = (None, 0)
current: list[Node] = []
"""The nodes that are running, innermost last; anomaly mode tells which node's backward recorded another."""


def current_node() -> Node | None:
    """The node whose backward is running, if any."""
    return current[-1] if current else None


def attach(node: Node, outputs: Iterable[Tensor]) -> None:
    """Make `node` the history of fresh outputs; those of integer or boolean type take none."""
    metadata = []
    for number, each in enumerate(outputs):
        array = each._array
        metadata.append((array.shape, array.dtype, each._device))
        if array.dtype.kind in DIFFERENTIABLE:
            each._grad_fn = node
            each._output_nr = number
            each._requires_grad = True
    node.outputs = metadata


# NumPy's kinds: float, complex, and 'V' for bfloat16.
DIFFERENTIABLE = "fcV"


def common_device(tensors: Sequence[Any]) -> devices.device:
    """The device of operands: the same for all, except 0-d tensors of the processor beside an accelerator."""
    found: devices.device | None = None
    dimensioned = False
    for each in tensors:
        if not isinstance(each, Tensor) or each._device is found:
            continue
        if found is None or (found is devices.cpu and not dimensioned):
            found, dimensioned = each._device, dimensioned or each._array.ndim > 0
        elif each._device is devices.cpu and not each._array.ndim:
            continue
        else:
            raise RuntimeError(
                f"Expected all tensors to be on the same device, but found at least two devices, {found} and "
                f"{each._device}!"
            )
    return devices.cpu if found is None else found


def wants_grad(inputs: Iterable[Any]) -> bool:
    """Whether any of the operands requires grad, and inference mode does not forbid recording."""
    if state.inference:
        return False
    for each in inputs:
        if isinstance(each, Tensor) and (each._requires_grad or (each._base is not None and each.requires_grad)):
            return True
    return False


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
        device = common_device(inputs)
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
    """Declare an operation on one list of tensors; the rule returns a list, and may ask for `shapes`."""
    operation = Operation(name, forward, {"all": rule}, ("tensors",), None)

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


def by_dimension(operands: Iterable[Any]) -> tuple[list[dtypes.dtype], list[dtypes.dtype], list[dtypes.dtype]]:
    """The types of operands by priority: with dimensions, 0-d, Python numbers."""
    groups: tuple[list[dtypes.dtype], ...] = ([], [], [])
    for each in operands:
        if isinstance(each, Tensor):
            groups[0 if each._array.ndim else 1].append(each.dtype)
        else:
            groups[2].append(dtypes.of_number(each))
    return groups[0], groups[1], groups[2]


def write(
    target: Tensor, operation: Operation, inputs: Sequence[Any], params: Sequence[Any] = (), overlap: bool = False
) -> Tensor:
    """Compute an operation whose first input is `target` and put the result into `target`, with its history.

    `overlap` allows a target several of whose elements share memory (for writes of one value everywhere).
    """
    recorded = state.grad and wants_grad(inputs)
    if not overlap:
        check_writable(target, inputs)
    check_inplace(target, recorded)
    common_device(inputs)
    node: OperationNode | None = None
    if recorded:
        # Inputs are saved before the write: one that shares the target's memory is then found to have changed.
        edge = gradient_edge(target)
        node = record(operation, (keep_original(target, operation, inputs), *inputs[1:]), params, None)
        node.edges = (edge, *node.edges[1:])
    try:
        computed = operation.forward(*operation.arrays(inputs), *params)
    except ValueError as error:
        raise RuntimeError(f"{operation.name}_: {error}") from None
    store(target, computed)
    if node is not None and node.saved is not None:
        for position, (kind, index) in enumerate(node.plan.sources):
            if kind == OUTPUT:
                node.saved[position] = SavedTensor(target, index)
        node.outputs = [(target._array.shape, target._array.dtype, target._device)]
        rebase_history(target, node)
    return target


def keep_original(target: Tensor, operation: Operation, inputs: Sequence[Any]) -> Tensor:
    """`target` itself, or a copy of it when some gradient will need the values that are about to be overwritten."""
    mask = 0
    for position, each in enumerate(inputs):
        if isinstance(each, Tensor) and each.requires_grad:
            mask |= 1 << position
    needed = (INPUT, 0) in operation.plan(mask).sources
    return target.clone() if needed else target  # type: ignore[attr-defined, no-any-return]


def constant(array: Any, like: Tensor) -> Tensor:
    """A tensor without history around an array, beside another tensor."""
    return wrap(array, like._device)


def check_writable(target: Tensor, inputs: Sequence[Any] = ()) -> None:
    """RuntimeError when elements of the target share memory with each other, or with another input's in part."""
    array = target._array
    if target._storage is not None:
        for each in inputs:
            if isinstance(each, Tensor) and each._storage is target._storage and each is not target:
                if overlaps_partially(geometry_of(target), geometry_of(each)):
                    raise RuntimeError(
                        "unsupported operation: some elements of the input tensor and the written-to tensor refer to a "
                        "single memory location. Please clone() the tensor before performing the operation."
                    )
    if array.size and 0 in array.strides and may_overlap(array.shape, array.strides):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
            "Please clone() the tensor before performing the operation."
        )


def store(target: Tensor, computed: Any) -> None:
    """Write an array into a tensor and bump its version; RuntimeError for another shape or a higher category."""
    array = target._array
    if computed.shape != array.shape:
        if np.broadcast_shapes(computed.shape, array.shape) != array.shape:
            raise RuntimeError(
                f"output with shape {list(array.shape)} doesn't match the broadcast shape {list(computed.shape)}"
            )
    if computed.dtype != array.dtype:
        result, wanted = dtypes.of_numpy(computed.dtype), target.dtype
        if not dtypes.can_cast(result, wanted):
            raise RuntimeError(f"result type {result!r} can't be cast to the desired output type {wanted!r}")
    array[...] = computed
    check_version(target)
    target._counter[0] += 1


def check_version(target: Tensor) -> None:
    """RuntimeError when an inference tensor is written to in normal mode (by then it is written, as in PyTorch)."""
    if target._inference and not state.inference and not target._versioned:
        raise RuntimeError(
            "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a "
            "normal tensor before doing inplace update."
        )
