"""What a run makes of known failures: which are excused, and every way in which an entry can be stale."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import pytest

from conformance.known.judging import Judgement, judge
from conformance.known.loading import parse_known
from conformance.results.model import CaseLine, SubjectLine
from conformance.results.summary import exit_status, verdicts
from conformance.running.shards import Shard
from tests.results.lines import RUN, case, finding, subject

DAY = datetime.date(2026, 7, 1)
WHOLE = replace(RUN, selection=())


def judged(entries: str, *cases: CaseLine, subjects: tuple[SubjectLine, ...] | None = None, **run: Any) -> Judgement:
    """What entries, a line each, come to in a whole run of ``cases``, or in one of which ``run`` says more."""
    text = "known:\n" + "".join(f"  - {{{line}, reason: r}}\n" for line in entries.splitlines())
    subjects = (subject(len(cases)),) if subjects is None else subjects
    return judge(parse_known(text, "known.yaml")[1], replace(WHOLE, **run), subjects, cases, DAY)


def stale(*arguments: Any, **run: Any) -> list[tuple[int, str]]:
    """Line and kind of each stale entry."""
    return [(one.entry.line, one.kind) for one in judged(*arguments, **run).stale]


BOTH_FAIL = (case("many", "fail", label="n=1"), case("many", "fail", label="n=2"))
ONE_FAILS = (case("many", "fail", label="n=1"), case("many", label="n=2"))
NONE_FAILS = (case("many", label="n=1"), case("many", label="n=2"))


class TestExcused:
    def test_failures_that_an_entry_names(self) -> None:
        """Each with the entry that excuses it; nothing is stale, and the run ends well without conforming."""
        found = judged("rules: small/many", *BOTH_FAIL, case("good"))
        assert {id_: one.line for id_, one in found.excused.items()} == {line.id: 2 for line in BOTH_FAIL}
        assert found.stale == ()
        [verdict] = verdicts([*BOTH_FAIL, case("good")], [subject(3)], found.excused)
        assert str(verdict.levels[0]) == (
            "1 of 2 applicable must-rules conform; 1 known failure; 0 unsupported, 0 not run"
        )
        assert (verdict.conforms, verdict.acceptable, exit_status([verdict])) == (False, True, 0)

    def test_a_failure_beside_them_is_none(self) -> None:
        """The rule is no known failure while one of its cases is not."""
        found = judged("cases: 'small/many[n=1-tiny-cpu]'", *BOTH_FAIL)
        assert list(found.excused) == ["small/many[n=1-tiny-cpu]"]
        [verdict] = verdicts(BOTH_FAIL, [subject()], found.excused)
        assert (verdict.known, verdict.levels[0].known, exit_status([verdict])) == (1, 0, 1)

    @pytest.mark.parametrize("status", ["crash", "hang", "error"])
    def test_a_crash_a_hang_and_an_error_never_are(self, status: Any) -> None:
        """Nor are they stale: they are no pass either."""
        found = judged("rules: small/many", case("many", status))
        assert (found.excused, found.stale) == ({}, ())
        assert exit_status(verdicts([case("many", status)], [subject(1)], {"small/many[tiny-cpu]"})) in (1, 3)

    def test_the_first_entry_that_matches_a_case_has_it(self) -> None:
        """So that an exception stands before the rule; here the exception may pass, and the rest may not."""
        found = judged("cases: 'small/many[n=2*', flaky: true, until: 2026-12-31\nrules: small/many", *ONE_FAILS)
        assert [one.line for one in found.excused.values()] == [3]
        assert found.stale == ()


class TestStale:
    def test_what_passes_now(self) -> None:
        """The entry is to be removed."""
        [found] = judged("rules: small/many", *NONE_FAILS).stale
        assert str(found) == "known.yaml:2:5: all 2 cases of this entry pass now (remove the entry)"
        assert stale("rules: small/one", case("one")) == [(2, "passes")]
        assert stale("rules: small/one", case("one", "unspecified")) == [(2, "passes")]

    def test_what_passes_in_part(self) -> None:
        """Those that pass are named, and the others stay excused."""
        found = judged("rules: small/many", *ONE_FAILS)
        assert str(found.stale[0]) == (
            "known.yaml:2:5: 1 of 2 cases of this entry pass: small/many[n=2-tiny-cpu] "
            "(narrow it to the cases that fail)"
        )
        assert list(found.excused) == ["small/many[n=1-tiny-cpu]"]

    def test_what_is_flaky_may_pass(self) -> None:
        """In part or altogether, until its day."""
        flaky = "rules: small/many, flaky: true, until: 2026-07-01"
        assert [stale(flaky, *cases) for cases in (BOTH_FAIL, ONE_FAILS, NONE_FAILS)] == [[], [], []]

    def test_what_has_expired(self) -> None:
        """It is stale, flaky or not, and excuses nothing any more."""
        for flaky in ("", ", flaky: true"):
            found = judged(f"rules: small/many, until: 2026-06-30{flaky}", *BOTH_FAIL)
            assert [str(one) for one in found.stale] == [
                "known.yaml:2:5: this entry expired on 2026-06-30 (mend what it excuses, or renew it with a later date)"
            ]
            assert found.excused == {}

    @pytest.mark.parametrize("pattern", ["rules: small/none", "rules: none", "cases: 'small/many[n=3-tiny-cpu]'"])
    def test_what_matches_nothing(self, pattern: str) -> None:
        """A rule, a topic, and a case of a rule that ran."""
        [found] = judged(pattern, *BOTH_FAIL).stale
        text = pattern.partition(": ")[2].strip("'")
        assert str(found).startswith(f"known.yaml:2:5: '{text}' matches no case that ran (it may be misspelt, or gone")

    def test_one_pattern_of_several_that_matches_nothing(self) -> None:
        """Each pattern counts by itself."""
        [found] = judged("rules: [small/many, small/none]", *BOTH_FAIL).stale
        assert (found.kind, found.pattern and found.pattern.text) == ("matches nothing", "small/none")

    def test_what_an_earlier_entry_has_already(self) -> None:
        """A second entry for the same cases excuses nothing."""
        [found] = judged("rules: small/many\ncases: 'small/many[n=1*'", *BOTH_FAIL).stale
        assert str(found) == (
            "known.yaml:3:5: every case that this entry matches belongs to an earlier one, on line 2 "
            "(remove one of the two)"
        )

    def test_what_fails_in_another_way_is_not_stale(self) -> None:
        """It is a new failure; the entry is right about the case."""
        found = judged("rules: small/odd, kinds: values", case("odd", "fail", findings=(finding(kind="shape"),)))
        assert (found.excused, found.stale) == ({}, ())


class TestNotJudged:
    """Nothing is found out about an entry by a run that did not run what it names."""

    @pytest.mark.parametrize(
        "entry",
        [
            "rules: small/none, implementation: torch",
            "rules: small/none, device: cuda*",
            "rules: small/none, version: '>=1'",
            "cases: 'small/many[n=1-torch-cpu]'",
            "cases: 'small/many[*-tiny-cuda]'",
            "rules: small/none, implementation: torch, until: 2020-01-01",
        ],
    )
    def test_of_another_implementation_device_or_version(self, entry: str) -> None:
        """The condition, or the end of a case's id, says whom it is about."""
        assert stale(entry, *BOTH_FAIL) == []

    def test_of_a_selection_without_its_rules(self) -> None:
        """A rule that was selected and has no such case is judged; another rule, and a glob, are not."""
        entries = "rules: small/none\nrules: other/none\nrules: small/n*\nrules: small\ncases: 'small/many[n=3*'"
        assert stale(entries, *BOTH_FAIL, selection=("small",)) == [(2, "matches nothing"), (6, "matches nothing")]
        assert stale("rules: other\nrules: small/none", *BOTH_FAIL, selection=("small/many", "other")) == [
            (2, "matches nothing")
        ]

    def test_of_the_other_shards(self) -> None:
        """By the hash of the rule's id one shard of all judges it; a glob is judged when they are merged."""
        judges = [stale("rules: small/none\nrules: small/n*", *BOTH_FAIL, shard=f"{n}/3") for n in (1, 2, 3)]
        holder = next(n for n in (1, 2, 3) if Shard(n, 3).holds("small/none"))
        assert judges == [[(2, "matches nothing")] if n == holder else [] for n in (1, 2, 3)]

    def test_of_files_that_were_not_named(self) -> None:
        """Where single spec files were read, their topics count."""
        assert stale("rules: other/none\nrules: '*/none'\nrules: small/none", *BOTH_FAIL, topics=("small",)) == [
            (4, "matches nothing")
        ]

    def test_where_single_cases_were_left_out(self) -> None:
        """By pytest's -k, say; what passes is stale all the same."""
        entries = "rules: small/none\nrules: small/many"
        assert stale(entries, *NONE_FAILS, narrowed=True) == [(3, "passes")]

    def test_by_a_run_that_was_cut_off(self) -> None:
        """The case that it would match may have been next."""
        assert stale("rules: small/none", *BOTH_FAIL, subjects=(subject(3),)) == []
        other = subject(4, device="abacus")
        assert stale("rules: small/none, device: cpu", *BOTH_FAIL, subjects=(subject(2), other)) == [
            (2, "matches nothing")
        ]

    def test_as_a_whole_where_only_a_part_of_what_it_names_ran(self) -> None:
        """It may have cases of its own elsewhere; what passes is told, and that the rest is not known."""
        entries = "rules: small/many\nrules: small"
        assert stale(entries, *BOTH_FAIL) == [(3, "shadowed")]
        assert stale(entries, *BOTH_FAIL, selection=("small/many",)) == []
        [found] = judged("rules: small", *NONE_FAILS, selection=("small/many",)).stale
        assert (found.whole, str(found)) == (
            False,
            "known.yaml:2:5: all 2 cases of this entry that ran pass now "
            "(remove the entry, or narrow it to the cases that fail)",
        )

    def test_what_is_unsupported(self) -> None:
        """It neither fails nor passes."""
        assert stale("rules: small/sine", case("sine", "unsupported")) == []

    def test_by_a_run_of_nothing(self) -> None:
        """Without an implementation there is no verdict on any entry."""
        assert stale("rules: small/none", subjects=()) == []
