"""Which rules fail, in which order, and where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from conformance.report.faults import explanation, faults, place
from conformance.report.model import build_report
from conformance.report.texts import one_line, visible
from conformance.rules.loading import load
from tests.report.conftest import ReportOf
from tests.report.pages import results_of
from tests.results.lines import case, finding
from tests.workshop import Workshop, rule


def test_the_most_important_come_first(workshop: Workshop, tmp_path: Path) -> None:
    """The reference's own, then the strongest level, then what ended a process, then what fails in more columns."""
    slugs = ("often", "once", "ended", "weak", "own", "fine")
    rules = load([workshop.spec(*(rule(slug, "y = torch.add(x, x)", "y: 2 * x") for slug in slugs))])
    own = replace(case("own", "fail", level="de-facto"), id="small/own[reference-cpu]", implementation="reference")
    cases = [
        case("fine"), case("weak", "fail", findings=(finding(level="should"),)), case("once", "fail"),
        case("often", "fail"), case("often", "fail", device="abacus"), case("ended", "crash"), own,
    ]  # fmt: skip
    found = faults(build_report([results_of(tmp_path / "one.jsonl", *cases)], rules))
    assert [fault.row.rule.id.partition("/")[2] for fault in found] == ["own", "ended", "often", "once", "weak"]
    assert [fault.level for fault in found] == ["de-facto", "must", "must", "must", "should"]
    assert [str(column) for column, _ in found[2].cells] == ["tiny on cpu", "tiny on abacus"]


def test_a_level_is_the_strongest_of_all_findings(report_of: ReportOf) -> None:
    """A crash has none and counts at its rule's level; that of a case that no cell shows counts too."""
    weak, strong = (finding(level=level) for level in ("should", "must"))
    (fault,) = faults(report_of(case("negates", "fail", findings=(weak, strong))))
    assert fault.level == "must"
    many = [case("negates", "fail", findings=(strong if n == 19 else weak,), label=f"n={n}") for n in range(20)]
    (fault,) = faults(report_of(*many))
    assert fault.level == "must"
    crashed = (case("negates", "fail", findings=(weak,), label="a"), case("negates", "crash", label="b"))
    (fault,) = faults(report_of(*crashed))
    assert fault.level == "must"


@pytest.mark.parametrize(("line", "shown"), [(5, 5), (9, 9), (4, 4), (3, 4), (10, 4), (10**9, 4)])
def test_a_line_lies_inside_the_rule(workshop: Workshop, tmp_path: Path, line: int, shown: int) -> None:
    """A file that has changed since the run, or lies, sends nobody to another rule: the rule's first line is named."""
    rules = load([workshop.spec("fail", "pass")])
    assert (rules[1].line, rules[1].last_line) == (4, 9)
    bad = case("negates", "fail", findings=(finding(line=line),))
    (fault,) = faults(build_report([results_of(tmp_path / "one.jsonl", bad)], rules))
    assert fault.line == shown


def test_an_explanation_is_the_first_finding_or_the_reason() -> None:
    """With the number of the others."""
    assert explanation(case("negates", "fail")) == "y: expected [1.], observed [2.] [values]"
    twice = case("negates", "fail", findings=(finding(), finding(kind="dtype", aspect="dtype")))
    assert explanation(twice) == "y: expected [1.], observed [2.] [values] and 1 more"
    assert explanation(case("negates", "crash", reason="ended by SIGABRT")) == "ended by SIGABRT"
    assert explanation(case("negates", "hang")) == "hang"


def test_a_place_lies_in_the_workspace_or_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the file of an installed package nor one elsewhere is a file of the user's repository."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    monkeypatch.chdir(workspace)
    assert place("rules/small.yaml", workspace) == "rules/small.yaml"
    assert place(str(workspace / "small.yaml"), workspace) == "small.yaml"
    assert place(str(tmp_path / "small.yaml"), workspace) is None
    assert place("env/lib/site-packages/conformance/specs/small.yaml", workspace) is None


def test_texts_show_what_would_act() -> None:
    """Control characters and marks of direction become escapes, lone surrogates too; letters of any script stay."""
    assert visible("a\x00b\x1b[31m\u202ec\ud800\nd\te", 99) == "a\\x00b\\x1b[31m\\u202ec\\ud800\nd\te"
    assert one_line("  Größe\u2028 −1\r\n\tλ  ") == "Größe −1 λ"
    assert one_line("y" * 50, 10) == "yyyyyyyyyy… (40 more characters)"
