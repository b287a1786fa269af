"""``conformance run``: jobs, progress, the verdicts."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any

from conformance.errors import NothingSelected, ResultsError
from conformance.results.model import CaseLine, EndLine, Line, RunLine, SubjectLine
from conformance.results.reading import read_results
from conformance.results.summary import Verdict, exit_status, verdicts
from conformance.results.writing import ResultsWriter
from conformance.rules.loading import load
from conformance.running.cases import select
from conformance.running.outcome import BAD
from conformance.running.record import now, run_line
from conformance.running.supervise import supervise
from conformance.running.worker import Job

_SHOWN_FAILURES = 50


def run(options: argparse.Namespace) -> int:
    """Run the selected rules; print failures and verdicts; return the exit status."""
    rules = select(load(options.specs), options.patterns)
    if not rules:
        patterns = " ".join(options.patterns)
        raise NothingSelected(f"no rule matches {patterns}", "'conformance list' prints all ids")
    header = run_line(rules, options.patterns)
    earlier = _earlier(options, header)
    lines: list[Line] = list(earlier)
    done = frozenset(line.id for line in earlier if isinstance(line, CaseLine))
    known = {(s.implementation, s.device) for s in earlier if isinstance(s, SubjectLine)}
    started = time.perf_counter()
    interrupted = False
    with ExitStack() as stack:
        writer = stack.enter_context(ResultsWriter(options.output, resume=bool(earlier))) if options.output else None
        progress = stack.enter_context(_progress(options))
        if writer and not earlier:
            writer.write(header)
        try:
            for line in _lines(options, done):
                repeated = isinstance(line, SubjectLine) and (line.implementation, line.device) in known
                if writer and not repeated:
                    writer.write(line)
                lines.append(line)
                progress.show(line)
        except KeyboardInterrupt:
            interrupted = True
        if writer and not interrupted:
            counts = Counter(line.status for line in lines if isinstance(line, CaseLine))
            writer.write(EndLine(now(), round(time.perf_counter() - started, 3), dict(counts)))
    found = verdicts(
        (line for line in lines if isinstance(line, CaseLine)), (s for s in lines if isinstance(s, SubjectLine))
    )
    _print(found, [line for line in lines if isinstance(line, CaseLine)], options)
    if interrupted:
        hint = f"; go on with --resume -o {options.output}" if options.output else ""
        print(f"interrupted: {sum(v.not_run for v in found)} cases not run{hint}", file=sys.stderr)
        return 130
    return exit_status(found)


def default_implementations() -> list[str]:
    """What is run where nothing is named: torch where it is installed, and the reference."""
    return ["torch", "reference"] if find_spec("torch") is not None else ["reference"]


def _lines(options: argparse.Namespace, done: frozenset[str]) -> Iterator[SubjectLine | CaseLine]:
    for name in options.implementation or default_implementations()[:1]:
        job = Job(
            implementation=name,
            devices=tuple(options.device),
            paths=tuple(str(path) for path in options.specs),
            patterns=tuple(options.patterns),
            examples=options.examples,
            done=done,
        )
        yield from supervise(job, options.timeout)


def _earlier(options: argparse.Namespace, header: RunLine) -> list[Line]:
    """The lines of the file that is resumed."""
    if not options.resume:
        return []
    if options.output is None:
        raise ResultsError("--resume needs the file to go on with", "name it with -o")
    if not options.output.exists():
        return []
    found = read_results(options.output)
    if found.run.rules_digest != header.rules_digest:
        hint = "leave out --resume to start afresh, or select the same rules"
        raise ResultsError(f"{options.output} was written with other rules", hint)
    return [found.run, *found.subjects, *found.cases]


def _print(found: list[Verdict], cases: list[CaseLine], options: argparse.Namespace) -> None:
    if not options.quiet:
        bad = [case for case in cases if case.status in BAD]
        for case in bad[:_SHOWN_FAILURES]:
            print(f"{case.status.upper()}  {case.id}" + (f"  {case.reason}" if case.reason else ""))
            for finding in case.findings:
                print(f"    {finding}")
        if len(bad) > _SHOWN_FAILURES:
            print(f"… and {len(bad) - _SHOWN_FAILURES} more; -o FILE keeps them all")
        if bad:
            print(f"\nReproduce one with: conformance repro '{bad[0].id}'\n")
    for verdict in found:
        print(f"{verdict.implementation} on {verdict.device}")
        for level in verdict.levels:
            print(f"    {level}")
        counts = ", ".join(f"{n} {status}" for status, n in sorted(verdict.cases.items()))
        tail = f", {verdict.not_run} not run" if verdict.not_run else ""
        print(f"    cases: {counts or 'none'}{tail}")


class _Quiet:
    """No terminal: no progress."""

    def show(self, line: Line) -> None:
        """Nothing."""

    def __enter__(self) -> _Quiet:
        return self

    def __exit__(self, *details: object) -> None:
        return None


class _Bar:
    """A progress bar on a terminal's stderr."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task: Any = None
        self._bad = 0

    def show(self, line: Line) -> None:
        """Move on by the line."""
        if isinstance(line, SubjectLine):
            self._bad = 0
            self._task = self._progress.add_task(f"{line.implementation} on {line.device}", total=line.planned)
        elif isinstance(line, CaseLine) and self._task is not None:
            self._bad += line.status in BAD
            text = f"{line.implementation} on {line.device}" + (f", {self._bad} failed" if self._bad else "")
            self._progress.update(self._task, advance=1, description=text)

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._progress.stop()


def _progress(options: argparse.Namespace) -> Any:
    return _Bar() if sys.stderr.isatty() and not options.quiet else _Quiet()
