"""Observed values as the plain data that YAML can say, and its equality, which is stricter than Python's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np


def leaves(data: Any) -> Iterator[Any]:
    """What nested lists and mappings hold at their ends."""
    if isinstance(data, (list, dict)):
        for item in data.values() if isinstance(data, dict) else data:
            yield from leaves(item)
    else:
        yield data


def as_data(value: Any) -> Any:
    """Sequences as lists and mappings as dicts, so that they compare with what YAML can say."""
    if isinstance(value, Mapping):
        return {key: as_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [as_data(item) for item in value]
        return sorted(items, key=repr) if isinstance(value, (set, frozenset)) else items
    return value


def equal(found: Any, wanted: Any) -> bool:
    """Whether plain data is equal; True is no 1 here, and a tensor is no data, whatever its ``==`` says."""
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(equal, found, wanted))
    if isinstance(wanted, dict):
        return (
            isinstance(found, dict)
            and found.keys() == wanted.keys()
            and all(equal(found[key], wanted[key]) for key in wanted)
        )
    if isinstance(found, bool) or isinstance(wanted, bool) or wanted is None:
        return found is wanted
    if not isinstance(found, (int, float, complex, str, bytes, np.generic)):
        return False
    return bool(found == wanted) or (found != found and wanted != wanted)
