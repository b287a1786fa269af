"""Grad mode and inference mode: contexts, decorators, functions, threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

import conformance.reference as torch


def leaf() -> Any:
    return torch.ones(2, requires_grad=True)


def test_no_grad_results_do_not_require_grad() -> None:
    """Unless a factory is told to make a leaf; enable_grad inside records again."""
    x = leaf()
    with torch.no_grad():
        assert not (x * 2).requires_grad
        assert torch.ones(2, requires_grad=True).requires_grad
        with torch.enable_grad():
            assert (x * 2).requires_grad
    assert torch.is_grad_enabled()


def test_modes_are_restored_after_an_exception() -> None:
    """Leaving a context by an error restores what was before."""
    with pytest.raises(KeyError), torch.no_grad():
        raise KeyError
    assert torch.is_grad_enabled()


DECORATORS: dict[str, Any] = {
    "no_grad()": lambda: torch.no_grad(),
    "no_grad": lambda: torch.no_grad,
    "set_grad_enabled": lambda: torch.set_grad_enabled(False),
    "inference_mode": lambda: torch.inference_mode(),
}


@pytest.mark.parametrize("name", DECORATORS)
def test_modes_decorate_functions(name: str) -> None:
    """Each call runs in the mode, and the mode is not on outside of it."""
    function = DECORATORS[name]()(lambda: torch.is_grad_enabled())
    assert torch.is_grad_enabled()
    assert function() is False
    assert torch.is_grad_enabled()


def test_a_decorated_generator_leaves_the_mode_when_it_yields() -> None:
    """The consumer's mode is its own."""

    @torch.no_grad()
    def numbers() -> Iterator[bool]:
        for _ in range(2):
            yield torch.is_grad_enabled()

    seen = [(inside, torch.is_grad_enabled()) for inside in numbers()]
    assert seen == [(False, True), (False, True)]


def test_set_grad_enabled_works_as_a_function() -> None:
    """It takes effect at once and stays."""
    try:
        torch.set_grad_enabled(False)
        assert not torch.is_grad_enabled()
    finally:
        torch.set_grad_enabled(True)


def test_threads_have_modes_of_their_own() -> None:
    """A new thread begins with grad mode on."""
    seen: list[bool] = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_threads_compute_without_disturbing_each_other() -> None:
    """Many backward runs at once, each with the gradients of its own graph."""
    results: dict[int, list[float]] = {}

    def work(number: int) -> None:
        x = torch.full((50,), float(number), requires_grad=True)
        for _ in range(20):
            x.grad = None
            (x * x).exp().log().sum().backward()
        results[number] = x.grad[:1].tolist()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {number: round(value[0], 3) for number, value in results.items()} == {n: 2.0 * n for n in range(1, 5)}


def test_inference_tensors() -> None:
    """They have no version, take no requires_grad outside, and may be written only inside; clone() frees them."""
    with torch.inference_mode():
        t = torch.ones(2) * 2
        t.add_(1)
    assert t.is_inference()
    with pytest.raises(RuntimeError, match="version counter"):
        t._version  # noqa: B018
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor"):
        t.add_(1)
    with pytest.raises(RuntimeError, match="inference tensor"):
        t.requires_grad_()
    assert not t.clone().is_inference()


def test_inference_mode_does_not_record_even_with_grad_enabled() -> None:
    """enable_grad inside changes what is_grad_enabled says, and nothing else."""
    x = leaf()
    with torch.inference_mode(), torch.enable_grad():
        assert torch.is_grad_enabled()
        assert not (x * 2).requires_grad
