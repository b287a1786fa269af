"""Observed values against expected ones, with a tolerance that is derived rather than chosen.

Integers, booleans and copies are exact. Floating values may differ by 16 eps of the observed dtype times the largest
expected magnitude. Before values fail, the expectation is computed again from givens moved by one eps: where that
changes it by more, the expectation is ill-conditioned and the tolerance widens by what the move shows, and no further.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from conformance.implementations.contract import Array
from conformance.running.outcome import Kind, RuleBroken
from conformance.running.world import Snapshot, World

ULPS = 16
MOVES = 3
WIDENING = 4.0
_DRAWN = 100
_SHOWN = 8
_WALKED = 10_000  # no expectation is as long, and an iterator need not end
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Mismatch:
    """How an observed value differs from the expected one; ``where`` is a path into nested values."""

    kind: Kind
    expected: str
    observed: str
    where: str = ""
    detail: dict[str, Any] | None = None

    def inside(self, where: str) -> Mismatch:
        """The same mismatch as one of the element at ``where`` of an outer value."""
        return replace(self, where=where + self.where)


class Exactness(NamedTuple):
    """How closely values are compared: ``again(seed)`` computes the expectation from moved givens."""

    exact: bool = False
    scale: float | None = None
    within: float = 0.0
    again: Callable[[int], Any] | None = None


def match(world: World, observed: Any, expected: Any, how: Exactness) -> Mismatch | None:
    """None where ``observed`` equals ``expected``; nested sequences and mappings are compared element by element."""
    if expected is None or isinstance(expected, str):
        same = observed is None if expected is None else isinstance(observed, str) and observed == expected
        return None if same else Mismatch("values", describe(world, expected), describe(world, observed))
    if type(observed) is int and type(expected) is int:  # of any length, which arrays are not
        return None if observed == expected else Mismatch("values", str(expected), str(observed))
    snapshot = read(world, observed)
    if snapshot is None:
        if isinstance(observed, Mapping):
            return _match_mapping(world, observed, expected, how)
        if isinstance(observed, (list, tuple)):
            return _match_sequence(world, observed, expected, how)
        return Mismatch("values", describe(world, expected), describe(world, observed))
    if type(expected) is np.ndarray:
        return match_arrays(world, snapshot, expected, how)
    try:
        wanted = np.asarray(expected)
    except ValueError:
        return Mismatch("shape", describe(world, expected), describe(world, observed))
    return match_arrays(world, snapshot, wanted, how)


def match_arrays(world: World, snapshot: Snapshot, wanted: Array, how: Exactness) -> Mismatch | None:
    """Compare a tensor's values with an array: kind, then shape, then values."""
    kind = wanted.dtype.kind
    if kind not in "biufc":
        return Mismatch("values", str(wanted.tolist()), _values_text(snapshot))
    if wanted.shape != snapshot.shape:
        return Mismatch("shape", f"shape {list(wanted.shape)}", f"shape {list(snapshot.shape)}")
    if (kind == "b") != (snapshot.dtype == "bool"):
        what = "a bool" if kind == "b" else "a number"
        return Mismatch("dtype", f"{what}: {_array_text(wanted)}", f"{snapshot.dtype}: {_values_text(snapshot)}")
    values = snapshot.values
    if values is None:
        world.unread += 1
        return None
    if values.dtype.kind in "iuO" and kind == "f" and _beyond_floats(values):
        values, wanted = values.astype(object), wanted.astype(object)
    if (values == wanted).all():
        return None
    if kind == "b" or values.dtype.kind in "iuO":
        return _differ(wanted, values, values != wanted, 0.0)
    wide = values.astype(np.complex128 if values.dtype.kind == "c" or kind == "c" else np.float64)
    if how.exact:
        apart = _apart(wide, wanted, 0.0)
        return _differ(wanted, values, apart, 0.0) if apart.any() else None
    scale = how.scale if how.scale is not None else _magnitude(wanted)
    tolerance = max(ULPS * world.eps_of(snapshot.dtype) * scale, how.within)
    if (np.abs(wide - wanted) <= tolerance).all():
        return None
    apart = _apart(wide, wanted, tolerance)
    if apart.any() and how.again is not None:
        tolerance += _widening(wanted, how.again)
        apart = _apart(wide, wanted, tolerance)
    return _differ(wanted, values, apart, tolerance) if apart.any() else None


def _beyond_floats(values: Array) -> bool:
    """Whether comparing whole numbers with floats, which NumPy does in float64, would round them."""
    return bool(values.size) and max(abs(int(values.max())), abs(int(values.min()))) > 2**53


def _magnitude(wanted: Array) -> float:
    """The largest finite magnitude."""
    largest = float(np.abs(wanted).max(initial=0.0))
    if math.isfinite(largest):
        return largest
    return float(np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0))


def _apart(values: Array, wanted: Array, tolerance: float) -> Array:
    near = np.abs(values - wanted) <= tolerance
    apart: Array = ~(near | (values == wanted) | (np.isnan(values) & np.isnan(wanted)))
    return apart


def _widening(wanted: Array, again: Callable[[int], Any]) -> float:
    """How far the expectation moves when the givens move by one eps."""
    widest = 0.0
    for seed in range(MOVES):
        try:
            change = np.abs(np.asarray(again(seed)) - wanted)
        except (RuleBroken, ValueError):  # moved givens can lie where it has no value, or another shape
            continue
        widest = max(widest, float(change[np.isfinite(change)].max(initial=0.0)))
    return WIDENING * widest


def _match_mapping(world: World, observed: Mapping[Any, Any], expected: Any, how: Exactness) -> Mismatch | None:
    if not isinstance(expected, Mapping) or set(observed) != set(expected):
        return Mismatch("values", describe(world, expected), describe(world, observed))
    for key, value in observed.items():
        found = match(world, value, expected[key], _part(how, key))
        if found is not None:
            return found.inside(f"[{key!r}]")
    return None


