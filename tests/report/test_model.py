"""Results and rules -> a report: which columns, in which order, and what a cell says."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.report.findings import clusters, lacking
from conformance.report.model import Report, build_report
from conformance.results.model import RunLine, encoded
from conformance.results.reading import read_results
from conformance.rules.loading import load
from conformance.rules.model import Rule
from tests.report.pages import known_to_fail, one_of_each, results_of
from tests.results.lines import RUN, case, finding
from tests.workshop import Workshop, rule


@pytest.fixture
def rules(workshop: Workshop) -> tuple[Rule, ...]:
    """Rules of two topics, one of which names an area."""
    path = workshop.spec("pass", name="other.conformance.yaml")
    text = path.read_text(encoding="utf-8").replace("small/", "other/")
    path.write_text(text.replace("title: Small rules", "title: Others\narea: Sums"), encoding="utf-8")
    return load([workshop.spec("pass", "fail", "unsupported"), path])


@pytest.fixture
def report(rules: tuple[Rule, ...], tmp_path: Path) -> Report:
    """Of one case of each kind."""
    return build_report([one_of_each(tmp_path / "one.jsonl")], rules)


def texts(report: Report) -> dict[str, list[str]]:
    """The cells of every rule in words."""
    return {row.rule.id: [cell.text for cell in row.cells] for row in report.rows}


def test_a_cell_says_its_status_in_words(report: Report) -> None:
    """With the kind of failure, for a wrong dtype is something else than a wrong value."""
    assert [str(column) for column in report.columns] == ["tiny on cpu", "tiny on abacus"]
    assert texts(report) == {
        "small/adds": ["pass 2", "crash"],
        "small/negates": ["wrong values", "wrong dtype"],
        "small/sine": ["unsupported", "–"],
    }


def test_a_cell_counts_what_could_not_run(rules: tuple[Rule, ...], tmp_path: Path) -> None:
    """Cases without a verdict are outside the number and beside it."""
    cases = [case("adds", label="a"), case("adds", "unsupported", label="b", reason="no dtype")]
    bad = [case("negates", label="a"), case("negates", "fail", label="b"), case("negates", "unsupported", label="c")]
    found = build_report([results_of(tmp_path / "one.jsonl", *cases, *bad)], rules)
    assert texts(found) == {"small/adds": ["pass 1 (+1)"], "small/negates": ["wrong values 1 of 2"]}


def test_the_most_frequent_kind_names_a_cell(rules: tuple[Rule, ...], tmp_path: Path) -> None:
    """And all kinds are kept."""
    flag = finding(kind="flag", aspect="is_leaf")
    cases = [
        case("adds", "fail", label="a", findings=(finding(), flag)),
        case("adds", "fail", label="b", findings=(flag, flag)),
    ]
    (row,) = build_report([results_of(tmp_path / "one.jsonl", *cases)], rules).rows
    assert row.cells[0].kinds == ("flag", "values")
    assert row.cells[0].text == "wrong flag 2 of 2"


def test_the_case_with_a_script_comes_first(rules: tuple[Rule, ...], tmp_path: Path) -> None:
    """It is the one that a reader can run; of many cases eight are shown."""
    cases = [case("adds", "fail", label=f"n={n}", script="pass" if n == 9 else "") for n in range(12)]
    (row,) = build_report([results_of(tmp_path / "one.jsonl", *cases)], rules).rows
    assert [line.parameters for line in row.cells[0].shown] == ["n=9", *(f"n={n}" for n in range(7))]
    assert row.cells[0].bad == 12


def test_areas_and_topics_are_counted(rules: tuple[Rule, ...], tmp_path: Path) -> None:
    """How many rules conform, of how many with a verdict, and how many have none; files without an area have one."""
    report = build_report([one_of_each(tmp_path / "one.jsonl")], rules)
    (area,) = report.areas
    assert (area.name, [str(one) for one in area.tallies]) == ("Other rules", ["1 of 2", "0 of 2"])
    assert [one.left_out for one in area.tallies] == [1, 0]
    other = case("adds")
    other = type(other)(**{**_fields(other), "id": "other/adds[tiny-cpu]", "rule": "other/adds"})
    both = build_report([results_of(tmp_path / "two.jsonl", case("adds"), other)], rules)
    assert [area.name for area in both.areas] == ["Other rules", "Sums"]


def _fields(line: object) -> dict[str, object]:
    return {name: getattr(line, name) for name in line.__slots__}  # type: ignore[attr-defined]


def test_what_fails_on_the_reference_comes_first_and_then_what_fails(rules: tuple[Rule, ...], tmp_path: Path) -> None:
    """There the suite is to be suspected before anybody else; rules that pass come last."""
    own = case("sine", "fail")
    own = type(own)(**{**_fields(own), "id": "small/sine[reference-cpu]", "implementation": "reference"})
    found = build_report([results_of(tmp_path / "a.jsonl", case("adds"), case("negates", "fail"), own)], rules)
    assert [row.rule.id for row in found.rows] == ["small/sine", "small/negates", "small/adds"]
    assert [row.rule.id for row in found.our_faults] == ["small/sine"]


def test_of_two_results_of_a_case_the_last_counts(rules: tuple[Rule, ...], tmp_path: Path) -> None:
    """A file of a second run mends the first's; the case is counted once."""
    first = results_of(tmp_path / "a.jsonl", case("adds", "fail"))
    second = results_of(tmp_path / "b.jsonl", case("adds"))
    assert texts(build_report([first, second], rules)) == {"small/adds": ["pass"]}
    assert texts(build_report([second, first], rules)) == {"small/adds": ["wrong values"]}


