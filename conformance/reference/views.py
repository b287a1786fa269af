"""Views: how one is made, and how its history follows writes to it, to its base or to another view.

A view shares its base's storage and version counter. When anything is written through any of them while recorded, it
is the *base* that gets a new history (`CopySlices`, which sends the gradient of the overwritten part through the
operation and the rest past it); every view then finds, by the version, that its own `grad_fn` is out of date and
makes a new one: the slice of the base that it sees. This is lazy, in `ViewInfo.refresh`.
"""

from __future__ import annotations

from typing import Any

from conformance.reference import graph
from conformance.reference.declarations import ops
from conformance.reference.forward.shaping import view_as_real
from conformance.reference.graph import Node
from conformance.reference.modes import state
from conformance.reference.storages import Geometry, window
from conformance.reference.tensors import Tensor, geometry_of, storage_of

DEFAULT, MULTI_OUTPUT, NO_GRAD_MODE, INFERENCE_MODE, IN_CUSTOM_FUNCTION = range(5)

_REFUSALS = {
    MULTI_OUTPUT: "This view is the output of a function that returns multiple views. Such functions do not allow the "
    "output views to be modified inplace. You should replace the inplace operation by an out-of-place one.",
    NO_GRAD_MODE: "Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code "
    "by moving both the view and the inplace either both inside the no_grad block (if you don't want the inplace to "
    "be tracked) or both outside (if you want the inplace to be tracked): the view was created in no_grad mode.",
    INFERENCE_MODE: "Given that this use case is ambiguous and error-prone, it is forbidden: the view was created in "
    "inference mode and is modified inplace in normal mode.",
    IN_CUSTOM_FUNCTION: "This view was created inside a custom Function (or because an input was returned as-is) and "
    "the autograd logic to handle view+inplace would override the custom backward associated with the custom "
    "Function, leading to incorrect gradients. This behavior is forbidden. You can fix this by cloning the output of "
    "the custom Function.",
}


class ViewInfo:
    """What a view keeps besides its base: how it was made, and the version its grad_fn belongs to."""

    __slots__ = ("creation", "version")

    def __init__(self, creation: int, version: int) -> None:
        self.creation = creation
        self.version = version

    def refresh(self, view: Tensor) -> None:
        """Give the view the history its base has by now."""
        now = view._counter[0]
        if self.version == now:
            return
        base = view._base
        assert base is not None
        if view._grad_fn is None and not base._requires_grad:
            return
        self.refuse_unless_default("its base or another view of its base")
        view._grad_fn = AsStridedBackward0(base, view)
        view._output_nr, view._requires_grad = 0, True
        self.version = now

    def refuse_unless_default(self, modified: str = "it") -> None:
        """RuntimeError for a view whose history cannot follow a write."""
        if self.creation != DEFAULT:
            raise RuntimeError(f"A view was made and {modified} is being modified inplace. {_REFUSALS[self.creation]}")


def make_view(source: Tensor, geometry: Geometry, creation: int = DEFAULT, dtype: Any = None) -> Tensor:
    """The view of a tensor that sees `geometry` of its storage (as another NumPy dtype, if given); no history yet."""
    storage = storage_of(source)
    view: Tensor = object.__new__(Tensor)
    view._array = window(storage, dtype or source._array.dtype, geometry)
    view._storage = storage
    view._geometry = geometry
    view._counter = source._counter
    view._device = source._device
    view._grad_fn = None
    view._output_nr = 0
    view._requires_grad = False
    if source._inference:
        view._inference = True
        view._base = None
        return view
    adopt_view(view, source, creation)
    return view


def adopt_view(view: Tensor, source: Tensor, creation: int = DEFAULT) -> None:
    """Note that `view` sees the memory of `source`: its base is the root of all views."""
    view._base = source if source._base is None else source._base
    if not state.grad and creation == DEFAULT:
        creation = INFERENCE_MODE if state.inference else NO_GRAD_MODE
    if source._base is not None and creation == DEFAULT:
        creation = source._view.creation
    view._view = ViewInfo(creation, view._counter[0])


