"""The contract's defaults, on the smallest torch-like module there is."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from conformance.implementations.contract import NEWEST_RELEASE, Implementation
from tests.implementations import tiny


@pytest.fixture
def implementation() -> Implementation:
    return Implementation(tiny, "tiny")


def test_dtypes_are_found_by_making_a_tensor_of_each(implementation: Implementation) -> None:
    """What the module has no object for, or cannot make, it does not have."""
    assert implementation.dtypes("cpu") == {"float32", "float64", "int64"}


def test_names_resolve_through_the_namespaces(implementation: Implementation) -> None:
    """``torch.add`` is there; a name that is missing, also behind a namespace that is missing, is not."""
    assert implementation.resolve("torch.add") is tiny.add
    assert implementation.has("torch.add")
    assert not implementation.has("torch.sin")
    assert not implementation.has("nn.Linear")
    assert not implementation.has("F.relu")


def test_a_tensor_goes_in_and_comes_out(implementation: Implementation) -> None:
    """A fresh leaf holds a copy of the array, and reads back with its shape and dtype."""
    given = np.array([[1.5, -2.0]], dtype=np.float32)
    tensor = implementation.tensor(given, "float64", "cpu", requires_grad=True)
    given[:] = 0
    values = implementation.array(tensor)
    assert values is not None
    assert values.tolist() == [[1.5, -2.0]]
    assert implementation.is_tensor(tensor)
    assert not implementation.is_tensor(given)
    assert implementation.dtype_name(tensor) == "float64"
    assert [implementation.fact(tensor, name) for name in ("shape", "requires_grad")] == [(1, 2), True]


def test_state_that_changed_is_seen_and_put_back(implementation: Implementation) -> None:
    """The grad mode is all the state that tiny has."""
    clean = implementation.state()
    tiny.set_grad_enabled(False)
    assert implementation.state() != clean
    implementation.reset()
    assert implementation.state() == clean == {"is_grad_enabled": True}


@pytest.mark.parametrize(
    ("stated", "release"), [(None, NEWEST_RELEASE), ("2.4", (2, 4)), ("2.10.1", (2, 10)), ("2.5.0a0", (2, 5))]
)
def test_the_release_whose_semantics_it_follows(stated: str | None, release: tuple[int, int]) -> None:
    """A module says so in ``torch_release``; one that says nothing claims the newest."""
    module = SimpleNamespace(__name__="m") if stated is None else SimpleNamespace(__name__="m", torch_release=stated)
    assert Implementation(module).release == release


def test_devices_are_the_modules_own_where_it_lists_them() -> None:
    """``devices()`` of the namespace, otherwise cpu; the others are where a tensor could be moved."""
    module = SimpleNamespace(__name__="m", devices=lambda: ["cpu", "abacus:0"])
    assert Implementation(module).devices() == ("cpu", "abacus:0")
    assert Implementation(module).other_devices("cpu") == ("abacus:0",)
    assert Implementation(SimpleNamespace(__name__="m")).devices() == ("cpu",)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("cuda", "cuda:0", True), ("cuda:1", "cuda:1", True), ("cuda:0", "cuda:1", False), ("cpu", "meta", False),
    ],
)  # fmt: skip
def test_an_index_that_is_left_out_is_any(implementation: Implementation, left: str, right: str, same: bool) -> None:
    """``device: cuda`` in a rule is met by a tensor on cuda:0."""
    assert implementation.same_device(left, right) is same


def test_every_warning_is_recorded(implementation: Implementation) -> None:
    """Also one that was shown before, and under a filter that makes warnings errors."""
    with implementation.recording_warnings() as caught:
        for _ in range(2):
            warnings.warn("again", UserWarning, stacklevel=1)
    assert [str(one.message) for one in caught] == ["again", "again"]


def test_what_is_not_implemented_is_unsupported_and_nothing_else_is(implementation: Implementation) -> None:
    """NotImplementedError says absent; a RuntimeError may be the behaviour itself."""
    assert implementation.unsupported(NotImplementedError("no sine"), "cpu") == "not implemented: no sine"
    assert implementation.unsupported(RuntimeError("no sine"), "cpu") is None
