"""Checkpointing: forget the intermediate results of a function and compute them again in backward.

`use_reentrant=True` runs the function without recording and, in backward, again with recording and a backward of its
own inside the outer one. `use_reentrant=False` records as usual, but replaces what is saved by placeholders; the first
one that is needed runs the function again and fills them all.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

from conformance.reference.autograd.derivatives import backward
from conformance.reference.autograd.function import Function
from conformance.reference.autograd.graph import saved_tensors_hooks
from conformance.reference.engine import current_run
from conformance.reference.modes import enable_grad, no_grad, set_grad_enabled, state
from conformance.reference.tensors import Tensor

_early_stop = [True]


class CheckpointError(RuntimeError):
    """The second run of a checkpointed function saved other tensors than the first."""


class _StopRecomputation(Exception):
    """Everything that backward needs has been computed again."""


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Any:
    """Whether the second run may end as soon as the last saved tensor is there."""
    before, _early_stop[0] = _early_stop[0], enable
    try:
        yield
    finally:
        _early_stop[0] = before


def _random_state() -> Any:
    from conformance.reference import generators

    return generators.states_of_all_devices()


@contextlib.contextmanager
def _with_random_state(kept: Any) -> Any:
    """Random numbers as they were, and afterwards as they are now."""
    if kept is None:
        yield
        return
    from conformance.reference import generators

    now = generators.states_of_all_devices()
    generators.set_states_of_all_devices(kept)
    try:
        yield
    finally:
        generators.set_states_of_all_devices(now)


class CheckpointFunction(Function):
    """The reentrant form."""

    @staticmethod
    def forward(ctx: Any, run_function: Any, preserve: bool, *args: Any) -> Any:
        """Run without recording; keep the arguments."""
        ctx.run_function = run_function
        ctx.random_state = _random_state() if preserve else None
        ctx.arguments = [None if isinstance(each, Tensor) else each for each in args]
        ctx.positions = [position for position, each in enumerate(args) if isinstance(each, Tensor)]
        ctx.save_for_backward(*[each for each in args if isinstance(each, Tensor)])
        with no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Run again with recording, and backward through that."""
        if current_run().inputs is not None:
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` "
                "parameter to .backward(). To resolve this error, you can either set use_reentrant=False, or call "
                ".backward() without passing the `inputs` argument."
            )
        arguments = list(ctx.arguments)
        for position, tensor in zip(ctx.positions, ctx.saved_tensors, strict=True):
            detached = tensor.detach()
            detached._requires_grad = tensor.requires_grad
            arguments[position] = detached
        with _with_random_state(ctx.random_state), enable_grad():
            outputs = ctx.run_function(*arguments)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        pairs = [
            (each, grad)
            for each, grad in zip(outputs, grads, strict=True)
            if isinstance(each, Tensor) and each.requires_grad
        ]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        backward([each for each, _ in pairs], [grad for _, grad in pairs])
        return (None, None, *[each.grad if isinstance(each, Tensor) else None for each in arguments])


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], Any] | None = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """`function(*args)` without keeping its intermediate results."""
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly.",
            UserWarning,
            stacklevel=2,
        )
        use_reentrant = True
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not None or debug:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        if state.grad and not any(isinstance(each, Tensor) and each.requires_grad for each in args):
            warnings.warn(
                "None of the inputs have requires_grad=True. Gradients will be None", UserWarning, stacklevel=2
            )
        return CheckpointFunction.apply(function, preserve, *args)
    return _without_reentrant(function, preserve, context_fn, determinism_check, early_stop, args, kwargs)


class _Frame:
    """One call of a checkpointed function: how many tensors it saved, and what the second run gives for them."""

    def __init__(self, recompute: Callable[[Any], None], early_stop: bool, check: bool) -> None:
        self.recompute = recompute
        self.early_stop = early_stop and _early_stop[0]
        self.check = check
        self.metadata: list[Any] = []
        self.values: dict[int, Tensor] = {}
        self.done = False

    def pack(self, tensor: Tensor) -> Any:
        """A placeholder: the number of the saved tensor."""
        self.metadata.append((tensor._array.shape, tensor._array.dtype, tensor._device))
        return len(self.metadata) - 1

    def unpack(self, number: int) -> Tensor:
        """The tensor, from a second run if need be."""
        if number not in self.values:
            if self.done:
                self.values.clear()
            self.run_again()
        if number not in self.values:
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the original forward and "
                f"recomputation.\nNumber of tensors saved during forward: {len(self.metadata)}\nNumber of tensors "
                f"saved during recomputation: {len(self.values)}"
            )
        return self.values.pop(number)

    def run_again(self) -> None:
        """Run the function once more and collect what it saves."""
        count = [0]

        def pack(tensor: Tensor) -> Any:
            number = count[0]
            count[0] += 1
            found = (tensor._array.shape, tensor._array.dtype, tensor._device)
            if number < len(self.metadata):
                if self.check and found != self.metadata[number]:
                    raise CheckpointError(
                        "torch.utils.checkpoint: Recomputed values for the following tensors have different metadata "
                        f"than during the forward pass: {self.metadata[number]} and {found}"
                    )
                self.values[number] = tensor.detach()
            if self.early_stop and count[0] == len(self.metadata):
                raise _StopRecomputation
            return tensor

        with saved_tensors_hooks(pack, lambda kept: kept), enable_grad(), contextlib.suppress(_StopRecomputation):
            self.recompute(None)
        self.done = True
        if count[0] != len(self.metadata):
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the original forward and "
                f"recomputation.\nNumber of tensors saved during forward: {len(self.metadata)}\nNumber of tensors "
                f"saved during recomputation: {count[0]}"
            )


def _without_reentrant(
    function: Any, preserve: bool, context_fn: Any, determinism_check: str, early_stop: bool, args: Any, kwargs: Any
) -> Any:
    first, second = context_fn() if context_fn is not None else (contextlib.nullcontext(), contextlib.nullcontext())
    if determinism_check not in ("default", "none"):
        raise ValueError(f"determinism_check should be one of 'default', 'none', got {determinism_check}")
    kept = _random_state() if preserve else None

    def recompute(_: Any) -> None:
        with _with_random_state(kept), second:
            function(*args, **kwargs)

    if not state.grad:
        return function(*args, **kwargs)
    frame = _Frame(recompute, early_stop, determinism_check == "default")
    with saved_tensors_hooks(frame.pack, frame.unpack), first:
        return function(*args, **kwargs)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """A sequence of functions in segments, each but the last checkpointed."""
    chain = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(chain) // segments

    def run(start: int, end: int) -> Callable[[Any], Any]:
        def forward(value: Any) -> Any:
            for each in chain[start:end]:
                value = each(value)
            return value

        return forward

    end = -1
    for start in range(0, size * (segments - 1), size):
        end = start + size - 1
        input = checkpoint(run(start, end + 1), input, use_reentrant=use_reentrant, **kwargs)
    return run(end + 1, len(chain))(input)


__all__ = ["CheckpointError", "checkpoint", "checkpoint_sequential", "set_checkpoint_early_stop", "set_grad_enabled"]
