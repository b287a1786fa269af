"""Comparing two results: every way a case can change has one name, and what got worse is told from what did not."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from conformance.results.comparing import WORSE, Difference, compare
from conformance.results.model import CaseLine, SubjectLine
from conformance.results.reading import Results
from conformance.running.outcome import STATUSES, Status
from tests.results.lines import RUN, case, subject


def results(*cases: CaseLine, subjects: tuple[SubjectLine, ...] = ()) -> Results:
    """Results of these cases."""
    return Results(Path("results.jsonl"), RUN, subjects, cases, None, 0)


def change(old: Status | None, new: Status | None) -> Difference:
    """What it is that a case changed from one status to another, beside a case that passes in both."""
    return compare(*(results(case("same"), *([case("one", status)] if status else [])) for status in (old, new)))


KINDS = {
    ("pass", "fail"): "new failures",
    ("unsupported", "hang"): "new failures",
    ("fail", "crash"): "new failures",
    (None, "fail"): "new failures",
    ("crash", "fail"): "otherwise changed",
    ("pass", "unsupported"): "newly unsupported",
    ("fail", "unsupported"): "newly unsupported",
    ("fail", "pass"): "fixed",
    ("error", "unspecified"): "fixed",
    ("unsupported", "pass"): "newly supported",
    ("pass", "unspecified"): "otherwise changed",
    (None, "pass"): "added",
    (None, "unsupported"): "added",
    ("pass", None): "removed",
    ("fail", None): "removed",
}


@pytest.mark.parametrize(("old", "new"), KINDS)
def test_every_change_has_one_name(old: Status | None, new: Status | None) -> None:
    """And worse is what newly fails, fails harder, or is newly unsupported."""
    difference = change(old, new)
    assert [one.kind for one in difference.rules] == [KINDS[old, new]]
    assert difference.worse == (KINDS[old, new] in WORSE)


@pytest.mark.parametrize(("old", "new"), list(itertools.product(STATUSES, STATUSES)))
def test_nothing_turns_bad_unnoticed(old: Status, new: Status) -> None:
    """Whatever fails, crashes, hangs or breaks now and did not then is worse; what is as it was is no change."""
    difference = change(old, new)
    if old == new:
        assert difference.rules == ()
    elif new in ("fail", "crash", "hang", "error") and old not in ("fail", "crash", "hang", "error"):
        assert difference.worse


def test_cases_are_gathered_by_rule_with_the_statuses_of_the_whole_rule() -> None:
    """A rule that failed in one case and fails in two is fail -> fail, with the one new case."""
    old = results(case("many", "fail", label="n=1"), case("many", label="n=2"), case("many", label="n=3"))
    new = results(case("many", "fail", label="n=1"), case("many", "fail", label="n=2"), case("many", label="n=3"))
    [rule] = compare(old, new).rules
    assert (rule.rule, rule.implementation, rule.device, rule.old, rule.new) == (
        "small/many", "tiny", "cpu", "fail", "fail",
    )  # fmt: skip
    assert [one.line.id for one in rule.cases] == ["small/many[n=2-tiny-cpu]"]


def test_worse_comes_first_then_ids() -> None:
    """The order is that of reading, whatever the order of the files."""
    old = results(case("d"), case("c", "fail"), case("b", "unsupported"), case("a"), case("e"))
    new = results(case("a", "unsupported"), case("b"), case("c"), case("d", "fail"), case("e", "fail"))
    assert [(one.kind, one.rule[-1]) for one in compare(old, new).rules] == [
        ("new failures", "d"), ("new failures", "e"), ("newly unsupported", "a"), ("fixed", "c"),
        ("newly supported", "b"),
    ]  # fmt: skip


def test_the_same_rule_on_two_devices_is_two_changes() -> None:
    """What broke on one device is not mixed with what broke on another."""
    old = results(case("x"), case("x", device="abacus"))
    new = results(case("x", "fail"), case("x", "fail", device="abacus"))
    assert [one.device for one in compare(old, new).rules] == ["abacus", "cpu"]


def test_a_newer_run_that_was_cut_off_counts_as_worse() -> None:
    """Cases that were announced and have no result may have failed; in the older run they do not matter."""
    whole = results(case("a"), case("b"), subjects=(subject(2),))
    cut_off = results(case("a"), subjects=(subject(2),))
    assert (compare(whole, cut_off).unfinished, compare(whole, cut_off).worse) == (1, True)
    assert (compare(cut_off, whole).unfinished, compare(cut_off, whole).worse) == (0, False)


def test_only_the_lines_of_a_verdict_that_changed_are_kept() -> None:
    """Levels that are as they were say nothing."""
    old = results(case("a"), case("b", level="should"))
    new = results(case("a", "fail"), case("b", level="should"))
    [verdict] = compare(old, new).verdicts
    assert verdict.old == ("1 of 1 applicable must-rules conform; 0 unsupported, 0 not run",)
    assert verdict.new == ("0 of 1 applicable must-rules conform; 0 unsupported, 0 not run",)
    assert compare(old, old).verdicts == ()
