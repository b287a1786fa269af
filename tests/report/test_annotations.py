"""Workflow commands, as GitHub's runner parses them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.report.annotations import render_annotations
from conformance.report.model import build_report
from conformance.rules.loading import load
from tests.report.conftest import ReportOf
from tests.report.pages import HOSTILE, results_of
from tests.results.lines import case, finding
from tests.workshop import Workshop, rule


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Each line as name, properties and message, unescaped in the runner's order."""
    found = []
    for line in text.splitlines():
        match = re.fullmatch(r"::(\w+) (.*?)::(.*)", line)
        assert match is not None, line
        pairs = (pair.split("=", 1) for pair in match[2].split(","))
        found.append((match[1], {key: _unescaped(value) for key, value in pairs}, _unescaped(match[3])))
    return found


def _unescaped(text: str) -> str:
    for sign, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(sign, character)
    return text


def test_a_failing_rule_marks_the_line_that_does_not_hold(workshop: Workshop, report_of: ReportOf) -> None:
    """Once, with what every column says of it; rules that pass or lack something mark nothing."""
    report = report_of(
        case("adds"), case("sine", "unsupported", reason="no torch.sin"),
        case("negates", "fail", findings=(finding(line=15, expected="[-1, 2]"),)),
        case("negates", "crash", device="abacus", reason="ended by SIGABRT"),
    )  # fmt: skip
    assert report.rows[0].rule.line <= 15 <= report.rows[0].rule.last_line
    assert commands(render_annotations(report, workshop.folder)) == [
        (
            "error",
            {
                "file": "small.conformance.yaml",
                "line": "15",
                "title": "small/negates (must): wrong values",
            },
            "Negation changes the sign.\n"
            "tiny on cpu: wrong values; y: expected [-1, 2], observed [2.] [values]\n"
            "tiny on abacus: crash; ended by SIGABRT",
        )
    ]


def test_nothing_is_said_where_nothing_fails(tmp_path: Path, report_of: ReportOf) -> None:
    """Not even an empty line."""
    assert render_annotations(report_of(case("adds")), tmp_path) == ""


def test_a_rule_from_elsewhere_names_no_file(tmp_path: Path, report_of: ReportOf) -> None:
    """A line of a file that the repository lacks would be shown at some other file."""
    elsewhere = tmp_path / "elsewhere"
    (command,) = commands(render_annotations(report_of(case("negates", "fail")), elsewhere))
    assert list(command[1]) == ["title"]


def test_ten_rules_are_shown_and_the_others_counted(workshop: Workshop) -> None:
    """GitHub shows ten errors of a step; notices have a number of their own."""
    slugs = [f"rule-{n:02}" for n in range(13)]
    rules = load([workshop.spec(*(rule(slug, "y = torch.add(x, x)", "y: 2 * x") for slug in slugs))])
    results = results_of(workshop.results, *(case(slug, "fail") for slug in slugs), case("gone", "fail"))
    found = commands(render_annotations(build_report([results], rules), workshop.folder))
    assert [name for name, _, _ in found] == ["error"] * 10 + ["notice", "warning"]
    assert found[10][2] == "3 more rules failed"
    assert found[11][2] == "1 rule of the results not in these spec files: small/gone"


def test_eight_columns_are_shown_and_the_others_counted(tmp_path: Path, report_of: ReportOf) -> None:
    """A message is read by people."""
    report = report_of(*(case("negates", "fail", device=f"device-{n}") for n in range(11)))
    ((_, _, message),) = commands(render_annotations(report, tmp_path))
    assert message.count("\n") == 9
    assert message.endswith("\nand in 3 more columns")


def test_a_path_and_a_sentence_are_escaped(workshop: Workshop) -> None:
    """What ends a property or a line in the runner's eyes does not end it."""
    path = workshop.folder / "50%,a:b\rc" / "small.conformance.yaml"
    path.parent.mkdir()
    workshop.spec(rule("negates", "y = torch.neg(x)", "y: -x", says="'100%0A, or :: so.'")).rename(path)
    report = build_report([results_of(workshop.results, case("negates", "fail"))], load([path]))
    text = render_annotations(report, workshop.folder)
    assert text.startswith("::error file=50%25%2Ca%3Ab%0Dc/small.conformance.yaml,line=")
    ((_, properties, message),) = commands(text)
    assert properties["file"] == "50%,a:b\rc/small.conformance.yaml"
    assert message.startswith("100%0A, or :: so.\n")


@pytest.mark.parametrize(
    "text", [*HOSTILE, "x\n::error::mine", "x\r::stop-commands::y", "%0A::error::mine", ",file=a::b"],
    ids=lambda text: ascii(text[:24]),
)  # fmt: skip
def test_hostile_texts_stay_in_the_message(tmp_path: Path, report_of: ReportOf, text: str) -> None:
    """An implementation starts no command of its own, and no line is longer than people read."""
    bad = (finding(expected=text, observed=text, observation=text, aspect=text),)
    report = report_of(case("negates", "fail", findings=bad), case("adds", "crash", reason=text))
    found = commands(render_annotations(report, tmp_path))
    assert [(name, list(properties)) for name, properties, _ in found] == [
        ("error", ["file", "line", "title"]), ("error", ["file", "line", "title"]),
    ]  # fmt: skip
    assert all(message.count("\n") == 1 and len(message) < 1000 for _, _, message in found)
