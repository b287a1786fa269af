"""Data written down is the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.repro.literals import WIDTH, Source, call, laid_out, literal, stored
from conformance.running.data import round_to


def read_back(source: str) -> Any:
    return eval(source, {"float": float, "complex": complex})


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@given(number=st.floats(width=32))
def test_short_decimals_are_rounded_to_the_same_bits(dtype: str, number: float) -> None:
    """What a script writes for a given is read as what the suite stored, directly and by way of float32."""
    with np.errstate(over="ignore"):
        datum = round_to(np.array([number]), dtype)
    written = np.array(read_back(literal(stored(datum))))
    for again in (written, written if dtype == "float64" else written.astype(np.float32)):
        with np.errstate(over="ignore"):
            found = round_to(again, dtype).stored
        assert np.array_equal(found, datum.stored, equal_nan=True)
        assert (np.signbit(found) == np.signbit(datum.stored)).all() or np.isnan(number)


def test_decimals_are_as_short_as_the_dtype_allows() -> None:
    """0.1 is written as 0.1 in every dtype."""
    for dtype in ("float16", "bfloat16", "float32", "float64", "complex64"):
        assert literal(stored(round_to(np.array([0.1]), dtype))) in ("[0.1]", "[(0.1+0j)]")


@given(st.complex_numbers(allow_nan=False) | st.integers() | st.text() | st.booleans() | st.none())
def test_scalars_are_read_back(value: Any) -> None:
    """Every scalar survives, with the signs of its zeros."""
    found = read_back(literal(value))
    assert found == value
    assert type(found) is type(value)
    assert repr(found) == repr(value)


def test_shapes_that_lists_do_not_show_are_named() -> None:
    """An array without elements keeps its shape and its kind."""
    assert literal(np.zeros((0, 3))) == "empty(0, 3)"
    assert literal(np.zeros((2, 0))) == "[[], []]"
    assert literal(np.zeros((2, 0, 3))) == "[empty(0, 3), empty(0, 3)]"
    assert literal(np.zeros((0,), dtype=bool)) == "empty(0, kind=bool)"


@given(
    st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=30), max_size=6), st.integers(0, 40)
)
def test_long_data_goes_over_lines_and_stays_the_same(value: list[list[float]], indent: int) -> None:
    """Breaking lines changes no number, and no line of numbers is longer than a line."""
    source = laid_out(value, indent, 40)
    assert read_back(source) == value
    assert max(map(len, source.splitlines())) <= WIDTH + 1  # a comma


def test_calls_stay_on_a_line_where_they_fit() -> None:
    """A call is broken at its longest argument."""
    assert call("f", [1, Source("x=y")]) == "f(1, x=y)"
    long = call("x = torch.tensor", [list(range(100)), Source("device=device")])
    assert long.startswith("x = torch.tensor([\n    0, 1, 2,")
    assert long.endswith("\n], device=device)")
