"""``conformance run``: jobs, progress, the verdicts."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from conformance.cli.arguments import Commands, add_command, add_specs, count, seconds
from conformance.cli.selecting import selected
from conformance.errors import ConformanceError, ResultsError
from conformance.results.model import CaseLine, EndLine, RunLine, SubjectLine
from conformance.results.reading import Results, never_began, read_results
from conformance.results.summary import Verdict, exit_status, verdicts
from conformance.results.writing import ResultsWriter
from conformance.running.outcome import BAD
from conformance.running.record import now, run_line
from conformance.running.supervise import supervise
from conformance.running.worker import Job

_INTERRUPTED = 130
_SHOWN_FAILURES = 50


def add(commands: Commands) -> None:
    """The command's parser."""
    epilog = """\
examples:
  conformance run                                     torch, on every device it has
  conformance run -i torch -d cuda batchnorm          one topic on one device
  conformance run -i mypackage.mytorch -o mine.jsonl  a torch-like module, results into a file
  conformance run -o mine.jsonl --resume              go on where a run was cut off
"""
    parser = add_command(commands, "run", "Run rules against implementations and print a verdict for each.", epilog)
    parser.add_argument(
        "patterns",
        metavar="RULE-PATTERN",
        nargs="*",
        help="an id, a topic or a glob over ids ('batchnorm', '*/detach-*'); all rules by default",
    )
    parser.add_argument(
        "-i", "--implementation", metavar="IMPL", action="append", default=[],
        help="torch (the default where it is installed), reference, package.module, package.module:Attribute or a "
        "registered name; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "-d",
        "--device",
        action="append",
        default=[],
        help="a device of the implementation (cpu, cuda, cuda:1, meta); by default every one it has; repeatable",
    )
    add_specs(parser)
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help="write results here as they come (JSON lines)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="keep the cases that FILE has and run only those it lacks"
    )
    parser.add_argument("--examples", metavar="N", type=count, default=25, help="examples for each property (25)")
    parser.add_argument(
        "--timeout", metavar="S", type=seconds, default=60.0, help="seconds until a case counts as hanging (60)"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print the verdicts only")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the selected rules; print failures and verdicts; return the exit status."""
    rules = selected(options.specs, options.patterns)
    record = _Record(options, run_line(rules, options.patterns))
    broken: ConformanceError | None = None
    interrupted = False
    with record, _progress(options) as progress:
        try:
            for line in _lines(options, record.done):
                record.take(line)
                progress.show(line, record)
            record.end()
        except KeyboardInterrupt:
            interrupted = True
        except ConformanceError as error:  # after an hour's results, say: they are shown before it is
            broken = error
    found = verdicts(record.cases, record.subjects)
    _print(found, record.cases, options)
    if broken is not None:
        raise broken
    if interrupted:
        hint = f"; go on with --resume -o {options.output}" if record.is_open else ""
        print(f"interrupted{hint}", file=sys.stderr)
        return _INTERRUPTED
    return exit_status(found)


class _Record:
    """The lines of a run, in memory and, as they come, in the results file.

    The file is opened at the first line, so that a name mistyped on the command line costs nobody an earlier run.
    """

    def __init__(self, options: argparse.Namespace, header: RunLine) -> None:
        self._path: Path | None = options.output
        self._header = header
        self._writer: ResultsWriter | None = None
        self._started = time.perf_counter()
        earlier = _earlier(options, header)
        self._resumes = earlier is not None
        self._subjects = {subject.key: subject for subject in earlier.subjects} if earlier else {}
        self.cases: list[CaseLine] = list(earlier.cases) if earlier else []
        self.done = frozenset(case.id for case in self.cases)

    @property
    def subjects(self) -> list[SubjectLine]:
        """The lines of implementations and devices so far."""
        return list(self._subjects.values())

    @property
    def is_open(self) -> bool:
        """Whether anything was written."""
        return self._writer is not None

    def take(self, line: SubjectLine | CaseLine) -> None:
        """Keep a line, and write it."""
        if self._path is not None and self._writer is None:
            self._writer = ResultsWriter(self._path, resume=self._resumes)
            if not self._resumes:
                self._writer.write(self._header)
        if isinstance(line, CaseLine):
            self.cases.append(line)
        elif line.key in self._subjects:
            self._compare(line, self._subjects[line.key])
            return
        else:
            self._subjects[line.key] = line
        if self._writer is not None:
            self._writer.write(line)

    def _compare(self, now: SubjectLine, before: SubjectLine) -> None:
        if now != before:
            was = f"{self._path} was written with {before.implementation} {before.version} on {before.device_name}"
            is_now = f"this is {now.version} on {now.device_name}"
            raise ResultsError(f"{was}, and {is_now}", "leave out --resume to start afresh")

    def end(self) -> None:
        """Say that the run came to its end."""
        if self._writer is not None:
            counts = Counter(case.status for case in self.cases)
            self._writer.write(EndLine(now(), round(time.perf_counter() - self._started, 3), dict(counts)))

    def __enter__(self) -> _Record:
        return self

    def __exit__(self, *details: object) -> None:
        if self._writer is not None:
            self._writer.__exit__(None, None, None)


def default_implementations() -> list[str]:
    """What is run where nothing is named: torch where it is installed, and the reference."""
    return ["torch", "reference"] if find_spec("torch") is not None else ["reference"]


def _lines(options: argparse.Namespace, done: frozenset[str]) -> Iterator[SubjectLine | CaseLine]:
    for name in dict.fromkeys(options.implementation or default_implementations()[:1]):
        job = Job(
            implementation=name,
            devices=tuple(options.device),
            paths=tuple(str(path) for path in options.specs),
            patterns=tuple(options.patterns),
            examples=options.examples,
            done=done,
        )
        yield from supervise(job, options.timeout)


def _earlier(options: argparse.Namespace, header: RunLine) -> Results | None:
    """What the file that is resumed holds; None where there is nothing to go on from."""
    if not options.resume:
        return None
    if options.output is None:
        raise ResultsError("--resume needs the file to go on with", "name it with -o")
    if not options.output.exists() or never_began(options.output):
        return None
    found = read_results(options.output)
    if found.run.rules_digest != header.rules_digest:
        hint = "leave out --resume to start afresh, or select the same rules"
        raise ResultsError(f"{options.output} was written with other rules", hint)
    return found


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
            specs = "".join(f" --specs {shlex.quote(str(path))}" for path in options.specs)
            print(f"\nReproduce one with: conformance repro{specs} '{bad[0].id}'\n")
    for verdict in found:
        print(f"{verdict.implementation} on {verdict.device}")
        for level in verdict.levels:
            print(f"    {level}")
        counts = ", ".join(f"{n} {status}" for status, n in sorted(verdict.cases.items()))
        tail = f", {verdict.not_run} not run" if verdict.not_run else ""
        print(f"    cases: {counts or 'none'}{tail}")


class _Quiet:
    """No terminal: no progress."""

    def show(self, line: SubjectLine | CaseLine, record: _Record) -> None:
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

    def show(self, line: SubjectLine | CaseLine, record: _Record) -> None:
        """Move on by the line."""
        if isinstance(line, SubjectLine):
            done = sum((case.implementation, case.device) == line.key for case in record.cases)
            self._bad = 0
            self._task = self._progress.add_task(
                f"{line.implementation} on {line.device}", total=line.planned, completed=done
            )
        elif self._task is not None:
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
