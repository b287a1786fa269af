"""Running a rule that a test writes: on torch, or on a small namespace that behaves as the test wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from conformance.implementations.contract import Implementation
from conformance.implementations.torch import TorchImplementation
from conformance.rules.model import Rule
from conformance.running.cases import expand
from conformance.running.execute import Runner
from conformance.running.outcome import Finding, Outcome
from tests.rules.marked import loaded, rule

torch.set_num_threads(1)
TORCH = TorchImplementation()


class Fake:
    """A torch-like namespace in NumPy whose functions a test chooses; ``torch.Tensor`` is a class of the test's own."""

    __name__ = "fake"

    def __init__(self, tensor_class: type[Any], **functions: Callable[..., Any]) -> None:
        self.Tensor = tensor_class
        for name in ("float16", "bfloat16", "float32", "float64", "complex64", "complex128", "int64", "bool"):
            setattr(self, name, f"fake.{name}")
        for name, function in functions.items():
            setattr(self, name, function)

    def tensor(self, data: Any, dtype: str = "fake.float32", device: str = "cpu", requires_grad: bool = False) -> Any:
        """A tensor of the test's class."""
        stored = {"bfloat16": "float32"}.get(dtype.rpartition(".")[2], dtype.rpartition(".")[2])
        return self.Tensor(np.array(data, dtype=stored), dtype)

    def zeros(self, *shape: int, dtype: str = "fake.float32", device: str = "cpu") -> Any:
        """Zeros."""
        return self.tensor(np.zeros(shape), dtype)


class Plain:
    """The least a tensor needs: an array and what is asked of it."""

    requires_grad, is_leaf, grad, grad_fn, device, _version = False, True, None, None, "cpu", 0

    def __init__(self, array: Any, dtype: str = "fake.float32") -> None:
        self._array = np.asarray(array)
        self.dtype = dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return self._array.shape

    def detach(self) -> Plain:
        """Itself."""
        return self

    cpu = detach

    def numpy(self) -> Any:
        """The array."""
        return self._array


def fake(tensor_class: type[Any] = Plain, **functions: Callable[..., Any]) -> Implementation:
    """An implementation of :class:`Fake`."""
    return Implementation(Fake(tensor_class, **functions), "fake")


def run_all(
    folder: Path, text: str, implementation: Implementation = TORCH, device: str = "cpu", **options: Any
) -> dict[str, Outcome]:
    """Every case of the one rule in ``text``, by its parameters' part of the id."""
    runner = Runner(implementation, **options)
    return {case.parameters: runner.run(case) for case in expand([loaded(folder, text)], implementation, device)}


def run(
    folder: Path,
    when: str = "",
    then: str = "x: [1.5, -2.25]",
    more: str = "",
    *,
    implementation: Implementation = TORCH,
    device: str = "cpu",
) -> Outcome:
    """The outcome of a rule of one case; x is [1.5, -2.25], w [3, 5] that requires grad."""
    (outcome,) = run_all(folder, rule(when=when, then=then, more=more), implementation, device).values()
    return outcome


def finding(outcome: Outcome) -> Finding:
    """The only finding of a failed case."""
    assert outcome.status == "fail", outcome
    (found,) = outcome.findings
    return found


def holds(folder: Path, when: str, then: str, more: str = "") -> None:
    """The rule passes on torch, with at least one check."""
    outcome = run(folder, when, then, more)
    assert (outcome.status, outcome.findings, outcome.reason) == ("pass", (), "")
    assert outcome.checks


def fails(folder: Path, when: str, then: str, kind: str, more: str = "") -> Finding:
    """The rule fails on torch, in one check of this kind, whose finding is returned."""
    found = finding(run(folder, when, then, more))
    assert found.kind == kind, found
    return found


def rule_of(folder: Path, **parts: str) -> Rule:
    """The rule that :func:`tests.rules.marked.rule` writes."""
    return loaded(folder, rule(**parts))


Statuses = Mapping[str, str]
