"""``conformance known`` as a user meets it."""

from __future__ import annotations

from tests.cli.conftest import Say
from tests.workshop import Workshop


def test_from_a_run_to_a_run_without_surprises(workshop: Workshop, say: Say) -> None:
    """The file that it writes makes the same run end with status 0, and a second time it has nothing to do."""
    workshop.spec("pass", "fail", "crash")
    assert workshop.run("small/adds", "small/negates").returncode == 1
    said = say("known", "results.jsonl", "-o", "known.yaml", "--reason", "not yet")
    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines() == ["added small/negates on tiny cpu: 1 case", "known.yaml: written"]
    assert workshop.run("--known", "known.yaml", "small/adds", "small/negates").returncode == 0
    assert say("known", "results.jsonl", "-o", "known.yaml").out == "known.yaml: nothing to change\n"
    assert workshop.run("--known", "known.yaml").returncode == 1
    said = say("known", "results.jsonl", "-o", "known.yaml")
    assert (said.status, said.err) == (0, "never excused, and left out: 1 crash\n")


def test_what_is_stale_is_told_and_pruned_when_asked(workshop: Workshop, say: Say) -> None:
    """With its line, and how."""
    workshop.spec("pass")
    workshop.run()
    (workshop.folder / "known.yaml").write_text("known:\n  - rules: small/adds\n    reason: r\n", encoding="utf-8")
    assert say("known", "results.jsonl", "-o", "known.yaml").out.splitlines() == [
        "known.yaml: nothing to change",
        "stale: known.yaml:2:5: all 2 cases of this entry pass now (remove the entry); --prune does",
    ]
    assert say("known", "results.jsonl", "-o", "known.yaml", "--prune").out.splitlines() == [
        "removed known.yaml:2: all 2 cases of this entry pass now",
        "known.yaml: updated",
    ]


def test_a_file_that_is_wrong_is_left_as_it_is(workshop: Workshop, say: Say) -> None:
    """Status 2, and nothing is lost; so it is with a folder."""
    workshop.spec("fail")
    workshop.run()
    path = workshop.known("rules: small/negates")
    before = path.read_bytes()
    said = say("known", "results.jsonl", "-o", "known.yaml")
    assert (said.status, path.read_bytes()) == (2, before)
    assert said.err.startswith("known.yaml:2:5: 'reason:' is missing")
    assert say("known", "results.jsonl", "-o", ".").err.startswith(".:1:1: cannot be read: Is a directory")
