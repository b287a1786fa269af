"""``conformance diff`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

from conformance.results.model import Line
from conformance.results.writing import ResultsWriter
from tests.cli.conftest import Say
from tests.results.lines import RUN, case, subject


def write(path: Path, *lines: Line) -> None:
    """A results file of these lines below the line of a run."""
    with ResultsWriter(path) as writer:
        for line in (RUN, *lines):
            writer.write(line)


OLD = (subject(3), case("adds"), case("negates"), case("sine", "unsupported"))
WORSE = (subject(3), case("adds"), case("negates", "fail"), case("sine"))


def test_what_got_worse_is_shown_with_its_finding(say: Say, tmp_path: Path) -> None:
    """Status 1; the rule, its cases, and the verdict before and after."""
    write(tmp_path / "old.jsonl", *OLD)
    write(tmp_path / "new.jsonl", *WORSE)
    said = say("diff", "old.jsonl", "new.jsonl")
    assert (said.status, said.err) == (1, "")
    assert said.out.splitlines() == [
        "new failures: 1 case of 1 rule",
        "    small/negates on tiny cpu: pass -> fail, 1 case",
        "        fail  small/negates[tiny-cpu]  y: expected [1.], observed [2.] [values]",
        "newly supported: 1 case of 1 rule",
        "    small/sine on tiny cpu: unsupported -> pass, 1 case",
        "tiny on cpu",
        "  - 2 of 2 applicable must-rules conform; 1 unsupported, 0 not run",
        "  + 2 of 3 applicable must-rules conform; 0 unsupported, 0 not run",
        "3 cases compared; 1 rule got worse",
    ]


def test_what_did_not_get_worse_is_status_0(say: Say, tmp_path: Path) -> None:
    """Equal files, and files with fixes only."""
    write(tmp_path / "old.jsonl", *WORSE)
    write(tmp_path / "new.jsonl", subject(3), case("adds"), case("negates"), case("sine"))
    assert say("diff", "old.jsonl", "old.jsonl").out == "3 cases compared; nothing got worse\n"
    said = say("diff", "old.jsonl", "new.jsonl")
    assert said.status == 0
    assert "fixed: 1 case of 1 rule\n" in said.out


def test_json_says_the_same(say: Say, tmp_path: Path) -> None:
    """For other programs: the statuses of each changed case, and whether anything got worse."""
    write(tmp_path / "old.jsonl", *OLD)
    write(tmp_path / "new.jsonl", *WORSE)
    said = say("diff", "old.jsonl", "new.jsonl", "--format", "json")
    found = json.loads(said.out)
    assert (said.status, found["worse"], found["compared"]) == (1, True, 3)
    assert [(one["kind"], one["cases"]) for one in found["changes"]] == [
        ("new failures", [{"id": "small/negates[tiny-cpu]", "old": "pass", "new": "fail"}]),
        ("newly supported", [{"id": "small/sine[tiny-cpu]", "old": "unsupported", "new": "pass"}]),
    ]


def test_files_that_share_no_case_cannot_be_compared(say: Say, tmp_path: Path) -> None:
    """Status 2: 'nothing got worse' would be said of nothing."""
    write(tmp_path / "old.jsonl", *OLD)
    write(tmp_path / "new.jsonl", subject(1, device="abacus"), case("adds", device="abacus"))
    said = say("diff", "old.jsonl", "new.jsonl")
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith(
        "conformance: old.jsonl (tiny on cpu) and new.jsonl (tiny on abacus) share no case (a case is the same where"
    )


def test_a_newer_run_that_was_cut_off_is_status_1(say: Say, tmp_path: Path) -> None:
    """And the output says why, though nothing that was compared got worse."""
    write(tmp_path / "old.jsonl", *OLD)
    write(tmp_path / "new.jsonl", *OLD[:2])
    said = say("diff", "old.jsonl", "new.jsonl")
    assert said.status == 1
    assert said.out.endswith(
        "new.jsonl was cut off: 2 cases not run\n1 case compared; nothing got worse as far as it ran\n"
    )


def test_another_version_and_other_rules_are_said(say: Say, tmp_path: Path) -> None:
    """A difference may have three reasons, and two of them are these."""
    from dataclasses import replace

    write(tmp_path / "old.jsonl", *OLD)
    with ResultsWriter(tmp_path / "new.jsonl") as writer:
        for line in (replace(RUN, rules=4, rules_digest="f" * 16), replace(subject(1), version="0.1"), OLD[1]):
            writer.write(line)
    assert say("diff", "old.jsonl", "new.jsonl").out.splitlines()[:2] == [
        "tiny on cpu: 0.0-tiny -> 0.1",
        "the rules are not the same: 3 then, 4 now",
    ]
