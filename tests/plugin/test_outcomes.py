"""What pytest reports of cases: pass, skip, failure with everything one needs, and sessions that end early."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from conformance.results.reading import read_results
from tests.plugin.conftest import Project
from tests.workshop import many, rule


def test_outcomes_are_pytests_own(project: Project) -> None:
    """Passed, failed and skipped, with the reason in the short summary; what nobody specifies passes."""
    project.spec("pass", "fail", "unsupported", "unspecified", "error")
    found = project.pytest("-rs", "-v")
    found.assert_outcomes(passed=3, failed=2, skipped=1)
    assert found.ret == pytest.ExitCode.TESTS_FAILED
    found.stdout.fnmatch_lines(
        ["*small/adds?times=3-tiny-cpu? PASSED*", "*SKIPPED*small.conformance.yaml:*: unsupported: no torch.sin"]
    )


def test_a_failure_says_everything(project: Project) -> None:
    """Sentence, level, source, position, each observation expected and observed, and the script."""
    project.spec(
        rule("odd", "y = torch.neg(x)", "y: {values: -x, requires_grad: true}", says="Negation changes the sign.")
    )
    found = project.pytest()
    path = project.folder / "small.conformance.yaml"
    found.stdout.fnmatch_lines([
        "*small/odd?tiny-cpu?*",
        "Negation changes the sign.",
        "    level must; source: torch.add",
        f"    {path}:4: small/odd",
        f"{path}:9: y  ?values, must?",
        "    expected *-1.5*2.25*-4*",
        "    observed *1.5*-2.25*4*3 of 3 differ",
        f"{path}:9: y: requires_grad  ?flag, must?",
        "    expected  true",
        "    observed  false",
        "0 of 2 checks hold",
        "*script that reproduces it without this project*",
        "import tiny as torch",
        "*conformance*",
        "tiny on cpu",
        "    0 of 1 applicable must-rules conform; 0 unsupported, 0 not run",
    ])  # fmt: skip


def test_the_script_of_a_failure_fails_as_the_case_did(project: Project) -> None:
    """Pasted into a file beside the implementation, it runs without this project."""
    project.spec("fail")
    lines = project.pytest().outlines
    start = next(number for number, line in enumerate(lines) if "script that reproduces it" in line) + 1
    stop = next(number for number, line in enumerate(lines) if number > start and line.startswith("===="))
    (project.folder / "case.py").write_text("\n".join(lines[start:stop]), encoding="utf-8")
    found = subprocess.run([sys.executable, "case.py"], cwd=project.folder, capture_output=True, check=False)
    assert found.returncode == 1
    assert b"y" in found.stdout + found.stderr


def test_a_broken_expectation_is_reported_as_ours(project: Project) -> None:
    """'error' says that harness, rule or adapter broke; it is no finding about the implementation."""
    project.spec("error")
    found = project.pytest()
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(["error: *IndexError: *"])


def test_a_session_that_executed_nothing_fails(project: Project) -> None:
    """All cases unsupported is no conformance, and the summary says why the session fails."""
    project.spec("unsupported")
    found = project.pytest()
    found.assert_outcomes(skipped=1)
    assert found.ret == pytest.ExitCode.TESTS_FAILED
    found.stdout.fnmatch_lines(["nothing was executed: every case is unsupported, and so the session fails"])


def test_x_stops_at_the_first_failure_and_says_what_was_not_run(project: Project) -> None:
    """The file of such a session has no end, as that of any run that was cut off."""
    project.spec("fail", "pass", "unspecified")
    found = project.pytest("-x", "--conformance-results", "results.jsonl")
    found.assert_outcomes(passed=2, failed=1)
    found.stdout.fnmatch_lines(["    1 of 2 applicable must-rules conform; 0 unsupported, 1 not run"])
    assert [*project.statuses().values()] == ["pass", "pass", "fail"]
    assert read_results(project.results).end is None


def test_lf_runs_what_failed_and_nothing_else(project: Project) -> None:
    """Also where another file had no failure."""
    project.spec("pass", "fail")
    project.spec(
        rule("more", "y = torch.add(x, x)", "y: 2 * x").replace("small/", "other/"), name="other.conformance.yaml"
    )
    project.pytest("--lf").assert_outcomes(passed=3, failed=1)
    project.pytest("--lf").assert_outcomes(failed=1)


def test_junit_xml_has_a_testcase_for_each_case(project: Project) -> None:
    """With its time, its failure's text and the reason of a skip."""
    project.spec("pass", "fail", "unsupported")
    project.pytest("--junitxml", "junit.xml")
    suite = ET.parse(project.folder / "junit.xml").getroot().find("testsuite")
    assert suite is not None
    assert {key: suite.get(key) for key in ("tests", "failures", "skipped", "errors")} == {
        "tests": "4", "failures": "1", "skipped": "1", "errors": "0",
    }  # fmt: skip
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert sorted(str(name) for name in cases) == [
        "small/adds[times=3-tiny-cpu]", "small/adds[times=5-tiny-cpu]", "small/negates[tiny-cpu]",
        "small/sine[tiny-cpu]",
    ]  # fmt: skip
    failure = cases["small/negates[tiny-cpu]"].find("failure")
    assert failure is not None
    assert "Negation changes the sign." in (failure.text or "")
    skipped = cases["small/sine[tiny-cpu]"].find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "unsupported: no torch.sin"


