"""Faults of state dictionaries: taking, saving and loading them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from tests.mutants.swapping import swap, with_options

# -- state dictionaries ------------------------------------------------------------------------------------------


def _state(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda right: lambda module, *args, **options: change(right(module, *args, **options))


def _mapped(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def of(state: Any) -> Any:
        for key, value in state.items():
            state[key] = change(value)
        return state

    return of


swap(
    "state_dicts_are_copies",
    "state_dict() holds copies.",
    Module,
    "state_dict",
    _state(_mapped(lambda value: value.clone())),
    catches=["state-dict/values-are-detached-aliases", "state-dict/a-state-kept-by-reference-follows-training"],
    reaches=["*"],
)
swap(
    "state_dicts_hold_parameters",
    "state_dict() holds the parameters themselves.",
    Module,
    "state_dict",
    with_options(keep_vars=True),
    catches=["state-dict/values-are-detached-aliases", "state-dict/keep-vars-returns-parameters"],
    reaches=["*"],
)
swap(
    "state_dicts_never_hold_parameters",
    "keep_vars is ignored.",
    Module,
    "state_dict",
    with_options(keep_vars=False),
    catches=["state-dict/keep-vars-returns-parameters"],
    reaches=["*"],
)
swap(
    "prefixes_get_a_dot",
    "state_dict() puts a dot behind its prefix.",
    Module,
    "state_dict",
    lambda right: (
        lambda module, *args, prefix="", **options: right(
            module, *args, prefix=prefix and f"{prefix.rstrip('.')}.", **options
        )
    ),
    catches=["state-dict/prefix-is-prepended-verbatim"],
)
swap(
    "states_lack_buffers",
    "state_dict() holds parameters only.",
    Module,
    "state_dict",
    lambda right: (
        lambda module, *args, **options: {
            key: value for key, value in right(module, *args, **options).items() if "running" not in key
        }
    ),
    catches=["state-dict/contains-params-and-persistent-buffers"],
    reaches=["*"],
)
swap(
    "states_list_tied_parameters_once",
    "A parameter with several names is in the state dict under the first.",
    Module,
    "state_dict",
    lambda right: (
        lambda module, *args, **options: (
            {n: p.detach() for n, p in module.named_parameters()}
            if not args and not options and not list(module.buffers())
            else right(module, *args, **options)
        )
    ),
    catches=["state-dict/tied-parameters-listed-under-every-name"],
    reaches=["module"],
)
swap(
    "loading_is_never_strict",
    "load_state_dict ignores strict.",
    Module,
    "load_state_dict",
    lambda right: lambda module, state, strict=True, **options: right(module, state, False, **options),
    catches=["state-dict/strict-missing-key-raises", "state-dict/strict-unexpected-key-raises"],
    reaches=["*"],
)
swap(
    "loading_is_always_strict",
    "load_state_dict is strict whatever it is told.",
    Module,
    "load_state_dict",
    lambda right: lambda module, state, strict=True, **options: right(module, state, True, **options),
    catches=["state-dict/non-strict-reports-keys"],
    reaches=["*"],
)
swap(
    "loading_assigns",
    "load_state_dict puts the given tensors into the module.",
    Module,
    "load_state_dict",
    with_options(assign=True),
    catches=["state-dict/load-copies-in-place", "state-dict/load-casts-to-module-dtype"],
    reaches=["*"],
)
swap(
    "loading_never_assigns",
    "load_state_dict ignores assign.",
    Module,
    "load_state_dict",
    with_options(assign=False),
    catches=["state-dict/load-assign-takes-source-properties"],
)


def _loading(after: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    def build(right: Any) -> Any:
        def load(module: Any, state: Any, *args: Any, **options: Any) -> Any:
            found = right(module, state, *args, **options)
            changed = after(module, state)
            return found if changed is None else changed

        return load

    return build


def _unfreeze(module: Any, state: Any) -> None:
    module.requires_grad_(True)
    module.zero_grad()


swap(
    "loading_resets_the_rest",
    "load_state_dict makes all parameters trainable and clears their gradients.",
    Module,
    "load_state_dict",
    _loading(_unfreeze),
    catches=["state-dict/mode-and-grad-not-included"],
    reaches=["*"],
)


def _without_buffers(right: Any) -> Any:
    def load(module: Any, state: Any, *args: Any, **options: Any) -> Any:
        kept = [(one, one.clone()) for one in module.buffers()]
        found = right(module, state, *args, **options)
        for one, value in kept:
            one.copy_(value)
        return found

    return load


swap(
    "loading_leaves_buffers",
    "load_state_dict loads parameters only.",
    Module,
    "load_state_dict",
    _without_buffers,
    catches=["state-dict/load-restores-buffers", "state-dict/load-round-trip"],
    reaches=["*"],
)


def _reshaping(right: Any) -> Any:
    def load(module: Any, state: Any, *args: Any, **options: Any) -> Any:
        own = module.state_dict()
        fitted = {
            key: one.reshape(own[key].shape) if key in own and one.numel() == own[key].numel() else one
            for key, one in state.items()
        }
        return right(module, fitted, *args, **options)

    return load


swap(
    "loading_reshapes",
    "load_state_dict reshapes tensors of the right number of elements.",
    Module,
    "load_state_dict",
    _reshaping,
    catches=["state-dict/shape-mismatch-raises-even-non-strict"],
)
swap(
    "saving_rounds",
    "torch.save saves floating-point numbers in half precision.",
    torch,
    "save",
    lambda right: (
        lambda what, *args, **options: right(
            {k: v.half() if v.is_floating_point() else v for k, v in what.items()}
            if isinstance(what, dict) and all(isinstance(v, Tensor) for v in what.values())
            else what,
            *args,
            **options,
        )
    ),
    catches=["state-dict/save-load-round-trip", "serialization/state-dict-round-trip"],
    reaches=["*"],
)
