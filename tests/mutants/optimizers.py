"""Faults of what an optimizer holds: the parameters and groups that it accepts, and their options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.optim import SGD, Adam, Optimizer, RMSprop

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.swapping import swap

# -- construction ------------------------------------------------------------------------------------------------


def _given(change: Callable[[list[Any]], Any]) -> Callable[[Any], Any]:
    """An optimizer that is built from ``change`` of the parameters it is given."""
    return lambda right: lambda optimizer, params, defaults: right(optimizer, change(params), defaults)


def _sorted_sets(params: Any) -> Any:
    groups = [params] if isinstance(params, Tensor) else list(params)
    for group in groups:
        if isinstance(group, dict) and isinstance(group["params"], set):
            group["params"] = list(group["params"])
    return groups


swap(
    "optimizers_take_any_collection",
    "An optimizer takes a bare tensor and a set of parameters.",
    Optimizer,
    "__init__",
    _given(_sorted_sets),
    catches=["optim/constructor-input-validation"],
)


def _leaves(params: Any) -> Any:
    groups = params if isinstance(params, Tensor) else list(params)
    return [one.detach() if isinstance(one, Tensor) and not one.is_leaf else one for one in groups]


swap(
    "optimizers_take_results",
    "An optimizer takes results of operations, whose history it cuts.",
    Optimizer,
    "__init__",
    _given(_leaves),
    catches=["optim/constructor-input-validation"],
)


def _listed_twice(params: Any) -> Any:
    for _ in range(2):
        groups = list(params)
    return groups


swap(
    "optimizers_iterate_twice",
    "An optimizer iterates its parameters twice, which leaves nothing of a generator.",
    Optimizer,
    "__init__",
    _given(lambda params: params if isinstance(params, Tensor) else _listed_twice(params)),
    catches=["optim/constructor-input-forms"],
    reaches=["*"],
)


def _unnamed(params: Any) -> Any:
    groups = params if isinstance(params, Tensor) else list(params)
    return [one[1] if isinstance(one, tuple) else one for one in groups] if isinstance(groups, list) else groups


swap(
    "optimizers_forget_names",
    "An optimizer drops the names that it is given with its parameters.",
    Optimizer,
    "__init__",
    _given(_unnamed),
    catches=["optim/named-parameters"],
)


def _unchecked(right: Any) -> Any:
    def build(optimizer: Any, *args: Any, **options: Any) -> None:
        negative = {name: value for name, value in options.items() if _is_negative(value)}
        right(optimizer, *args, **{name: value for name, value in options.items() if name not in negative})
        for group in (optimizer.defaults, *optimizer.param_groups):
            group.update(negative)

    return build


def _is_negative(value: Any) -> bool:
    return isinstance(value, float) and value < 0


for kind in (SGD, Adam, RMSprop):
    swap(
        f"{kind.__name__.lower()}_takes_negative_options",
        f"{kind.__name__} takes options below 0.",
        kind,
        "__init__",
        _unchecked,
        catches=["optim/hyperparameter-validation"],
        reaches=["*"],
    )


def _any_betas(right: Any) -> Any:
    def build(
        optimizer: Any, params: Any, lr: Any = 1e-3, betas: Any = (0.9, 0.999), *args: Any, **options: Any
    ) -> None:
        within = [min(max(beta, 0.0), 0.9999) for beta in betas]
        right(optimizer, params, lr, within, *args, **options)
        for group in (optimizer.defaults, *optimizer.param_groups):
            group["betas"] = betas

    return build


swap(
    "adam_takes_any_betas",
    "Adam takes betas outside of [0, 1).",
    Adam,
    "__init__",
    _any_betas,
    catches=["optim/hyperparameter-validation"],
)


def _positive(defaults: dict[str, Any]) -> dict[str, Any]:
    if isinstance(defaults["lr"], float) and defaults["lr"] <= 0:
        raise ValueError("Invalid learning rate")
    return defaults


swap(
    "options_must_be_positive",
    "An optimizer refuses a rate of 0.",
    Optimizer,
    "__init__",
    lambda right: lambda optimizer, params, defaults: right(optimizer, params, _positive(defaults)),
    catches=["optim/hyperparameter-validation"],
    reaches=["*"],
)

# -- groups ------------------------------------------------------------------------------------------------------


def _without_check(right: Any) -> Any:
    def add(optimizer: Any, group: Any) -> None:
        others, optimizer.param_groups = optimizer.param_groups, []
        try:
            right(optimizer, group)
        finally:
            optimizer.param_groups = others + optimizer.param_groups

    return add


swap(
    "groups_may_overlap",
    "An optimizer takes a parameter into several groups.",
    Optimizer,
    "add_param_group",
    _without_check,
    catches=["optim/duplicate-parameters", "optim/add-param-group"],
)


def _once(right: Any) -> Any:
    def add(optimizer: Any, group: Any) -> None:
        if isinstance(group, dict) and isinstance(group["params"], list):
            group["params"] = list(dict.fromkeys(group["params"]))
        right(optimizer, group)

    return add


swap(
    "duplicates_are_dropped",
    "An optimizer drops the second mention of a parameter in a group and says nothing.",
    Optimizer,
    "add_param_group",
    _once,
    catches=["optim/duplicate-parameters"],
)


def _defaults_win(right: Any) -> Any:
    def add(optimizer: Any, group: Any) -> None:
        right(optimizer, group)
        group.update(optimizer.defaults)

    return add


swap(
    "defaults_come_first",
    "The options of the constructor come before those of a group.",
    Optimizer,
    "add_param_group",
    _defaults_win,
    catches=["optim/param-groups-override-defaults", "optim/param-groups-override-arithmetic"],
    reaches=["lr-scheduler", "swa"],
)


@mutant(
    "A group that is added later takes the options of the first group, not those of the constructor.",
    catches=["optim/add-param-group"],
)
def later_groups_take_the_first_options(torch_: MonkeyPatch) -> None:
    right = Optimizer.add_param_group

    def add(optimizer: Any, group: dict[str, Any]) -> None:
        if optimizer.param_groups and optimizer.state is not None:
            group = {**optimizer.param_groups[-1], "lr": group.get("lr", optimizer.param_groups[-1]["lr"]), **group}
        right(optimizer, group)

    torch_.setattr(Optimizer, "add_param_group", add)


swap(
    "step_hooks_cannot_replace",
    "What a step pre-hook returns is dropped.",
    Optimizer,
    "register_step_pre_hook",
    lambda right: lambda optimizer, hook: right(optimizer, lambda *args: (hook(*args), None)[1]),
    catches=["optim/step-pre-hook-changes-arguments"],
)
