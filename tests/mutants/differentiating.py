"""Faults of inputs= and of torch.autograd.grad: which gradients it returns, and where it puts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from tests.mutants.engine import leaves_of, replace_engine, run_engine
from tests.mutants.mutant import MonkeyPatch, mutant


@mutant(
    "backward ignores inputs= and stores gradients on every leaf.",
    catches=[
        "backward/inputs-restrict-accumulation",
        "backward-inputs/dict",
        "backward-inputs/non-leaf",
        "backward-inputs/non-leaf-with-leaf",
        "backward-inputs/requires-grad-needed",
        "backward-inputs/single-tensor",
        "backward-inputs/unlisted-grad-is-kept",
    ],
    reaches=["backward-inputs", "checkpoint", "hooks", "hooks-multi", "hooks-post-accumulate"],
)
def backward_ignores_inputs(torch_: MonkeyPatch) -> None:
    def engine(results: Any, grads: Any, retain: Any, create: Any, inputs: Any, *args: Any, **options: Any) -> Any:
        stores = options.get("accumulate_grad", False)
        return run_engine(results, grads, retain, create, () if stores else inputs, *args, **options)

    replace_engine(torch_, engine)


@mutant(
    "backward returns the gradients.",
    catches=["backward/functional-backward-equals-method", "backward/scalar-backward-chain-rule-numbers"],
)
def backward_returns_gradients(torch_: MonkeyPatch) -> None:
    def backward(tensor: torch.Tensor, *args: Any, **options: Any) -> Any:
        torch.autograd.backward(tensor, *args, **options)
        return tuple(leaf.grad for leaf in leaves_of([tensor]))

    torch_.setattr(torch.Tensor, "backward", backward)


@mutant(
    "backward of a result that does not require grad does nothing.",
    catches=[
        "grad-mode/backward-on-no-grad-loss-raises",
        "freezing/freezing-all-params-makes-output-untracked",
        "data/tensor-data-is-untracked",
        "backward/root-must-require-grad",
    ],
    reaches=["backward", "custom-function"],
)
def backward_of_untracked_is_silent(torch_: MonkeyPatch) -> None:
    right = torch.Tensor.backward

    def backward(tensor: torch.Tensor, *args: Any, **options: Any) -> None:
        if tensor.requires_grad:
            right(tensor, *args, **options)

    torch_.setattr(torch.Tensor, "backward", backward)


def _replace_grad(torch_: MonkeyPatch, after: Callable[[list[Any], tuple[Any, ...]], Any]) -> None:
    """What torch.autograd.grad returns becomes ``after(inputs, gradients)``."""
    right = torch.autograd.grad

    def grad(outputs: Any, inputs: Any, *args: Any, **options: Any) -> Any:
        listed = [inputs] if isinstance(inputs, torch.Tensor) else list(inputs)
        return after(listed, right(outputs, inputs, *args, **options))

    torch_.setattr(torch.autograd, "grad", grad)


@mutant(
    "torch.autograd.grad stores the gradients on its inputs as well.",
    catches=["autograd-grad/autograd-grad-does-not-fill-grad"],
    reaches=["backward", "custom-function", "functional", "grad-mode", "gradcheck", "graph", "higher-order"],
)
def grad_writes_grad(torch_: MonkeyPatch) -> None:
    def after(inputs: list[Any], gradients: tuple[Any, ...]) -> Any:
        for tensor, gradient in zip(inputs, gradients):
            if tensor.is_leaf and gradient is not None:
                old = tensor.grad
                tensor.grad = gradient.detach().clone() if old is None else old + gradient.detach()
        return gradients

    _replace_grad(torch_, after)


@mutant(
    "torch.autograd.grad runs a whole backward, which stores gradients on every leaf but its inputs.",
    catches=[
        "autograd-grad/autograd-grad-does-not-fill-grad",
        "autograd-grad/autograd-grad-only-inputs-false-accumulates",
        "hooks-node/fires-only-if-node-runs",
    ],
    reaches=["functional", "graph", "higher-order", "hooks"],
)
def grad_accumulates_elsewhere(torch_: MonkeyPatch) -> None:
    right = torch.autograd.grad

    def grad(outputs: Any, inputs: Any, *args: Any, **options: Any) -> Any:
        listed = [inputs] if isinstance(inputs, torch.Tensor) else list(inputs)
        results = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
        others = [leaf for leaf in leaves_of(results) if not any(leaf is one for one in listed)]
        if others and all(result.numel() == 1 for result in results):
            torch.autograd.backward(results, retain_graph=True, inputs=others)
        return right(outputs, inputs, *args, **options)

    torch_.setattr(torch.autograd, "grad", grad)


@mutant(
    "torch.autograd.grad returns the gradients in reverse order.",
    catches=["autograd-grad/autograd-grad-returns-tuple"],
    reaches=["backward", "func", "functional", "gradcheck", "graph", "higher-order"],
)
def grad_returns_reversed(torch_: MonkeyPatch) -> None:
    _replace_grad(torch_, lambda inputs, gradients: gradients[::-1])


@mutant(
    "torch.autograd.grad returns a list.",
    catches=["autograd-grad/autograd-grad-returns-tuple", "autograd-grad/autograd-grad-of-intermediate"],
    reaches=["functional"],
)
def grad_returns_a_list(torch_: MonkeyPatch) -> None:
    _replace_grad(torch_, lambda inputs, gradients: list(gradients))


@mutant(
    "torch.autograd.grad of a single tensor returns its gradient, not a tuple.",
    catches=["autograd-grad/autograd-grad-returns-tuple"],
    reaches=["*"],
)
def grad_of_one_is_bare(torch_: MonkeyPatch) -> None:
    def after(inputs: list[Any], gradients: tuple[Any, ...]) -> Any:
        return gradients[0] if len(gradients) == 1 else gradients

    _replace_grad(torch_, after)


@mutant(
    "torch.autograd.grad gives None for an unused input even where that was not allowed.",
    catches=["autograd-grad/autograd-grad-allow-unused-meaning"],
)
def unused_inputs_are_always_allowed(torch_: MonkeyPatch) -> None:
    right = torch.autograd.grad

    def grad(*args: Any, allow_unused: Any = None, **options: Any) -> Any:
        return right(*args, allow_unused=True, **options)

    torch_.setattr(torch.autograd, "grad", grad)


@mutant(
    "allow_unused=True is ignored.",
    catches=["autograd-grad/autograd-grad-allow-unused-meaning"],
    reaches=["functional", "gradcheck"],
)
def allow_unused_is_ignored(torch_: MonkeyPatch) -> None:
    right = torch.autograd.grad

    def grad(*args: Any, allow_unused: Any = None, materialize_grads: bool = False, **options: Any) -> Any:
        more = {"materialize_grads": True} if materialize_grads else {}
        return right(*args, **options, **more)

    torch_.setattr(torch.autograd, "grad", grad)


@mutant(
    "An unused input gets zeros where None is documented.",
    catches=["autograd-grad/autograd-grad-allow-unused-meaning"],
)
def unused_inputs_get_zeros(torch_: MonkeyPatch) -> None:
    def after(inputs: list[Any], gradients: tuple[Any, ...]) -> Any:
        return tuple(torch.zeros_like(x) if g is None else g for x, g in zip(inputs, gradients))

    _replace_grad(torch_, after)


@mutant(
    "materialize_grads makes zeros in the shape of the first input.",
    catches=["autograd-grad/materialize-grads"],
    reaches=["graph"],
)
def materialized_zeros_have_the_wrong_shape(torch_: MonkeyPatch) -> None:
    right = torch.autograd.grad

    def grad(outputs: Any, inputs: Any, *args: Any, materialize_grads: bool = False, **options: Any) -> Any:
        if not materialize_grads:
            return right(outputs, inputs, *args, **options)
        found = right(outputs, inputs, *args, allow_unused=True, **options)
        return tuple(torch.zeros_like(inputs[0]) if g is None else g for g in found)

    torch_.setattr(torch.autograd, "grad", grad)


@mutant(
    "Inputs that do not require grad come back as None.",
    catches=["autograd-grad/input-must-require-grad"],
    reaches=["graph"],
)
def untracked_inputs_are_accepted(torch_: MonkeyPatch) -> None:
    right = torch.autograd.grad

    def grad(outputs: Any, inputs: Any, *args: Any, **options: Any) -> Any:
        listed = [inputs] if isinstance(inputs, torch.Tensor) else list(inputs)
        tracked = [one for one in listed if one.requires_grad]
        found: Iterator[Any] = iter(right(outputs, tracked, *args, **options))
        return tuple(next(found) if one.requires_grad else None for one in listed)

    torch_.setattr(torch.autograd, "grad", grad)


@mutant(
    "Inputs of torch.autograd.grad must be leaves.",
    catches=["autograd-grad/autograd-grad-inputs-must-be-leaves", "autograd-grad/autograd-grad-of-intermediate"],
    reaches=["functional", "graph", "hooks", "hooks-node", "leaf"],
)
def intermediate_inputs_are_refused(torch_: MonkeyPatch) -> None:
    right = torch.autograd.grad

    def grad(outputs: Any, inputs: Any, *args: Any, **options: Any) -> Any:
        listed = [inputs] if isinstance(inputs, torch.Tensor) else list(inputs)
        if not all(one.is_leaf for one in listed):
            raise RuntimeError("inputs must be leaves")
        return right(outputs, inputs, *args, **options)

    torch_.setattr(torch.autograd, "grad", grad)


@mutant(
    "torch.autograd.grad raises where none of its inputs is used, allowed or not.",
    catches=["autograd-grad/autograd-grad-allow-unused-meaning"],
    reaches=["functional", "gradcheck"],
)
def some_input_must_be_used(torch_: MonkeyPatch) -> None:
    def after(inputs: list[Any], gradients: tuple[Any, ...]) -> Any:
        if all(gradient is None for gradient in gradients):
            raise RuntimeError("none of the inputs is used")
        return gradients

    _replace_grad(torch_, after)
