"""Faults of a backward pass as a whole: several roots, shared parts, depth, errors, and passes within passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tests.mutants.engine import replace_engine, run_engine
from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase
from tests.mutants.swapping import swap, tampered

# -- several roots -----------------------------------------------------------------------------------------------


def _roots(change: Callable[[list[Any], list[Any]], tuple[list[Any], Any]]) -> Callable[[Any], Any]:
    """Of several roots, ``change(roots, gradients)`` takes the place."""

    def build(right: Any) -> Any:
        def backward(tensors: Any, grad_tensors: Any = None, *args: Any, **options: Any) -> None:
            if not isinstance(tensors, (list, tuple)) or not all(isinstance(one, Tensor) for one in tensors):
                return right(tensors, grad_tensors, *args, **options)
            roots = list(tensors)
            alone = grad_tensors is None or isinstance(grad_tensors, Tensor)
            gradients = [grad_tensors] * (len(roots) if grad_tensors is None else 1) if alone else list(grad_tensors)
            return right(*change(roots, gradients), *args, **options)

        return backward

    return build


swap(
    "gradients_go_to_the_wrong_roots",
    "grad_tensors are matched with the roots from the end.",
    torch.autograd,
    "backward",
    _roots(lambda roots, gradients: (roots, gradients[::-1])),
    catches=["backward-multi/grad-tensors", "backward-multi/root-and-its-ancestor"],
)
swap(
    "missing_gradients_of_roots_are_one",
    "Roots beyond the length of grad_tensors start from one.",
    torch.autograd,
    "backward",
    _roots(lambda roots, gradients: (roots, [*gradients, *(None,) * (len(roots) - len(gradients))])),
    catches=["backward-multi/too-few-grad-tensors"],
)


def _counted(roots: list[Any], gradients: list[Any]) -> tuple[list[Any], list[Any]]:
    if len(gradients) > len(roots):
        raise RuntimeError("more gradients than roots")
    return roots, gradients


swap(
    "gradients_of_roots_are_counted",
    "More grad_tensors than roots raise.",
    torch.autograd,
    "backward",
    _roots(_counted),
    catches=["backward-multi/too-many-grad-tensors"],
)


def _tracked(roots: list[Any], gradients: list[Any]) -> tuple[list[Any], list[Any]]:
    kept = [(root, gradient) for root, gradient in zip(roots, gradients) if root.requires_grad]
    return [root for root, _ in kept], [gradient for _, gradient in kept]


swap(
    "constant_roots_are_passed_over",
    "Roots that do not require grad are passed over.",
    torch.autograd,
    "backward",
    _roots(_tracked),
    catches=["backward-multi/constant-root-refused"],
    reaches=["backward"],
)
swap(
    "none_stands_for_zero",
    "None among grad_tensors stands for zeros.",
    torch.autograd,
    "backward",
    _roots(lambda roots, given: (roots, [torch.zeros_like(r) if g is None else g for r, g in zip(roots, given)])),
    catches=["backward-multi/none-for-scalars"],
    reaches=["accumulation", "backward", "hooks-multi", "optim", "training-loop"],
)


@mutant(
    "Several roots are walked one after the other, as if by as many calls.",
    catches=["backward-multi/shared-graph-single-pass", "backward-multi/root-and-its-ancestor"],
    reaches=["backward", "graph", "hooks", "hooks-multi"],
)
def roots_are_walked_one_by_one(torch_: MonkeyPatch) -> None:
    def engine(results: Any, grads: Any, retain: Any, *args: Any, **options: Any) -> tuple[Any, ...]:
        if not options.get("accumulate_grad") or len(results) == 1:
            return run_engine(results, grads, retain, *args, **options)
        for place, (result, grad) in enumerate(zip(results, grads)):
            run_engine((result,), (grad,), retain or place < len(results) - 1, *args, **options)
        return ()

    replace_engine(torch_, engine)


# -- paths -------------------------------------------------------------------------------------------------------


class _Parts(torch.autograd.Function):
    """The parts of a tensor, whose backward wants a gradient for each of them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, parts: Any) -> Any:
        ctx.set_materialize_grads(False)
        ctx.join, made = parts(x)
        return made

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return ctx.join(grads), None


