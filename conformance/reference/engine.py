"""The engine: runs a graph backward.

From the roots it goes along the edges, a node only after all nodes that send it gradients, and among the ready ones
the latest recorded first. For each node, in this order:

1. the gradients that arrived are summed, each fitted to its output's shape, type and device;
2. hooks of the tensors that are the node's outputs may replace them (Tensor.register_hook, in order of registration);
3. tensors that asked for it keep them (retain_grad), and `grad(inputs=...)` takes its results;
4. the node's own pre-hooks, the node, its post-hooks.

All state of a run lies in its `Run`, so a node may start another run from within (checkpointing does).
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from conformance.reference import dtypes
from conformance.reference.declarations import ops
from conformance.reference.elementwise import silent
from conformance.reference.graph import AccumulateGrad, Edge, Node
from conformance.reference.modes import state
from conformance.reference.recording import anomaly
from conformance.reference.storages import is_non_overlapping_and_dense
from conformance.reference.tensors import Tensor, wrap


class _Running(threading.local):
    """The runs under way in a thread, innermost last."""

    def __init__(self) -> None:
        self.runs: list[Run] = []


_running = _Running()


def current_run() -> Run:
    """The innermost run; RuntimeError when none is under way."""
    if not _running.runs:
        raise RuntimeError("Final callbacks can only be installed during backward pass.")
    return _running.runs[-1]


def queue_callback(callback: Any) -> None:
    """Call `callback()` at the end of the running backward; RuntimeError when none runs."""
    current_run().callbacks.append(callback)


def run_backward(
    roots: Sequence[Edge],
    grads: Sequence[Tensor | None],
    keep_graph: bool,
    create_graph: bool,
    inputs: Sequence[Edge] | None = None,
    accumulate: bool = True,
) -> list[Tensor | None]:
    """Run the graph from `roots`.

    With `inputs`, only what leads to those edges runs; `accumulate` says whether their leaves get .grad (backward) or
    the gradients are returned, one for each of `inputs`, None where none arrived (grad).
    """
    run = Run(keep_graph, inputs, accumulate)
    grad_mode, state.grad = state.grad, create_graph
    _running.runs.append(run)
    try:
        run.prepare(roots)
        run.execute(roots, grads)
        for each in run.callbacks:
            each()
    finally:
        _running.runs.pop()
        state.grad = grad_mode
    return [run.captured.get((id(node), number)) for node, number in inputs or ()]


class Run:
    """One backward pass."""

    __slots__ = ("accumulate", "callbacks", "captured", "dependencies", "inputs", "keep_graph", "needed", "wanted")

    def __init__(self, keep_graph: bool, inputs: Sequence[Edge] | None, accumulate: bool) -> None:
        self.keep_graph = keep_graph
        self.accumulate = accumulate
        self.inputs = inputs
        self.callbacks: list[Any] = []
        self.captured: dict[tuple[int, int], Tensor | None] = {}
        self.wanted: dict[int, list[int]] = {}
        self.dependencies: dict[Node, int] = {}
        self.needed: set[Node] | None = None

    def prepare(self, roots: Sequence[Edge]) -> None:
        """Count for each node how many edges lead to it, and, with inputs, find the nodes that lead to them."""
        dependencies = self.dependencies
        order: list[Node] = []
        stack = [node for node, _ in roots]
        for node in stack:
            dependencies[node] = 0
        stack = list(dependencies)
        while stack:
            node = stack.pop()
            order.append(node)
            for following, _ in node.edges:
                if following is not None:
                    if following in dependencies:
                        dependencies[following] += 1
                    else:
                        dependencies[following] = 1
                        stack.append(following)
        if self.inputs is not None:
            self._prune(order)

    def will_run(self, node: Node | None) -> bool:
        """Whether the run reaches a node (and, with inputs, needs it)."""
        return node in self.dependencies and (self.needed is None or node in self.needed)

    def _prune(self, order: list[Node]) -> None:
        targets: set[Node] = set()
        for node, number in self.inputs or ():
            targets.add(node)
            self.wanted.setdefault(id(node), []).append(number)
        needed = set(targets)
        # A node is needed when one that it leads to is; edges lead to earlier nodes (sinks have none).
        for node in sorted(order, key=lambda each: each.sequence_nr):
            if any(following in needed for following, _ in node.edges):
                needed.add(node)
        self.needed = needed

    def execute(self, roots: Sequence[Edge], grads: Sequence[Tensor | None]) -> None:
        """Run every node that is reached, in order."""
        dependencies = self.dependencies
        buffers: dict[Node, list[Tensor | None]] = {}
        ready: list[tuple[int, int, Node]] = []
        for (node, number), grad in zip(roots, grads, strict=True):
            if node not in buffers:
                buffers[node] = [None] * len(node.outputs)
                if dependencies[node] == 0:
                    ready.append((-node.sequence_nr, id(node), node))
            if grad is not None and grad._array.dtype is not node.outputs[number][1]:
                grad = fit(grad, node, number, node)
            add_into(buffers[node], number, grad)
        heapq.heapify(ready)
        plain = self.inputs is None and not anomaly.enabled
        while ready:
            _, _, node = heapq.heappop(ready)
            if plain and not node.__dict__:
                results: Sequence[Tensor | None] = node.apply(buffers.pop(node))
                if not self.keep_graph:
                    node.release()
            else:
                results = self.evaluate(node, buffers.pop(node))
            for (following, number), grad in zip(node.edges, results, strict=False):
                if following is None:
                    continue
                buffer = buffers.get(following)
                if buffer is None:
                    buffer = buffers[following] = [None] * len(following.outputs)
                if grad is not None:
                    array = grad._array
                    shape, dtype, device = following.outputs[number]
                    if array.dtype is not dtype or array.shape != shape or grad._device is not device:
                        grad = fit(grad, following, number, node)
                    present = buffer[number]
                    buffer[number] = grad if present is None else present + grad
                waiting = dependencies[following] = dependencies[following] - 1
                if not waiting:
                    heapq.heappush(ready, (-following.sequence_nr, id(following), following))

    def evaluate(self, node: Node, grads: list[Tensor | None]) -> Sequence[Tensor | None]:
        """Hooks, captures and the node itself; what flows on along its edges."""
        if self.needed is not None and node not in self.needed:
            return [None] * len(node.edges)
        if node.__dict__:
            run_tensor_hooks(node, grads)
        if self.inputs is not None and id(node) in self.wanted:
            for number in self.wanted[id(node)]:
                self.captured[id(node), number] = grads[number]
            if not self.accumulate and not any(following in self.needed for following, _ in node.edges):  # type: ignore[operator]
                return [None] * len(node.edges)
        if node.pre_hooks:
            grads = run_pre_hooks(node, grads)
        results = call_node(node, grads)
        if node.post_hooks:
            results = run_post_hooks(node, results, grads)
        if not self.keep_graph:
            node.release()
        return results


def call_node(node: Node, grads: list[Tensor | None]) -> Sequence[Tensor | None]:
    """The node's own computation, watched in anomaly mode."""
    if not anomaly.enabled:
        return node.apply(grads)
    from conformance.reference.autograd.anomaly import watched

    return watched(node, grads)


