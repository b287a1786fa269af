"""Faults of what a module lists, finds by a path and runs in a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.nn import Module, Parameter

from tests.mutants.swapping import swap


def _members(order: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """named_parameters() in another order of the modules."""

    def build(right: Any) -> Any:
        def members(module: Any, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True) -> Any:
            found = list(right(module, prefix, recurse, remove_duplicate))
            return iter(order(found))

        return members

    return build


swap(
    "children_come_before_their_parent",
    "parameters() gives those of the children before the module's own.",
    Module,
    "named_parameters",
    _members(lambda found: sorted(found, key=lambda pair: -pair[0].count("."))),
    catches=["module/parameters-order-own-then-children"],
    reaches=["*"],
)
swap(
    "parameters_are_sorted",
    "parameters() gives the parameters in the order of their names.",
    Module,
    "named_parameters",
    _members(lambda found: sorted(found, key=lambda pair: pair[0])),
    catches=["module/parameters-order-own-then-children"],
    reaches=["*"],
)


def _distinct(found: Any) -> Any:
    kept: list[Any] = []
    for name, p in found:
        if p.is_meta or not any(p.shape == other.shape and p.equal(other) for _, other in kept):
            kept.append((name, p))
    return kept


swap(
    "equal_parameters_are_one",
    "Parameters of equal values are given once.",
    Module,
    "named_parameters",
    _members(_distinct),
    catches=["module/parameters-of-equal-values-are-not-shared"],
    reaches=["*"],
)
swap(
    "prefixes_are_joined_by_nothing",
    "The prefix of named_parameters() and named_buffers() stands before the name without a dot.",
    Module,
    "named_parameters named_buffers",
    lambda right: (
        lambda module, prefix="", *args, **options: (
            (prefix + name, one) for name, one in right(module, "", *args, **options)
        )
    ),
    catches=["module/named-parameters-dotted-names-and-prefix"],
    reaches=["*"],
)
swap(
    "paths_lead_anywhere",
    "get_parameter and get_buffer give whatever attribute lies at the end of a path.",
    Module,
    "get_parameter get_buffer",
    lambda right: (
        lambda module, target: getattr(module.get_submodule(target.rpartition(".")[0]), target.rpartition(".")[2])
    ),
    catches=["module/get-by-dotted-path"],
    reaches=["*"],
)
swap(
    "paths_have_one_part",
    "get_submodule finds direct children only.",
    Module,
    "get_submodule",
    lambda right: lambda module, target: right(module, target.rpartition(".")[2]),
    catches=["module/get-by-dotted-path"],
    reaches=["*"],
)

# -- containers ---------------------------------------------------------------------------------------


def _last_first(right: Any) -> Any:
    def forward(module: Any, x: Any) -> Any:
        for child in reversed(list(module)):
            x = child(x)
        return x

    return forward


def _all_given_the_input(right: Any) -> Any:
    def forward(module: Any, x: Any) -> Any:
        y = x
        for child in module:
            y = child(x) if child is module[0] else child(y)
        return y.clone() if y is x else y

    return forward


swap(
    "sequentials_run_backwards",
    "Sequential applies its modules last to first.",
    nn.Sequential,
    "forward",
    _last_first,
    catches=["module/sequential-chains-and-names"],
    reaches=["*"],
)
swap(
    "empty_sequentials_copy",
    "An empty Sequential gives a copy of its input.",
    nn.Sequential,
    "forward",
    _all_given_the_input,
    catches=["module/sequential-chains-and-names"],
    reaches=["*"],
)
swap(
    "parameter_lists_keep_tensors",
    "ParameterList keeps plain tensors as they are.",
    nn.ParameterList,
    "__setitem__",
    lambda right: lambda rows, index, value: setattr(rows, str(index % max(len(rows), 1)), value),
    catches=["module/parameter-list-and-dict-register"],
    reaches=["*"],
)
swap(
    "parameter_dicts_copy",
    "ParameterDict copies the tensors that it turns into Parameters.",
    nn.ParameterDict,
    "__setitem__",
    lambda right: (
        lambda rows, key, value: right(rows, key, value if isinstance(value, Parameter) else value.detach().clone())
    ),
    catches=["module/parameter-list-and-dict-register"],
)


def _leaving_a_gap(right: Any) -> Any:
    def delete(modules: Any, index: Any) -> None:
        delattr(modules, str(index % len(modules)))

    return delete


def _sliced_to_a_list(right: Any) -> Any:
    def item(modules: Any, index: Any) -> Any:
        return list(modules._modules.values())[index] if isinstance(index, slice) else right(modules, index)

    return item


for kind in (nn.ModuleList, nn.Sequential):
    called = kind.__name__.lower().replace("module", "")
    swap(
        f"deleting_from_a_{called}_leaves_a_gap",
        f"What comes behind a module deleted from a {kind.__name__} keeps its number.",
        kind,
        "__delitem__",
        _leaving_a_gap,
        catches=["module/list-operations-renumber"],
    )
    swap(
        f"a_slice_of_a_{called}_is_a_list",
        f"A slice of a {kind.__name__} is a Python list.",
        kind,
        "__getitem__",
        _sliced_to_a_list,
        catches=["module/list-operations-renumber"],
        reaches=["*"],
    )


def _moved_to_the_end(right: Any) -> Any:
    def assign(modules: Any, key: str, module: Any) -> None:
        modules._modules.pop(key, None)
        right(modules, key, module)

    return assign


swap(
    "replaced_entries_go_last",
    "A key of a ModuleDict that is assigned again goes to the end.",
    nn.ModuleDict,
    "__setitem__",
    _moved_to_the_end,
    catches=["module/dict-operations"],
)
swap(
    "popped_entries_stay",
    "pop() of a ModuleDict leaves the module in it.",
    nn.ModuleDict,
    "pop",
    lambda right: lambda modules, key: modules[key],
    catches=["module/dict-operations"],
)
