"""Known failures in every rendering: told apart, never counted as conforming, and no news."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from conformance.known.judging import Stale
from conformance.report.annotations import render_annotations
from conformance.report.badge import AMBER, RED, badge
from conformance.report.junit import render_junit
from conformance.report.markdown import render_markdown
from conformance.report.model import Report, build_report
from conformance.rules.loading import load
from tests.report.pages import known_to_fail, results_of
from tests.results.lines import case
from tests.workshop import Workshop


@pytest.fixture
def known(workshop: Workshop, tmp_path: Path) -> Report:
    """A rule that passes, and one whose only case is known to fail; one stale entry."""
    results = results_of(tmp_path / "one.jsonl", case("adds"), case("negates", "fail"))
    judgement = known_to_fail(results, "small/negates[tiny-cpu]")
    entry = judgement.excused["small/negates[tiny-cpu]"]
    stale = Stale("expired", entry, entry.problem("this entry expired", "renew it"))
    rules = load([workshop.spec("pass", "fail")])
    return build_report([results], rules, replace(judgement, stale=(stale,)))


@pytest.fixture
def worse(workshop: Workshop, tmp_path: Path) -> Report:
    """The same with another rule that nobody knows to fail."""
    results = results_of(tmp_path / "two.jsonl", case("adds", "fail"), case("negates", "fail"))
    return build_report(
        [results], load([workshop.spec("pass", "fail")]), known_to_fail(results, "small/negates[tiny-cpu]")
    )


def test_the_summary_names_them_in_its_verdict_and_not_among_the_failures(known: Report, worse: Report) -> None:
    """A reader of the summary sees what is news; stale entries are named."""
    text = render_markdown(known)
    assert "△ 1 known failure and no other" in text
    assert "1 of 2 (1 known failure, 0 unsupported, 0 not run)" in text
    assert "with failures" not in text
    assert "known.yaml:2:5: this entry expired (renew it)" in text
    text = render_markdown(worse)
    assert "✗ does not conform" in text
    assert "### 1 rule with failures" in text
    assert "small/adds" in text


def test_the_badge_is_not_green(known: Report, worse: Report) -> None:
    """Known is not conforming, and not as bad as news."""
    assert (badge(known).message, badge(known).colour) == ("1 of 2 must, 1 known", AMBER)
    assert (badge(worse).message, badge(worse).colour) == ("0 of 2 must, 1 known", RED)


def test_junit_skips_them_with_the_reason(known: Report) -> None:
    """Their story is kept; a job that reads the document does not fail for them."""
    root = ElementTree.fromstring(render_junit(known))
    assert (root.get("failures"), root.get("skipped")) == ("0", "1")
    skipped = next(root.iter("skipped"))
    assert skipped.get("message") == "known failure: the sign is lost (https://example.org/issues/7)"
    assert "Negation changes the sign." in (skipped.text or "")


def test_annotations_mark_stale_entries_and_news_only(known: Report, worse: Report, tmp_path: Path) -> None:
    """An entry is marked in its own file."""
    assert render_annotations(known, Path.cwd()) == (
        "::error file=known.yaml,line=2,title=Stale known failure::this entry expired (renew it)\n"
    )
    (line,) = render_annotations(worse, tmp_path).splitlines()
    assert "small/adds" in line
