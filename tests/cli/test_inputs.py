"""Results files that are damaged, foreign or newer, given to every command that reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.results.model import Line, encoded
from tests.cli.conftest import Say
from tests.results.lines import RUN, case, subject

LINES: list[Line] = [RUN, subject(2), case("adds"), case("negates", "fail")]
WHOLE = b"".join(encoded(line) + b"\n" for line in LINES)
COMMANDS = {
    "report": ("report", "bad.jsonl", "-o", "out.md"),
    "diff": ("diff", "bad.jsonl", "good.jsonl"),
    "diff, as the newer": ("diff", "good.jsonl", "bad.jsonl"),
    "known": ("known", "bad.jsonl", "-o", "out"),
    "merge": ("merge", "good.jsonl", "bad.jsonl", "-o", "out"),
}
FOREIGN = {
    "empty": (b"", "bad.jsonl is not a results file ("),
    "binary": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "bad.jsonl is not a results file ("),
    "another JSON": (b'{"kind": "other"}\n[1, 2]\n', "bad.jsonl is not a results file ("),
    "cut off at once": (WHOLE[:20], "bad.jsonl is not a results file ("),
    "newer": (WHOLE.replace(b'"format":1', b'"format":7'), "bad.jsonl has format 7; this version reads up to 1 ("),
}


@pytest.fixture(autouse=True)
def _good(say: Say, tmp_path: Path) -> None:
    (tmp_path / "good.jsonl").write_bytes(WHOLE)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", FOREIGN)
def test_what_cannot_be_read_is_one_sentence(say: Say, tmp_path: Path, command: str, kind: str) -> None:
    """Status 2, nothing on stdout, nothing written."""
    raw, sentence = FOREIGN[kind]
    (tmp_path / "bad.jsonl").write_bytes(raw)
    said = say(*COMMANDS[command])
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith(f"conformance: {sentence}")
    assert said.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("missing", [True, False])
def test_a_path_that_is_no_file(say: Say, tmp_path: Path, command: str, missing: bool) -> None:
    """The system's reason."""
    if not missing:
        (tmp_path / "bad.jsonl").mkdir()
    said = say(*COMMANDS[command])
    reason = "No such file or directory" if missing else "Is a directory"
    assert (said.status, said.err) == (2, f"conformance: cannot read bad.jsonl: {reason} (is the path right?)\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_what_can_be_read_of_a_damaged_file_is_and_the_loss_is_said(say: Say, tmp_path: Path, command: str) -> None:
    """A sentence on stderr; the command does what it can with the rest."""
    damaged = b"garbage\n".join(encoded(line) + b"\n" for line in LINES)
    (tmp_path / "bad.jsonl").write_bytes(damaged)
    said = say(*COMMANDS[command])
    assert said.status == 0
    assert said.err == "conformance: bad.jsonl: 3 damaged lines were left out\n"
    if command == "known":
        assert "added small/negates on tiny cpu: 1 case" in said.out
