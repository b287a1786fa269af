"""Operators and methods that are not there are absent; those that refuse, and data that is missing, are faults."""

from __future__ import annotations

import operator
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.implementations.contract import Implementation
from conformance.running.absence import absent_method, absent_operator
from conformance.running.cases import expand
from conformance.running.execute import Runner
from tests.implementations import tiny
from tests.rules.marked import loaded, rule


class Bare:
    """A class with nothing at all."""


class Picky:
    """A class with operators that want nobody."""

    def __add__(self, other: Any) -> Any:
        return NotImplemented

    __radd__ = __lt__ = __gt__ = __add__


OPERATIONS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "x + 1": (lambda x: x + 1, "__add__"),
    "1 + x": (lambda x: 1 + x, "__radd__"),
    "x - x": (lambda x: x - x, "__sub__"),
    "x ** 2": (lambda x: x**2, "__pow__"),
    "x @ x": (lambda x: x @ x, "__matmul__"),
    "x //= 2": (lambda x: operator.ifloordiv(x, 2), "__floordiv__"),
    "x < 1": (lambda x: x < 1, "__lt__"),
    "1 >= x": (lambda x: operator.ge(1, x), "__le__"),
    "-x": (lambda x: -x, "__neg__"),
    "abs(x)": (abs, "__abs__"),
    "x[0]": (lambda x: x[0], "__getitem__"),
    "x[0] = 1": (lambda x: operator.setitem(x, 0, 1), "__setitem__"),
    "len(x)": (len, "__len__"),
    "list(x)": (list, "__iter__"),
}


def error_of(call: Callable[[], Any]) -> BaseException:
    with pytest.raises(TypeError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_class_without_the_method_lacks_the_operator(name: str) -> None:
    """The method is named as a class would define it."""
    operation, method = OPERATIONS[name]
    assert absent_operator(error_of(lambda: operation(Bare())), Bare) == method


@pytest.mark.parametrize(
    ("call", "tensor"),
    [
        (lambda: Picky() + 1, Picky),
        (lambda: Picky() < 1, Picky),
        (lambda: 1 + "a", Bare),
        (lambda: len(3), Bare),
        (lambda: Bare()(), Bare),
        (lambda: Bare() + 1, None),
    ],
    ids=["refuses an operand", "refuses to compare", "of other classes", "no length", "no call", "no class is known"],
)
def test_other_type_errors_say_nothing_of_the_kind(call: Callable[[], Any], tensor: Any) -> None:
    """What is wrong, or somebody else's, is not absent."""
    assert absent_operator(error_of(call), tensor) is None


@pytest.mark.parametrize(
    ("when", "status", "reason"),
    [
        ("y = x @ x", "unsupported", "no Tensor.__matmul__"),
        ("with raises(TypeError):\n    x @ x", "unsupported", "no Tensor.__matmul__"),
        ("y = torch.add(x, 3)", "fail", ""),
        ("y = 3 + [x]", "fail", ""),
    ],
)
def test_a_case_that_needs_it_is_unsupported(when: str, status: str, reason: str, tmp_path: Path) -> None:
    """Where an error is expected, too; a TypeError from inside of the implementation, or of others, is a failure."""
    implementation = Implementation(tiny, "tiny")
    (case,) = expand([loaded(tmp_path, rule(when=when, then="x: x"))], implementation, "cpu")
    outcome = Runner(implementation).run(case)
    assert (outcome.status, outcome.reason) == (status, reason)


class Layer:
    """A layer with nothing at all."""


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("y = layer.zero_grad()", "Layer.zero_grad"),
        ("y = layer.training", None),
        ("y = layer.zero_grad", None),
        ("y = [1].zero_grad()", None),
    ],
    ids=["a method that is called", "data", "a method that is not called", "of something else"],
)
def test_a_method_that_a_layer_does_not_have_is_absent(code: str, absent: str | None) -> None:
    """Data that should be there is a fault, and so is whatever other objects lack."""
    with pytest.raises(AttributeError) as caught:
        exec(code, {"layer": Layer()})
    assert absent_method(caught.value, (Layer,), code) == absent


@pytest.mark.parametrize(
    ("when", "status", "reason"),
    [
        ("y = nn.Identity().register_buffer('a', x)", "unsupported", "no Identity.register_buffer"),
        ("y = nn.Identity().training", "fail", ""),
    ],
)
def test_a_case_that_needs_a_method_of_a_layer_is_unsupported(
    when: str, status: str, reason: str, tmp_path: Path
) -> None:
    """Layers are known by their base class."""

    class Module:
        """The base class."""

    class Identity(Module):
        """A layer."""

    namespace = SimpleNamespace(**vars(tiny), nn=SimpleNamespace(Module=Module, Identity=Identity))
    implementation = Implementation(namespace, "tiny")
    (case,) = expand([loaded(tmp_path, rule(when=when, then="x: x"))], implementation, "cpu")
    outcome = Runner(implementation).run(case)
    assert (outcome.status, outcome.reason) == (status, reason)
