"""``conformance verdict`` as a user meets it."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Say
from tests.workshop import Workshop


@pytest.mark.parametrize(
    ("rules", "known", "status"),
    [
        (["pass"], "", 0),
        (["pass", "fail"], "", 1),
        (["pass", "fail"], "rules: small/negates, reason: unsigned", 0),
        (["pass"], "rules: small/adds, reason: unsigned", 1),
        (["pass", "crash"], "", 1),
        (["pass", "error"], "", 3),
        (["unsupported"], "", 3),
    ],
    ids=["conforms", "fails", "known", "stale", "crash", "error", "nothing ran"],
)
def test_says_of_a_file_what_its_run_said(
    say: Say, workshop: Workshop, rules: list[str], known: str, status: int
) -> None:
    """The same verdicts, the same stale entries, the same status."""
    workshop.spec(*rules)
    more = ["--known", workshop.known(known).name] if known else []
    ran = workshop.run("-q", *more)
    said = say("verdict", "results.jsonl", *more)
    assert (said.status, said.out, said.err) == (ran.returncode, ran.stdout, "")
    assert said.status == status


def test_shards_are_judged_together(say: Say, workshop: Workshop) -> None:
    """A pattern that matches nothing in any shard is stale, though no single shard can tell."""
    workshop.spec("pass", "fail", "unspecified")
    known = workshop.known("rules: small/neg*, reason: unsigned", "rules: small/x*, reason: misspelt").name
    runs = [workshop.run("-q", "--shard", f"{n}/2", "-o", f"{n}.jsonl", "--known", known) for n in (1, 2)]
    assert [one.returncode for one in runs] == [0, 0]
    said = say("verdict", "1.jsonl", "2.jsonl", "--known", known)
    assert said.status == 1
    assert "tiny on cpu\n    1 of 2 applicable must-rules conform; 1 known failure;" in said.out
    assert "known.yaml:3:5: 'small/x*' matches no case that ran" in said.out


def test_a_run_that_was_cut_off_does_not_conform(say: Say, workshop: Workshop) -> None:
    """What was not run is counted, and nothing is taken for granted."""
    workshop.spec("pass")
    workshop.run()
    lines = workshop.results.read_bytes().splitlines(keepends=True)
    workshop.results.write_bytes(b"".join(lines[:3]))
    said = say("verdict", "results.jsonl")
    assert said.status == 1
    assert said.out.splitlines()[-1].endswith("1 not run")
