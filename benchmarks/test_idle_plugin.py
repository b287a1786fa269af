"""The plugin in a project that does not use it: the whole command with it and without it."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from benchmarks.conftest import Record
from benchmarks.figures import Figure
from benchmarks.measuring import command, command_cpu_seconds, side_by_side

ROUNDS = 40
TARGET_MS = 20.0
_OTHERS = [
    word for name in ("xdist", "xdist.looponfail", "benchmark", "hypothesispytest") for word in ("-p", f"no:{name}")
]


def test_idle_plugin(benchmark: Any, record: Record, tmp_path: Path) -> None:
    """One test that passes, in an empty project; the other plugins of this environment are off on both sides.

    Processor time and the clock are both recorded: of so short a command the clock mostly shows what else is running.
    """
    (tmp_path / "test_nothing.py").write_text("def test_nothing():\n    assert True\n", "utf-8")
    plain = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *_OTHERS]
    processor: list[float] = []

    def idle() -> None:
        processor.append(command_cpu_seconds(plain, tmp_path))

    def without() -> None:
        processor.append(command_cpu_seconds([*plain, "-p", "no:conformance"], tmp_path))

    found = side_by_side(benchmark, idle, without, rounds=ROUNDS, clock=time.perf_counter)
    processor = processor[-2 * ROUNDS :]
    more = [(mine - other) * 1e3 for other, mine in zip(processor[::2], processor[1::2])]
    says = "'pytest' in a project that does not use the plugin: with it less without it, processor time"
    record(Figure.of("idle-plugin/whole-command", says, "ms", more, TARGET_MS))
    says = "the same by the clock"
    record(Figure.of("idle-plugin/whole-command-clock", says, "ms", [one * 1e3 for one in found.differences]))
    says = "the whole command without it, processor time"
    record(Figure.of("idle-plugin/without", says, "ms", [one * 1e3 for one in processor[::2]]))


def test_import_of_the_plugin(benchmark: Any, record: Record) -> None:
    """What the interpreter itself says of the import of the plugin's modules, pytest being imported already."""
    found: list[float] = []

    def run() -> None:
        told = command(["-X", "importtime", "-c", "import pytest; import conformance.plugin"]).stderr
        lines = re.findall(r"(?m)^import time:\s+\d+ \|\s+(\d+) \| (conformance(?:\.plugin)?)$", told)
        found.append(sum(int(microseconds) for microseconds, _ in lines) / 1e3)

    benchmark.pedantic(run, rounds=15, iterations=1)
    record(Figure.of("idle-plugin/import", "importing the plugin's module", "ms", found))
