"""Givens: the same bits for everybody, rounded to their dtype first, and never changed by anyone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.running.cases import expand
from conformance.running.data import Datum, default_dtype, draw, round_to
from conformance.running.execute import Runner
from conformance.running.world import World

torch = pytest.importorskip("torch")
from tests.rules.marked import HEAD, loaded  # noqa: E402 - beside the next
from tests.running.trials import TORCH, fake  # noqa: E402 - imports torch

DTYPES = (
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
    "complex128",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "bool",
)


def world_of(folder: Path, givens: str, more: str = "", implementation: Any = TORCH, slug: str = "a") -> World:
    """The world of the first case of a rule with these givens, before its first statement."""
    text = (
        HEAD.replace("t/a", f"t/{slug}")
        + more
        + f"    given:\n      {givens}\n    then: {{torch.is_grad_enabled(): true}}\n"
    )
    runner = Runner(implementation)
    case = next(iter(expand([loaded(folder, text)], implementation, "cpu")))
    with np.errstate(all="ignore"):
        return runner.prepare(case, {})[1]


@given(st.lists(st.floats(width=32), min_size=1, max_size=20))
def test_bfloat16_is_rounded_as_torch_rounds(values: list[float]) -> None:
    """To nearest, ties to even, infinities and NaN kept."""
    ours = round_to(np.array(values), "bfloat16").stored
    theirs = torch.tensor(np.float32(values)).bfloat16().float().numpy()
    assert np.array_equal(ours, theirs, equal_nan=True)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (1 + 2**-8, 1.0),
        (1 + 3 * 2**-8, 1 + 2**-6),
        (1 + 2**-8 + 2**-20, 1 + 2**-7),
        (-(1 + 2**-8), -1.0),
        (3.4e38, np.inf),
        (1e-45, 0.0),
    ],
)
def test_ties_go_to_even(value: float, rounded: float) -> None:
    """Half way between two bfloat16 numbers the even one is taken; what is too large is infinite."""
    assert round_to(np.float32(value), "bfloat16").stored == np.float32(rounded)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_is_stored_as_torch_stores_it(dtype: str) -> None:
    """What both sides see is the same number: the stored bits, widened."""
    values = np.array([0.0, 1.0, 2.7, 100.0])
    with np.errstate(all="ignore"):
        datum = round_to(values, dtype)
    tensor = torch.tensor(datum.stored, dtype=getattr(torch, dtype))
    assert np.array_equal(TORCH.array(tensor), datum.stored)
    assert np.array_equal(datum.shown, datum.stored)
    assert str(datum.shown.dtype) in ("float64", "complex128", "int64", "bool")


def test_negative_numbers_wrap_as_bytes() -> None:
    """The same on every machine, also for numbers that were drawn as floats."""
    assert round_to(np.array([-1.0, -2.75, 255.0]), "uint8").stored.tolist() == [255, 254, 255]
    assert round_to(np.array([-1, 256]), "uint8").stored.tolist() == [255, 0]


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3)])
def test_data_without_elements_and_0_d_data(shape: tuple[int, ...]) -> None:
    """Rounding keeps the shape."""
    for dtype in ("bfloat16", "float16", "int8"):
        datum = round_to(np.ones(shape), dtype)
        assert datum.stored.shape == datum.shown.shape == shape


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_expectations_see_is_read_only_and_separate(dtype: str) -> None:
    """Nobody can change the data as it was made, not even through what was stored."""
    source = np.ones(3)
    datum = round_to(source, dtype)
    with pytest.raises(ValueError, match="read-only"):
        datum.shown[0] = 5
    assert not np.shares_memory(datum.shown, datum.stored)


def test_draws_follow_from_their_key_alone() -> None:
    """The same key gives the same bits, whatever was drawn before; another key gives others."""
    first = draw("normal", [3], {}, "t/a:x").copy()
    draw("normal", [300], {}, "t/a:y")
    assert np.array_equal(first, draw("normal", [3], {}, "t/a:x"))
    for other in ("t/a:y", "t/b:x"):
        assert not np.array_equal(first, draw("normal", [3], {}, other))


def test_draws_of_this_release_are_those_of_every_release() -> None:
    """The bits are pinned: a results file from another machine speaks of the same data."""
    assert draw("normal", [2], {}, "t/a:x").tolist() == PINNED["normal"]
    assert draw("uniform", [2], {}, "t/a:x").tolist() == PINNED["uniform"]
    assert draw("integers", [6], {}, "t/a:x").tolist() == PINNED["integers"]


PINNED: dict[str, list[float]] = {
    "normal": [-0.4500673582535451, -0.8959106864836135],
    "uniform": [0.43199994650106543, 0.9182460126234044],
    "integers": [0, 4, 8, 9, 4, 5],
}


@given(low=st.integers(-50, 50), width=st.integers(1, 20))
def test_bounds_of_draws(low: int, width: int) -> None:
    """Uniform and integer draws lie in [low, high)."""
    bounds = {"low": low, "high": low + width}
    for form in ("uniform", "integers"):
        drawn = draw(form, [50], bounds, "k")
        assert drawn.min() >= low
        assert drawn.max() < low + width


def test_mean_and_std_move_the_same_draw() -> None:
    """Options scale what is drawn, and draw nothing else."""
    plain = draw("normal", [4], {}, "k")
    assert np.allclose(draw("normal", [4], {"mean": 5, "std": 3}, "k"), 5 + 3 * plain)


@pytest.mark.parametrize(
    ("form", "values", "case", "dtype"),
    [
        ("values", np.array([True]), "float64", "bool"),
        ("values", np.array([1]), "float16", "float16"),
        ("integers", np.array([1]), "float16", "int64"),
        ("values", np.array([1j]), "float32", "complex64"),
        ("values", np.array([1j]), "float64", "complex128"),
        ("values", np.array([1j]), "complex128", "complex128"),
        ("normal", np.array([1.0]), "bfloat16", "bfloat16"),
    ],
)
def test_a_given_without_a_dtype(form: str, values: Any, case: str, dtype: str) -> None:
    """It takes the case's, but booleans stay booleans, draws of integers int64, and complex numbers complex."""
    assert default_dtype(form, values, case) == dtype


