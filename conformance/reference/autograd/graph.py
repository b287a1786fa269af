"""torch.autograd.graph: looking at the graph, and hooks on what it saves and on several gradients at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from conformance.reference.engine import queue_callback
from conformance.reference.graph import Node, gradient_edge
from conformance.reference.modes import state
from conformance.reference.tensors import Tensor


class GradientEdge(NamedTuple):
    """A place in the graph where gradients can be taken or put in: a node and the number of its output."""

    node: Node
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge of a tensor; RuntimeError when it does not require grad."""
    if not tensor.requires_grad:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    return GradientEdge(*gradient_edge(tensor), tensor)


class saved_tensors_hooks:  # noqa: N801  torch names it so
    """While active, tensors are saved as what `pack_hook` makes of them; `unpack_hook` gives them back."""

    def __init__(self, pack_hook: Callable[..., Any], unpack_hook: Callable[..., Any]) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        if state.saved_tensors_hooks_disabled is not None:
            raise RuntimeError(state.saved_tensors_hooks_disabled)
        state.saved_tensors_hooks = (*state.saved_tensors_hooks, (self.pack_hook, self.unpack_hook))

    def __exit__(self, *exception: object) -> None:
        state.saved_tensors_hooks = state.saved_tensors_hooks[:-1]


class save_on_cpu(saved_tensors_hooks):  # noqa: N801  torch names it so
    """Saved tensors wait on the processor and go back to their device for backward."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        def pack(tensor: Any) -> Any:
            if not pin_memory:
                return (tensor.device, tensor.cpu())
            return (tensor.device, tensor.detach().clone().cpu())

        def unpack(packed: Any) -> Any:
            device, tensor = packed
            return tensor.to(device)

        super().__init__(pack, unpack)


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """While active, saved_tensors_hooks raises with this message."""
    if state.saved_tensors_hooks:
        raise RuntimeError(error_message)
    before, state.saved_tensors_hooks_disabled = state.saved_tensors_hooks_disabled, error_message
    try:
        yield
    finally:
        state.saved_tensors_hooks_disabled = before


class _MultiHandle:
    """The handle of a hook on several tensors."""

    def __init__(self, handles: Sequence[Any]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        """Take the hook from all of them."""
        for each in self.handles:
            each.remove()

    def __enter__(self) -> _MultiHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def register_multi_grad_hook(tensors: Sequence[Any], fn: Callable[..., None], *, mode: str = "all") -> _MultiHandle:
    """Call `fn` once for each backward: with all gradients when the last has come, or ("any") with the first."""
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if mode == "any":
        return _any_hook(tensors, fn)
    counts: dict[int, int] = defaultdict(int)
    arrived: dict[int, list[Any]] = {}
    edges = [gradient_edge(each) if isinstance(each, Tensor) else (each.node, each.output_nr) for each in tensors]

    def hook_of(position: int) -> Callable[[Any], None]:
        def hook(grad: Any) -> None:
            from conformance.reference.engine import current_run

            run = current_run()
            key = id(run)
            if key not in arrived:
                arrived[key] = [None] * len(tensors)
                queue_callback(lambda: (counts.pop(key, None), arrived.pop(key, None)))
            arrived[key][position] = grad
            counts[key] += 1
            if counts[key] == sum(run.will_run(node) for node, _ in edges):
                fn(arrived[key])

        return hook

    return _MultiHandle([each.register_hook(hook_of(position)) for position, each in enumerate(tensors)])


def _any_hook(tensors: Sequence[Any], fn: Callable[..., None]) -> _MultiHandle:
    called: set[int] = set()

    def hook(grad: Any) -> None:
        from conformance.reference.engine import current_run

        key = id(current_run())
        if key not in called:
            called.add(key)
            queue_callback(lambda: called.discard(key))
            fn(grad)

    return _MultiHandle([each.register_hook(hook) for each in tensors])


def increment_version(tensor: Any) -> None:
    """Tell autograd that something it cannot see wrote to a tensor, or to several."""
    for each in (tensor,) if isinstance(tensor, Tensor) else tensor:
        each._counter[0] += 1


@contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[Any]:
    """Saved tensors may be written to: backward uses what they held when saved. Not to be nested."""
    if state.mutation_allowed is not None:
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    active = [True]

    def pack(tensor: Tensor) -> Any:
        # PyTorch copies only when the write comes; a copy at once is the same to see from outside.
        return tensor.clone()

    def unpack(packed: Any) -> Any:
        if not active[0]:
            raise RuntimeError(
                "Trying to backward outside of the 'allow_mutation_on_saved_tensors' context in which the graph was "
                "originally recorded."
            )
        return packed

    state.mutation_allowed = active
    try:
        with saved_tensors_hooks(pack, unpack):
            yield active
    finally:
        active[0] = False
        state.mutation_allowed = None


__all__ = [
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]
