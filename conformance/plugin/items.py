"""Spec files and cases as pytest's collectors and items."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import ConformanceError, SpecErrors
from conformance.known.judging import PASSES, today
from conformance.plugin.failures import failure_text, known_but_passes, script_of
from conformance.plugin.session import Suite
from conformance.results.model import CaseLine, case_line, encoded
from conformance.rules.loading import spec_files
from conformance.running.cases import Case
from conformance.running.outcome import Outcome

_MARKS = {"must": pytest.mark.must, "should": pytest.mark.should, "de-facto": pytest.mark.de_facto}


class SpecFile(pytest.File):
    """One spec file."""

    def collect(self) -> Iterable[pytest.Item]:
        """An item per case; what is wrong with the file is a collection error that says where."""
        try:
            suite = Suite.of(self.config)
        except ConformanceError as error:
            self.session.shouldstop = f"conformance: {error}"  # the other spec files would say the same
            raise self.CollectError(str(error)) from None
        try:
            for case in suite.cases_in(self.path):
                # spelt out, so that pytest reads it as it reads the ids that it kept for --lf
                nodeid = f"{self.nodeid}::{case.id}"
                yield CaseItem.from_parent(self, name=case.id, nodeid=nodeid, case=case, suite=suite)
        except SpecErrors as error:
            raise self.CollectError(str(error)) from None


class OwnSpecs(pytest.File):
    """The suite's own spec files, where the package itself was named (``--pyargs conformance``)."""

    def collect(self) -> Iterable[pytest.Collector]:
        """A collector per file."""
        for path in spec_files():
            yield SpecFile.from_parent(self, path=path)


class CaseItem(pytest.Item):
    """One case. It has no fixtures, so it is run by a protocol of its own, through pytest's public hooks."""

    def __init__(self, *, case: Case, suite: Suite, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.case = case
        self.suite = suite
        self.add_marker(_MARKS[case.rule.level])

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the rule stands."""
        return self.path, self.case.rule.line - 1, self.name

    def runtest(self) -> None:
        """Run the case, as pytest's own protocol does; :meth:`case_report` says what came of it."""
        self._outcome = self.suite.runners[self.case.implementation].run(self.case)

    def case_report(self, call: pytest.CallInfo[None]) -> pytest.TestReport | None:
        """The report of a case that :meth:`runtest` ran; None where it was cut off."""
        return None if call.excinfo is not None else self._report(self._outcome, call.start)

    def run_case_protocol(self, nextitem: pytest.Item | None) -> bool | None:
        """Run the case and report it: logstart, one report of the call, one that ends the item, logfinish.

        The last case of a file is left to pytest's own protocol, which tears down what the next item does not share.
        """
        if nextitem is None or nextitem.parent is not self.parent:
            return None
        hooks, location = self.ihook, self.location
        hooks.pytest_runtest_logstart(nodeid=self.nodeid, location=location)
        start = time.time()
        outcome = self.suite.runners[self.case.implementation].run(self.case)
        report = self._report(outcome, start)
        hooks.pytest_runtest_logreport(report=report)
        ended = pytest.TestReport(
            self.nodeid, location, self._words, "passed", None, "teardown", start=report.stop, stop=report.stop
        )
        hooks.pytest_runtest_logreport(report=ended)
        hooks.pytest_runtest_logfinish(nodeid=self.nodeid, location=location)
        return True

    @property
    def _words(self) -> dict[str, Any]:
        return {self.name: 1, self.case.rule.level.replace("-", "_"): 1}

    def _report(self, outcome: Outcome, start: float) -> pytest.TestReport:
        script, no_script = script_of(self.case, self.suite, outcome)
        found = case_line(self.case, outcome, self.suite.first_of_its_rule(self.case, script))
        line: Any = found
        header: Any = self.suite.announcement()
        if self.suite.is_worker:
            line = json.loads(encoded(line))
            header = header and [json.loads(encoded(one)) for one in header]
        status, longrepr, known = self._said(outcome, found)
        sections = [("script that reproduces it without this project", script)] if script else []
        sections += [("no script", no_script)] if no_script else []
        return pytest.TestReport(
            self.nodeid,
            self.location,
            self._words,
            status,  # type: ignore[arg-type]
            longrepr,
            "call",
            sections=sections,
            duration=outcome.seconds,
            start=start,
            stop=start + outcome.seconds,
            conformance=line,
            conformance_header=header,
            **known,
        )

    def _said(self, outcome: Outcome, line: CaseLine) -> tuple[str, Any, dict[str, Any]]:
        """What pytest is told: its own status, the text or the reason, and what makes of a skip an expected failure."""
        entry = self.suite.known_as(line)
        if entry is not None and entry.excuses(line, today()):
            return "skipped", failure_text(self.case, outcome), {"wasxfail": entry.why}
        if entry is not None and outcome.status in PASSES and not entry.flaky:
            return "failed", known_but_passes(entry), {}
        if outcome.status == "unsupported":
            return "skipped", (str(self.path), self.case.rule.line, f"unsupported: {outcome.reason}"), {}
        if outcome.status in PASSES:
            return "passed", None, {}
        return "failed", failure_text(self.case, outcome), {}
