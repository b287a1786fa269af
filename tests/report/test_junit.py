"""JUnit XML, as its readers take it: what the formats of Jenkins, GitLab and GitHub's actions have in common."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from conformance.report.junit import render_junit
from conformance.report.model import Report, build_report
from conformance.results.reading import read_results
from conformance.running.outcome import STATUSES, Status
from tests.report.conftest import ReportOf
from tests.report.pages import HOSTILE, results_of
from tests.results.lines import case, finding

#: By element: the attributes it must have, those it may have, and what may stand in it.
FORM = {
    "testsuites": ({"name", "tests", "failures", "errors", "skipped", "time"}, set(), {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time"},
        {"timestamp"},
        {"properties", "testcase"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": ({"classname", "name", "time"}, set(), {"failure", "error", "skipped", "system-out"}),
    "failure": ({"type", "message"}, set(), set()),
    "error": ({"type", "message"}, set(), set()),
    "skipped": ({"message"}, set(), set()),
    "system-out": (set(), set(), set()),
}


def read(text: str) -> Element:
    """The root of a document that has the form."""
    root = ElementTree.fromstring(text.encode())
    assert root.tag == "testsuites"
    for element in root.iter():
        needed, possible, inside = FORM[element.tag]
        assert needed <= set(element.attrib) <= needed | possible
        assert {child.tag for child in element} <= inside
        assert element.get("time") is None or float(element.get("time", "")) >= 0
    for suite in root:
        assert [child.tag for child in suite].index("properties") == 0
        tests = suite.findall("testcase")
        assert suite.get("tests") == str(len(tests))
        assert all(len(test) <= 1 for test in tests)
        for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert suite.get(name) == str(sum(test.find(tag) is not None for test in tests))
    for name in ("tests", "failures", "errors", "skipped"):
        assert root.get(name) == str(sum(int(suite.get(name, "")) for suite in root))
    return root


def one_test(report: Report) -> Element:
    """The only test of a report."""
    (test,) = read(render_junit(report)).iter("testcase")
    return test


def test_there_is_a_suite_for_each_column_and_a_test_for_each_case(small_report: Report) -> None:
    """Called as pytest and the results file call them, with the topic as their class."""
    root = read(render_junit(small_report))
    assert [(suite.get("name"), suite.get("tests")) for suite in root] == [
        ("tiny on cpu", "4"),
        ("tiny on abacus", "2"),
    ]
    names = [(test.get("classname"), test.get("name")) for test in root[0].iter("testcase")]
    assert names == [
        ("small", "small/adds[times=3-tiny-cpu]"), ("small", "small/adds[times=5-tiny-cpu]"),
        ("small", "small/negates[tiny-cpu]"), ("small", "small/sine[tiny-cpu]"),
    ]  # fmt: skip


def test_a_suite_says_what_ran_and_when(small_report: Report) -> None:
    """Versions of everything that a reader must know to run it again."""
    suite = read(render_junit(small_report))[0]
    assert suite.get("timestamp") == "2026-01-02T03:04:05+00:00"
    assert {one.get("name"): one.get("value") for one in suite.iter("property")} == {
        "version": "0.0-tiny", "release": "2.13", "device name": "cpu 1", "suite": "0.1.0",
        "rules": "0123456789abcdef", "python": "3.11.7", "platform": "Linux x86_64",
    }  # fmt: skip


BECOMES = {
    "pass": [], "fail": ["failure"], "unsupported": ["skipped"], "unspecified": ["system-out"], "crash": ["error"],
    "hang": ["error"], "error": ["error"], "not run": ["skipped"],
}  # fmt: skip


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_has_its_element(report_of: ReportOf, status: Status) -> None:
    """What breaks is an error, and never a failure; what is lacking is skipped; what is left open passes."""
    reason = "" if status in ("pass", "fail") else "because"
    test = one_test(report_of(case("adds", status, reason=reason)))
    assert [child.tag for child in test] == BECOMES[status]
    if reason:
        assert "because" in (test[0].get("message") or test[0].text or "")


def test_a_failure_tells_the_whole_story(report_of: ReportOf) -> None:
    """The kind, the first finding, and below it the rule, its place, all findings, and the script."""
    bad = case(
        "negates", "fail", findings=(finding(), finding(kind="dtype", aspect="dtype", line=9)), reason="so",
        left_behind=("grad mode off",), script="import tiny\nprint('y')\n",
    )  # fmt: skip
    (failure,) = one_test(report_of(bad))
    assert failure.get("type") == "values"
    assert failure.get("message") == "y: expected [1.], observed [2.] [values] and 1 more"
    assert failure.text == (
        "\nNegation changes the sign.\nsmall.conformance.yaml:11 (must)\n\n"
        "line 7: y: expected [1.], observed [2.] [values]\n\n"
        "line 9: y: dtype: expected [1.], observed [2.] [dtype]\n\n"
        "so\n\nleft behind: grad mode off\n\n"
        "A script that shows it:\n\nimport tiny\nprint('y')\n\n"
    )


def test_many_findings_are_cut_and_the_rest_counted(report_of: ReportOf) -> None:
    """A reader of XML is a person in the end."""
    (failure,) = one_test(report_of(case("negates", "fail", findings=(finding(),) * 20)))
    assert (failure.text or "").count("line 7:") == 12
    assert "\nand 8 more\n" in (failure.text or "")


def test_times_are_those_of_the_cases(report_of: ReportOf) -> None:
    """In seconds; what is no number does not count."""
    cases = [case("adds", seconds=0.25), case("negates", seconds=1.5), case("sine", seconds=float("nan"))]
    root = read(render_junit(report_of(*cases)))
    assert [test.get("time") for test in root.iter("testcase")] == ["0.250000", "1.500000", "0.000000"]
    assert root.get("time") == root[0].get("time") == "1.750000"


def test_a_run_that_was_cut_off_is_in_error(tmp_path: Path) -> None:
    """Cases that were planned and have no result must not be taken for a suite that passed."""
    whole = results_of(tmp_path / "one.jsonl", case("adds"), case("negates"))
    lines = (tmp_path / "one.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "one.jsonl").write_bytes(b"".join(lines[:-2]))
    cut = read_results(tmp_path / "one.jsonl")
    assert read(render_junit(build_report([whole], ()))).get("errors") == "0"
    root = read(render_junit(build_report([cut], ())))
    assert (root.get("tests"), root.get("errors")) == ("2", "1")
    (error,) = root.iter("error")
    assert error.get("message") == "1 planned case without a result"


def test_of_two_results_of_a_case_the_last_counts(tmp_path: Path) -> None:
    """As everywhere in a report."""
    first = results_of(tmp_path / "one.jsonl", case("adds", "fail"))
    second = results_of(tmp_path / "one.jsonl", case("adds"))
    root = read(render_junit(build_report([first, second], ())))
    assert (root.get("tests"), root.get("failures")) == ("1", "0")


def test_nothing_at_all_is_still_a_document(report_of: ReportOf) -> None:
    """With no suite."""
    assert len(read(render_junit(report_of()))) == 0


@pytest.mark.parametrize("text", [*HOSTILE, "a\ufffe\uffff\x0b\x85z", "\ud800"], ids=lambda text: ascii(text[:24]))
def test_hostile_texts_stay_text(report_of: ReportOf, text: str) -> None:
    """Nothing an implementation says adds an element, or a character that XML 1.0 forbids, or goes on for ever."""
    bad = (finding(expected=text, observed=text, observation=text, aspect=text),)
    written = render_junit(
        report_of(
            case("negates", "fail", findings=bad, reason=text, left_behind=(text,), script=text, label=text[:90]),
            case("adds", "crash", reason=text),
            case("sine", "unsupported", reason=text),
            case("adds", "unspecified", reason=text, device=text[:90]),
        )
    )
    root = read(written)
    assert [child.tag for test in root.iter("testcase") for child in test] == [
        "failure", "error", "skipped", "system-out",
    ]  # fmt: skip
    shown = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)[:100]
    assert shown in (root.findtext(".//failure") or "")
    assert len(written) < 60_000


def test_white_space_of_scripts_is_kept(report_of: ReportOf) -> None:
    """A script is Python: its lines and indentation mean something."""
    script = "if True:\n\tx = 1\n    # four\n"
    (error,) = one_test(report_of(case("adds", "hang", script=script)))
    assert (error.text or "").endswith(f"\n\n{script}\n")
