"""Faults of inputs=: which tensors backward stores gradients on, and what torch.autograd.grad makes of none."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tests.mutants.engine import leaves_of, replace_engine, run_engine
from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase
from tests.mutants.swapping import swap


def _listed(tensors: Any) -> list[Any]:
    if isinstance(tensors, dict):
        return list(tensors.values())
    return [tensors] if tensors is None or isinstance(tensors, Tensor) else list(tensors)


# -- inputs ------------------------------------------------------------------------------------------------------


def _inputs(change: Callable[[list[Any], Any], Any]) -> Callable[[Any], Any]:
    """Where inputs are given, ``change(roots, inputs)`` takes their place."""

    def build(right: Any) -> Any:
        def backward(tensors: Any, *args: Any, inputs: Any = None, **options: Any) -> None:
            right(tensors, *args, inputs=inputs if inputs is None else change(_listed(tensors), inputs), **options)

        return backward

    return build


swap(
    "only_the_first_input_counts",
    "backward stores a gradient on the first of its inputs alone.",
    torch.autograd,
    "backward",
    _inputs(lambda roots, inputs: _listed(inputs)[:1]),
    catches=["backward-inputs/single-tensor", "backward-inputs/non-leaf-with-leaf"],
    reaches=["hooks-post-accumulate"],
)
swap(
    "inputs_must_be_leaves",
    "Intermediate results among the inputs of backward are passed over.",
    torch.autograd,
    "backward",
    _inputs(lambda roots, inputs: [one for one in _listed(inputs) if getattr(one, "is_leaf", True)] or None),
    catches=["backward-inputs/non-leaf", "backward-inputs/non-leaf-with-leaf"],
    reaches=["graph", "retain-grad"],
)
swap(
    "empty_inputs_mean_all",
    "Empty inputs of backward mean all leaves.",
    torch.autograd,
    "backward",
    _inputs(lambda roots, inputs: _listed(inputs) or None),
    catches=["backward-inputs/empty-refused", "backward-inputs/empty-refused.dict"],
)
swap(
    "untracked_inputs_of_backward_are_dropped",
    "Inputs of backward that do not require grad are passed over.",
    torch.autograd,
    "backward",
    _inputs(lambda roots, inputs: [one for one in _listed(inputs) if getattr(one, "requires_grad", True)] or None),
    catches=["backward-inputs/requires-grad-needed"],
)


def _only_sequences(roots: Any, inputs: Any) -> Any:
    if not isinstance(inputs, (Tensor, list, tuple)):
        raise TypeError("inputs must be a tensor, a list or a tuple")
    return inputs


swap(
    "inputs_must_be_sequences",
    "inputs= takes a tensor, a list or a tuple and nothing else.",
    torch.autograd,
    "backward",
    _inputs(_only_sequences),
    catches=["backward-inputs/dict", "backward-inputs/single-tensor"],
)


def _values(roots: Any, inputs: Any) -> Any:
    return list(inputs.values()) if hasattr(inputs, "values") and not isinstance(inputs, Tensor) else inputs


swap(
    "any_mapping_serves_as_inputs",
    "inputs= takes mappings of every kind.",
    torch.autograd,
    "backward",
    _inputs(_values),
    catches=["backward-inputs/dict.other-mappings"],
)


def _storing(after: Callable[[list[Any], list[Any]], None]) -> Callable[[Any], Any]:
    """``after(roots, inputs)`` runs behind each backward with inputs."""

    def build(right: Any) -> Any:
        def backward(tensors: Any, *args: Any, inputs: Any = None, **options: Any) -> None:
            roots = _listed(tensors)
            named = None if inputs is None or type(inputs) not in (list, tuple) else list(inputs)
            after_it = [] if named is None else leaves_of(roots)
            right(tensors, *args, inputs=inputs, **options)
            if named is not None:
                after([leaf for leaf in after_it if not any(leaf is one for one in named)], named)

        return backward

    return build


def _clear(others: list[Any], named: list[Any]) -> None:
    for leaf in others:
        leaf.grad = None


def _materialize(others: list[Any], named: list[Any]) -> None:
    for one in named:
        if isinstance(one, Tensor) and one.grad is None:
            one.grad = torch.zeros_like(one)


swap(
    "inputs_clear_the_others",
    "backward with inputs clears the gradients of the other leaves.",
    torch.autograd,
    "backward",
    _storing(_clear),
    catches=["backward-inputs/unlisted-grad-is-kept", "backward/inputs-restrict-accumulation"],
    reaches=["graph/gradient-edge-as-input"],
)
swap(
    "unreachable_inputs_get_zeros",
    "backward stores zeros on an input that the root does not depend on.",
    torch.autograd,
    "backward",
    _storing(_materialize),
    catches=["backward-inputs/unreachable-ignored"],
)


def _flags(torch_: MonkeyPatch, change: Callable[[bool, bool], tuple[bool, bool]]) -> None:
    """Where inputs are given, backward runs with ``change(retain_graph, create_graph)``."""

    def engine(results: Any, grads: Any, retain: Any, create: Any, inputs: Any, *args: Any, **options: Any) -> Any:
        named = bool(inputs) and options.get("accumulate_grad", False)
        flags = change(bool(retain), bool(create)) if named else (retain, create)
        return run_engine(results, grads, *flags, inputs, *args, **options)

    replace_engine(torch_, engine)


@mutant(
    "backward with inputs never frees the graph.",
    catches=["backward-inputs/graph-flags-hold"],
)
def inputs_keep_the_graph(torch_: MonkeyPatch) -> None:
    _flags(torch_, lambda retain, create: (True, create))


@mutant(
    "backward with inputs records no gradients.",
    catches=["backward-inputs/graph-flags-hold"],
)
def inputs_forget_create_graph(torch_: MonkeyPatch) -> None:
    _flags(torch_, lambda retain, create: (retain, False))


@mutant(
    "A tensor that is listed twice among inputs gets its gradient twice.",
    catches=["backward-inputs/listed-twice"],
)
def inputs_listed_twice_count_twice(torch_: MonkeyPatch) -> None:
    right = torch.autograd.backward

    def backward(tensors: Any, *args: Any, inputs: Any = None, **options: Any) -> None:
        right(tensors, *args, inputs=inputs, **options)
        if isinstance(inputs, list) and len(inputs) == 2 and inputs[0] is inputs[1]:
            inputs[0].grad.mul_(2)

    torch_.setattr(torch.autograd, "backward", backward)


# -- torch.autograd.grad -----------------------------------------------------------------------------------------

swap(
    "grad_of_no_inputs_is_empty",
    "torch.autograd.grad returns no gradients for no inputs.",
    torch.autograd,
    "grad",
    lambda right: (
        lambda outputs, inputs, *args, **options: (
            type(inputs)()
            if isinstance(inputs, (list, tuple, dict)) and not inputs
            else right(outputs, inputs, *args, **options)
        )
    ),
    catches=["autograd-grad/empty-inputs-refused"],
)


@mutant(
    "torch.autograd.grad leaves the gradients that intermediate results retain as they were.",
    catches=["autograd-grad/autograd-grad-never-writes-any-grad"],
    reaches=["retain-grad", "higher-order"],
)
def grad_spares_retained_gradients(torch_: MonkeyPatch) -> None:
    retaining: list[weakref.ref[Tensor]] = []
    right = torch.autograd.grad

    def retain_grad(tensor: Tensor) -> None:
        TensorBase.retain_grad(tensor)
        retaining.append(weakref.ref(tensor))

    def grad(*args: Any, **options: Any) -> Any:
        tensors = [tensor for one in retaining if (tensor := one()) is not None]
        kept = [(tensor, None if tensor.grad is None else tensor.grad.clone()) for tensor in tensors]
        found = right(*args, **options)
        for tensor, old in kept:
            tensor.grad = old
        return found

    torch_.setattr(torch.Tensor, "retain_grad", retain_grad)
    torch_.setattr(torch.autograd, "grad", grad)
