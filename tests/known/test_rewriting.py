"""Known-failures files brought up to date by results: what is added, what goes, and that all else stays to the byte."""

from __future__ import annotations

import datetime
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.errors import ConformanceError, ResultsError
from conformance.known.judging import judge
from conformance.known.loading import parse_known
from conformance.known.rewriting import Rewriting, rewritten
from conformance.results.model import CaseLine
from conformance.results.reading import Results
from conformance.running.outcome import Status
from tests.results.lines import RUN, case, finding, subject

DAY = datetime.date(2026, 7, 1)
HEAD = "# Known failures: what each key means is said in docs/known-failures.md.\n"
FAILS_IN_PART = (case("many", "fail", label="n=1"), case("many", label="n=2"), case("many", "fail", label="n=3"))


def results(*cases: CaseLine, planned: int | None = None, **run: Any) -> Results:
    """Results of a whole run of these cases."""
    announced = subject(len(cases) if planned is None else planned)
    return Results(Path("results.jsonl"), replace(RUN, **{"selection": (), **run}), (announced,), cases, None, 0)


def update(text: str | None, found: Results, **options: Any) -> Rewriting:
    """The file ``known.yaml``, updated."""
    return rewritten(text, "known.yaml", found, day=DAY, **options)


class TestAdding:
    def test_a_new_file_has_an_entry_for_each_rule_that_fails(self) -> None:
        """The rule where none of its cases passes, and otherwise the cases that fail; what was found is the reason."""
        done = update(None, results(case("adds"), case("negates", "fail"), *FAILS_IN_PART))
        assert done.text == HEAD + (
            "known:\n"
            "  - cases:\n"
            "    - small/many[n=1-tiny-cpu]\n"
            "    - small/many[n=3-tiny-cpu]\n"
            "    reason: 'not yet explained: y: expected [1.], observed [2.] [values]'\n"
            "  - rules: small/negates\n"
            "    implementation: tiny\n"
            "    device: cpu\n"
            "    reason: 'not yet explained: y: expected [1.], observed [2.] [values]'\n"
        )
        assert done.changes == (
            "added small/many on tiny cpu: 2 cases", "added small/negates on tiny cpu: 1 case",
        )  # fmt: skip
        assert done.stale == ()

    def test_a_file_that_covers_all_is_left_alone(self) -> None:
        """To the byte, so that a second time nothing changes."""
        found = results(case("negates", "fail"), *FAILS_IN_PART)
        text = update(None, found).text
        assert update(text, found, prune=True) == Rewriting(text, (), ())

    def test_entries_are_added_behind_the_last_and_nothing_else_changes(self) -> None:
        """Comments, order, quotes, blank lines and the ends of lines stay."""
        before = (
            "# mine\r\nknown:   # all of them\r\n\r\n"
            "-   rules: 'small/a'  # why\r\n    reason: >-\r\n      # no comment\r\n\r\n# the end\r\n"
        )
        done = update(before, results(case("a", "fail"), case("b", "fail")), reason="because")
        added = "- rules: small/b\r\n  implementation: tiny\r\n  device: cpu\r\n  reason: because\r\n"
        assert done.text == before.replace("\r\n\r\n# the end", f"\r\n{added}\r\n# the end")

    def test_an_empty_list_and_a_file_without_a_last_newline(self) -> None:
        """The brackets go, and lines are not glued."""
        found = results(case("a", "fail"))
        entry = "  - rules: small/a\n    implementation: tiny\n    device: cpu\n    reason: r\n"
        assert update("known: [ ] # none", found, reason="r").text == f"known:  # none\n{entry}"
        before = "known:\n  - {rules: small/b, implementation: torch, reason: r}"
        with pytest.raises(ConformanceError, match=r"known\.yaml:2: entries in brackets cannot be rewritten"):
            update(before, found)
        before = "known:\n  - rules: small/b\n    implementation: torch\n    reason: r"
        assert update(before, found, reason="r").text == f"{before}\n{entry}"

    @pytest.mark.parametrize("status", ["crash", "hang", "error"])
    def test_what_crashes_is_never_added(self, status: Status) -> None:
        """Nor is a rule of which one case crashes excused for the others' sake only: they are, it is not."""
        assert update(None, results(case("a", status))).text == HEAD + "known: []\n"
        done = update(None, results(case("many", status, label="n=1"), case("many", "fail", label="n=2")))
        _, known = parse_known(done.text, "known.yaml")
        assert [entry.patterns[0].text for entry in known.entries] == ["small/many"]

    def test_of_a_run_that_did_not_see_all_cases_are_added_one_by_one(self) -> None:
        """The others may pass."""
        for found in (results(case("a", "fail"), planned=2), results(case("a", "fail"), narrowed=True)):
            assert "cases: small/a[tiny-cpu]" in update(None, found).text

    def test_what_belongs_to_an_entry_that_does_not_excuse_it_is_left(self) -> None:
        """A second entry would never have it; a person has to look."""
        text = "known:\n  - rules: small/a\n    kinds: shape\n    reason: r\n"
        done = update(text, results(case("a", "fail")))
        assert done.text == text
        assert done.changes == (
            "left small/a[tiny-cpu]: it belongs to known.yaml:2, which does not excuse it",
        )  # fmt: skip

    def test_a_long_reason_is_cut(self) -> None:
        """An array is no reason."""
        found = results(case("a", "fail", findings=(finding(observed="x" * 500),)))
        assert max(map(len, update(None, found).text.splitlines())) < 160