class _Place:
    """Where a view lies in its base, both counted in reals when one of them is complex and the other is not."""

    __slots__ = ("base", "base_complex", "part", "part_complex", "shape")

    def __init__(self, base: Tensor, view: Tensor) -> None:
        self.base, self.part = geometry_of(base), geometry_of(view)
        self.shape = self.base.size
        mixed = base._array.dtype != view._array.dtype
        self.base_complex = mixed and base._array.dtype.kind == "c"
        self.part_complex = mixed and view._array.dtype.kind == "c"
        if self.base_complex:
            self.base = view_as_real(self.base)
        if self.part_complex:
            self.part = view_as_real(self.part)

    def taken_from(self, whole: Any) -> Any:
        """The part of a gradient of the base that belongs to the view."""
        found = ops.as_strided_of(as_reals(whole, self.base_complex), self.base, self.part)
        return as_complex(found, self.part_complex)

    def put_back(self, grad: Any) -> Any:
        """The gradient of the view where it lies in one of the base."""
        found = ops.as_strided_backward(as_reals(grad, self.part_complex), self.base, self.part)
        return as_complex(found, self.base_complex)

    def replaced(self, whole: Any, part: Any) -> Any:
        """A gradient of the base with another one in the view's place."""
        whole, part = as_reals(whole, self.base_complex), as_reals(part, self.part_complex)
        return as_complex(ops.as_strided_replaced(whole, part, self.base, self.part), self.base_complex)


def as_reals(tensor: Any, wanted: bool) -> Any:
    """A complex tensor as pairs of reals, if wanted."""
    return ops.view_as_real(tensor) if wanted else tensor


def as_complex(tensor: Any, wanted: bool) -> Any:
    """Pairs of reals as complex numbers, if wanted."""
    return ops.view_as_complex(tensor.contiguous()) if wanted else tensor


class AsStridedBackward0(Node):
    """The history of a view made new after a write: the gradient goes to where the view lies in its base."""

    __slots__ = ("place",)

    def __init__(self, base: Tensor, view: Tensor) -> None:
        self.edges = (graph.gradient_edge(base),)
        self.outputs = [(view._array.shape, view._array.dtype, view._device)]
        self.sequence_nr = next(graph.sequence)
        self.place = _Place(base, view)

    def apply(self, grads: list[Tensor | None]) -> list[Tensor | None]:
        """The gradient put back where the view lies."""
        return [None if grads[0] is None else self.place.put_back(grads[0])]


class CopySlices(Node):
    """The history of a base of which a view was written: `written` is the node of the operation that wrote."""

    __slots__ = ("place", "written")

    def __init__(self, base: Tensor, view: Tensor, written: Node) -> None:
        self.edges = (graph.gradient_edge(base), *written.edges[1:])
        self.outputs = [(base._array.shape, base._array.dtype, base._device)]
        self.sequence_nr = next(graph.sequence)
        self.place = _Place(base, view)
        self.written: Node | None = written

    def apply(self, grads: list[Tensor | None]) -> list[Tensor | None]:
        """The written part through the operation that wrote it, the rest past it."""
        if self.written is None:
            raise RuntimeError(graph.RELEASED)
        grad = grads[0]
        if grad is None:
            return [None] * len(self.edges)
        part = self.place.taken_from(grad)
        inner = list(self.written.apply([part]))
        through = inner[0]
        if through is None:
            through = part.new_zeros(part.shape)
        if self.edges[0][0] is not None:
            inner[0] = self.place.replaced(grad, through)
        return inner

    def release(self) -> None:
        """Let go of the operation that wrote."""
        if self.written is not None:
            self.written.release()
        self.written = None


def check_inplace(target: Tensor, recorded: bool) -> None:
    """Refuse a write that autograd cannot follow; `recorded` says whether any operand requires grad."""
    if target._inference or not recorded or not state.grad:
        return
    if target._base is not None:
        target._view.refuse_unless_default()
        if target.requires_grad and target._base.is_leaf:
            raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")
    if target.requires_grad and target.is_leaf:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")


def rebase_history(target: Tensor, node: Node) -> None:
    """Make `node` the history of a tensor just written in place (its version is already the new one)."""
    base = target._base
    if base is None:
        set_history(target, node, 0)
        return
    # While the edges are taken the base must still answer with its old history, hence before set_history.
    set_history(base, CopySlices(base, target, node), 0)
    target._view.version = -1
    target._view.refresh(target)


def set_history(tensor: Tensor, node: Node, output_nr: int) -> None:
    """Point a tensor to the node that made it; a retained gradient moves along."""
    old = tensor._grad_fn
    tensor._grad_fn, tensor._output_nr, tensor._requires_grad = node, output_nr, True
    if tensor._retains is not None and old is not None and tensor._retains() is old:
        from conformance.reference.hooks import move_retained

        move_retained(tensor, old, node, output_nr)
