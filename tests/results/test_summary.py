"""Verdicts: every score with its denominator and what it leaves out, and the exit status that follows."""

from __future__ import annotations

import itertools

import pytest

from conformance.results.model import CaseLine
from conformance.results.summary import exit_status, rule_status, verdicts
from conformance.running.outcome import STATUSES, Status
from tests.results.lines import case, finding, subject

ENDS: dict[Status, int] = {
    "pass": 0, "fail": 1, "unsupported": 3, "unspecified": 0, "crash": 1, "hang": 1, "error": 3, "not run": 3,
}  # fmt: skip


def line_of(*cases: CaseLine) -> str:
    """The text of the only level of the only verdict."""
    [verdict] = verdicts(cases)
    [level] = verdict.levels
    return str(level)


@pytest.mark.parametrize("status", STATUSES)
def test_the_exit_status_of_a_run_of_one_status(status: Status) -> None:
    """0 conforms, 1 does not, 3 where the harness broke or nothing was executed."""
    assert exit_status(verdicts([case("one", status)])) == ENDS[status]


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(STATUSES, 2)))
def test_the_exit_status_of_two_statuses_together(one: Status, other: Status) -> None:
    """An error outranks a failure, a failure a pass; what is unsupported or not run never turns a run good."""
    found = exit_status(verdicts([case("one", one), case("other", other)]))
    statuses = {one, other}
    if "error" in statuses:
        assert found == 3
    elif statuses & {"fail", "crash", "hang"}:
        assert found == 1
    elif statuses & {"pass", "unspecified"}:
        assert found == (1 if "not run" in statuses else 0)
    else:
        assert found == 3


def test_nothing_at_all_is_not_a_pass() -> None:
    """A run without verdicts, or with announced cases of which none ran, is status 3."""
    assert exit_status([]) == 3
    assert exit_status(verdicts([], [subject(planned=4, planned_rules={"must": 4})])) == 3


def test_a_device_on_which_everything_is_unsupported_does_not_fail_the_others() -> None:
    """Meta beside cpu: the verdict of what ran decides."""
    found = verdicts([case("adds"), case("adds", "unsupported", device="meta")])
    assert exit_status(found) == 0
    assert [(v.device, v.conforms, v.executed) for v in found] == [("cpu", True, True), ("meta", False, False)]


def test_a_run_that_was_cut_off_does_not_conform() -> None:
    """Passing so far is not conforming: cases that were announced and have no line are counted against the run."""
    [verdict] = verdicts([case("adds")], [subject(planned=3, planned_rules={"must": 2})])
    assert verdict.not_run == 2
    assert not verdict.conforms
    assert exit_status([verdict]) == 1
    assert str(verdict.levels[0]) == "1 of 1 applicable must-rules conform; 0 unsupported, 1 not run"


def test_levels_of_which_nothing_ran_are_still_named() -> None:
    """An announced level without any line appears with its rules not run."""
    [verdict] = verdicts([], [subject(planned=3, planned_rules={"must": 2, "should": 1})])
    assert [str(level) for level in verdict.levels] == [
        "0 of 0 applicable must-rules conform; 0 unsupported, 2 not run",
        "0 of 0 applicable should-rules conform; 0 unsupported, 1 not run",
    ]


def test_a_verdict_line_has_its_denominator_and_what_it_leaves_out() -> None:
    """Unsupported and unspecified rules stand outside the denominator and are named beside it."""
    cases = [
        case("a"), case("b"), case("c", "fail"), case("d", "crash"), case("e", "hang"), case("f", "error"),
        case("g", "unsupported"), case("h", "unsupported"), case("i", "unspecified"),
    ]  # fmt: skip
    assert line_of(*cases) == "2 of 6 applicable must-rules conform; 2 unsupported, 0 not run, 1 unspecified"


