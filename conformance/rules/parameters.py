"""`with:` -> axes, and axes -> the rows of a rule's parameter table.

A list is data; a mapping is labelled alternatives whose strings are code; a string names a shared axis. Which rows
there are can depend on the device under test (``other: devices``, ``if: device == 'cpu'``), so rows are made for one
device at a time.
"""

from __future__ import annotations

import itertools
import keyword
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from conformance.errors import ConformanceError
from conformance.rules.documents import YamlPath
from conformance.rules.model import Alternative, Axis, Code, DType, Rule

MAX_ROWS = 1000
Row = tuple[Alternative, ...]

FLOATING = ("float16", "bfloat16", "float32", "float64")
COMPLEX = ("complex64", "complex128")
INTEGRAL = ("uint8", "int8", "int16", "int32", "int64")
DTYPES = frozenset((*FLOATING, *COMPLEX, *INTEGRAL, "bool"))
BUILT_IN_AXES: Mapping[str, tuple[str, ...]] = {
    "floating": FLOATING,
    "full_precision": ("float32", "float64"),
    "half_precision": ("float16", "bfloat16"),
    "complex": COMPLEX,
    "integral": INTEGRAL,
    "differentiable": (*FLOATING, *COMPLEX),
}

Complain = Callable[[YamlPath, str, str], None]


def parse_axis(name: str, value: Any, path: YamlPath, shared: Mapping[str, Any], complain: Complain) -> Axis | None:
    """One entry of ``with:``; ``shared`` are the file's own ``axes:``, and ``complain`` takes (path, message, hint)."""
    if isinstance(value, str):
        if value == "devices":
            return Axis(name, (), other_devices=True)
        if value in shared:
            return parse_axis(name, shared[value], ("axes", value), {}, complain)
        if value in BUILT_IN_AXES:
            return _data_axis(name, list(BUILT_IN_AXES[value]), path, complain)
        known = ", ".join(sorted([*shared, *BUILT_IN_AXES, "devices"]))
        complain(path, f"no axis is named '{value}'", f"known axes: {known}; a list is data, a mapping is code")
        return None
    if isinstance(value, list):
        return _data_axis(name, value, path, complain)
    if isinstance(value, dict):
        return _labelled_axis(name, value, path, complain)
    complain(path, f"found {value!r}", "expected a list (data), a mapping (labelled code) or the name of an axis")
    return None


def _data_axis(name: str, values: list[Any], path: YamlPath, complain: Complain) -> Axis | None:
    if not values:
        complain(path, f"parameter '{name}' has no values", "give at least one")
        return None
    dtypes = all(isinstance(value, str) and value in DTYPES for value in values)
    if name == "dtype" and not dtypes:
        unknown = next(value for value in values if not (isinstance(value, str) and value in DTYPES))
        complain(path, f"{unknown!r} is not a dtype", f"dtypes: {', '.join(sorted(DTYPES))}")
        return None
    made = [Alternative(_data_label(name, value), ((name, DType(value) if dtypes else value),)) for value in values]
    return _distinct(Axis(name, tuple(made)), path, complain)


def _labelled_axis(name: str, values: dict[str, Any], path: YamlPath, complain: Complain) -> Axis | None:
    if not values:
        complain(path, f"parameter '{name}' has no alternatives", "give at least one")
        return None
    made = []
    for label, value in values.items():
        at = (*path, label)
        if isinstance(value, dict):
            condition = value.get("if")
            if condition is not None and not isinstance(condition, str):
                complain((*at, "if"), f"found {condition!r}", "a condition is text")
                condition = None
            bindings = tuple((key, _bound(item, (*at, key))) for key, item in value.items() if key != "if")
            if not bindings:
                complain(at, f"alternative '{label}' binds nothing", "give it a name with code or data")
            for key, _ in bindings:
                if not key.isidentifier() or keyword.iskeyword(key):
                    complain((*at, key), f"'{key}' cannot be a name", "a column is a name that code can use")
            made.append(Alternative(_clean(label), bindings, Code(condition, (*at, "if")) if condition else None))
        elif isinstance(value, str):
            made.append(Alternative(_clean(label), ((name, Code(value, at)),)))
        else:
            hint = "a labelled alternative is code or a mapping of names; for data use a list"
            if value is None:
                hint = "inside braces a value that holds a comma stands in quotes"
            complain(at, f"found {value!r}", hint)
    columns = {frozenset(key for key, _ in one.bindings) for one in made}
    if len(columns) > 1:
        odd = sorted(set().union(*columns) - frozenset.intersection(*columns))
        complain(path, f"alternatives bind different names: {', '.join(odd)}", "every alternative binds the same names")
    return _distinct(Axis(name, tuple(made)), path, complain)


