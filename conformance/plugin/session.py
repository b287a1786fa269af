"""What one pytest session knows of conformance: implementations, their runners, and which cases there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from conformance.errors import ConformanceError, Problem, SpecErrors
from conformance.implementations import find
from conformance.known.model import Entry
from conformance.plugin import SUITE, option
from conformance.plugin.scope import known_failures, shard, topics
from conformance.results.model import CaseLine, Line, subject_line
from conformance.rules.loading import load
from conformance.rules.model import Rule
from conformance.running.cases import Case, expand, select
from conformance.running.execute import Runner
from conformance.running.record import run_line
from conformance.running.worker import devices_of


class Suite:
    """What the cases of a session run on; made when the first spec file is collected."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.is_worker = hasattr(config, "workerinput")
        named = option(config, "impl") or (["torch"] if find_spec("torch") else ["reference"])
        self.implementations = [find(name) for name in dict.fromkeys(named)]
        self.devices = {
            one.name: devices_of(one, tuple(option(config, "device") or ())) for one in self.implementations
        }
        examples = _examples(option(config, "examples"))
        self.runners = {one.name: Runner(one, examples=examples) for one in self.implementations}
        self.patterns: Sequence[str] = option(config, "rules") or ()
        self.shard = shard(config)
        known = known_failures(config)
        self.known = {
            (one.name, device): known.on(subject_line(one, device, ()))
            for one in self.implementations
            for device in self.devices[one.name]
        }
        self.rules: dict[str, Rule] = {}
        self._yielded = 0
        self._announcement: list[Line] | None = None
        self._has_script: set[tuple[str, str, str]] = set()

    @classmethod
    def of(cls, config: pytest.Config) -> Suite:
        """The session's one.

        Raises:
            ConformanceError: what the options name is not there.

        """
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
            if self.shard is not None and not self.shard.holds(rule.id):
                continue
            for implementation in self.implementations:
                for device in self.devices[implementation.name]:
                    for case in expand([rule], implementation, device):
                        self._yielded += 1
                        yield case

    def known_as(self, line: CaseLine) -> Entry | None:
        """The entry of the known-failures file whose case it is."""
        return next(self.known[line.implementation, line.device].matching(line), None)

    def first_of_its_rule(self, case: Case, script: str) -> str:
        """``script``, or nothing where the results have one already for the rule on this device."""
        key = (case.rule.id, case.implementation, case.device)
        if not script or key in self._has_script:
            return ""
        self._has_script.add(key)
        return script

    # -- what is announced -----------------------------------------------------------------------------------------

    def select(self, items: Iterable[pytest.Item]) -> None:
        """Take the items that are to be run: what the results announce."""
        selected: dict[tuple[str, str], list[Case]] = {
            (one.name, device): [] for one in self.implementations for device in self.devices[one.name]
        }
        for item in items:
            case = getattr(item, "case", None)
            if isinstance(case, Case):
                selected[case.implementation, case.device].append(case)
        named = {one.name: one for one in self.implementations}
        part = str(self.shard or "")
        subjects = [
            subject_line(named[name], device, cases, part)
            for (name, device), cases in selected.items()
            if cases or self.shard  # which shards there are is told by all of them, also by one without a case
        ]
        run = run_line(
            select(self.rules.values(), self.patterns),
            self.patterns,
            topics=topics(self.config, self.rules.values()),
            shard=part,
            narrowed=sum(map(len, selected.values())) < self._yielded or bool(self.config.getoption("lf", False)),
        )
        self._announcement = [run, *subjects]

    def announcement(self) -> list[Line] | None:
        """The lines that precede all cases; None once they were handed over."""
        lines, self._announcement = self._announcement, None
        return lines

    def header(self) -> list[str]:
        """Which implementations on which devices, in a line each."""
        return [
            f"conformance: {one.name} {one.version} on {', '.join(self.devices[one.name])}"
            for one in self.implementations
        ]


def _duplicate(rule: Rule, other: Rule) -> Problem:
    hint = f"it stands already at {other.position}"
    return Problem(rule.topic.file, rule.line, 1, f"duplicate id '{rule.id}'", hint)


def _examples(given: str | None) -> int:
    if not given:
        return 25
    if not (given.isascii() and given.isdigit() and int(given)):
        raise ConformanceError(f"--conformance-examples is '{given}'", "a whole number from 1 on is expected")
    return int(given)
