"""What one pytest session knows of conformance: implementations, their runners, and the lines of finished cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import ConformanceError, SpecErrors
from conformance.implementations import Implementation, find
from conformance.plugin import SUITE
from conformance.results.model import CaseLine, EndLine, SubjectLine
from conformance.results.reading import parse_line
from conformance.results.summary import verdicts
from conformance.results.writing import ResultsWriter
from conformance.rules.loading import load
from conformance.rules.model import Rule
from conformance.running.cases import Case, expand, select
from conformance.running.execute import Runner
from conformance.running.record import now, run_line
from conformance.running.worker import devices_of

_current: list[Suite] = []


class Suite:
    """The conformance side of a session; made when the first spec file is collected."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.is_worker = hasattr(config, "workerinput")
        named = _option(config, "impl") or (["torch"] if find_spec("torch") else ["reference"])
        try:
            self.implementations = [find(name) for name in named]
            self.devices = {
                one.name: devices_of(one, tuple(_option(config, "device") or ())) for one in self.implementations
            }
        except ConformanceError as error:
            raise pytest.UsageError(str(error)) from None
        examples = int(_option(config, "examples") or 25)
        self.runners = {one.name: Runner(one, examples=examples) for one in self.implementations}
        self.patterns: Sequence[str] = _option(config, "rules") or ()
        self.rules: dict[str, Rule] = {}
        self.planned: Counter[tuple[str, str]] = Counter()
        self.lines: list[CaseLine] = []
        self._writer: ResultsWriter | None = None
        _current[:] = [self]

    @classmethod
    def of(cls, config: pytest.Config) -> Suite:
        """The session's one."""
        suite = config.stash.get(SUITE, None)
        if suite is None:
            suite = config.stash[SUITE] = cls(config)
        return suite

    # -- collecting ----------------------------------------------------------------------------------------------

    def cases_in(self, path: Path) -> Iterator[Case]:
        """The cases of one spec file, by rule, implementation and device.

        Raises:
            SpecErrors: the file is wrong, or repeats an id of another file.

        """
        rules = load([path])
        for rule in rules:
            other = self.rules.get(rule.id)
            if other is not None and other.topic.file != rule.topic.file:
                raise SpecErrors([_duplicate(rule, other)])
            self.rules[rule.id] = rule
        for rule in select(rules, self.patterns):
            for implementation in self.implementations:
                for device in self.devices[implementation.name]:
                    for case in expand([rule], implementation, device):
                        self.planned[implementation.name, device] += 1
                        yield case

    # -- running and recording -----------------------------------------------------------------------------------

    def record(self, line: CaseLine | Mapping[str, Any]) -> None:
        """Take the line of a finished case; write it where results are wanted."""
        parsed = line if isinstance(line, CaseLine) else parse_line(dict(line))
        assert isinstance(parsed, CaseLine)
        self.lines.append(parsed)
        if self.is_worker:
            return
        path = _option(self.config, "results")
        if path and self._writer is None:
            self._writer = ResultsWriter(Path(path))
            self._writer.write(run_line(self.rules.values(), self.patterns))
            for subject in self.subjects():
                self._writer.write(subject)
        if self._writer is not None:
            self._writer.write(parsed)

    def subjects(self) -> list[SubjectLine]:
        """A line per implementation and device."""
        return [self._subject(one, device) for one in self.implementations for device in self.devices[one.name]]

    def _subject(self, implementation: Implementation, device: str) -> SubjectLine:
        return SubjectLine(
            implementation=implementation.name,
            version=implementation.version,
            release=".".join(map(str, implementation.release)),
            device=device,
            device_name=implementation.device_name(device),
            planned=self.planned[implementation.name, device],
        )

    # -- what is printed -----------------------------------------------------------------------------------------

    def header(self) -> list[str]:
        """Which implementations on which devices, in a line each."""
        return [
            f"conformance: {one.name} {one.version} on {', '.join(self.devices[one.name])}"
            for one in self.implementations
        ]

    def summary(self) -> Iterator[str]:
        """A verdict per implementation and device, of the cases that were run."""
        for verdict in verdicts(self.lines):
            yield f"{verdict.implementation} on {verdict.device}"
            for level in verdict.levels:
                yield f"    {level}"

    def close(self) -> bool:
        """Finish the results file; True where cases were run and not one of them was executed."""
        if self._writer is not None:
            counts = Counter(line.status for line in self.lines)
            self._writer.write(EndLine(now(), round(sum(line.seconds for line in self.lines), 3), dict(counts)))
            self._writer.__exit__(None, None, None)
        return bool(self.lines) and all(line.status == "unsupported" for line in self.lines)


def current() -> Suite:
    """The suite of the running session (under xdist the controller collects nothing itself)."""
    return _current[0]


def _option(config: pytest.Config, name: str) -> Any:
    given = config.getoption(f"conformance_{name}")
    return given if given is not None else config.getini(f"conformance_{name}")


def _duplicate(rule: Rule, other: Rule) -> Any:
    from conformance.errors import Problem

    hint = f"it stands already at {other.position}"
    return Problem(rule.topic.file, rule.line, 1, f"duplicate id '{rule.id}'", hint)