def test_rules_that_the_spec_files_lack_are_named(rules: tuple[Rule, ...], tmp_path: Path) -> None:
    """They count in the verdict, so they must not be dropped silently."""
    found = build_report([results_of(tmp_path / "one.jsonl", case("adds"), case("gone", "fail"))], rules)
    assert found.unknown == ("small/gone",)
    assert str(found.columns[0].verdict.levels[0]).startswith("1 of 2 applicable")


def test_myths_and_disagreements_are_those_of_the_rules_that_ran(workshop: Workshop, tmp_path: Path) -> None:
    """A rule without results is on no page."""
    more = "level: de-facto\nmyth: It trebles.\ndisagreement: {says: It trebles.}\n"
    ran = rule("adds", "y = torch.add(x, x)", "y: 2 * x", more=more)
    rules = load([workshop.spec(ran, ran.replace("small/adds", "small/other"))])
    found = build_report([results_of(tmp_path / "one.jsonl", case("adds", level="de-facto"))], rules)
    assert [row.rule.id for row in found.myths] == ["small/adds"]
    assert found.disagreements == found.myths


def test_nothing_at_all_is_still_a_report(tmp_path: Path) -> None:
    """A run line and no more."""
    path = tmp_path / "none.jsonl"
    assert isinstance(RUN, RunLine)
    path.write_bytes(encoded(RUN) + b"\n")
    found = build_report([read_results(path)], ())
    assert (found.columns, found.rows, found.areas) == ((), (), ())


def test_a_known_failure_is_told_apart_and_does_not_conform(rules: tuple[Rule, ...], tmp_path: Path) -> None:
    """Where all bad cases of a cell are known; it stands behind what is news, and is not counted as conforming."""
    cases = [
        case("adds", "fail", label="a"), case("adds", "fail", label="b"), case("negates", "fail"),
        case("sine", "crash"),
    ]  # fmt: skip
    results = results_of(tmp_path / "one.jsonl", *cases)
    known = known_to_fail(results, "small/negates[tiny-cpu]", "small/adds[a-tiny-cpu]")
    report = build_report([results], rules, known)
    assert texts(report) == {
        "small/adds": ["wrong values 2 of 2"], "small/sine": ["crash"], "small/negates": ["known: wrong values"],
    }  # fmt: skip
    assert [row.failing for row in report.rows] == [True, True, False]
    assert (report.areas[0].tallies[0].conform, report.areas[0].failing) == (0, 2)
    assert report.columns[0].verdict.known == 2


def test_a_baseline_is_compared_with_all_files_together(rules: tuple[Rule, ...], tmp_path: Path) -> None:
    """What a second file has is not removed."""
    before = results_of(tmp_path / "old.jsonl", case("adds"), case("adds", device="abacus"), case("sine", "fail"))
    now = [
        results_of(tmp_path / "a.jsonl", case("adds"), case("sine")),
        results_of(tmp_path / "b.jsonl", case("adds", "fail", device="abacus")),
    ]
    difference = build_report(now, rules, baseline=before).difference
    assert difference is not None
    assert [(one.kind, one.rule, one.device) for one in difference.rules] == [
        ("new failures", "small/adds", "abacus"), ("fixed", "small/sine", "cpu"),
    ]  # fmt: skip
    assert build_report(now, rules).difference is None


class TestGroups:
    def test_failures_are_clustered_by_area_and_kind(self, report: Report) -> None:
        """Each group has its column; a crash is a kind of its own."""
        found = {(str(one.column), one.what, one.area): len(one.rows) for one in clusters(report)}
        assert found == {
            ("tiny on cpu", "wrong values", "Other rules"): 1,
            ("tiny on abacus", "wrong dtype", "Other rules"): 1,
            ("tiny on abacus", "crash", "Other rules"): 1,
        }

    def test_what_is_lacking_is_grouped_by_what_it_is(self, rules: tuple[Rule, ...], tmp_path: Path) -> None:
        """The name that most rules wait for comes first; a rule that ran in part lacks nothing."""
        cases = [
            case("adds", "unsupported", reason="no torch.add"), case("negates", "unsupported", reason="no torch.sin"),
            case("sine", "unsupported", reason="no torch.sin"),
        ]  # fmt: skip
        found = lacking(build_report([results_of(tmp_path / "one.jsonl", *cases)], rules))
        assert [(one.what, [row.rule.id for row in one.rows]) for one in found] == [
            ("no torch.sin", ["small/negates", "small/sine"]), ("no torch.add", ["small/adds"]),
        ]  # fmt: skip
        partly = [case("adds", label="a"), case("adds", "unsupported", label="b", reason="no dtype")]
        assert lacking(build_report([results_of(tmp_path / "two.jsonl", *partly)], rules)) == ()