def test_rules_count_and_not_cases() -> None:
    """A rule of many cases weighs as much as one of one; it conforms where every applicable case does."""
    good = [case("many", label=f"n={n}") for n in range(9)]
    assert line_of(*good, case("one", "fail")).startswith("1 of 2 applicable")
    assert line_of(*good, case("many", "fail", label="n=9")).startswith("0 of 1 applicable")
    assert line_of(*good, case("many", "unsupported", label="n=9")).startswith("1 of 1 applicable")


def test_levels_are_counted_apart() -> None:
    """must, should and de-facto each have a line, in that order."""
    cases = [case("x", level="de-facto"), case("y", "fail", level="should"), case("z")]
    [verdict] = verdicts(cases)
    assert [str(level) for level in verdict.levels] == [
        "1 of 1 applicable must-rules conform; 0 unsupported, 0 not run",
        "0 of 1 applicable should-rules conform; 0 unsupported, 0 not run",
        "1 of 1 applicable de-facto-rules conform; 0 unsupported, 0 not run",
    ]


def test_a_must_rule_that_fails_only_a_weaker_check_conforms_at_its_level() -> None:
    """The class of an error is a 'should' check: a wrong one does not cost the rule, but the run is not clean."""
    weak = case("raises", "fail", findings=(finding(kind="wrong error", level="should"),))
    [verdict] = verdicts([weak])
    assert str(verdict.levels[0]).startswith("1 of 1 applicable must-rules conform")
    assert not verdict.conforms
    assert rule_status([weak]) == "fail"


@pytest.mark.parametrize(
    ("statuses", "of_rule"),
    [
        (("pass", "fail"), "fail"),
        (("fail", "hang"), "hang"),
        (("hang", "crash"), "crash"),
        (("crash", "error"), "error"),
        (("pass", "unsupported"), "pass"),
        (("unspecified", "unsupported"), "unspecified"),
        (("pass", "not run"), "not run"),
        (("unsupported", "unsupported"), "unsupported"),
    ],
)
def test_a_rule_has_the_status_of_its_worst_case(statuses: tuple[Status, ...], of_rule: Status) -> None:
    """Whatever the order of its cases."""
    lines = [case("many", status, label=f"n={n}") for n, status in enumerate(statuses)]
    assert rule_status(lines) == rule_status(lines[::-1]) == of_rule


def test_verdicts_come_in_the_order_of_their_announcement() -> None:
    """Cpu before meta, as the run had them, also where a later one finished first."""
    cases = [case("adds", device="meta"), case("adds")]
    assert [v.device for v in verdicts(cases, [subject(), subject(device="meta")])] == ["cpu", "meta"]


def test_known_failures_are_counted_by_themselves_and_never_conform() -> None:
    """The denominator is what it was; the exit status forgives them, and nothing else."""
    cases = [case("a"), case("b", "fail"), case("c", "fail"), case("d", "fail", level="should")]
    known = {"small/b[tiny-cpu]", "small/c[tiny-cpu]", "small/d[tiny-cpu]"}
    [verdict] = verdicts(cases, known=known)
    assert [str(level) for level in verdict.levels] == [
        "1 of 3 applicable must-rules conform; 2 known failures; 0 unsupported, 0 not run",
        "0 of 1 applicable should-rules conform; 1 known failure; 0 unsupported, 0 not run",
    ]
    assert (verdict.conforms, exit_status([verdict])) == (False, 0)
    assert exit_status(verdicts(cases, known=known - {"small/d[tiny-cpu]"})) == 1
    assert exit_status(verdicts(cases, [subject(planned=5)], known)) == 1


def test_what_shards_announce_is_added_up_over_files() -> None:
    """Rules lie whole in one shard; a shard that was run twice, and a case that stands twice, count once."""
    shards = [
        subject(2, planned_rules={"must": 1}, shard="1/2"), subject(3, planned_rules={"must": 2}, shard="2/2"),
    ]  # fmt: skip
    [verdict] = verdicts([case("a"), case("a")], [*shards, shards[0]])
    assert (verdict.not_run, dict(verdict.cases)) == (4, {"pass": 1})
    assert str(verdict.levels[0]) == "1 of 1 applicable must-rules conform; 0 unsupported, 2 not run"
