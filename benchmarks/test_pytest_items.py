"""The plugin's items beside hand-written pytest functions that check the same things, both through pytest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.conftest import Record
from benchmarks.figures import Figure
from benchmarks.handwritten import module_text, written_rules
from benchmarks.measuring import ROOT, Rounds, side_by_side, timed_pytest
from conformance.implementations import find
from conformance.rules.loading import load
from conformance.running.cases import expand
from conformance.running.execute import Runner

ROUNDS = 7
TARGET = 0.4


def test_items_against_functions(benchmark: Any, record: Record, tmp_path: Path) -> None:
    """The same cases of the same rules; 'run' is pytest's loop with all its reporting, 'total' the whole command."""
    implementation = find("torch")
    runner = Runner(implementation)
    cases = list(expand(load(), implementation, "cpu"))
    written = written_rules(runner, cases)
    checks = sum(runner.run(case).checks for case in cases if case.rule.id in written)
    (tmp_path / "test_by_hand.py").write_text(module_text(written.values()), "utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", "utf-8")
    theirs: list[dict[str, float]] = []
    ours: list[dict[str, float]] = []
    patterns = [f"--conformance-rules={rule_id}" for rule_id in written]

    def by_hand() -> None:
        theirs.append(timed_pytest(["test_by_hand.py"], tmp_path, tmp_path / "theirs.json"))

    def by_rule() -> None:
        arguments = [str(ROOT / "specs"), "--conformance-impl=torch", "--conformance-device=cpu", *patterns]
        ours.append(timed_pytest(["-c", str(tmp_path / "pytest.ini"), *arguments], ROOT, tmp_path / "ours.json"))

    side_by_side(benchmark, by_rule, by_hand, rounds=ROUNDS)
    ours, theirs = ours[-ROUNDS:], theirs[-ROUNDS:]
    assert {one["items"] for one in ours} == {one["items"] for one in theirs}, "both sides run the same cases"
    details = {"cases": int(ours[0]["items"]), "checks": checks}

    def rounds(key: Callable[[dict[str, float]], float]) -> Rounds:
        return Rounds(tuple(map(key, ours)), tuple(map(key, theirs)))

    running = rounds(lambda one: one["run"])
    says = "running items against running hand-written functions that check the same"
    record(Figure.of("pytest/run", says, "x", running.ratios, TARGET, **details))
    for name, values in (("item", running.subject), ("function", running.baseline)):
        record(Figure.of(f"pytest/run-{name}", f"a check in {name}s", "µs", [one / checks * 1e6 for one in values]))
    says = "collecting and running them, start-up aside"
    record(
        Figure.of("pytest/collect-and-run", says, "x", rounds(lambda one: one["collect"] + one["run"]).ratios, TARGET)
    )
    record(Figure.of("pytest/total", "the whole command, by the clock", "x", rounds(lambda one: one["total"]).ratios))


@pytest.mark.parametrize("count", [100, 1_000, 10_000, 100_000])
def test_collection_grows_linearly(benchmark: Any, record: Record, tmp_path: Path, count: int) -> None:
    """``pytest --collect-only -q`` of this many cases, in a process of its own: processor time and peak memory."""
    from benchmarks.many import write_rules

    write_rules(tmp_path, count)
    (tmp_path / "pytest.ini").write_text("[pytest]\n", "utf-8")
    rounds = 3 if count < 100_000 else 1
    seen: list[dict[str, float]] = []
    arguments = ["--collect-only", "--conformance-impl=torch", "--conformance-device=cpu", "."]

    def collect() -> None:
        seen.append(timed_pytest(arguments, tmp_path, tmp_path / "seen.json"))

    benchmark.pedantic(collect, rounds=rounds, iterations=1)
    assert all(one["items"] == count for one in seen), "as many items as cases"
    details = {"peak_MiB": round(seen[-1]["peak_mib"]), "µs_per_case": round(seen[-1]["collect"] / count * 1e6, 1)}
    says = f"pytest collects {count:,} cases"
    record(Figure.of(f"growth/collect-{count:06}", says, "s", [one["collect"] for one in seen], **details))
