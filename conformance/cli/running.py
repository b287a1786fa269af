"""``conformance run``: jobs, progress, the verdicts."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from conformance.cli import showing
from conformance.cli.arguments import Commands, add_command, add_specs, count, seconds, shard
from conformance.cli.progress import progress
from conformance.cli.selecting import selected
from conformance.errors import ConformanceError, ResultsError
from conformance.known.judging import judge
from conformance.known.loading import load_known
from conformance.known.model import KnownFailures
from conformance.results.model import CaseLine, EndLine, RunLine, SubjectLine
from conformance.results.reading import Results, never_began, read_results
from conformance.results.summary import exit_status, verdicts
from conformance.results.writing import ResultsWriter
from conformance.rules.model import Rule
from conformance.running.record import now, run_line
from conformance.running.supervise import supervise
from conformance.running.worker import Job

_INTERRUPTED = 130


def add(commands: Commands) -> None:
    """The command's parser."""
    epilog = """\
examples:
  conformance run                                     torch, on every device it has
  conformance run -i torch -d cuda batchnorm          one topic on one device
  conformance run -i mypackage.mytorch -o mine.jsonl  a torch-like module, results into a file
  conformance run -o mine.jsonl --resume              go on where a run was cut off
  conformance run --known known.yaml                  status 0 where only known failures are left
  conformance run --shard 2/5 -o 2.jsonl              the second fifth; 'conformance merge' joins the files
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
    parser.add_argument(
        "--known", metavar="FILE", type=Path, help="failures that are known (docs/known-failures.md); strict"
    )
    parser.add_argument(
        "--shard", metavar="I/N", type=shard, help="run only the I-th of N parts; a rule's cases stay together"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print the verdicts only")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the selected rules; print failures and verdicts; return the exit status."""
    rules = selected(options.specs, options.patterns)
    known = load_known(options.known) if options.known else KnownFailures()
    record = _Record(options, _header(options, rules))
    broken: ConformanceError | None = None
    interrupted = False
    with record, progress(quiet=options.quiet) as shown:
        try:
            for line in _lines(options, record.done):
                record.take(line)
                shown.show(line, record.cases)
            record.end()
        except KeyboardInterrupt:
            interrupted = True
        except ConformanceError as error:  # after an hour's results, say: they are shown before it is
            broken = error
    judgement = judge(known, record.header, record.subjects, record.cases)
    found = verdicts(record.cases, record.subjects, judgement.excused)
    if not options.quiet:
        _print(showing.failures(record.cases, judgement, options.specs))
    for verdict in found:
        _print(showing.lines_of(verdict))
    _print(showing.stale(judgement))
    if broken is not None:
        raise broken
    if interrupted:
        hint = f"; go on with --resume -o {options.output}" if record.is_open else ""
        print(f"interrupted{hint}", file=sys.stderr)
        return _INTERRUPTED
    status = exit_status(found)
    return 1 if judgement.stale and not status else status


def _print(lines: Iterator[str]) -> None:
    for line in lines:
        print(line)


def _header(options: argparse.Namespace, rules: Sequence[Rule]) -> RunLine:
    """The first line of the results; spec files that were named by themselves narrow a run to their topics."""
    by_file = any(path.is_file() for path in options.specs)
    topics = dict.fromkeys(rule.topic.name for rule in rules) if by_file else ()
    return run_line(rules, options.patterns, topics=topics, shard=str(options.shard or ""))


class _Record:
    """The lines of a run, in memory and, as they come, in the results file.

    The file is opened at the first line, so that a name mistyped on the command line costs nobody an earlier run.
    """

    def __init__(self, options: argparse.Namespace, header: RunLine) -> None:
        self._path: Path | None = options.output
        self.header = header
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
                self._writer.write(self.header)
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
            shard=str(options.shard or ""),
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
    if found.run.shard != header.shard:
        was = f"for shard {found.run.shard}" if found.run.shard else "without --shard"
        raise ResultsError(f"{options.output} was written {was}", "leave out --resume to start afresh")
    return found