def add_into(buffer: list[Tensor | None], number: int, grad: Tensor | None) -> None:
    """Sum gradients that arrive at one output."""
    if grad is not None:
        present = buffer[number]
        buffer[number] = grad if present is None else present + grad


def fit(grad: Tensor, node: Node, number: int, sender: Node) -> Tensor:
    """A gradient made fit for the output it belongs to: broadcasting undone, real part taken, type as the output's."""
    shape, dtype, device = node.outputs[number]
    array = grad._array
    if array.shape != shape:
        if not is_expandable(shape, array.shape):
            raise RuntimeError(
                f"Function {sender.name()} returned an invalid gradient at index {_index(sender, node, number)} - got "
                f"{list(array.shape)} but expected shape compatible with {list(shape)}"
            )
        grad = grad.sum_to_size(shape)
    if dtype is not None and array.dtype != dtype:
        if array.dtype.kind == "c" and dtype.kind != "c":
            grad = grad.real.clone()
        grad = grad.to(dtypes.of_numpy(dtype))
    if grad._device is not device:
        if grad._array.ndim:
            raise RuntimeError(
                f"Function {sender.name()} returned an invalid gradient at index {_index(sender, node, number)} - "
                f"expected device {device} but got {grad._device}"
            )
        grad = grad.to(device)
    return grad


def _index(sender: Node, node: Node, number: int) -> int:
    return list(sender.edges).index((node, number)) if sender is not node else number


