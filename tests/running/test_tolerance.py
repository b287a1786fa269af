"""How closely values are compared: derived from dtype, scale and conditioning, exact wherever nothing is rounded."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.running.comparing import ULPS, Exactness, describe, match, match_arrays, same
from conformance.running.data import EPS
from conformance.running.world import Snapshot, World

torch = pytest.importorskip("torch")
from tests.running.trials import TORCH, fails, holds  # noqa: E402 - imports torch


@pytest.fixture
def world() -> Iterator[World]:
    """A case on torch's cpu, in float32, with NumPy as quiet as it is while a case runs."""
    with np.errstate(all="ignore"):
        yield World(TORCH, "cpu", "float32", "must", 1)


def equal(world: World, observed: Any, expected: Any, **how: Any) -> bool:
    return match(world, observed, expected, Exactness(**how)) is None


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("scale", [1.0, 1000.0, 2.0**-10])
def test_sixteen_eps_of_the_observed_dtype_at_the_largest_magnitude(dtype: str, scale: float, world: World) -> None:
    """The tolerance is the same for all elements: 16 eps times the largest magnitude expected."""
    wanted = np.array([scale, scale / 8, 0.0])
    apart = [[scale, scale / 8, ulps * EPS[dtype] * scale] for ulps in (ULPS, ULPS + 1)]
    near, far = torch.tensor(apart, dtype=getattr(torch, dtype))
    assert equal(world, near, wanted)
    assert not equal(world, far, wanted)


def test_eps_are_those_of_torch() -> None:
    """The table agrees with torch.finfo."""
    for name, eps in EPS.items():
        assert torch.finfo(getattr(torch, name)).eps == eps


def test_an_expected_zero_has_no_scale_of_its_own(world: World) -> None:
    """Zeros are exact unless a scale is stated."""
    observed = torch.tensor([1e-6])
    assert not equal(world, observed, np.zeros(1))
    assert equal(world, observed, np.zeros(1), scale=1.0)
    assert not equal(world, torch.tensor([3e-6]), np.zeros(1), scale=1.0)


def test_an_absolute_tolerance_replaces_a_smaller_one(world: World) -> None:
    """`within` is for numbers that a page prints rounded, and never tightens."""
    assert equal(world, torch.tensor([1.2345]), np.array([1.23]), within=0.005)
    assert not equal(world, torch.tensor([1.2345]), np.array([1.23]), within=0.004)
    assert equal(world, torch.tensor([1 + 2**-22]), np.ones(1), within=1e-12)


def test_exact_forbids_any_difference(world: World) -> None:
    """With exact, neighbouring floats differ; NaN equals NaN."""
    assert not equal(world, torch.tensor([1 + 2**-23]), np.ones(1), exact=True)
    assert equal(world, torch.tensor([1.0, math.nan]), np.array([1, math.nan]), exact=True)
    assert not equal(world, torch.tensor([1.0]), np.array([math.nan]), exact=True)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1.0])
@pytest.mark.parametrize("wanted", [math.inf, -math.inf, math.nan, 1.0])
def test_infinities_and_nan_equal_only_themselves(value: float, wanted: float, world: World) -> None:
    """No tolerance bridges them, whatever stands beside them."""
    same_value = value == wanted or (math.isnan(value) and math.isnan(wanted))
    assert equal(world, torch.tensor([value, 1e30]), np.array([wanted, 1e30])) is same_value


@pytest.mark.parametrize(
    ("observed", "expected", "holds"),
    [
        (2**63 - 1, 2**63 - 1, True),
        (2**63 - 1, 2**63 - 2, False),
        (-(2**63), -(2**63), True),
        (2**53 + 1, float(2**53), False),
        (2**53, float(2**53), True),
        (3, 3.0, True),
        (3, 3.0000001, False),
    ],
)
@pytest.mark.parametrize("plain", [False, True], ids=["tensor", "number"])
def test_whole_numbers_are_exact(observed: int, expected: float, holds: bool, plain: bool, world: World) -> None:
    """Up to the ends of int64, also against an expectation in floating point."""
    value = observed if plain else torch.tensor(observed)
    assert equal(world, value, np.asarray(expected)) is holds


@pytest.mark.parametrize(("expected", "holds"), [(2**70, True), (2**70 + 1, False)])
def test_numbers_of_any_length_are_exact(expected: int, holds: bool, world: World) -> None:
    """Python's whole numbers have no end, and no tolerance."""
    assert equal(world, 2**70, expected) is holds


def test_complex_values(world: World) -> None:
    """Both parts count, at the scale of the magnitude."""
    observed = torch.tensor([3 + 4j])
    assert equal(world, observed, np.array([3 + 4j + 16 * 2**-23 * 5j]))
    assert not equal(world, observed, np.array([3 + 4j + 20 * 2**-23 * 5j]))
    assert not equal(world, observed, np.array([3.0]))
    assert equal(world, torch.tensor([complex(math.nan, 1)]), np.array([complex(math.nan, 1)]))


