"""The reference beside torch, on the tiny tensors that rules are about."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.conftest import Record
from benchmarks.figures import Figure
from benchmarks.measuring import command, seconds, side_by_side

ROUNDS = 60
REPEATS = 40


def _chain(torch: ModuleType) -> Callable[[], object]:
    """Ten operations forward and backward on ten elements."""
    data = np.linspace(0.1, 1.0, 10, dtype=np.float32)

    def run() -> object:
        x = torch.tensor(data, requires_grad=True)
        y = (((x * 2 + 1).sin() * x).exp() / 3 - x).tanh().sigmoid()
        (y * y).sum().backward()
        return x.grad

    return run


def _training_step(torch: ModuleType) -> Callable[[], object]:
    """BatchNorm, convolution, ReLU, linear, loss, backward and an SGD step on a batch of 8x3x16x16."""
    nn = torch.nn
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 16 * 16, 10)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    generator = np.random.default_rng(0)
    x = torch.tensor(generator.standard_normal((8, 3, 16, 16)).astype(np.float32))
    target = torch.tensor(generator.integers(0, 10, 8))

    def run() -> object:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
        return loss

    return run


def _compare(benchmark: Any, make: Callable[[ModuleType], Callable[[], object]], repeats: int) -> Any:
    import torch

    import conformance.reference as reference

    ours, theirs = make(reference), make(torch)

    def times(function: Callable[[], object]) -> None:
        for _ in range(repeats):
            function()

    return side_by_side(benchmark, lambda: times(ours), lambda: times(theirs), rounds=ROUNDS)


def test_chain_of_ten_operations(benchmark: Any, record: Record) -> None:
    """Cost per operation, where the arithmetic itself is next to nothing."""
    found = _compare(benchmark, _chain, REPEATS)
    each = round(float(np.median(found.subject)) / REPEATS * 1e6)
    says = "reference against torch: ten operations forward and backward on ten elements"
    record(Figure.of("reference/chain", says, "x", found.ratios, 2.0, reference_µs=each))


def test_training_step(benchmark: Any, record: Record) -> None:
    """A step of a small network."""
    found = _compare(benchmark, _training_step, 3)
    each = round(float(np.median(found.subject)) / 3 * 1e3, 2)
    says = "reference against torch: a step with BatchNorm, convolution and linear on 8x3x16x16"
    record(Figure.of("reference/training-step", says, "x", found.ratios, 10.0, reference_ms=each))


def test_import(benchmark: Any, record: Record) -> None:
    """Importing the reference in a fresh process, NumPy imported before it or with it."""
    script = "import time; {}; t = time.process_time(); import conformance.reference; print(time.process_time() - t)"
    alone: list[float] = []
    both: list[float] = []

    def run() -> None:
        alone.append(float(command(["-c", script.format("import numpy")]).stdout))
        both.append(float(command(["-c", script.format("pass")]).stdout))

    benchmark.pedantic(run, rounds=11, iterations=1)
    record(Figure.of("reference/import", "importing the reference, NumPy included", "s", both, 0.2))
    record(Figure.of("reference/import-without-numpy", "importing the reference after NumPy", "s", alone))
    python = [seconds(lambda: command(["-c", "pass"])) for _ in range(5)]
    record(Figure.of("reference/python", "starting Python alone, for comparison", "s", python))
