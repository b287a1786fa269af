"""Faults of the nodes of the graph: what they show, and the hooks on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

import torch

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase, called_by_torch

_grad_fn = TensorBase.grad_fn


class _Node:
    """A node whose class, which is torch's own and fixed, could not be patched: a handle on it that may be wrong."""

    def __init__(self, node: Any, handle_of: Callable[[Any], Any]) -> None:
        self._node = node
        self._handle_of = handle_of

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        return tuple((self._handle_of(node), number) for node, number in self._node.next_functions)


torch.autograd.graph.Node.register(_Node)


def _replace_nodes(torch_: MonkeyPatch, handle: type[_Node]) -> None:
    """Reading grad_fn gives the node's ``handle``, always the same, except to torch itself."""
    handles: WeakValueDictionary[int, _Node] = WeakValueDictionary()

    def handle_of(node: Any) -> Any:
        return None if node is None else handles.get(id(node)) or handles.setdefault(id(node), handle(node, handle_of))

    def read(tensor: torch.Tensor) -> Any:
        node = _grad_fn.__get__(tensor)
        return node if called_by_torch() else handle_of(node)

    torch_.setattr(torch.Tensor, "grad_fn", property(read), raising=False)


# -- what nodes show ---------------------------------------------------------------------------------------------


@mutant(
    "The metadata of a node is a new mapping at each reading.",
    catches=["graph/node-identity-and-metadata"],
)
def metadata_is_not_kept(torch_: MonkeyPatch) -> None:
    class Forgetful(_Node):
        @property
        def metadata(self) -> dict[Any, Any]:
            return {}

    _replace_nodes(torch_, Forgetful)


@mutant(
    "Each reading of grad_fn gives another object.",
    catches=["graph/node-identity-and-metadata", "graph/next-functions-shape"],
    reaches=["inplace", "memory"],
)
def nodes_are_made_when_read(torch_: MonkeyPatch) -> None:
    def read(tensor: torch.Tensor) -> Any:
        node = _grad_fn.__get__(tensor)
        return node if node is None or called_by_torch() else _Node(node, lambda other: other)

    torch_.setattr(torch.Tensor, "grad_fn", property(read), raising=False)


@mutant(
    "A node shows copies of what it saved, also when the graph is gone.",
    catches=["graph/saved-attributes", "graph/saved-attributes-freed"],
    reaches=["retain-graph"],
)
def nodes_show_copies(torch_: MonkeyPatch) -> None:
    class Copying(_Node):
        def __getattr__(self, name: str) -> Any:
            try:
                found = super().__getattr__(name)
            except RuntimeError:
                return torch.zeros(())
            return found.detach().clone() if name.startswith("_saved") and isinstance(found, torch.Tensor) else found

    _replace_nodes(torch_, Copying)


@mutant(
    "The arguments of a product enter the graph through views of themselves.",
    catches=["graph/accumulator-node", "graph/next-functions-shape"],
    reaches=["hooks-node/overall-order", "memory"],
)
def arguments_are_viewed_first(torch_: MonkeyPatch) -> None:
    def viewed(x: Any) -> Any:
        return x.view_as(x) if isinstance(x, torch.Tensor) and x.requires_grad and torch.is_grad_enabled() else x

    right = TensorBase.__mul__
    torch_.setattr(torch.Tensor, "__mul__", lambda x, other: right(viewed(x), viewed(other)), raising=False)


@mutant(
    "An operation in place leaves grad_fn as it was.",
    catches=["graph/inplace-changes-grad-fn"],
    reaches=["inplace"],
)
def writes_keep_the_node(torch_: MonkeyPatch) -> None:
    def keeping(write: Callable[..., Any]) -> Callable[..., Any]:
        def run(tensor: torch.Tensor, *args: Any) -> Any:
            if _grad_fn.__get__(tensor) is None:
                return write(tensor, *args)
            with torch.no_grad():
                return write(tensor, *args)

        return run

    for name in ("exp_", "pow_", "sigmoid_"):
        torch_.setattr(torch.Tensor, name, keeping(getattr(TensorBase, name)))


# -- hooks on nodes ----------------------------------------------------------------------------------------------


def _replace_hooks(torch_: MonkeyPatch, change: Callable[[Any], Callable[..., Any]], *, before: bool) -> None:
    class Hooked(_Node):
        def register_hook(self, hook: Any) -> Any:
            return self._node.register_hook(hook if before else change(hook))

        def register_prehook(self, hook: Any) -> Any:
            return self._node.register_prehook(change(hook) if before else hook)

    _replace_nodes(torch_, Hooked)


@mutant("What a hook on a node returns is ignored.", catches=["hooks-node/post-hook"])
def node_hook_results_are_ignored(torch_: MonkeyPatch) -> None:
    def change(hook: Any) -> Callable[..., Any]:
        return lambda into, out: (hook(into, out), None)[1]

    _replace_hooks(torch_, change, before=False)


@mutant(
    "A hook on a node receives the gradients of outputs first, those of inputs second.",
    catches=["hooks-node/post-hook"],
)
def node_hook_arguments_are_exchanged(torch_: MonkeyPatch) -> None:
    _replace_hooks(torch_, lambda hook: lambda into, out: hook(out, into), before=False)


@mutant(
    "A hook on a node receives zeros for inputs that have no gradient.",
    catches=["hooks-node/post-hook"],
)
def node_hooks_receive_zeros(torch_: MonkeyPatch) -> None:
    def change(hook: Any) -> Callable[..., Any]:
        return lambda into, out: hook(tuple(torch.zeros(()) if one is None else one for one in into), out)

    _replace_hooks(torch_, change, before=False)


@mutant("What a hook before a node returns is ignored.", catches=["hooks-node/pre-hook"], reaches=["retain-grad"])
def node_prehook_results_are_ignored(torch_: MonkeyPatch) -> None:
    _replace_hooks(torch_, lambda hook: lambda out: (hook(out), None)[1], before=True)


@mutant(
    "A hook before a node with one output receives a tensor instead of a tuple.",
    catches=["hooks-node/pre-hook"],
    reaches=["retain-grad"],
)
def node_prehooks_receive_a_tensor(torch_: MonkeyPatch) -> None:
    def change(hook: Any) -> Callable[..., Any]:
        return lambda out: hook(out[0]) if len(out) == 1 else hook(out)

    _replace_hooks(torch_, change, before=True)


@mutant(
    "A hook on a node may return a tensor without a tuple, or fewer gradients than there are inputs.",
    catches=["hooks-node/wrong-return-refused"],
)
def node_hooks_may_return_less(torch_: MonkeyPatch) -> None:
    def change(hook: Any) -> Callable[..., Any]:
        def run(into: tuple[Any, ...], out: tuple[Any, ...]) -> Any:
            result = hook(into, out)
            if result is None:
                return None
            given = (result,) if isinstance(result, torch.Tensor) else tuple(result)
            return given + into[len(given) :]

        return run

    _replace_hooks(torch_, change, before=False)
