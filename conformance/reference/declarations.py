"""What a declaration of an operation holds, and the node that is recorded for it.

How one is written is told in `dispatch.py`. The parameter names of the gradient rules are read once, when an operation
is first recorded for a combination of inputs that require grad, and become a `Plan`: what to save, what to compute.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

from conformance.reference import graph
from conformance.reference.graph import Node, SavedTensor
from conformance.reference.tensors import Tensor

ops: Any = SimpleNamespace()
"""Every declared operation by name, for gradient rules and wrappers."""

operations: dict[str, Operation] = {}
"""The declarations themselves, for tests that go over all of them."""

Rules = dict[str, Callable[..., Any]]

INPUT, PARAMETER, OUTPUT, SHAPE, NEEDS = range(5)


# Parameters that are tensors to PyTorch and arrays here, as nothing differentiates by them.
TENSOR_PARAMETERS = ("index", "indices", "mask")


# The input of operations on a list of tensors; only their shapes are saved.
VARIADIC = ("tensors",)


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
        self.releases = operation.inputs != VARIADIC and any(
            kind in (INPUT, OUTPUT) or (kind == PARAMETER and operation.parameters[index] in TENSOR_PARAMETERS)
            for kind, index in self.sources
        )


def arrays_of(inputs: Sequence[Any]) -> Sequence[Any]:
    """The arrays of tensors; anything else stays itself."""
    return [each._array if isinstance(each, Tensor) else each for each in inputs]


class Operation:
    """A declared operation."""

    __slots__ = (
        "arrays",
        "forward",
        "hidden",
        "inputs",
        "name",
        "node_class",
        "outputs",
        "parameters",
        "plans",
        "rules",
    )

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
        """Unpack what was saved and apply the rules that the plan names."""
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
        """Let go of everything saved."""
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
