"""Faults of saving and loading the state of an optimizer."""

from __future__ import annotations

from typing import Any

from torch.optim import Optimizer

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.swapping import swap


def _own_options(right: Any) -> Any:
    def load(optimizer: Any, state: Any) -> None:
        own = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
        right(optimizer, state)
        for group, options in zip(optimizer.param_groups, own):
            group.update(options)

    return load


swap(
    "loading_keeps_the_options",
    "load_state_dict loads the state and leaves the options as they are.",
    Optimizer,
    "load_state_dict",
    _own_options,
    catches=["optim/load-state-dict-restores-hyperparameters", "optim/state-dict-round-trip-resumes-exactly"],
    reaches=["*"],
)


def _only_options(right: Any) -> Any:
    return lambda optimizer, state: right(optimizer, {**state, "state": {}})


swap(
    "loading_drops_the_state",
    "load_state_dict loads the options and begins with no state.",
    Optimizer,
    "load_state_dict",
    _only_options,
    catches=["optim/state-dict-round-trip-resumes-exactly", "optim/load-casts-state-to-parameter-dtype"],
    reaches=["*"],
)


def _fitted(right: Any) -> Any:
    def load(optimizer: Any, state: Any) -> None:
        numbers = [number for group in state["param_groups"] for number in group["params"]]
        groups, start = [], 0
        for position, group in enumerate(optimizer.param_groups):
            saved = state["param_groups"][min(position, len(state["param_groups"]) - 1)]
            end = start + len(group["params"])
            groups.append({**saved, "params": (numbers + [None] * end)[start:end]})
            start = end
        right(optimizer, {**state, "param_groups": groups})

    return load


swap(
    "loading_fits_any_groups",
    "load_state_dict takes what fits of a state with other groups.",
    Optimizer,
    "load_state_dict",
    _fitted,
    catches=["optim/load-state-dict-group-mismatch-raises"],
)


@mutant(
    "load_state_dict leaves the state in the dtype in which it was saved.",
    catches=["optim/load-casts-state-to-parameter-dtype"],
)
def loading_casts_nothing(torch_: MonkeyPatch) -> None:
    torch_.setattr(
        Optimizer,
        "_process_value_according_to_param_policy",
        staticmethod(lambda param, value, *args, **options: value),
    )


def _keeping(right: Any) -> Any:
    def load(optimizer: Any, state: Any) -> None:
        own = dict(optimizer.state)
        right(optimizer, state)
        for key, value in own.items():
            optimizer.state.setdefault(key, value)

    return load


swap(
    "loading_keeps_the_state_that_was",
    "load_state_dict leaves the state of a parameter of which the saved one has none.",
    Optimizer,
    "load_state_dict",
    _keeping,
    catches=["optim/load-state-dict-restores-hyperparameters"],
)
swap(
    "state_hooks_cannot_replace",
    "What hooks of saving and loading return is dropped.",
    Optimizer,
    "register_state_dict_post_hook register_load_state_dict_pre_hook",
    lambda right: lambda optimizer, hook, **options: right(optimizer, lambda *args: (hook(*args), None)[1], **options),
    catches=["optim/state-dict-hooks"],
)
