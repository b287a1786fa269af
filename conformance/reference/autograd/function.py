"""Custom operations: `Function` with its forward and backward written by the user.

Both forward styles are here: `forward(ctx, *args)`, and `forward(*args)` with `setup_context(ctx, inputs, output)`.
The context is the node of the graph itself, as in PyTorch, so what forward puts on `ctx` is seen on `y.grad_fn`.
"""

from __future__ import annotations

import functools
import inspect
import traceback
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from conformance.reference import graph, recording, views
from conformance.reference.graph import Node, SavedTensor, gradient_edge
from conformance.reference.modes import state
from conformance.reference.tensors import Tensor, geometry_of, wrap


class FunctionCtx:
    """What forward and backward see as `ctx`."""

    to_save: tuple[Any, ...] | None = None
    dirty_tensors: tuple[Tensor, ...] = ()
    non_differentiable: tuple[Any, ...] = ()
    materialize_grads: bool = True

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors (or None) for backward; checked and kept when forward has returned."""
        self.to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Keep tensors for forward mode, which the reference lacks; they are ignored."""

    def mark_dirty(self, *args: Any) -> None:
        """Say which inputs forward changed in place; each must be returned."""
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args: Any) -> None:
        """Say which outputs have no gradient."""
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward sees zeros, or None, for outputs that got no gradient."""
        self.materialize_grads = value


class BackwardCFunction(Node, FunctionCtx):
    """The node of a custom operation, and its context."""

    function: ClassVar[type[Function]]
    needs_input_grad: tuple[bool, ...] = ()
    _released: bool = False
    _saved: tuple[Any, ...] = ()
    _arguments: Sequence[bool] = ()

    def __init__(self) -> None:
        self.edges = ()
        self.outputs = []
        self.sequence_nr = next(graph.sequence)

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What save_for_backward kept; RuntimeError when it was freed or changed in place since."""
        if self._released:
            if self.function.clear_saved_tensors_on_access:
                raise RuntimeError("saved_tensors can be read once only, as clear_saved_tensors_on_access is set.")
            raise RuntimeError(graph.RELEASED)
        found = tuple(each.unpack(self) if isinstance(each, SavedTensor) else each for each in self._saved)
        if self.function.clear_saved_tensors_on_access:
            self.release()
        return found

    saved_variables = saved_tensors

    @property
    def _raw_saved_tensors(self) -> tuple[Any, ...]:
        if self._released:
            raise RuntimeError(graph.RELEASED)
        return self._saved

    def apply(self, grads: list[Tensor | None]) -> list[Tensor | None]:
        """Call the user's backward (or vjp) and check what it returns."""
        if self.materialize_grads:
            grads = [
                wrap(np.zeros(metadata[0], metadata[1]), metadata[2]) if each is None and metadata else each
                for each, metadata in zip(grads, self.outputs, strict=True)
            ]
        function = self.function
        own_vjp, own_backward = function.vjp is not Function.vjp, function.backward is not Function.backward
        if own_vjp and own_backward:
            raise RuntimeError("Implementing both 'backward' and 'vjp' for a custom Function is not allowed.")
        call: Callable[..., Any] = function.vjp if own_vjp else function.backward
        if function.boxed_grads_call:
            boxed = list(grads)
            grads.clear()
            found = call(self, boxed)
        else:
            found = call(self, *grads)
        return self._checked(found if isinstance(found, tuple) else (found,))

    def _checked(self, found: tuple[Any, ...]) -> list[Tensor | None]:
        """One gradient for each tensor among the arguments of forward."""
        expected = len(self._arguments)
        if len(found) > expected and all(each is None for each in found[expected:]):
            found = found[:expected]
        if len(found) != expected:
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {expected}, got "
                f"{len(found)})"
            )
        result = []
        for position, (each, is_tensor) in enumerate(zip(found, self._arguments, strict=True)):
            if is_tensor:
                if each is not None and not isinstance(each, Tensor):
                    raise RuntimeError(
                        f"function {self.name()} returned a {type(each).__name__} at position {position}, expected a "
                        "Tensor or None"
                    )
                result.append(each)
            elif each is not None:
                raise RuntimeError(
                    f"function {self.name()} returned a gradient different from None at position {position + 1}, but "
                    "the corresponding forward input was not a Variable"
                )
        return result

    def release(self) -> None:
        """Let go of what save_for_backward kept."""
        if self._saved:
            self._released = True
            self._saved = ()


