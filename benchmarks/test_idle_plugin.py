"""The plugin in a project that does not use it: the whole command with it and without it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from benchmarks.conftest import Record
from benchmarks.figures import Figure
from benchmarks.measuring import command, side_by_side

ROUNDS = 40
TARGET_MS = 20.0
_OTHERS = [
    word for name in ("xdist", "xdist.looponfail", "benchmark", "hypothesispytest") for word in ("-p", f"no:{name}")
]


def test_idle_plugin(benchmark: Any, record: Record, tmp_path: Path) -> None:
    """One test that passes, in an empty project; the other plugins of this environment are off on both sides."""
    (tmp_path / "test_nothing.py").write_text("def test_nothing():\n    assert True\n", "utf-8")
    plain = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *_OTHERS]
    found = side_by_side(
        benchmark,
        lambda: command(plain, tmp_path),
        lambda: command([*plain, "-p", "no:conformance"], tmp_path),
        rounds=ROUNDS,
    )
    says = "'pytest' in a project that does not use the plugin, with it less without it"
    milliseconds = [difference * 1e3 for difference in found.differences]
    record(Figure.of("idle-plugin/whole-command", says, "ms", milliseconds, TARGET_MS))
    record(Figure.of("idle-plugin/without", "of which without it", "ms", [value * 1e3 for value in found.baseline]))


def test_import_of_the_plugin(benchmark: Any, record: Record) -> None:
    """What the interpreter itself says of the import of the plugin's modules, pytest being imported already."""
    found: list[float] = []

    def run() -> None:
        told = command(["-X", "importtime", "-c", "import pytest; import conformance.plugin"]).stderr
        lines = re.findall(r"(?m)^import time:\s+\d+ \|\s+(\d+) \| (conformance(?:\.plugin)?)$", told)
        found.append(sum(int(microseconds) for microseconds, _ in lines) / 1e3)

    benchmark.pedantic(run, rounds=15, iterations=1)
    record(Figure.of("idle-plugin/import", "importing the plugin's module", "ms", found))