def _split(name: str) -> Callable[[Any], Any]:
    def build(right: Any) -> Any:
        def divide(x: Tensor, *args: Any, **options: Any) -> Any:
            def parts(whole: Tensor) -> Any:
                made = getattr(TensorBase, name)(whole, *args, **options)
                return (torch.stack if name == "unbind" else torch.cat), tuple(one.clone() for one in made)

            wanted = x.requires_grad and not (args[1:] or options)
            return _Parts.apply(x, parts) if wanted else right(x, *args, **options)  # type: ignore[no-untyped-call]

        return divide

    return build


swap(
    "unused_parts_are_missed",
    "backward fails where a part that unbind, cut off from the rest, has no gradient.",
    Tensor,
    "unbind",
    _split("unbind"),
    catches=["backward/partially-used-multi-output"],
    reaches=["inplace/multi-output-view-refused"],
)
swap(
    "quotients_hide_nan",
    "The gradient of a quotient is zero where it is no number.",
    Tensor,
    "__truediv__",
    lambda right: lambda x, other: right(tampered(x, torch.nan_to_num) if x.requires_grad else x, other),
    catches=["backward/masking-output-does-not-hide-nan"],
    reaches=["*"],
)
swap(
    "exponents_are_constants",
    "A power is not differentiated for its exponent.",
    Tensor,
    "__pow__",
    lambda right: lambda x, exponent: right(x, exponent.detach() if isinstance(exponent, Tensor) else exponent),
    catches=["backward/power-chain-leaf-gradients"],
    reaches=["graph", "scalar", "subgradient"],
)


@mutant(
    "Recording an operation on a leaf drops the gradient that the leaf has.",
    catches=["accumulation/forward-alone-does-not-touch-grad"],
    reaches=["*"],
)
def recording_drops_gradients(torch_: MonkeyPatch) -> None:
    right = TensorBase.__mul__

    def mul(x: Tensor, other: Any) -> Any:
        for one in (x, other):
            if isinstance(one, Tensor) and one.is_leaf and one.requires_grad and torch.is_grad_enabled():
                one.grad = None
        return right(x, other)

    torch_.setattr(Tensor, "__mul__", mul, raising=False)


# -- the pass ----------------------------------------------------------------------------------------------------


@mutant(
    "A walk deeper than ten thousand nodes exhausts the stack.",
    catches=["backward/deep-chain"],
)
def depth_is_limited(torch_: MonkeyPatch) -> None:
    def engine(results: Any, *args: Any, **options: Any) -> tuple[Any, ...]:
        node, depth = getattr(results[0], "grad_fn", None), 0
        while node is not None and depth < 10_000:
            node = next((edge for edge, _ in node.next_functions if edge is not None), None)
            depth += 1
        if node is not None:
            raise RuntimeError("the stack is exhausted")
        return run_engine(results, *args, **options)

    replace_engine(torch_, engine)


@mutant(
    "What is raised inside backward arrives as a RuntimeError.",
    catches=["backward/error-leaves-engine-usable"],
    reaches=["anomaly", "custom-function", "higher-order", "hooks*", "saved-hooks"],
)
def errors_of_backward_lose_their_class(torch_: MonkeyPatch) -> None:
    def engine(*args: Any, **options: Any) -> tuple[Any, ...]:
        try:
            return run_engine(*args, **options)
        except (LookupError, ValueError) as error:
            raise RuntimeError(str(error)) from error

    replace_engine(torch_, engine)


@mutant(
    "After an error in backward the next pass stores nothing.",
    catches=["backward/error-leaves-engine-usable"],
    reaches=["*"],
)
def errors_leave_the_engine_unusable(torch_: MonkeyPatch) -> None:
    failed: list[bool] = []

    def engine(*args: Any, **options: Any) -> tuple[Any, ...]:
        if failed and options.get("accumulate_grad"):
            failed.clear()
            return ()
        try:
            return run_engine(*args, **options)
        except Exception:
            failed.append(True)
            raise

    replace_engine(torch_, engine)


@mutant(
    "A backward that is started inside another waits for that one to end.",
    catches=["backward/reentrant"],
    reaches=["checkpoint", "custom-function", "hooks*", "saved-hooks", "threads"],
)
def inner_passes_are_put_off(torch_: MonkeyPatch) -> None:
    running: list[bool] = []
    waiting: list[Callable[[], Any]] = []

    def engine(*args: Any, **options: Any) -> tuple[Any, ...]:
        if running and options.get("accumulate_grad"):
            waiting.append(lambda: run_engine(*args, **options))
            return ()
        running.append(True)
        try:
            return run_engine(*args, **options)
        finally:
            running.pop()
            while waiting and not running:
                waiting.pop(0)()

    replace_engine(torch_, engine)
