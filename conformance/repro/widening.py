"""How far an expectation moves when the data moves by one eps: what a script cannot compute of the tolerance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from conformance.running.comparing import MOVES, WIDENING
from conformance.running.outcome import RuleBroken
from conformance.running.program import Evaluate
from conformance.running.world import World


def widening(world: World, operand: Evaluate, wanted: Any) -> Any:
    """The addition to the tolerance of ``wanted``, the value of ``operand``.

    A number, or for a list or mapping of arrays one for each element; three digits, rounded up. Zero (or None) where
    the expectation does not move. An array that is compared with a list of tensors row by row has one number for all
    its rows, where the suite would take one for each.
    """
    moved = []
    for seed in range(MOVES):
        try:
            with np.errstate(all="ignore"):
                moved.append(operand(world.moved_oracle(seed)))
        except (RuleBroken, ValueError):  # moved data can lie where the expectation has no value
            continue
    return _widest(wanted, moved)


def _widest(wanted: Any, moved: list[Any]) -> Any:
    if isinstance(wanted, Mapping):
        found = {key: _widest(item, [one[key] for one in moved]) for key, item in wanted.items()}
        return found if any(_flat(found)) else 0.0
    if isinstance(wanted, (list, tuple)) and any(np.ndim(item) for item in wanted if _is_numeric(item)):
        parts = [_widest(item, [one[index] for one in moved]) for index, item in enumerate(wanted)]
        return _one_for_all(parts)
    if not _is_numeric(wanted):
        return 0.0
    changes = [_change(wanted, one) for one in moved]
    return _rounded_up(WIDENING * max(changes, default=0.0))


def _one_for_all(parts: list[Any]) -> Any:
    """A single number where every part has the same."""
    return parts[0] if all(part == parts[0] for part in parts) else parts


def _is_numeric(value: Any) -> bool:
    try:
        return np.asarray(value).dtype.kind in "biufc"
    except ValueError:  # ragged
        return False


def _change(wanted: Any, moved: Any) -> float:
    try:
        change = np.abs(np.asarray(moved, dtype=complex) - np.asarray(wanted, dtype=complex))
    except ValueError:  # or another shape
        return 0.0
    return float(change[np.isfinite(change)].max(initial=0.0))


def _rounded_up(value: float) -> float:
    if value == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(value)) - 2)
    return float(f"{math.ceil(value / unit) * unit:.3g}")


def _flat(value: Any) -> list[float]:
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else None
    return [float(value)] if items is None else [number for item in items for number in _flat(item)]