def test_results_are_those_of_the_command_line(project: Project) -> None:
    """The same cases with the same statuses, and a whole file."""
    project.spec("pass", "fail", "unsupported", "unspecified", "error")
    project.pytest("--conformance-results", project.results.name)
    ours, file = project.statuses(), read_results(project.results)
    assert file.end is not None
    assert file.end.counts == {"pass": 2, "error": 1, "fail": 1, "unspecified": 1, "unsupported": 1}
    assert file.run.rules == 5
    project.run()
    assert project.statuses() == ours
    assert read_results(project.results).run.rules_digest == file.run.rules_digest
    assert [s.planned_rules for s in read_results(project.results).subjects] == [file.subjects[0].planned_rules]


def test_what_is_deselected_is_not_missing(project: Project) -> None:
    """The results announce what was selected: -k is a choice and no interruption."""
    project.spec("pass", "fail")
    found = project.pytest("-k", "adds", "--conformance-results", project.results.name)
    found.stdout.fnmatch_lines(["    1 of 1 applicable must-rules conform; 0 unsupported, 0 not run"])
    assert read_results(project.results).end is not None
    assert read_results(project.results).subjects[0].planned == 2


def test_ctrl_c_inside_a_case_ends_the_session_as_in_any_test(project: Project) -> None:
    """Exit status 2; the cases before it are in the file, which has no end."""
    project.spec("pass", "interrupts", "fail")
    found = project.pytest("--conformance-results", project.results.name, apart=True)
    assert found.ret == pytest.ExitCode.INTERRUPTED
    assert "KeyboardInterrupt" in found.stdout.str()
    assert [*project.statuses().values()] == ["pass", "pass"]
    assert read_results(project.results).end is None


def test_under_xdist_outcomes_and_results_are_the_same(project: Project) -> None:
    """The controller, which collects nothing, writes one whole file of what all workers ran."""
    pytest.importorskip("xdist")
    project.spec("pass", "fail", "unsupported", many(20))
    project.pytest("--conformance-results", "alone.jsonl").assert_outcomes(passed=22, failed=1, skipped=1)
    found = project.pytest("-n", "2", "--conformance-results", project.results.name, apart=True)
    found.assert_outcomes(passed=22, failed=1, skipped=1)
    found.stdout.fnmatch_lines(["    2 of 3 applicable must-rules conform; 1 unsupported, 0 not run"])
    alone, together = read_results(project.folder / "alone.jsonl"), read_results(project.results)
    assert together.end is not None
    assert together.run.rules_digest == alone.run.rules_digest
    assert together.subjects == alone.subjects
    assert {one.id: (one.status, one.findings) for one in together.cases} == {
        one.id: (one.status, one.findings) for one in alone.cases
    }


def test_under_xdist_a_session_that_executed_nothing_fails_too(project: Project) -> None:
    """The verdict is the controller's."""
    pytest.importorskip("xdist")
    project.spec("unsupported")
    assert project.pytest("-n", "1", apart=True).ret == pytest.ExitCode.TESTS_FAILED
