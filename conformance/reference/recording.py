"""Recording: when an operation is to be recorded, and making its node."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

from conformance.reference import graph
from conformance.reference.declarations import INPUT, OUTPUT, PARAMETER, SHAPE, Operation, OperationNode
from conformance.reference.graph import LEAF, Edge, Node, SavedTensor, accumulator, gradient_edge
from conformance.reference.modes import state
from conformance.reference.tensors import Tensor

anomaly = SimpleNamespace(enabled=False, check_nan=True)
"""Anomaly mode, for the whole process."""

NO_EDGE: Edge = (None, 0)

# NumPy's kinds: float, complex, and 'V' for bfloat16.
DIFFERENTIABLE = "fcV"


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
            number = index if index < len(operation.outputs) else LEAF
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


def wants_grad(inputs: Iterable[Any]) -> bool:
    """Whether any of the operands requires grad, and inference mode does not forbid recording."""
    if state.inference:
        return False
    for each in inputs:
        if isinstance(each, Tensor) and (each._requires_grad or (each._base is not None and each.requires_grad)):
            return True
    return False
