"""The graph: nodes, the edges between them, and the tensors they save.

A node is recorded for each operation; `next_functions` are its edges, one for each input, toward the leaves. An edge
is a pair (node, n): the gradient that flows along it is that of the node's n-th output. A leaf's edge leads to its
`AccumulateGrad`, which the leaf holds only weakly, so a graph that nobody holds is gone at once.

Nothing here knows of any particular operation: `dispatch.py` makes the nodes of operations, `engine.py` runs them.
"""

from __future__ import annotations

import itertools
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from conformance.reference.modes import state
from conformance.reference.tensors import Tensor, alias

sequence = itertools.count()
_hook_ids = itertools.count()

Edge = tuple[Any, int]
Metadata = tuple[tuple[int, ...], Any, Any]

RELEASED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
    "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). "
    "Specify retain_graph=True if you need to backward through the graph a second time or if you need to access "
    "saved tensors after calling backward."
)


class RemovableHandle:
    """What registering a hook returns: `remove()` takes the hook away; a context manager that removes at its end."""

    def __init__(self, *hooks: dict[int, Any]) -> None:
        self.id = next(_hook_ids)
        self._hooks = hooks

    def add(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Put the hook into the dicts the handle was made for."""
        for each in self._hooks:
            each[self.id] = hook
        return self

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        for each in self._hooks:
            each.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


class Node:
    """One recorded operation: given the gradients of its outputs, it computes those of its inputs."""

    __slots__ = ("__dict__", "__weakref__", "edges", "outputs", "sequence_nr")
    edges: tuple[Edge, ...]
    outputs: list[Metadata]
    sequence_nr: int

    # Hooks lie in the instance's dict, over these, as few nodes have any.
    tensor_hooks: dict[int, OrderedDict[int, Any]] | None = None
    retained: dict[int, weakref.ref[Tensor]] | None = None
    pre_hooks: OrderedDict[int, Any] | None = None
    post_hooks: OrderedDict[int, Any] | None = None
    traceback: list[str] | None = None
    forward_node: Node | None = None

    def apply(self, grads: list[Tensor | None]) -> list[Tensor | None] | tuple[Tensor | None, ...]:
        """The gradients of the inputs, one for each edge; None where there is none."""
        raise NotImplementedError

    def release(self) -> None:
        """Free what was saved; a second backward then raises."""

    @classmethod
    def name(cls) -> str:
        """The name of the operation's backward, as in 'MulBackward0'."""
        return cls.__name__

    @property
    def next_functions(self) -> tuple[Edge, ...]:
        """The edges toward the inputs."""
        return self.edges

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dict of the user's own."""
        found: dict[Any, Any] = self.__dict__.setdefault("_metadata", {})
        return found

    def _sequence_nr(self) -> int:
        return self.sequence_nr

    def _register_hook_dict(self, hooks: Any) -> None:
        self.post_hooks = hooks

    def register_hook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call `fn(grad_inputs, grad_outputs)` after the node has run; what it returns replaces grad_inputs."""
        if self.post_hooks is None:
            self.post_hooks = OrderedDict()
        return RemovableHandle(self.post_hooks).add(fn)

    def register_prehook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call `fn(grad_outputs)` before the node runs; what it returns replaces them."""
        if self.pre_hooks is None:
            self.pre_hooks = OrderedDict()
        return RemovableHandle(self.pre_hooks).add(fn)

    def __call__(self, *grads: Tensor | None) -> Any:
        """Run this node alone."""
        result = self.apply(list(grads))
        return result[0] if len(result) == 1 else tuple(result)

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


class AccumulateGrad(Node):
    """The sink of a leaf: adds what arrives to the leaf's .grad."""

    __slots__ = ("variable",)
    accumulate: ClassVar[Callable[[Tensor, Tensor], None]]

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable
        self.edges = ()
        # Sinks run as soon as they are ready: nothing else waits for them.
        self.sequence_nr = 1 << 62
        self.outputs = self.expected()

    def expected(self) -> list[Metadata]:
        """The shape, type and device that arriving gradients are made to fit."""
        variable = self.variable
        dtype = variable._array.dtype
        if "_grad_dtype" in variable.__dict__:
            asked = variable.__dict__["_grad_dtype"]
            dtype = asked and asked.numpy
        return [(variable._array.shape, dtype, variable._device)]

    def apply(self, grads: list[Tensor | None]) -> list[Tensor | None]:
        """Add to .grad and call the hooks for that; a leaf frozen meanwhile takes nothing."""
        grad = grads[0]
        if grad is not None and self.variable.requires_grad:
            AccumulateGrad.accumulate(self.variable, grad)
            if self.variable._post_accumulate_hooks:
                for hook in tuple(self.variable._post_accumulate_hooks.values()):
                    if hook(self.variable) is not None:
                        raise RuntimeError("post accumulate grad hooks should return None")
        return []


def accumulator(leaf: Tensor) -> AccumulateGrad:
    """The leaf's one AccumulateGrad, made when needed."""
    found: AccumulateGrad | None = leaf._accumulator() if leaf._accumulator else None
    if found is None:
        found = AccumulateGrad(leaf)
        leaf._accumulator = weakref.ref(found)
        if leaf._hooks is not None:
            found.tensor_hooks = {0: leaf._hooks}  # type: ignore[dict-item]
    return found


def gradient_edge(tensor: Tensor) -> Edge:
    """Where the gradient of a tensor goes: (its grad_fn, output number), or a leaf's accumulator."""
    node = tensor.grad_fn
    if node is not None:
        return (node, tensor._output_nr)
    # An unrecorded view of what requires grad says requires_grad too, but its gradient goes nowhere.
    return (accumulator(tensor), 0) if tensor._requires_grad else (None, 0)


# In place of the number of an output, for tensors that a node saves of its inputs.
LEAF, NON_LEAF = -1, -2


class SavedTensor:
    """A tensor kept for backward, with the version it had.

    An input is kept as it is. Of a node's own output only an alias without history is kept, and the history is put
    back on the way out: node and output would otherwise hold each other.
    """

    __slots__ = ("output_nr", "packed", "tensor", "unpack_hook", "version")
    tensor: Tensor | None

    def __init__(self, tensor: Tensor, output_nr: int = LEAF) -> None:
        if tensor._inference:
            raise RuntimeError(
                "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode "
                "in computation tracked by autograd. To work around this, you can make a clone to get a normal tensor "
                "and use it in autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`."
            )
        self.version = tensor._counter[0]
        if output_nr >= 0:
            self.output_nr, self.tensor = output_nr, alias(tensor)
        else:
            self.output_nr, self.tensor = LEAF if tensor._grad_fn is None else NON_LEAF, tensor
        self.unpack_hook: Callable[..., Any] | None = None
        if state.saved_tensors_hooks:
            self.register_hooks(*state.saved_tensors_hooks[-1])

    def register_hooks(self, pack_hook: Callable[..., Any], unpack_hook: Callable[..., Any]) -> None:
        """Replace the tensor by what `pack_hook` makes of it; `unpack_hook` gives a tensor back for backward."""
        if self.tensor is None:
            raise RuntimeError(RELEASED)
        if self.unpack_hook is not None:
            raise RuntimeError("Calling register_hooks on a saved tensor whose hooks have already been set.")
        if not (callable(pack_hook) and callable(unpack_hook)):
            raise TypeError("saved tensor hooks must be callable")
        grad_mode, state.grad = state.grad, False
        try:
            shown = self.tensor if self.output_nr >= 0 else alias(self.tensor)
            packed = pack_hook(shown)
        finally:
            state.grad = grad_mode
        if self.tensor._counter[0] != self.version:
            raise RuntimeError("A saved tensor pack hook is modifying its input in place.")
        self.unpack_hook = unpack_hook
        self.packed = packed
        self.tensor = _history_only(self.tensor)  # the edge must survive although the elements need not

    def unpack(self, node: Node) -> Tensor:
        """The tensor as it was saved; RuntimeError when it was changed or freed since."""
        tensor = self.tensor
        if tensor is None:
            raise RuntimeError(RELEASED)
        if self.unpack_hook is not None:
            return self._unpack_with_hook(node, tensor)
        if tensor._counter[0] != self.version:
            raise RuntimeError(self._modified(node, tensor))
        if self.output_nr < 0:
            if self.output_nr == NON_LEAF and tensor._grad_fn is None:
                raise RuntimeError(
                    "Trying to use a saved tensor that has been detached in-place, i.e. with .detach_(). This is not "
                    "supported, please use out-of-place `.detach()` instead"
                )
            return tensor
        if not state.grad:
            return tensor  # nothing is recorded, so the history would not be looked at
        result = alias(tensor)
        result._grad_fn, result._output_nr, result._requires_grad = node, self.output_nr, True
        return result

    def _unpack_with_hook(self, node: Node, history: Tensor) -> Tensor:
        assert self.unpack_hook is not None
        found = self.unpack_hook(self.packed)
        if not isinstance(found, Tensor):
            raise TypeError(
                f"Output of saved tensor unpack_hook expected to be a Tensor but got {type(found).__name__}"
            )
        result = alias(found)
        if self.output_nr >= 0:
            result._grad_fn, result._output_nr, result._requires_grad = node, self.output_nr, True
        elif history._requires_grad:
            result._requires_grad = True
            result._grad_fn, result._output_nr = history._grad_fn, history._output_nr
            if result._grad_fn is None:
                result._accumulator = weakref.ref(accumulator(history.__dict__["_leaf"]))
        return result

    def _modified(self, node: Node, tensor: Tensor) -> str:
        maker = node if self.output_nr >= 0 else tensor._grad_fn
        origin = f", which is output {max(self.output_nr, 0)} of {maker.name()}," if maker is not None else ""
        return (
            "one of the variables needed for gradient computation has been modified by an inplace operation: "
            f"[{tensor.dtype!r} {list(tensor.shape)}]{origin} is at version {tensor._counter[0]}; expected version "
            f"{self.version} instead. Hint: enable anomaly detection to find the operation that failed to compute its "
            "gradient, with torch.autograd.set_detect_anomaly(True)."
        )

    def release(self) -> None:
        """Let go of the tensor."""
        self.tensor = self.packed = None


def _history_only(tensor: Tensor) -> Tensor:
    """A stand-in that keeps a tensor's place in the graph and none of its elements."""
    kept = alias(tensor)
    kept._array, kept._storage = np.empty(0, tensor._array.dtype), None
    kept._grad_fn, kept._output_nr, kept._requires_grad = tensor.grad_fn, tensor._output_nr, tensor._requires_grad
    if kept._requires_grad and kept._grad_fn is None:
        kept.__dict__["_leaf"] = tensor
    return kept
