"""What becomes of finished cases: the results file and the verdicts that a session prints.

Under xdist the controller records what the workers' reports carry; it collects nothing and imports no implementation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import ConformanceError
from conformance.known.judging import Judgement, judge
from conformance.known.model import KnownFailures
from conformance.plugin import RECORDER, option
from conformance.plugin.scope import known_failures
from conformance.results.model import CaseLine, EndLine, Line, RunLine, SubjectLine
from conformance.results.reading import parse_line
from conformance.results.summary import verdicts
from conformance.results.writing import ResultsWriter
from conformance.running.record import now


class Recorder:
    """The lines of a session; the file is opened at the first case."""

    def __init__(self, path: Path | None, known: KnownFailures) -> None:
        self._path = path
        self._known = known
        self._run: RunLine | None = None
        self._writer: ResultsWriter | None = None
        self._subjects: list[SubjectLine] = []
        self._cases: dict[str, CaseLine] = {}

    @staticmethod
    def of(config: pytest.Config) -> Recorder:
        """The session's one."""
        recorder = config.stash.get(RECORDER, None)
        if recorder is None:
            path = option(config, "results")
            recorder = config.stash[RECORDER] = Recorder(Path(path) if path else None, known_failures(config))
        return recorder

    def begin(self, header: Sequence[Line]) -> None:
        """Take the lines that precede any case; those of a second worker say the same."""
        if self._subjects:
            return
        self._subjects = [line for line in header if isinstance(line, SubjectLine)]
        self._run = next((line for line in header if isinstance(line, RunLine)), None)
        if self._path is not None:
            try:
                self._writer = ResultsWriter(self._path)
                for line in header:
                    self._writer.write(line)
            except ConformanceError as error:
                pytest.exit(f"conformance: {error}", pytest.ExitCode.USAGE_ERROR)

    def take(self, line: CaseLine) -> None:
        """Take the line of a finished case."""
        self._cases[line.id] = line
        if self._writer is not None:
            self._writer.write(line)

    def close(self) -> None:
        """Finish the file; one whose cases were not all run, after -x or Ctrl-C, has no end."""
        if self._writer is None:
            return
        if len(self._cases) >= sum(subject.planned for subject in self._subjects):
            counts = Counter(line.status for line in self._cases.values())
            seconds = round(sum(line.seconds for line in self._cases.values()), 3)
            self._writer.write(EndLine(now(), seconds, dict(counts)))
        self._writer.__exit__(None, None, None)
        self._writer = None

    @property
    def executed_nothing(self) -> bool:
        """Whether cases were run and not one of them was executed: a session that has not passed."""
        return bool(self._cases) and all(line.status == "unsupported" for line in self._cases.values())

    @cached_property
    def judgement(self) -> Judgement:
        """What the session makes of known failures; asked for at its end."""
        if self._run is None:
            return Judgement()
        return judge(self._known, self._run, self._subjects, self._cases.values())

    def summary(self) -> Iterator[str]:
        """A verdict per implementation and device, and the known failures that are stale."""
        for verdict in verdicts(self._cases.values(), self._subjects, self.judgement.excused):
            yield f"{verdict.implementation} on {verdict.device}"
            for level in verdict.levels:
                yield f"    {level}"
        yield from (f"stale known failure: {one}" for one in self.judgement.stale)
        if self.executed_nothing:
            yield "nothing was executed: every case is unsupported, and so the session fails"


def received(data: Mapping[str, Any] | Line) -> Any:
    """A line as a report carries it: itself, or plain data from an xdist worker."""
    return parse_line(dict(data)) if isinstance(data, Mapping) else data