def _match_sequence(world: World, observed: Any, expected: Any, how: Exactness) -> Mismatch | None:
    is_sequence = isinstance(expected, (list, tuple)) or (isinstance(expected, np.ndarray) and expected.ndim > 0)
    if not is_sequence:
        return Mismatch("values", describe(world, expected), describe(world, observed))
    if len(observed) != len(expected):
        return Mismatch("shape", f"{len(expected)} elements", f"{len(observed)}: {describe(world, observed)}")
    for index, (value, wanted) in enumerate(zip(observed, expected)):
        found = match(world, value, wanted, _part(how, index))
        if found is not None:
            return found.inside(f"[{index}]")
    return None


def _part(how: Exactness, key: Any) -> Exactness:
    again = how.again
    return how if again is None else how._replace(again=lambda seed: again(seed)[key])


def listed(value: Any) -> Any:
    """Views as lists, and iterators as lists of what they begin with; everything else as it is."""
    if hasattr(value, "__next__"):
        return list(itertools.islice(value, _WALKED))
    if type(value).__name__ in ("dict_values", "dict_keys", "dict_items", "odict_values"):
        return list(value)
    return value


def read(world: World, value: Any) -> Snapshot | None:
    """A tensor, array or number as values, shape and dtype; None for anything else."""
    implementation = world.implementation
    if implementation.is_tensor(value):
        return Snapshot(*implementation.read(value))
    if isinstance(value, Snapshot):
        return value
    if isinstance(value, bool):
        return Snapshot(np.asarray(value), (), "bool")
    if isinstance(value, int):
        return Snapshot(np.asarray(value), (), "int")
    if isinstance(value, (float, complex)):
        return Snapshot(np.asarray(value), (), world.dtype)
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufc":
        return Snapshot(np.asarray(value), value.shape, str(value.dtype))
    return None


def same(world: World, left: Any, right: Any) -> Mismatch | None:
    """Bitwise equality of two observed values, nested, NaN equal to NaN, dtypes included."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        if list(left) != list(right):
            return _other(world, left, right)
        found = ((f"[{key!r}]", same(world, left[key], right[key])) for key in left)
        return next((one.inside(where) for where, one in found if one), None)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        if len(left) != len(right):
            return _other(world, left, right)
        pairs = ((f"[{i}]", same(world, a, b)) for i, (a, b) in enumerate(zip(left, right)))
        return next((one.inside(where) for where, one in pairs if one), None)
    a, b = read(world, left), read(world, right)
    if a is None or b is None:
        return None if type(left) is type(right) and left == right else _other(world, left, right)
    if a.shape != b.shape:
        return Mismatch("shape", f"shape {list(b.shape)}", f"shape {list(a.shape)}")
    if a.dtype != b.dtype:
        return Mismatch("dtype", b.dtype, a.dtype)
    if a.values is None or b.values is None:
        world.unread += 1
        return None
    apart = a.values != b.values
    if a.values.dtype.kind in "fc":
        apart &= ~(np.isnan(a.values) & np.isnan(b.values))
    return _differ(b.values, a.values, apart, 0.0) if np.any(apart) else None


def _other(world: World, left: Any, right: Any) -> Mismatch:
    return Mismatch("values", describe(world, right), describe(world, left))


# -- words for people ------------------------------------------------------------------------------------------


def _differ(wanted: Array, values: Array, apart: Array, tolerance: float) -> Mismatch:
    apart = np.asarray(apart)
    note = "" if apart.size == 1 else f"; {int(apart.sum())} of {apart.size} differ"
    detail: dict[str, Any] | None = None
    if wanted.size <= _DRAWN:
        detail = {
            "expected": _plain(wanted),
            "observed": _plain(values),
            "differs": apart.tolist(),
            "tolerance": tolerance,
            "dtype": str(values.dtype),
        }
    return Mismatch("values", _array_text(wanted), f"{_array_text(values)}{note}", detail=detail)


def _plain(array: Array) -> Any:
    """Nested lists that JSON can hold: NaN, infinities and complex numbers as text."""
    if array.ndim:
        return [_plain(part) for part in array]
    value = array.item()
    if isinstance(value, complex) or (isinstance(value, float) and not np.isfinite(value)):
        return str(value)
    return value


def _array_text(array: Array) -> str:
    text = np.array2string(np.asarray(array), precision=7, separator=", ", threshold=24, edgeitems=3)
    return " ".join(text.split())


def _values_text(snapshot: Snapshot) -> str:
    return "values unread" if snapshot.values is None else _array_text(snapshot.values)


def describe(world: World, value: Any, depth: int = 3) -> str:
    """A short text of any value, in the terms of a rule; nothing that an implementation does to its text gets out."""
    if value is None:
        return "None"
    try:
        text = _described(world, value, depth)
    except Exception as error:
        return f"<{type(value).__name__} whose text raises {type(error).__name__}>"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _described(world: World, value: Any, depth: int) -> str:
    if isinstance(value, str):
        return repr(value[:_LONGEST])
    snapshot = read(world, value)
    if snapshot is not None:
        return _values_text(snapshot)
    if isinstance(value, (Mapping, list, tuple)):
        if depth == 0:
            return "…"
        more = ", …" if len(value) > _SHOWN else ""
        if isinstance(value, Mapping):
            pairs = (f"{key}: {describe(world, value[key], depth - 1)}" for key in list(value)[:_SHOWN])
            return "{" + ", ".join(pairs) + more + "}"
        return "[" + ", ".join(describe(world, item, depth - 1) for item in value[:_SHOWN]) + more + "]"
    return " ".join(repr(value).split())
