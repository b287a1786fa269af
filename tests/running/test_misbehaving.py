"""Implementations that misbehave in every way are told so; none of them breaks the harness."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from tests.running.trials import Plain, fake, finding, run  # noqa: E402


def raising(error: BaseException) -> Callable[..., Any]:
    def raise_it(*args: Any, **kwargs: Any) -> Any:
        raise error

    return raise_it


class Loud(Plain):
    """A tensor that raises wherever it can without being asked for its values."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    __hash__ = Plain.__hash__

    def __bool__(self) -> bool:
        raise RuntimeError("no truth")

    def __len__(self) -> int:
        raise RuntimeError("no length")

    def __iter__(self) -> Any:
        raise RuntimeError("no elements")


class NoShape(Plain):
    @property
    def shape(self) -> Any:
        raise RuntimeError("no shape")


class NoFlag(Plain):
    @property
    def requires_grad(self) -> Any:  # type: ignore[override]
        raise RuntimeError("no flag")


class NoValues(Plain):
    def numpy(self) -> Any:
        raise RuntimeError("no values")


class EqualToAll(Plain):
    """What ``==`` gives of this tensor is a tensor again, as torch's does."""

    def __eq__(self, other: object) -> Any:
        return Plain(np.ones(2, bool))

    __hash__ = Plain.__hash__


