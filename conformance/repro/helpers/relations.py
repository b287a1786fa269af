"""What is observed besides values, as :mod:`conformance.running.checking` observes it, in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from conformance.repro.helpers.values import every, flat, is_tensor, listed, read

if TYPE_CHECKING:
    from conformance.repro.helpers.flavours import have_one_storage__torch as have_one_storage


def same(left: Any, right: Any) -> bool | None:
    """Whether two values are bitwise equal, dtypes included and NaN equal to NaN."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return list(left) == list(right) and every(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and every(map(same, left, right))
    a, b = read(left), read(right)
    if a is None or b is None:
        return type(left) is type(right) and bool(left == right)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.values is None or b.values is None:
        return None
    return all(x == y or (x != x and y != y) for x, y in zip(flat(a.values), flat(b.values)))


def is_same(value: Any, other: Any) -> bool:
    """Whether this is the same object, or a list of the same objects."""
    other = listed(other)
    if value is other or not isinstance(other, (list, tuple)):
        return value is other
    value = [] if isinstance(value, Mapping) else list(value)
    return len(value) == len(other) and all(one is two for one, two in zip(value, other))


def share_memory(value: Any, *others: Any) -> bool | None:
    """Whether a tensor shares memory with each of the others; None where there is no memory to compare."""
    return every(have_one_storage(value, other) for other in others)


def fact(value: Any, name: str) -> Any:
    """What a value says of itself: None where it says nothing; a dtype or device by its name."""
    if name == "strides":
        return tuple(value.stride()) if is_tensor(value) else tuple(step // value.itemsize for step in value.strides)
    found = getattr(value, "_version" if name == "version" else name, None)
    if found is None or name not in ("dtype", "shape", "device"):
        return found
    return tuple(found) if name == "shape" else str(found).rpartition(".")[2]


def on_device(value: Any, wanted: str) -> bool:
    """Whether a value is on a device; an index that is left out is any."""
    (kind, _, index), (wanted_kind, _, wanted_index) = str(fact(value, "device")).partition(":"), wanted.partition(":")
    return kind == wanted_kind and (index == wanted_index or not index or not wanted_index)


def made_by(value: Any, wanted: str | None) -> bool:
    """Whether a tensor has a grad_fn ("present"), has none (None), or has one of this name."""
    node = fact(value, "grad_fn") if is_tensor(value) else value
    if wanted is None or node is None:
        return node is wanted
    name = getattr(node, "name", None)
    return wanted in ("present", type(node).__name__, str(name()) if callable(name) else "")


def keys_of(value: Any) -> list[Any]:
    """The keys of a mapping, or the names of pairs."""
    return list(value.keys()) if hasattr(value, "keys") else [one if isinstance(one, str) else one[0] for one in value]


def same_data(value: Any, wanted: Any) -> bool:
    """Whether plain data is equal; any sequence is a list, True is not 1, and a tensor is no data."""
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=repr)
    if isinstance(wanted, list):
        both = isinstance(value, (list, tuple)) and len(value) == len(wanted)
        return both and all(map(same_data, value, wanted))
    if isinstance(wanted, dict):
        both = isinstance(value, Mapping) and value.keys() == wanted.keys()
        return both and all(same_data(value[key], wanted[key]) for key in wanted)
    if isinstance(value, bool) or isinstance(wanted, bool) or wanted is None:
        return value is wanted
    plain = isinstance(value, (int, float, complex, str, bytes)) or type(value).__module__ == "numpy"
    return plain and bool(value == wanted or (value != value and wanted != wanted))


def each(value: Any, *tests: Callable[[Any], bool | None]) -> bool | None:
    """Whether every element, of which there is at least one, meets every test."""
    items = list(value.values()) if isinstance(value, Mapping) else list(value)
    return bool(items) and every(test(item) for item in items for test in tests)


def any_order(value: Any, *tests: Callable[[Any], bool | None]) -> bool:
    """Whether the elements meet the tests, one each, in any order."""
    left = list(value)
    if len(left) != len(tests):
        return False
    for test in tests:
        index = next((i for i, item in enumerate(left) if test(item) is not False), None)
        if index is None:
            return False
        left.pop(index)
    return True


def one_of(value: Any, *tests: Callable[[Any], bool | None]) -> bool:
    """Whether at least one test is met."""
    return any(test(value) is not False for test in tests)


def holds(value: Any, *conditions: Callable[[Any], Any]) -> bool | None:
    """Whether conditions in NumPy hold of a value."""
    found = read(value)
    if found is not None and found.values is None:
        return None
    array = array_of(value)
    return all(bool(np.all(condition(array))) for condition in conditions)


def array_of(value: Any) -> Any:
    """A value as arrays, also inside lists and mappings."""
    if isinstance(value, Mapping):
        return {key: array_of(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [array_of(item) for item in value]
    found = read(value)
    if found is None:
        return value
    return np.zeros(found.shape) if found.values is None else np.array(found.values).reshape(found.shape)
