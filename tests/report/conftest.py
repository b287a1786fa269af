"""What the tests of renderings are given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.report.model import Report, build_report
from conformance.results.model import CaseLine
from conformance.rules.loading import load
from tests.report.pages import one_of_each, results_of
from tests.workshop import Workshop

ReportOf = Callable[..., Report]


@pytest.fixture
def report_of(workshop: Workshop) -> ReportOf:
    """Makes the report of cases of the rules adds, negates and sine, which stand in small.conformance.yaml."""
    rules = load([workshop.spec("pass", "fail", "unsupported")])

    def made(*cases: CaseLine, ended: bool = True) -> Report:
        return build_report([results_of(workshop.folder / "results.jsonl", *cases, ended=ended)], rules)

    return made


@pytest.fixture
def small_report(workshop: Workshop, tmp_path: Path) -> Report:
    """The report of a case of each kind."""
    rules = load([workshop.spec("pass", "fail", "unsupported")])
    return build_report([one_of_each(tmp_path / "one.jsonl")], rules)
