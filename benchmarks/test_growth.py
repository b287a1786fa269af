"""Loading and expanding: how seconds and memory grow with rules and with cases. Collecting is in the pytest module."""

from __future__ import annotations

import gc
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from benchmarks.conftest import Record
from benchmarks.figures import Figure
from benchmarks.many import copy_rules, write_rules
from benchmarks.measuring import seconds
from conformance.implementations import find
from conformance.rules.loading import load
from conformance.running.cases import expand


def test_loading_a_thousand_rules(benchmark: Any, record: Record, tmp_path: Path) -> None:
    """Rules as the suite's own, from files on disk to checked values; the vocabulary is loaded before."""
    rules = copy_rules(tmp_path, 1000)
    load([tmp_path])
    taken: list[float] = []
    benchmark.pedantic(
        lambda: taken.append(seconds(lambda: load([tmp_path]), time.process_time)), rounds=9, iterations=1
    )
    says = "loading 1,000 rules like the suite's own"
    record(
        Figure.of(
            "growth/load-1000-rules",
            says,
            "s",
            [one * 1000 / rules for one in taken],
            1.0,
            rules=rules,
            files=len(list(tmp_path.iterdir())),
        )
    )


@pytest.mark.parametrize("count", [1_000, 10_000, 100_000])
def test_expanding(benchmark: Any, record: Record, tmp_path: Path, count: int) -> None:
    """Rules on disk -> cases with their ids, and what they hold of memory, ids not kept."""
    write_rules(tmp_path, count)
    implementation = find("torch")
    rules = load([tmp_path])

    def expand_all() -> int:
        return sum(bool(case.id) for case in expand(rules, implementation, "cpu"))

    taken: list[float] = []
    benchmark.pedantic(lambda: taken.append(seconds(expand_all, time.process_time)), rounds=5, iterations=1)
    gc.collect()
    tracemalloc.start()
    cases = list(expand(rules, implementation, "cpu"))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(cases) == count, "as many cases as were written"
    details = {"MiB": round(held / 2**20, 2), "bytes_per_case": round(held / count)}
    record(Figure.of(f"growth/expand-{count:06}", f"{count:,} cases and their ids", "s", taken, **details))