class Function:
    """Subclass it with static methods forward and backward (and setup_context), call `apply`."""

    clear_saved_tensors_on_access: ClassVar[bool] = False
    boxed_grads_call: ClassVar[bool] = False
    generate_vmap_rule: ClassVar[bool] = False
    _backward_cls: ClassVar[type[BackwardCFunction]] = BackwardCFunction

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._backward_cls = type(f"{cls.__name__}Backward", (BackwardCFunction,), {"function": cls})

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs from the arguments."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Fill the context when forward does not take it."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Compute a gradient for each argument of forward from those of the outputs."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    @staticmethod
    def vjp(ctx: Any, *grad_outputs: Any) -> Any:
        """Another name for backward."""
        raise NotImplementedError("vjp")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward and record it."""
        if cls.setup_context is not Function.setup_context:
            args, kwargs = _bound(cls.forward, args, kwargs), {}
        node = cls._backward_cls()
        tensors = [each for each in args if isinstance(each, Tensor)]
        node.needs_input_grad = tuple(isinstance(each, Tensor) and each.requires_grad for each in args)
        recorded = state.grad and any(node.needs_input_grad)
        if recorded:
            node.edges = tuple(gradient_edge(each) for each in tensors)
            node._arguments = [isinstance(each, Tensor) for each in args]
            if recording.anomaly.enabled:
                node.traceback, node.forward_node = traceback.format_stack()[:-1], recording.current_node()
        grad_mode, state.grad = state.grad, False
        try:
            if cls.setup_context is Function.setup_context:
                outputs = cls.forward(node, *args, **kwargs)
            else:
                outputs = cls.forward(*args, **kwargs)
                cls.setup_context(node, args, outputs)
        finally:
            state.grad = grad_mode
        several = isinstance(outputs, tuple)
        wrapped = _wrap_outputs(node, outputs if several else (outputs,), tensors, recorded)
        _save(node, wrapped, recorded)
        return wrapped if several else wrapped[0]


def _bound(forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """All arguments of forward by position, defaults filled in."""
    bound = inspect.signature(forward).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args


def _wrap_outputs(
    node: BackwardCFunction, outputs: tuple[Any, ...], inputs: list[Tensor], recorded: bool
) -> tuple[Any, ...]:
    """The outputs with the node as their history."""
    dirty = {id(each) for each in node.dirty_tensors}
    for each in node.dirty_tensors:
        each._counter[0] += 1
    if not dirty <= {id(each) for each in outputs}:
        raise RuntimeError(
            "Some elements marked as dirty during the forward method were not returned as output. The inputs that are "
            "modified inplace must all be outputs of the Function."
        )
    input_ids = {id(each) for each in inputs}
    silent = {id(each) for each in node.non_differentiable}
    node.outputs = [
        (each._array.shape, each._array.dtype, each._device) if isinstance(each, Tensor) else None  # type: ignore
        for each in outputs
    ]
    return tuple(
        _wrap_output(
            node, number, each, id(each) in input_ids, id(each) in dirty, id(each) in silent, recorded, len(outputs)
        )
        if isinstance(each, Tensor)
        else each
        for number, each in enumerate(outputs)
    )


def _wrap_output(
    node: BackwardCFunction,
    number: int,
    output: Tensor,
    is_input: bool,
    dirty: bool,
    silent: bool,
    recorded: bool,
    count: int,
) -> Tensor:
    if dirty:
        if recorded:
            _rebase(node, number, output, count)
        return output
    if is_input:
        # Returned unchanged: a view stands for it, so that the input's own history is left alone.
        output = views.make_view(output, geometry_of(output), views.IN_CUSTOM_FUNCTION)
    elif output._grad_fn is not None and output._base is None:
        output = output.detach()
    if silent or not recorded or output._array.dtype.kind not in recording.DIFFERENTIABLE:
        if silent and output._requires_grad:
            output._requires_grad = False
        return output
    if output._base is not None:
        output._view.creation = views.IN_CUSTOM_FUNCTION
        output._view.version = output._counter[0]
    output._grad_fn, output._output_nr, output._requires_grad = node, number, True
    return output


def _rebase(node: BackwardCFunction, number: int, output: Tensor, count: int) -> None:
    if output._base is not None:
        if count > 1:
            raise RuntimeError(
                "If your Function modifies an input inplace that is a view of another Tensor, the Function cannot "
                "return more than one Tensor."
            )
        if output._base.requires_grad and output._base.is_leaf:
            raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")
    elif output._grad_fn is None and output._requires_grad:
        raise RuntimeError("a leaf Variable that requires grad has been used in an in-place operation.")
    if output._base is None:
        views.set_history(output, node, number)
    else:
        views.rebase_history(output, node)


def _save(node: BackwardCFunction, outputs: tuple[Any, ...], recorded: bool) -> None:
    """Keep what save_for_backward named; outputs without history, as they hold the node."""
    if node.to_save is None:
        return
    saved: list[Any] = []
    for position, each in enumerate(node.to_save):
        if each is not None and not isinstance(each, Tensor):
            raise TypeError(
                f"save_for_backward can only save variables, but argument {position} is of type {type(each).__name__}"
            )
        if recorded:
            is_output = each is not None and each._grad_fn is node
            saved.append(None if each is None else SavedTensor(each, each._output_nr if is_output else -1))
    node._saved = tuple(saved)
    del node.to_save


class _TwiceError(Node):
    """Stands behind the gradients of an operation that may be differentiated once only."""

    def __init__(self, inputs: Sequence[Tensor], outputs: Sequence[Any]) -> None:
        self.edges = tuple(gradient_edge(each) for each in inputs)
        self.outputs = [(each._array.shape, each._array.dtype, each._device) for each in outputs]
        self.sequence_nr = next(graph.sequence)

    def apply(self, grads: list[Tensor | None]) -> list[Tensor | None]:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """For a backward that is not written in differentiable operations: a second differentiation raises."""

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any) -> Any:
        grad_mode, state.grad = state.grad, False
        try:
            outputs = fn(ctx, *args)
        finally:
            state.grad = grad_mode
        requiring = [each for each in args if isinstance(each, Tensor) and each.requires_grad]
        if not grad_mode or not requiring:
            return outputs
        several = outputs if isinstance(outputs, tuple) else (outputs,)
        kept = [None if each is None else each.detach() for each in several]
        node = _TwiceError(requiring, [each for each in kept if each is not None])
        recording.attach(node, [each for each in kept if each is not None])
        return tuple(kept) if isinstance(outputs, tuple) else kept[0]

    return wrapper


class InplaceFunction(Function):
    """A Function that says by name that it works in place."""
