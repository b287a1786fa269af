"""The harness beside the bare loop, over the suite's own rules on torch's cpu; and the whole command."""

from __future__ import annotations

import gc
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bare import BareCase, bare_cases, bare_loop, bare_sources, compile_bare
from benchmarks.conftest import Record
from benchmarks.figures import Figure
from benchmarks.measuring import command, seconds, side_by_side
from conformance.implementations import Implementation, find
from conformance.rules.loading import load
from conformance.running import program
from conformance.running.cases import Case, expand
from conformance.running.execute import Runner

ROUNDS = 25
TARGET = 1.5


@dataclass(frozen=True)
class Work:
    """The suite's cases on torch's cpu, and those of them that the bare loop can do."""

    implementation: Implementation
    runner: Runner
    cases: tuple[Case, ...]
    bare: tuple[BareCase, ...]
    sources: tuple[tuple[str, str], ...]

    def harness(self, runner: Runner) -> None:
        """Run the bare loop's cases as the harness does."""
        for one in self.bare:
            runner.run(one.case)

    def per_case(self, values: tuple[float, ...]) -> list[float]:
        """Microseconds per case of each round."""
        return [value / len(self.bare) * 1e6 for value in values]

    @property
    def share(self) -> str:
        """How many cases take part, for the report."""
        return f"{len(self.bare)} of {len(self.cases)}"


@pytest.fixture(scope="module")
def work() -> Work:
    implementation = find("torch")
    runner = Runner(implementation)
    cases = tuple(expand(load(), implementation, "cpu"))
    bare = tuple(bare_cases(runner, cases))
    return Work(implementation, runner, cases, bare, tuple(bare_sources(bare, runner.vocabulary)))


def test_steady_state(benchmark: Any, work: Work, record: Record) -> None:
    """Cases whose programs are compiled already, as on the second device of a run."""
    found = side_by_side(benchmark, lambda: work.harness(work.runner), lambda: bare_loop(work.bare), rounds=ROUNDS)
    says = "the harness against the bare loop, programs compiled"
    record(Figure.of("harness/steady-state", says, "x", found.ratios, TARGET, cases=work.share))
    for name, values in (("harness", found.subject), ("bare-loop", found.baseline)):
        says = f"a case of the {name.replace('-', ' ')}, programs compiled"
        record(Figure.of(f"harness/steady-state-{name}", says, "µs", work.per_case(values)))


def test_first_run(benchmark: Any, work: Work, record: Record) -> None:
    """Cases whose rules are compiled on the way; the bare loop's code is compiled beforehand, or on the way too."""
    runners: list[Runner] = []
    compiling: list[float] = []

    def forget() -> None:
        compiling.append(seconds(lambda: compile_bare(work.sources), time.process_time))
        program._compiled.cache_clear()
        runners[:] = [Runner(work.implementation)]
        gc.collect()

    found = side_by_side(
        benchmark, lambda: work.harness(runners[0]), lambda: bare_loop(work.bare), rounds=ROUNDS, prepare=forget
    )
    both = [mine / (other + more) for mine, other, more in zip(found.subject, found.baseline, compiling[-ROUNDS:])]
    says = "the harness's first run, compiling its rules, against the bare loop compiling its code"
    record(Figure.of("harness/first-run", says, "x", both, TARGET, texts=len(work.sources)))
    says = "the harness's first run, compiling its rules, against the bare loop compiled before"
    record(Figure.of("harness/first-run-against-compiled", says, "x", found.ratios))
    record(Figure.of("harness/first-run-harness", "a case of the first run", "µs", work.per_case(found.subject)))


def test_whole_command(benchmark: Any, work: Work, record: Record, tmp_path: Path) -> None:
    """``conformance run -i torch -d cpu``: from outside, and what its cases report, against the bare loop."""
    results = tmp_path / "results.jsonl"
    mine = {one.case.id for one in work.bare}
    reported: list[float] = []

    def run() -> None:
        command(["-m", "conformance", "run", "-i", "torch", "-d", "cpu", "-q", "-o", str(results)])
        lines = [json.loads(line) for line in results.read_text("utf-8").splitlines()]
        reported.append(
            sum(line.get("seconds", 0.0) for line in lines if line["kind"] == "case" and line["id"] in mine)
        )

    rounds = 7
    found = side_by_side(benchmark, run, lambda: bare_loop(work.bare), rounds=rounds, clock=time.perf_counter)
    idle = [seconds(lambda: command(["-c", "import torch"])) for _ in range(rounds)]
    inside = [mine / other for mine, other in zip(reported[-rounds:], found.baseline)]
    says = "cases of 'conformance run', as its results report them, against the bare loop compiled before"
    record(Figure.of("harness/command-cases", says, "x", inside, None, cases=work.share))
    says = "'conformance run -i torch -d cpu', everything included"
    record(Figure.of("harness/command", says, "s", found.subject, None, cases=len(work.cases)))
    record(Figure.of("harness/command-import-torch", "of that, what 'import torch' alone takes", "s", idle))