def test_bools_are_no_numbers(world: World) -> None:
    """True is not 1, in either direction, for tensors and for Python's own."""
    for value in (torch.tensor([True]), torch.tensor([1])):
        wanted = value.dtype is torch.bool
        assert equal(world, value, np.array([True])) is wanted
        assert equal(world, value, np.array([1])) is not wanted
    assert equal(world, True, np.asarray(True))
    assert not equal(world, 1, np.asarray(True))


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,), (2, 3)])
def test_shapes_are_equal_or_wrong(shape: tuple[int, ...], world: World) -> None:
    """0-d, empty and one element are three things; nothing broadcasts."""
    for other in [(), (0,), (0, 3), (1,), (2, 3)]:
        assert equal(world, torch.ones(shape), np.ones(other)) is (shape == other)


def test_a_python_float_has_the_precision_of_the_case() -> None:
    """A number read with .item() was computed in the case's dtype."""
    for dtype, ulps in (("float32", 16), ("float64", 16)):
        world = World(TORCH, "cpu", dtype, "must", 1)
        assert equal(world, 1 + ulps * EPS[dtype], np.asarray(1.0))
        assert not equal(world, 1 + 2 * ulps * EPS[dtype], np.asarray(1.0))


def test_ragged_expectations_are_no_tensor(world: World) -> None:
    """A list that is no array never equals a tensor, and equals the list it describes."""
    assert not equal(world, torch.ones(2), [[1.0], 1.0])
    assert equal(world, [torch.ones(1), torch.tensor(1.0)], [[1.0], 1.0])


def test_ill_conditioned_expectations_widen(tmp_path: Path) -> None:
    """Moving the givens by one eps shows how much of the result is noise; the tolerance follows, and only there."""
    more = "with: {dtype: [float32]}\n"
    holds(tmp_path, "y = torch.sin(x * 1e5 + x * 0.001)", "y: {values: np.sin(x * 1e5 + x * 0.001)}", more)
    fails(tmp_path, "y = torch.sin(x * 1e5) + 0.5", "y: np.sin(x * 1e5)", "values", more)
    fails(tmp_path, "y = x * 1.0001", "y: x", "values", more)


def test_widening_sees_the_expect_block(tmp_path: Path) -> None:
    """What `expect` prepares is prepared again from the moved givens."""
    more = "expect: |\n  big = x * 1e5\n"
    holds(tmp_path, "y = torch.sin(x * 1e5 + 0.002)", "y: np.sin(big)", more)
    fails(tmp_path, "y = torch.sin(x * 1e5 + 0.5)", "y: np.sin(big)", "values", more)


def test_an_expectation_that_cannot_be_moved_does_not_widen(world: World) -> None:
    """Where moved givens give another shape, the difference stays a difference."""
    snapshot = Snapshot(np.float32([1.5]), (1,), "float32")
    again = Exactness(again=lambda seed: np.ones(3))
    assert match_arrays(world, snapshot, np.array([1.0]), again) is not None


@pytest.mark.parametrize("nested", [[1.0, 2.0], {"a": 1.0}])
def test_parts_of_a_nested_expectation_widen_by_themselves(nested: Any, world: World) -> None:
    """The moved expectation is taken apart as the expectation is."""
    moved = {"a": 1.5} if isinstance(nested, dict) else [1.0, 2.5]
    observed = {"a": 1.25} if isinstance(nested, dict) else [1.0, 2.25]
    assert equal(world, observed, nested, again=lambda seed: moved)
    assert not equal(world, observed, nested, again=lambda seed: nested)


def test_same_is_bitwise(world: World) -> None:
    """No tolerance between two observed values; NaN equals NaN; dtype and shape count; order of keys as well."""
    one, near = torch.tensor([1.0, math.nan]), torch.tensor([1 + 2**-23, math.nan])
    assert same(world, one, one.clone()) is None
    for left, right, kind in [
        (one, near, "values"),
        (one, one.double(), "dtype"),
        (one, one[:1], "shape"),
        ([one], [one, one], "values"),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "values"),
        (1, 1.0, "dtype"),
        ("a", "b", "values"),
        (None, 0, "values"),
    ]:
        found = same(world, left, right)
        assert found is not None
        assert found.kind == kind


def test_differences_are_drawn_as_plain_data(world: World) -> None:
    """Small arrays go into the finding as JSON can hold them: NaN, infinities and complex numbers as text."""
    found = match(world, torch.tensor([1.0, math.nan, math.inf]), np.array([2.0, math.nan, math.inf]), Exactness())
    assert found is not None
    assert found.detail is not None
    assert found.detail["differs"] == [True, False, False]
    assert found.detail["observed"] == [1.0, "nan", "inf"]
    assert found.observed.endswith("; 1 of 3 differ")
    large = match(world, torch.ones(101), np.zeros(101), Exactness())
    assert large is not None
    assert large.detail is None


def test_descriptions_are_short(world: World) -> None:
    """Whatever the value, one line that fits a report."""
    deep: list[Any] = []
    deep.append(deep)
    for value in [torch.ones(1000, 1000), list(range(10**5)), {n: n for n in range(1000)}, "x" * 10**6, deep, object()]:
        text = describe(world, value)
        assert len(text) <= 400
        assert "\n" not in text
