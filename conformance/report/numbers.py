"""How far apart numbers are, in units in the last place of the dtype that was observed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

#: Bits of the fraction.
_FRACTION = {"float16": 10, "bfloat16": 7, "float32": 23, "float64": 52, "complex64": 23, "complex128": 52}


def ulps_apart(detail: Mapping[str, Any]) -> float | None:
    """The largest distance of a finding's differing elements, in ulp of the expected number.

    Args:
        detail: ``expected``, ``observed`` and ``differs`` as nested lists, and ``dtype``, as findings have them.

    Returns:
        None for integers and booleans, and where an element is no finite number.

    """
    fraction = _FRACTION.get(str(detail.get("dtype")))
    if fraction is None:
        return None
    largest = 0.0
    elements = zip(_flat(detail["expected"]), _flat(detail["observed"]), _flat(detail["differs"]))
    for expected, observed, differs in elements:
        if not differs:
            continue
        wanted, found = _number(expected), _number(observed)
        if wanted is None or found is None:
            return None
        largest = max(largest, abs(found - wanted) / _ulp(abs(wanted), fraction))
    return largest or None


def _flat(nested: Any) -> Iterator[Any]:
    if isinstance(nested, (list, tuple)):
        for part in nested:
            yield from _flat(part)
    else:
        yield nested


def _number(value: Any) -> complex | None:
    """A finite number; JSON holds complex ones, and those that are not finite, as text."""
    try:
        number = complex(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(abs(number)) else None


def _ulp(magnitude: float, fraction: int) -> float:
    """The spacing of numbers at ``magnitude``; at zero, that at 1, for the smallest number of all says nothing."""
    exponent = math.frexp(magnitude)[1] - 1 if magnitude else 0
    return math.ldexp(1.0, exponent - fraction)