def _bound(value: Any, path: YamlPath) -> Any:
    """A column: a string is code, ``null`` and other scalars, lists and mappings are data or expectations."""
    return Code(value, path) if isinstance(value, str) else value


def _distinct(axis: Axis, path: YamlPath, complain: Complain) -> Axis | None:
    labels = [one.label for one in axis.alternatives]
    if not all(labels):
        complain(path, "a label of letters and digits is missing", "labels are part of a case's id")
        return None
    twice = {label for label in labels if labels.count(label) > 1}
    if twice:
        complain(path, f"alternatives share a label: {', '.join(sorted(twice))}", "labels tell cases apart")
        return None
    return axis


def _data_label(name: str, value: Any) -> str:
    if isinstance(value, str):
        return _clean(value) or f"{name}="
    if isinstance(value, list) and value and all(isinstance(item, int) for item in value):
        return f"{name}={'x'.join(str(item) for item in value)}"
    text = {None: "none", True: "true", False: "false"}.get(value) if value is None or isinstance(value, bool) else None
    return f"{name}={text or _clean(str(value))}"


def _clean(text: str) -> str:
    """A label that is safe inside a case id: no brackets, colons or white space."""
    return re.sub(r"[^A-Za-z0-9_.,=+*-]+", "_", text).strip("_")


def row_label(row: Row) -> str:
    """The parameters' part of a case id."""
    return "-".join(alternative.label for alternative in row)


def bindings_of(row: Row) -> dict[str, Any]:
    """What a row binds: data, :class:`DType` or :class:`Code` by name."""
    return {name: value for alternative in row for name, value in alternative.bindings}


def rows(rule: Rule, device: str, other_devices: Sequence[str]) -> Iterator[Row]:
    """The rows of a rule's parameter table on ``device``, conditions applied.

    Raises:
        ConformanceError: a condition cannot be evaluated for some row.

    """
    pools = []
    for axis in rule.axes:
        if axis.other_devices:
            pools.append(tuple(Alternative(_clean(other), ((axis.name, other),)) for other in other_devices))
        else:
            pools.append(axis.alternatives)
    combined = all_pairs(pools) if rule.combine == "pairs" else itertools.product(*pools)
    conditional = any(one.condition for axis in rule.axes for one in axis.alternatives)
    for row in combined:
        if not conditional or _holds(rule, row, device):
            yield row


def _holds(rule: Rule, row: Row, device: str) -> bool:
    conditions = [one.condition for one in row if one.condition]
    if not conditions:
        return True
    names = {name: value for name, value in bindings_of(row).items() if not isinstance(value, Code)}
    names.setdefault("dtype", "float32")
    scope = {**names, "device": device}
    try:
        return all(eval(condition.source, scope) for condition in conditions)
    except Exception as error:
        hint = "it must hold or not for every combination of the other parameters"
        raise ConformanceError(f"{rule.position}: a condition of '{rule.id}' fails: {error}", hint) from error


def all_pairs(pools: Sequence[Sequence[Alternative]]) -> Iterator[Row]:
    """Rows in which every pair of alternatives of two axes meets at least once (greedy, deterministic)."""
    sizes = [len(pool) for pool in pools]
    if len(pools) < 2 or 0 in sizes:
        yield from itertools.product(*pools)
        return
    wanted = {
        (i, a, j, b)
        for i, j in itertools.combinations(range(len(pools)), 2)
        for a in range(sizes[i])
        for b in range(sizes[j])
    }
    while wanted:
        i, a, j, b = min(wanted)
        chosen: dict[int, int] = {i: a, j: b}
        for axis in range(len(pools)):
            if axis not in chosen:
                gains = [_gain(wanted, chosen, axis, value) for value in range(sizes[axis])]
                chosen[axis] = gains.index(max(gains))
        wanted -= {(p, chosen[p], q, chosen[q]) for p, q in itertools.combinations(range(len(pools)), 2)}
        yield tuple(pools[axis][chosen[axis]] for axis in range(len(pools)))


def _gain(wanted: set[tuple[int, int, int, int]], chosen: Mapping[int, int], axis: int, value: int) -> int:
    """How many wanted pairs ``axis = value`` would settle, given what is chosen already."""
    pairs = ((axis, value, other, at) if axis < other else (other, at, axis, value) for other, at in chosen.items())
    return sum(pair in wanted for pair in pairs)
