"""Faults of custom functions: what their context keeps and what their backward may return."""

from __future__ import annotations

from typing import Any

import torch
import torch.utils.checkpoint
from torch import Tensor
from torch.autograd.function import BackwardCFunction, Function, FunctionCtx

from tests.mutants.originals import TensorBase
from tests.mutants.swapping import swap

# -- what the context keeps --------------------------------------------------------------------------------------

swap(
    "saved_tensors_are_copies",
    "save_for_backward saves copies, whose sources may be overwritten unnoticed.",
    FunctionCtx,
    "save_for_backward",
    lambda right: (
        lambda ctx, *saved: right(ctx, *(one.detach().clone() if isinstance(one, Tensor) else one for one in saved))
    ),
    catches=["custom-function/saved-tensor-modification-detected", "custom-function/saved-output-carries-history"],
    reaches=["*"],
)
swap(
    "saved_tensors_come_in_reverse",
    "saved_tensors has what was saved in reverse order.",
    FunctionCtx,
    "save_for_backward",
    lambda right: lambda ctx, *saved: right(ctx, *saved[::-1]),
    catches=["custom-function/save-for-backward", "custom-function/basic"],
    reaches=["*"],
)
swap(
    "save_for_backward_drops_what_is_no_tensor",
    "save_for_backward leaves out what is no tensor.",
    FunctionCtx,
    "save_for_backward",
    lambda right: lambda ctx, *saved: right(ctx, *(one for one in saved if isinstance(one, Tensor))),
    catches=["custom-function/save-for-backward", "custom-function/save-for-backward-refuses-others"],
)
swap(
    "everything_is_differentiable",
    "mark_non_differentiable does nothing.",
    FunctionCtx,
    "mark_non_differentiable",
    lambda right: lambda ctx, *outputs: None,
    catches=["custom-function/mark-non-differentiable"],
)
swap(
    "nothing_is_dirty",
    "mark_dirty does nothing.",
    FunctionCtx,
    "mark_dirty",
    lambda right: lambda ctx, *inputs: None,
    catches=["custom-function/mark-dirty", "custom-function/mark-dirty-refusals"],
)
swap(
    "gradients_are_always_materialized",
    "set_materialize_grads does nothing.",
    FunctionCtx,
    "set_materialize_grads",
    lambda right: lambda ctx, value: None,
    catches=["custom-function/multiple-outputs-materialized"],
    reaches=["gradcheck"],
)


def _cached(right: Any) -> Any:
    def saved(ctx: Any) -> Any:
        if "kept" not in vars(ctx):
            ctx.kept = right.__get__(ctx)
        return ctx.kept

    return property(saved)


swap(
    "saved_tensors_are_kept",
    "What a custom function saved stays after backward.",
    BackwardCFunction,
    "saved_tensors",
    _cached,
    catches=["custom-function/saved-tensors-freed"],
    reaches=["*"],
)
swap(
    "saved_tensors_are_detached",
    "saved_tensors has tensors without history.",
    BackwardCFunction,
    "saved_tensors",
    lambda right: property(lambda ctx: tuple(t if t is None else TensorBase.detach(t) for t in right.__get__(ctx))),
    catches=["custom-function/saved-output-carries-history", "custom-function/double-backward"],
    reaches=["gradcheck", "higher-order"],
)
swap(
    "every_input_needs_grad",
    "needs_input_grad is True for every argument.",
    BackwardCFunction,
    "needs_input_grad",
    lambda right: property(lambda ctx: (True,) * len(right.__get__(ctx))),
    catches=["custom-function/needs-input-grad"],
)
swap(
    "every_function_differentiates_twice",
    "once_differentiable does nothing.",
    torch.autograd.function,
    "once_differentiable",
    lambda right: lambda backward: backward,
    catches=["custom-function/once-differentiable"],
)

# -- what backward returns ---------------------------------------------------------------------------------------


def _returning(change: Any) -> Any:
    """``change(ctx, gradients)`` in place of what a custom backward returned."""

    def build(right: Any) -> Any:
        def apply(ctx: Any, *grads: Any) -> Any:
            found = right(ctx, *grads)
            return change(ctx, found if isinstance(found, tuple) else (found,))

        return apply

    return build


def _fitted(ctx: Any, found: tuple[Any, ...]) -> tuple[Any, ...]:
    wanted = len(ctx.needs_input_grad)
    return (*found, *(None,) * wanted)[:wanted]


swap(
    "missing_gradients_are_none",
    "Where backward returns too few gradients the others are None, and more are dropped.",
    BackwardCFunction,
    "apply",
    _returning(_fitted),
    catches=["custom-function/wrong-number-of-gradients"],
)
swap(
    "gradients_of_numbers_are_dropped",
    "A gradient for an argument that is no tensor is dropped.",
    BackwardCFunction,
    "apply",
    _returning(lambda ctx, found: tuple(g if needed else None for g, needed in zip(found, ctx.needs_input_grad))),
    catches=["custom-function/non-tensor-argument-gradient"],
    reaches=["custom-function"],
)
swap(
    "gradients_are_expanded",
    "A number or a tensor of no dimension serves as the gradient of any argument.",
    BackwardCFunction,
    "apply",
    _returning(
        lambda ctx, found: tuple(
            torch.ones(3) * g if isinstance(g, float) or (g is not None and not g.dim()) else g for g in found
        )
    ),
    catches=["custom-function/gradient-validation"],
    reaches=["*"],
)


