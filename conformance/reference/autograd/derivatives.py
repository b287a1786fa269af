"""`backward` and `grad`: the arguments checked and completed, then the engine."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from conformance.reference import dtypes
from conformance.reference.engine import run_backward
from conformance.reference.graph import Edge, Node, gradient_edge
from conformance.reference.hooks import retain_grad
from conformance.reference.modes import state
from conformance.reference.operations.creation import zeros_like
from conformance.reference.tensors import Tensor, wrap


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Add to .grad of the leaves (or of `inputs` only) the gradients of `tensors`, weighted by `grad_tensors`."""
    if grad_variables is not None:
        warnings.warn("`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning, stacklevel=2)
        if grad_tensors is not None:
            raise RuntimeError("`grad_tensors` and `grad_variables` (deprecated) are both given.")
        grad_tensors = grad_variables
    roots, grads = _roots(tensors, grad_tensors, create_graph)
    keep = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        run_backward(roots, grads, keep, create_graph)
        return
    chosen = _inputs(inputs, "backward")
    edges = [_target_edge(each) for each in chosen]
    for each in chosen:
        if isinstance(each, Tensor):
            retain_grad(each)
    run_backward(roots, grads, keep, create_graph, edges, accumulate=True)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> Any:
    """The gradients of `outputs` with respect to `inputs`, without touching any .grad.

    RuntimeError when an input was not used, unless allow_unused (then None) or materialize_grads (then zeros).
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    if not only_inputs:
        warnings.warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate gradient for "
            "other parts of the graph, please use torch.autograd.backward.",
            FutureWarning,
            stacklevel=2,
        )
    allow_unused = materialize_grads if allow_unused is None else allow_unused
    if is_grads_batched:
        return _batched(outputs, inputs, grad_outputs, create_graph, allow_unused, materialize_grads)
    chosen = _inputs(inputs, "grad")
    roots, grads = _roots(outputs, grad_outputs, create_graph)
    keep = create_graph if retain_graph is None else retain_graph
    found = run_backward(roots, grads, keep, create_graph, [_target_edge(each) for each in chosen], accumulate=False)
    if not allow_unused and any(each is None for each in found):
        raise RuntimeError(
            "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if "
            "this is the desired behavior."
        )
    if materialize_grads:
        if any(each is None and not isinstance(source, Tensor) for each, source in zip(found, chosen, strict=True)):
            raise RuntimeError("materialize_grads cannot be used when the given input is a GradientEdge")
        found = [
            zeros_like(source, requires_grad=create_graph) if each is None else each
            for each, source in zip(found, chosen, strict=True)
        ]
    return dict(zip(inputs, found, strict=True)) if isinstance(inputs, dict) else tuple(found)


def _batched(
    outputs: Any, inputs: Any, grad_outputs: Any, create_graph: bool, allow_unused: bool, materialize: bool
) -> tuple[Tensor | None, ...]:
    """One backward for each row of the batched grad_outputs, stacked."""
    from conformance.reference.dispatch import ops

    batches = _as_tuple(grad_outputs)
    rows = len(next(each for each in batches if each is not None))
    found = [
        grad(
            outputs,
            inputs,
            tuple(None if each is None else each[row] for each in batches),
            True,
            create_graph,
            allow_unused=allow_unused,
            materialize_grads=materialize,
        )
        for row in range(rows)
    ]
    return tuple(None if column[0] is None else ops.stack(list(column), 0) for column in zip(*found, strict=True))


def _as_tuple(given: Any) -> tuple[Any, ...]:
    if isinstance(given, Tensor) or hasattr(given, "node"):
        return (given,)
    return tuple(given)


def _inputs(given: Any, function: str) -> tuple[Any, ...]:
    """The inputs as a tuple; of a plain dict its values."""
    if isinstance(given, Mapping):
        if type(given) is not dict:
            raise TypeError(f"`inputs` to {function}() may be a dict, but not another mapping: {type(given).__name__}")
        given = given.values()
    found = _as_tuple(given)
    if not found:
        raise RuntimeError(f"`inputs` argument to `{function}()` cannot be empty.")
    return found


def _target_edge(target: Any) -> Edge:
    """Where the gradient of an input arrives; RuntimeError when it does not require grad."""
    if not isinstance(target, Tensor) and not hasattr(target, "node"):
        raise RuntimeError(f"all inputs have to be Tensors or GradientEdges, but got {type(target).__name__}")
    if hasattr(target, "node"):
        return (target.node, target.output_nr)
    edge = gradient_edge(target)
    if edge[0] is None:
        if not target.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
        return (Unreached(), 0)
    return edge


class Unreached(Node):
    """Stands for an input whose gradient cannot arrive: an unrecorded view of a tensor that requires grad."""

    def __init__(self) -> None:
        self.edges, self.outputs, self.sequence_nr = (), [], -1


def _roots(outputs: Any, given: Any, create_graph: bool) -> tuple[list[Edge], list[Tensor | None]]:
    """The edges to start from and the gradients to start with."""
    targets = _as_tuple(outputs)
    grads = _as_tuple(given) if given is not None else (None,) * len(targets)
    if len(grads) < len(targets):
        raise RuntimeError(f"got {len(targets)} tensors and {len(grads)} gradients")
    edges: list[Edge] = []
    starts: list[Tensor | None] = []
    for position, (target, start) in enumerate(zip(targets, grads)):
        if isinstance(target, Tensor):
            edge = gradient_edge(target)
            if edge[0] is None:
                raise RuntimeError(f"element {position} of tensors does not require grad and does not have a grad_fn")
        else:
            edge = (target.node, target.output_nr)
        edges.append(edge)
        starts.append(_start(edge, target, start, position))
    return edges, starts


def _start(edge: Edge, target: Any, start: Any, position: int) -> Tensor:
    shape, dtype, device = edge[0].outputs[edge[1]]
    if start is None:
        if math.prod(shape) != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        if dtype is not None and dtype.kind == "c":
            raise RuntimeError(
                f"grad can be implicitly created only for real scalar outputs but got {dtypes.of_numpy(dtype)!r}"
            )
        grad_mode, state.grad = state.grad, False
        try:
            return wrap(np.ones(shape, target._array.dtype if dtype is None else dtype), device)
        finally:
            state.grad = grad_mode
    if not isinstance(start, Tensor):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(start).__name__}")
    if start._array.shape != shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{position}] has a shape of {start.shape} and output[{position}] has a "
            f"shape of {list(shape)}."
        )
    if dtype is not None and (start._array.dtype.kind == "c") != (dtype.kind == "c"):
        raise RuntimeError(
            f"For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in dtype: "
            f"grad_output[{position}] has a dtype of {start.dtype!r} and output[{position}] has a dtype of "
            f"{dtypes.of_numpy(dtype)!r}."
        )
    if start._device is not device:
        raise RuntimeError(f"Mismatch in device: grad_output[{position}] is on {start._device}, output on {device}.")
    return start