STALE = """\
# heading
known:
  # about many
  - rules: small/many  # all of it
    # still the same entry
    reason: rounds
    issue: https://example.org/1
  # about gone
  - rules: small/gone
    reason: r
    # inside gone

  # about adds
  - rules: [small/adds, small/negates]
    reason: r
  - cases: small/negates[tiny-cpu]
    reason: shadowed
# end
"""


PRUNED = """\
# heading
known:
  # about many
  - cases:             # all of it
    # still the same entry
      - small/many[n=1-tiny-cpu]
      - small/many[n=3-tiny-cpu]
    reason: rounds
    issue: https://example.org/1
  # about gone

  # about adds
  - rules: small/negates
    reason: r
# end
"""


class TestPruning:
    found = results(case("adds"), case("negates", "fail"), *FAILS_IN_PART)

    def test_without_it_stale_entries_are_told_and_left(self) -> None:
        """To remove what somebody wrote takes a word."""
        done = update(STALE, self.found)
        assert (done.text, done.changes) == (STALE, ())
        assert [one.kind for one in done.stale] == ["passes in part", "matches nothing", "passes in part", "shadowed"]

    def test_stale_entries_go_or_are_narrowed(self) -> None:
        """Comments outside them stay, and those inside an entry that stays."""
        done = update(STALE, self.found, prune=True)
        assert done.text == PRUNED
        assert [change.partition(":")[0] for change in done.changes] == [
            "narrowed known.yaml", "removed known.yaml", "narrowed known.yaml", "removed known.yaml",
        ]  # fmt: skip
        assert done.stale == ()

    def test_what_is_left_fits_the_results(self) -> None:
        """No failure is uncovered and nothing is stale."""
        _, known = parse_known(update(STALE, self.found, prune=True).text, "known.yaml")
        judgement = judge(known, self.found.run, self.found.subjects, self.found.cases, DAY)
        assert set(judgement.excused) == {line.id for line in self.found.cases if line.status == "fail"}

    def test_the_last_entry_leaves_an_empty_list(self) -> None:
        """The file stays right."""
        done = update("known: # mine\n  - rules: small/a\n    reason: r\n", results(case("a")), prune=True)
        assert done.text == "known: []  # mine\n"

    def test_an_expired_entry_gives_way_to_one_without_excuses(self) -> None:
        """What still fails is written down again, as a failure that nobody has explained."""
        text = "known:\n  - rules: small/a\n    reason: r\n    flaky: true\n    until: 2026-06-30\n"
        done = update(text, results(case("a", "fail")), prune=True)
        assert [change.partition(" ")[0] for change in done.changes] == ["removed", "added"]
        assert "flaky" not in done.text

    @pytest.mark.parametrize(("found", "why"), [({"planned": 2}, "cut off"), ({"narrowed": True}, "narrowed")])
    def test_a_run_that_did_not_see_all_prunes_nothing(self, found: dict[str, Any], why: str) -> None:
        """What it did not run may still fail."""
        with pytest.raises(ResultsError, match=rf"results\.jsonl is of a run that was {why}"):
            update(STALE, results(case("a"), **found), prune=True)

    @pytest.mark.parametrize("run", [{"selection": ("small/a",)}, {"shard": "1/2"}, {"topics": ("small",)}])
    def test_an_entry_that_names_more_than_what_ran_is_left(self, run: dict[str, Any]) -> None:
        """The other rules that it names may still fail."""
        text = "known:\n  - rules: ['*/a', small]\n    reason: r\n"
        done = update(text, results(case("a"), **run), prune=True)
        assert done.text == text
        assert [one.kind for one in done.stale] == ["passes"]

    def test_without_the_library_that_keeps_comments(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Narrowing says what to install; removing and adding do without."""
        monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
        with pytest.raises(ConformanceError, match=r"needs ruamel\.yaml \(pip install 'torch-conformance\[known\]'\)"):
            update(STALE, self.found, prune=True)
        removed = update("known:\n  - rules: small/a\n    reason: r\n", results(case("a")), prune=True)
        assert removed.text == "known: []\n"


SLUGS = ("a", "b", "c")
FOUND = st.dictionaries(
    st.tuples(st.sampled_from(SLUGS), st.sampled_from(("n=1", "n=2", "n=3"))),
    st.sampled_from(("pass", "fail", "unsupported", "crash", "unspecified")), min_size=1,
)  # fmt: skip


@given(first=FOUND, second=FOUND)
def test_whatever_the_results_were_and_are_the_file_fits_them(first: Any, second: Any) -> None:
    """Written by one run and pruned by another, it covers every failure of the latter and has nothing stale in it."""
    runs = [
        results(*(case(slug, status, label=label) for (slug, label), status in sorted(found.items())))
        for found in (first, second)
    ]
    text = update(None, runs[0]).text
    done = update(text, runs[1], prune=True)
    _, known = parse_known(done.text, "known.yaml")
    judgement = judge(known, runs[1].run, runs[1].subjects, runs[1].cases, DAY)
    assert set(judgement.excused) == {line.id for line in runs[1].cases if line.status == "fail"}
    assert [one.kind for one in judgement.stale] == []
    assert update(done.text, runs[1], prune=True).text == done.text
