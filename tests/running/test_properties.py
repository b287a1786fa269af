"""Rules over drawn data: what is drawn, how a failure shrinks, and that both are the same every time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.running.cases import expand
from conformance.running.execute import Runner
from conformance.running.properties import example, read_example, reason_of

pytest.importorskip("torch")
from tests.rules.marked import HEAD, loaded
from tests.running.trials import TORCH, fake, run_all


def law(givens: str, when: str, then: str, more: str = "") -> str:
    return HEAD + more + f"    given:\n      {givens}\n    when: {when}\n    then:\n      {then}\n"


def outcome_of(folder: Path, text: str, **options: Any) -> Any:
    (outcome,) = run_all(folder, text, **options).values()
    return outcome


def test_a_law_that_holds(tmp_path: Path) -> None:
    """Every example is checked, and the checks are counted together."""
    outcome = outcome_of(tmp_path, law("x: {any: tensor}", "y = x + x", "y: 2 * x"), examples=30)
    assert (outcome.status, outcome.checks) == ("pass", 30)


def test_a_failure_shrinks(tmp_path: Path) -> None:
    """The smallest example that fails is named with its finding."""
    outcome = outcome_of(tmp_path, law("x: {any: {dims: [1, 1]}}", "y = x.clamp(max=2)", "y: x"))
    assert outcome.status == "fail"
    assert outcome.reason == "smallest example: x = [2.25]"
    assert [one.observed for one in outcome.findings] == ["[2.]"]


def test_the_shape_of_an_empty_example_is_said(tmp_path: Path) -> None:
    """[] alone would not tell (0,) from (0, 3)."""
    outcome = outcome_of(
        tmp_path, law("x: {any: {sides: [0, 0], dims: [1, 2]}}", "y = x.reshape(-1)", "y: {length: 1}")
    )
    assert outcome.reason == "smallest example: x = [] (shape [0])"


def test_examples_are_the_same_every_time(tmp_path: Path) -> None:
    """Nothing is random: two runs find the same example after as many checks."""
    text = law("x: {any: tensor}", "y = x.abs().sum()", "y: {holds: it < 5}")
    first, second = (outcome_of(tmp_path, text) for _ in range(2))
    assert (first.reason, first.checks) == (second.reason, second.checks)
    assert first.status == "fail"


def test_examples_reach_the_corners(tmp_path: Path) -> None:
    """0-d, empty and several dimensions come up, and zeros, within the default number of examples."""
    seen: set[str] = set()
    namespace = fake()

    def neg(x: Any) -> Any:
        shape = x.shape
        seen.add("0-d" if shape == () else "empty" if 0 in shape else f"{len(shape)} dimensions")
        return x

    namespace.torch.neg = neg
    outcome_of(tmp_path, law("x: {any: tensor}", "y = torch.neg(x)", "y: x"), implementation=namespace, examples=100)
    assert {"0-d", "empty", "1 dimensions", "2 dimensions"} <= seen


DRAWN = {
    "shape": ("x: {any: {shape: [2, 3]}}", "x.shape == (2, 3)"),
    "shape by a parameter": ("x: {any: {shape: '[n]'}}", "x.shape == (4,)"),
    "dims and sides": (
        "x: {any: {dims: [1, 2], sides: [2, 3]}}",
        "1 <= x.ndim <= 2 and all(2 <= side <= 3 for side in x.shape)",
    ),
    "bounds": ("x: {any: {low: -1, high: 2}}", "(x >= -1).all() and (x <= 2).all()"),
    "step": ("x: {any: {step: 0.5}}", "(x * 2 == (x * 2).round()).all()"),
    "quarters": ("x: {any: tensor}", "(x * 4 == (x * 4).round()).all() and (abs(x) <= 4).all()"),
    "nonzero": ("x: {any: {nonzero: true}}", "(x != 0).all()"),
    "integer": ("x: {any: {integer: [2, 5]}}", "2 <= x <= 5 and isinstance(x, int)"),
    "choice": ("x: {any: {choice: [a, [1, 2]]}}", "x in ('a', [1, 2])"),
    "broadcasting": (
        "w: {any: {dims: [0, 2]}}\n      x: {any: {broadcasts_with: w}}",
        "np.broadcast_shapes(np.shape(x), np.shape(w)) is not None",
    ),
    "dtype": ("x: {any: tensor, dtype: float16}", "(x * 4 == (x * 4).round()).all()"),
}


@pytest.mark.parametrize("name", DRAWN)
def test_what_is_drawn_is_as_asked_for(name: str, tmp_path: Path) -> None:
    """Every example lies within what the given says."""
    givens, condition = DRAWN[name]
    text = law(givens, "y = [x, 1]", f'y: {{holds: "{condition}", if: n == 4}}', "    with: {n: [4]}\n")
    outcome = outcome_of(tmp_path, text, examples=50)
    assert (outcome.status, outcome.findings) == ("pass", ())


def test_complex_cases_draw_both_parts(tmp_path: Path) -> None:
    """In a complex dtype some example has an imaginary part."""
    text = law(
        "x: {any: {shape: [3]}}", "y = x", "y: {holds: np.all(it.imag == 0)}", "    with: {dtype: [complex64]}\n"
    )
    assert outcome_of(tmp_path, text).status == "fail"


def test_an_implementation_that_lacks_something_is_unsupported(tmp_path: Path) -> None:
    """What is absent is no failing example."""

    def neg(x: Any) -> Any:
        raise NotImplementedError("later")

    outcome = outcome_of(tmp_path, law("x: {any: tensor}", "y = torch.neg(x)", "y: x"), implementation=fake(neg=neg))
    assert (outcome.status, outcome.reason) == ("unsupported", "not implemented: later")


def test_an_implementation_that_changes_its_mind_fails(tmp_path: Path) -> None:
    """A failure that does not come again is a failure all the same, with the data that showed it."""
    calls = iter(range(10**6))

    def neg(x: Any) -> Any:
        return type(x)(x.numpy() + 1) if next(calls) == 3 else x

    text = law("x: {any: {shape: [2]}}", "y = torch.neg(x)", "y: x")
    outcome = outcome_of(tmp_path, text, implementation=fake(neg=neg))
    assert outcome.status == "fail"
    assert outcome.reason.startswith("smallest example: x = ")


def test_the_example_of_a_script_is_the_one_that_failed(tmp_path: Path) -> None:
    """Where nothing fails, it is the first."""
    runner = Runner(TORCH)

    def drawn(when: str, slug: str) -> Any:
        text = law("x: {any: {dims: [1, 1]}}", when, "y: x").replace("t/a", slug)
        (case,) = expand([loaded(tmp_path, text)], TORCH, "cpu")
        return example(runner, case)["x"]

    assert drawn("y = x.clamp(max=2)", "t/wrong").tolist() == [2.25]
    assert isinstance(drawn("y = x + 0", "t/right"), np.ndarray)


WRITTEN = {
    "arrays": {"x": np.array([[0.25, -4.0], [0.0, 1.5]]), "w": np.asarray(-2.5)},
    "empty arrays": {"x": np.zeros((2, 0)), "w": np.zeros(0)},
    "complex arrays": {"x": np.array([1 + 0.5j, -2j, -0.25]), "w": np.asarray(0.5j)},
    "plain data": {"x": np.ones(1), "n": 3, "c": "a, n = 7"},
    "lists": {"x": np.ones(1), "n": -3, "c": ["a", None, [True, 1.5]]},
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_recorded_example_can_be_read_again(tmp_path: Path, name: str) -> None:
    """Values, shapes and kinds are those that were drawn: a results file is enough to pin an example."""
    wanted = WRITTEN[name]
    plain = "n: {any: {integer: [-5, 5]}}\n      c: {any: {choice: [a, b]}}"
    rest = plain if "n" in wanted else "w: {any: tensor}"
    found = read_example(loaded(tmp_path, law(f"x: {{any: tensor}}\n      {rest}", "y = x", "y: x")), reason_of(wanted))
    assert found.keys() == wanted.keys()
    for one, value in wanted.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(found[one], value, strict=True)
        else:
            assert repr(found[one]) == repr(value)


@pytest.mark.parametrize("reason", ["", "y = [1.0]", "smallest example: y = [1.0]", "smallest example: x = [1.0"])
def test_a_reason_that_names_no_example_is_refused(tmp_path: Path, reason: str) -> None:
    """Rather than taken for another one."""
    with pytest.raises(ValueError, match="no example of t/a in"):
        read_example(loaded(tmp_path, law("x: {any: tensor}", "y = x", "y: x")), reason)
