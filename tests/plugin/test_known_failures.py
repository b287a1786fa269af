"""Known failures and shards in pytest: expected failures, entries that are stale, and what a session leaves out."""

from __future__ import annotations

import pytest

from conformance.results.reading import read_results
from tests.plugin.conftest import Project
from tests.workshop import many, rule

KNOWN = ("--conformance-known", "known.yaml")
NEGATES = "rules: small/negates, reason: not yet, issue: 'https://example.org/1'"
OTHER = rule("more", "y = torch.add(x, x)", "y: 2 * x").replace("small/", "other/")


def test_a_known_failure_is_an_expected_one(project: Project) -> None:
    """xfailed, with reason and link; the verdict counts it by itself, and the results have a failure."""
    project.spec("pass", "fail")
    project.known(NEGATES)
    found = project.pytest(*KNOWN, "-rx", "--conformance-results", project.results.name)
    found.assert_outcomes(passed=2, xfailed=1)
    assert found.ret == pytest.ExitCode.OK
    found.stdout.fnmatch_lines([
        "XFAIL small.conformance.yaml::small/negates?tiny-cpu? - not yet (https://example.org/1)",
    ])  # fmt: skip
    assert "    1 of 2 applicable must-rules conform; 1 known failure; 0 unsupported, 0 not run" in found.outlines
    assert project.statuses()["small/negates[tiny-cpu]"] == "fail"


def test_a_case_that_an_entry_names_and_that_passes_fails(project: Project) -> None:
    """With the entry's line and what to do; the case beside it, that fails as it should, is expected."""
    project.spec("pass", "fail")
    project.known("rules: small, reason: not yet")
    found = project.pytest(*KNOWN)
    found.assert_outcomes(failed=2, xfailed=1)
    found.stdout.fnmatch_lines([
        "?XPASS(strict)? not yet",
        "    known.yaml:2: this entry says that the case fails, and it passes",
        "    remove the entry, or narrow it to the cases that fail",
        "stale known failure: known.yaml:2:5: 2 of 3 cases of this entry pass: *",
    ])  # fmt: skip


def test_a_flaky_case_may_pass(project: Project) -> None:
    """Until its day."""
    project.spec("pass", "fail")
    project.known("rules: small, reason: at times, flaky: true, until: 2999-12-31")
    project.pytest(*KNOWN).assert_outcomes(passed=2, xfailed=1)
    project.known("rules: small, reason: at times, flaky: true, until: 2020-12-31")
    found = project.pytest(*KNOWN)
    found.assert_outcomes(passed=2, failed=1)
    found.stdout.fnmatch_lines(["stale known failure: known.yaml:2:5: this entry expired on 2020-12-31 *"])


def test_an_entry_that_matches_nothing_fails_the_session(project: Project) -> None:
    """Though every case did as expected."""
    project.spec("pass", "fail")
    project.known(NEGATES, "rules: no-such/rule, reason: not yet")
    found = project.pytest(*KNOWN)
    found.assert_outcomes(passed=2, xfailed=1)
    assert found.ret == pytest.ExitCode.TESTS_FAILED
    found.stdout.fnmatch_lines(["stale known failure: known.yaml:3:5: 'no-such/rule' matches no case that ran *"])


@pytest.mark.parametrize(
    "narrowing",
    [
        ("-k", "negates"),
        ("small.conformance.yaml",),
        ("small.conformance.yaml::small/negates",),
        ("--conformance-rules", "small/negates"),
        ("--deselect", "other.conformance.yaml::other/more[tiny-cpu]"),
        ("-x",),
    ],
    ids=lambda value: " ".join(value),
)
def test_a_narrowed_session_judges_what_it_ran(project: Project, narrowing: tuple[str, ...]) -> None:
    """An entry about a rule that was left out, or not come to, is not stale."""
    project.spec("fail", *(["error"] if "-x" in narrowing else []))
    project.spec(OTHER, name="other.conformance.yaml")
    project.known(NEGATES, "rules: third/rule, reason: elsewhere")
    found = project.pytest(*KNOWN, *narrowing)
    assert found.parseoutcomes().get("xfailed", 0) == (narrowing != ("-x",))
    assert "stale" not in found.stdout.str()


def test_lf_judges_nothing_by_what_it_left_out(project: Project) -> None:
    """It passes over whole files."""
    project.spec("fail")
    project.spec(OTHER, name="other.conformance.yaml")
    project.pytest("--lf")
    project.known(NEGATES, "rules: other/none, reason: not yet")
    assert "stale" not in project.pytest("--lf", *KNOWN).stdout.str()


def test_the_twin_names_a_file_beside_the_configuration(project: Project) -> None:
    """Wherever pytest is started."""
    below = project.pytester.mkdir("below")
    project.pytester.makeini("[pytest]\nconformance_known = known.yaml")
    project.spec("fail")
    project.known(NEGATES)
    (project.folder / "small.conformance.yaml").rename(below / "small.conformance.yaml")
    project.pytest("below").assert_outcomes(xfailed=1)


def test_runxfail_forgets_known_failures(project: Project) -> None:
    """As it does for any test."""
    project.spec("fail")
    project.known(NEGATES)
    project.pytest(*KNOWN, "--runxfail").assert_outcomes(failed=1)


def test_no_entry_excuses_an_error(project: Project) -> None:
    """It is ours and says nothing of the implementation."""
    project.spec("error")
    project.known("rules: small/breaks, reason: not yet")
    project.pytest(*KNOWN).assert_outcomes(failed=1)


def test_under_xdist_the_controller_judges(project: Project) -> None:
    """Cases are expected to fail in the workers; what matches nothing is known where all cases come together."""
    pytest.importorskip("xdist")
    project.spec("pass", "fail", many(8))
    project.known(NEGATES, "rules: [small/none, small/many], reason: not yet")
    found = project.pytest("-n", "2", *KNOWN, apart=True)
    found.assert_outcomes(passed=2, failed=8, xfailed=1)
    assert found.ret == pytest.ExitCode.TESTS_FAILED
    stale = [line.partition("5: ")[2] for line in found.outlines if line.startswith("stale known failure: ")]
    assert [line.partition(" (")[0] for line in stale] == [
        "'small/none' matches no case that ran", "all 8 cases of this entry pass now",
    ]  # fmt: skip


def test_shards_are_together_the_whole(project: Project) -> None:
    """As from the command line, and recorded alike."""
    project.spec("pass", "fail", "unsupported", "unspecified")
    ids = []
    for number in (1, 2):
        project.pytest("--conformance-shard", f"{number}/2", "--conformance-results", project.results.name)
        found = read_results(project.results)
        assert (found.run.shard, found.run.rules, found.run.narrowed) == (f"{number}/2", 4, False)
        ids.append(set(project.statuses()))
        project.run("--shard", f"{number}/2")
        again = read_results(project.results)
        assert set(project.statuses()) == ids[-1]
        assert (again.run.rules_digest, again.subjects) == (found.run.rules_digest, found.subjects)
    assert not ids[0] & ids[1]
    assert len(ids[0] | ids[1]) == 5