class HostileText(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Odd:
    """An object of which nothing is as it should be."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")

    def __repr__(self) -> str:
        return "odd \udcff\nand long " * 100


def test_a_loud_tensor_passes_where_it_is_right(tmp_path: Path) -> None:
    """Values and flags are read without comparing, printing or testing the tensor itself."""
    then = (
        "y: {values: x, requires_grad: false, dtype: float32, shape: [2], is: x, grad_fn: none}\nx: {unchanged: true}"
    )
    assert run(tmp_path, "y = x", then, implementation=fake(Loud)).findings == ()


def test_a_loud_tensor_fails_where_it_is_wrong(tmp_path: Path) -> None:
    """Its failures are found, with what can be said of them."""
    then = "y: 2 * x\ny + 0: {length: 2}\n'[y]': {data: [1]}\n'{1: y}': {each: none}"
    outcome = run(
        tmp_path,
        "y = x",
        then.replace("y + 0", "y").replace("\ny: {length", "\n'(y)': {length"),
        implementation=fake(Loud),
    )
    assert [one.kind for one in outcome.findings] == ["values", "unexpected error", "values", "values"]
    assert outcome.findings[1].observed == "RuntimeError: no length"


@pytest.mark.parametrize(
    ("tensor", "right", "said"),
    [
        (NoShape, "{values: x}", "RuntimeError: no shape"),
        (NoFlag, "{requires_grad: false}", "RuntimeError: no flag"),
        (NoValues, "{values: x}", "RuntimeError: no values"),
        (Loud, "{length: 2}", "RuntimeError: no length"),
        (Loud, "{each: 1}", "RuntimeError: no elements"),
    ],
)
def test_what_cannot_be_looked_at_is_a_finding(tensor: type[Any], right: str, said: str, tmp_path: Path) -> None:
    """Code of the implementation that raises while it is observed fails that check and no other."""
    outcome = run(tmp_path, "y = x", f"y: {right}\nw.is_leaf: true\nlen([1]): 2", implementation=fake(tensor))
    assert [(one.kind, one.observed) for one in outcome.findings] == [("unexpected error", said), ("values", "1")]
    assert outcome.checks == 3


@pytest.mark.parametrize("right", ["{data: [1, 2]}", "{text: a}", "{version: 7}", "{type: Tensor}", "{keys: [a]}"])
def test_a_tensor_for_an_equal_sign_convinces_nobody(right: str, tmp_path: Path) -> None:
    """A tensor whose == is truthy or no bool at all is not plain data, text or a number."""
    outcome = run(
        tmp_path, "y = x.clone()", f"y: {right}", implementation=fake(type("T", (EqualToAll,), {"clone": lambda t: t}))
    )
    assert outcome.status == ("pass" if right == "{type: Tensor}" else "fail")


@pytest.mark.parametrize(
    "error", [SystemExit(3), GeneratorExit(), BaseException("base"), type("Own", (BaseException,), {})("own")]
)
def test_exceptions_of_every_kind_are_findings(error: BaseException, tmp_path: Path) -> None:
    """An implementation that exits or raises past Exception fails its case, in statements and in observations."""
    hostile = fake(neg=raising(error), is_grad_enabled=lambda: True)
    found = finding(run(tmp_path, "y = torch.neg(x)", "x: x", implementation=hostile))
    assert (found.kind, found.line) == ("unexpected error", 11)
    found = finding(run(tmp_path, "with raises(RuntimeError):\n    torch.neg(x)", "x: x", implementation=hostile))
    assert found.kind == "unexpected error"
    looked_at = fake(type("T", (Plain,), {"grad": property(raising(error))}))
    found = finding(run(tmp_path, "y = x", "y.grad: none", implementation=looked_at))
    assert (found.kind, found.observation) == ("unexpected error", "y.grad")


def test_ctrl_c_is_nobody_s_finding(tmp_path: Path) -> None:
    """KeyboardInterrupt ends the run, wherever it comes."""
    for when in ("y = torch.neg(x)", "with raises(RuntimeError):\n    torch.neg(x)"):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, when, implementation=fake(neg=raising(KeyboardInterrupt())))


def test_texts_that_cannot_be_had_or_written(tmp_path: Path) -> None:
    """An error without a text, a repr with lone surrogates: the finding holds what UTF-8 can."""
    found = finding(run(tmp_path, "y = torch.neg(x)", implementation=fake(neg=raising(HostileText()))))
    assert found.observed == "HostileText: (its text raises RuntimeError)"
    found = finding(run(tmp_path, "y = torch.neg(x)", implementation=fake(neg=raising(ValueError("a\udcffb\nc")))))
    assert found.observed == "ValueError: a\\udcffb"
    found = finding(run(tmp_path, "y = torch.neg(x)", "y: x", implementation=fake(neg=lambda x: Odd())))
    assert found.observed.encode()
    assert len(found.observed) < 1000
    assert found.kind in ("values", "unexpected error")


VALUES: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "a set of tensors": lambda: {Plain(np.ones(2))},
    "a generator": lambda: (n for n in range(5)),
    "a generator that raises": lambda: (1 / n for n in [0]),
    "a list of itself": lambda: (lambda one: one.append(one) or one)([]),
    "a huge list": lambda: list(range(10**5)),
    "a huge text": lambda: "x" * 10**6,
    "a class": lambda: Plain,
    "an object": lambda: object(),
    "an odd object": lambda: Odd(),
    "a number": lambda: math.nan,
    "bytes": lambda: b"\xff",
    "an array of objects": lambda: np.array([object()]),
    "an array of text": lambda: np.array(["a"]),
}


RIGHTS = """\
x
{dtype: float32}
{shape: [2]}
{is: x}
{length: 2}
{keys: [a]}
{data: [1, 2, 3]}
{same_as: x, values: x}
{close_to: x, values: x}
{each: x}
{any_order: [1, x]}
{filled: 3}
{elements_from: [3]}
{requires_grad: true}
""".splitlines()


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("right", RIGHTS)
def test_whatever_comes_back_is_a_failure_and_no_error(name: str, right: str, tmp_path: Path) -> None:
    """A value of any kind where a tensor belongs fails its check; the harness says so and goes on."""
    outcome = run(tmp_path, "y = torch.neg(x)", f"y: {right}", implementation=fake(neg=lambda x: VALUES[name]()))
    assert outcome.status in ("fail", "crash"), outcome
    assert outcome.status == "fail" or name == "a list of itself"
    for found in outcome.findings:
        assert len(found.observed) < 1000


def test_infinite_iterators_end(tmp_path: Path) -> None:
    """An iterator without end is cut off, and is no list of any expected length."""

    def endless() -> Any:
        while True:
            yield 1

    found = finding(run(tmp_path, "y = torch.neg(x)", "y: {length: 2}", implementation=fake(neg=lambda x: endless())))
    assert found.kind == "shape"