def _lenient(right: Any) -> Any:
    def apply(ctx: Any, *grads: Any) -> Any:
        kind = ctx._forward_cls
        if kind.backward is not Function.backward and kind.vjp is not Function.vjp:
            return kind.backward(ctx, *grads)
        if kind.backward is Function.backward and kind.vjp is Function.vjp:
            return (None,) * len(ctx.needs_input_grad)
        return right(ctx, *grads)

    return apply


swap(
    "backward_is_chosen_silently",
    "A function with both backward and vjp uses backward, and one with neither gives no gradients.",
    BackwardCFunction,
    "apply",
    _lenient,
    catches=["custom-function/vjp-and-backward", "custom-function/no-backward"],
)
swap(
    "vjp_is_not_looked_at",
    "vjp does not stand in for backward.",
    BackwardCFunction,
    "apply",
    lambda right: (
        lambda ctx, *grads: (
            (None,) * len(ctx.needs_input_grad)
            if ctx._forward_cls.backward is Function.backward
            else right(ctx, *grads)
        )
    ),
    catches=["custom-function/vjp-alias"],
)


def _results(change: Any) -> Any:
    """``change`` of what a custom function's apply returns."""
    return lambda right: classmethod(lambda cls, *args, **options: change(right.__func__(cls, *args, **options)))


swap(
    "functions_return_tensors_only",
    "What forward returns beside tensors is left out.",
    Function,
    "apply",
    _results(lambda out: tuple(o for o in out if isinstance(o, Tensor)) if isinstance(out, tuple) else out),
    catches=["custom-function/integer-and-non-tensor-outputs"],
)
swap(
    "functions_return_copies",
    "apply() returns a copy of the result.",
    Function,
    "apply",
    _results(lambda out: out.clone() if isinstance(out, Tensor) else out),
    catches=["custom-function/input-returned-as-is", "custom-function/mark-dirty"],
    reaches=["*"],
)


def _recorded(right: Any) -> Any:
    def apply(cls: Any, *args: Any, **options: Any) -> Any:
        with torch.enable_grad():
            return right.__func__(cls, *args, **options)

    return classmethod(apply)


swap(
    "functions_are_recorded_under_no_grad",
    "Custom functions are recorded under no_grad too.",
    Function,
    "apply",
    _recorded,
    catches=["custom-function/recording-rule"],
    reaches=["checkpoint"],
)

swap(
    "only_the_first_mark_counts",
    "mark_dirty and mark_non_differentiable take their first argument and drop the others.",
    FunctionCtx,
    "mark_dirty mark_non_differentiable",
    lambda right: lambda ctx, *tensors: right(ctx, *tensors[:1]),
    catches=["custom-function/mark-dirty-several", "custom-function/mark-non-differentiable"],
)

# -- other forms -------------------------------------------------------------------------------------------------


def _recording_forward(right: Any) -> Any:
    def apply(cls: Any, *args: Any, **options: Any) -> Any:
        forward = cls.forward

        def recorded(*inner: Any, **more: Any) -> Any:
            with torch.enable_grad():
                return forward(*inner, **more)

        kind = type(cls.__name__, (cls,), {"forward": staticmethod(recorded)})
        return right.__func__(kind, *args, **options)

    return classmethod(apply)


swap(
    "forward_is_recorded",
    "What the forward of a custom function does is recorded.",
    Function,
    "apply",
    _recording_forward,
    catches=["custom-function/forward-not-recorded"],
    reaches=["*"],
)


def _refusing(ctx: Any, found: tuple[Any, ...]) -> tuple[Any, ...]:
    if any(g is not None and not needed for g, needed in zip(found, ctx.needs_input_grad)):
        raise RuntimeError("a gradient that nobody asked for")
    return found


swap(
    "gradients_of_constants_are_refused",
    "A gradient for a tensor that does not require grad raises.",
    BackwardCFunction,
    "apply",
    _returning(_refusing),
    catches=["custom-function/gradient-for-non-requiring-input-ignored"],
    reaches=["*"],
)
swap(
    "gradients_are_never_boxed",
    "boxed_grads_call is ignored where there are several outputs: backward receives the first gradient.",
    BackwardCFunction,
    "apply_boxed",
    lambda right: lambda ctx, gradients: right(ctx, gradients[0]),
    catches=["custom-function/boxed-grads"],
)


def _passed_only(right: Any) -> Any:
    def apply(cls: Any, *args: Any, **options: Any) -> Any:
        given, context = len(args), cls.setup_context
        if context is Function.setup_context:
            return right.__func__(cls, *args, **options)

        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            context(ctx, inputs[: max(given, 1)], output)

        kind = type(cls.__name__, (cls,), {"setup_context": staticmethod(setup_context)})
        return right.__func__(kind, *args, **options)

    return classmethod(apply)


swap(
    "setup_context_lacks_defaults",
    "setup_context sees the arguments that were passed by position alone.",
    Function,
    "apply",
    _passed_only,
    catches=["custom-function/setup-context"],
    reaches=["func"],
)