FORMS = """\
a: [1.5, -2]
      b: {normal: [2, 3], mean: 1}
      c: {like: b}
      d: {values: 'a.sum() + np.ones(2)', dtype: float64, requires_grad: true}
      e: {integers: [4], high: 5}
      f: {values: [[1, 2]], as: parameter}
      g: {values: [1, 2], as: numpy}
      h: {values: [1, 2], as: list}
      i: {k: {normal: [2]}, l: [{normal: [2]}, [3]]}
      j: [true, false]
      m: {module: 'nn.Linear(2, 1)'}
      n: {module: 'nn.BatchNorm1d(2)'}"""


def test_every_form_gives_statements_and_expectations_the_same(tmp_path: Path) -> None:
    """What `when` finds under a name holds the values that expectations see under it."""
    world = world_of(tmp_path, FORMS)

    def same(made: Any, seen: Any) -> None:
        if isinstance(made, (dict, list)) and not isinstance(seen, np.ndarray):
            for key in seen if isinstance(seen, dict) else range(len(seen)):
                same(made[key], seen[key])
        elif isinstance(made, torch.nn.Module):
            for name, tensor in made.state_dict().items():
                same(tensor, seen[name])
        else:
            array = made.detach().numpy() if isinstance(made, torch.Tensor) else np.asarray(made)
            assert np.array_equal(array, seen)

    for name in "abcdefghijmn":
        same(world.made[name], world.oracle[name])
    made = world.made
    assert isinstance(made["f"], torch.nn.Parameter)
    assert made["f"].requires_grad
    assert made["d"].requires_grad
    assert made["d"].is_leaf
    assert made["d"].dtype is torch.float64
    assert made["e"].dtype is torch.int64
    assert made["j"].dtype is torch.bool
    assert isinstance(made["g"], np.ndarray)
    assert made["h"] == [1.0, 2.0]
    assert made["c"].shape == (2, 3)
    assert made["n"].running_mean.tolist() == [0, 0], "buffers keep their initial values"


def test_no_data_is_drawn_twice(tmp_path: Path) -> None:
    """Givens, their parts, parameters of a layer, and rules all have draws of their own."""
    parts = [
        "a: {normal: [4]}",
        "b: {normal: [4]}",
        "c: [{normal: [4]}, {normal: [4]}]",
        "m: {module: 'nn.Linear(4, 4)'}",
    ]
    givens = "\n      ".join(parts)
    first, second = (world_of(tmp_path, givens, slug=slug) for slug in "ab")
    drawn = [world.oracle[name] for world in (first, second) for name in "ab"]
    drawn += [part for world in (first, second) for part in world.oracle["c"]]
    drawn += [world.oracle["m"][name].ravel()[:4] for world in (first, second) for name in ("weight", "bias")]
    assert len({array.tobytes() for array in drawn}) == len(drawn) == 12


def test_every_implementation_sees_the_same_bits(tmp_path: Path) -> None:
    """Data is made by the harness: an implementation that is not torch gets torch's numbers."""
    ours = world_of(tmp_path, "a: {normal: [5]}", implementation=fake())
    theirs = world_of(tmp_path, "a: {normal: [5]}")
    assert np.array_equal(ours.made["a"].numpy(), theirs.made["a"].numpy())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "complex64"])
def test_a_case_s_dtype_is_that_of_its_data(dtype: str, tmp_path: Path) -> None:
    """Numbers take it, and complex cases draw both parts."""
    world = world_of(tmp_path, "a: {normal: [3]}\n      b: [1, 2]", f"    with: {{dtype: [{dtype}]}}\n")
    assert world.made["a"].dtype is getattr(torch, dtype)
    assert world.made["b"].dtype is getattr(torch, dtype)
    assert np.iscomplexobj(world.oracle["a"]) is dtype.startswith("complex")
    if dtype.startswith("complex"):
        assert np.all(world.oracle["a"].imag != 0)


def test_moved_data_moves_by_one_eps(tmp_path: Path) -> None:
    """Each floating number goes up or down by one eps of its dtype, others stay, and nothing is lost."""
    world = world_of(tmp_path, "a: {normal: [50]}\n      b: {integers: [3]}\n      c: [{values: [2], dtype: float16}]")
    moved = world.moved_oracle(1)
    ratio = moved["a"] / world.oracle["a"]
    assert set(np.round((ratio - 1) * 2**23).tolist()) == {-1.0, 1.0}
    assert np.array_equal(moved["b"], world.oracle["b"])
    assert abs(moved["c"][0][0] / 2 - 1) == 2**-10
    assert np.array_equal(world.moved_oracle(1)["a"], moved["a"])
    assert not np.array_equal(world.moved_oracle(2)["a"], moved["a"])
    assert isinstance(world.data["a"], Datum)