def is_expandable(shape: tuple[int, ...], wide: tuple[int, ...]) -> bool:
    """Whether a tensor of `shape` broadcasts to `wide`."""
    try:
        return np.broadcast_shapes(shape, wide) == wide
    except ValueError:
        return False


def run_tensor_hooks(node: Node, grads: list[Tensor | None]) -> None:
    """Hooks of the node's output tensors, then the gradients they retain."""
    if node.tensor_hooks:
        for number, hooks in sorted(node.tensor_hooks.items()):
            for hook in tuple(hooks.values()):
                grad = grads[number]
                if grad is None:
                    break
                grads[number] = replaced(hook(grad), grad, "hook")
    if node.retained:
        for number, reference in node.retained.items():
            tensor, grad = reference(), grads[number]
            if tensor is not None and grad is not None:
                if tensor._grad is None:
                    tensor._grad = grad.clone()
                else:
                    tensor._grad = tensor._grad + grad


def replaced(found: Any, grad: Tensor, what: str) -> Tensor:
    """What a hook returned in place of a gradient, checked."""
    if found is None:
        return grad
    if not isinstance(found, Tensor):
        raise TypeError(f"expected Variable, but {what} returned '{type(found).__name__}'")
    if found._array.dtype != grad._array.dtype:
        raise RuntimeError(f"{what} has changed the type of value (was {grad.dtype!r} got {found.dtype!r})")
    if found._device is not grad._device:
        raise RuntimeError(f"{what} has changed the device of value")
    if found._array.shape != grad._array.shape:
        raise RuntimeError(f"{what} has changed the size of value")
    return found


def run_pre_hooks(node: Node, grads: list[Tensor | None]) -> list[Tensor | None]:
    """The node's pre-hooks; each may return other gradients, one for each output."""
    for hook in tuple(node.pre_hooks.values()):  # type: ignore[union-attr]
        found = hook(tuple(grads))
        if found is not None:
            grads = _same_number(found, grads, "pre-hook")
    return grads


def run_post_hooks(
    node: Node, results: Sequence[Tensor | None], grads: Sequence[Tensor | None]
) -> Sequence[Tensor | None]:
    """The node's post-hooks; each may return other gradients, one for each input."""
    for hook in tuple(node.post_hooks.values()):  # type: ignore[union-attr]
        found = hook(tuple(results), tuple(grads))
        if found is not None:
            results = _same_number(found, results, "hook")
    return results


def _same_number(found: Any, before: Sequence[Any], what: str) -> list[Tensor | None]:
    if not isinstance(found, tuple):
        raise TypeError(f"expected tuple, but {what} returned '{type(found).__name__}'")
    values = list(found)
    if len(values) != len(before):
        raise RuntimeError(
            f"{what} has returned an incorrect number of values (got {len(values)}, expected {len(before)})"
        )
    return values


def accumulate_grad(variable: Tensor, grad: Tensor) -> None:
    """Add to a leaf's .grad: in place, unless the backward pass is itself recorded."""
    present = variable._grad
    if present is None:
        if state.grad:
            variable._grad = ops.contiguous_copy(grad) if variable._array.flags.c_contiguous else grad.clone()
        else:
            variable._grad = laid_out_like(variable, grad)
    elif state.grad:
        variable._grad = present + grad
    else:
        target = present._array
        if target.dtype is grad._array.dtype and 0 not in target.strides:
            silent.run(np.add, target, grad._array, target)
            present._counter[0] += 1
        else:
            ops.add_(present, grad)


layout_policy = SimpleNamespace(enforced=True)


def laid_out_like(variable: Tensor, grad: Tensor) -> Tensor:
    """A copy of a gradient with its leaf's strides when the leaf is dense, otherwise row-major."""
    source, target = grad._array, variable._array
    if not layout_policy.enforced:
        return wrap(source.copy(order="K"), grad._device)
    if target.flags.c_contiguous:
        return wrap(source.copy(), grad._device)
    itemsize = target.itemsize
    if not is_non_overlapping_and_dense(target.shape, tuple(step // itemsize for step in target.strides)):
        return wrap(np.ascontiguousarray(source).reshape(source.shape), grad._device)
    copy = np.empty_like(target, dtype=source.dtype)
    copy[...] = source
    return wrap(copy, grad._device)


AccumulateGrad.accumulate = staticmethod(accumulate_grad)
