"""How far apart a report says numbers are."""

from __future__ import annotations

import pytest

from conformance.report.numbers import ulps_apart


@pytest.mark.parametrize(
    ("dtype", "expected", "observed", "apart"),
    [
        ("float32", [1.0, 4.0], [1.0, 4.0 + 2**-21], 1.0),
        ("float32", [3.0], [3.0 - 2**-21], 2.0),
        ("float64", [1.0], [1.0 + 2**-51], 2.0),
        ("float16", [1.0], [1.5], 512.0),
        ("bfloat16", [-0.5], [-0.5 - 2**-8], 1.0),
        ("float32", [0.0], [2**-23], 1.0),
        ("complex64", ["(1+1j)"], ["(1+1.5j)"], 2**22),
        ("float32", [[1.0], [2.0]], [[1.0 + 2**-23], [2.0 + 2**-20]], 4.0),
        ("int64", [1], [2], None),
        ("float32", ["nan"], [1.0], None),
        ("float32", [1.0], ["inf"], None),
    ],
)
def test_distance_is_in_units_of_the_observed_dtype(
    dtype: str, expected: list[object], observed: list[object], apart: float | None
) -> None:
    """The largest of the elements that differ, at the expected number's magnitude; None where there is no distance."""

    def differs(left: object, right: object) -> object:
        if isinstance(left, list) and isinstance(right, list):
            return [differs(*pair) for pair in zip(left, right)]
        return left != right

    detail = {"expected": expected, "observed": observed, "differs": differs(expected, observed), "dtype": dtype}
    assert ulps_apart(detail) == apart


def test_elements_within_tolerance_do_not_count() -> None:
    """Only those that are marked as differing."""
    detail = {"expected": [1.0, 1.0], "observed": [2.0, 1.5], "differs": [False, True], "dtype": "float16"}
    assert ulps_apart(detail) == 512.0
