"""The writer: each line is in the file, whole, when the call returns."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conformance.errors import ResultsError
from conformance.results.model import EndLine, encoded
from conformance.results.reading import read_results
from conformance.results.writing import ResultsWriter
from tests.results.lines import RUN, case, subject

END = EndLine("2026-01-02T03:04:06+00:00", 1.5, {"pass": 1})


def test_every_line_is_in_the_file_when_write_returns(tmp_path: Path) -> None:
    """Another process that reads the file at any moment finds only whole lines, up to the last one written."""
    path = tmp_path / "results.jsonl"
    written = b""
    with ResultsWriter(path) as writer:
        for line in (RUN, subject(), case("adds"), END):
            writer.write(line)
            written += encoded(line) + b"\n"
            assert path.read_bytes() == written


def test_a_line_that_the_system_takes_in_pieces_is_written_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short write, as pipes and some file systems give, is continued."""
    writer = ResultsWriter(tmp_path / "results.jsonl")

    class Slow:
        def __init__(self, file: object) -> None:
            self.file = file

        def write(self, data: bytes) -> int:
            return self.file.write(data[:5])  # type: ignore[attr-defined, no-any-return]

    file = writer._file
    monkeypatch.setattr(writer, "_file", Slow(file))
    writer.write(RUN)
    file.close()
    assert (tmp_path / "results.jsonl").read_bytes() == encoded(RUN) + b"\n"


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    """``-o reports/new/results.jsonl`` needs no mkdir."""
    path = tmp_path / "a" / "b" / "results.jsonl"
    with ResultsWriter(path) as writer:
        writer.write(RUN)
    assert read_results(path).run == RUN


def test_what_the_file_held_is_replaced(tmp_path: Path) -> None:
    """Without ``resume`` a run's file holds that run alone."""
    path = tmp_path / "results.jsonl"
    path.write_bytes(b"something else\n" * 1000)
    with ResultsWriter(path) as writer:
        writer.write(RUN)
    assert path.read_bytes() == encoded(RUN) + b"\n"


@pytest.mark.parametrize(
    "tail", [b"", b'{"kind":"case","id":"small/x', encoded(END) + b"\n"], ids=["cut off", "torn", "finished"]
)
def test_resuming_keeps_whole_lines_and_goes_on_after_them(tmp_path: Path, tail: bytes) -> None:
    """A torn last line and the end of the earlier run give way to what comes now."""
    path = tmp_path / "results.jsonl"
    kept = b"".join(encoded(line) + b"\n" for line in (RUN, subject(), case("adds")))
    path.write_bytes(kept + tail)
    with ResultsWriter(path, resume=True) as writer:
        writer.write(case("more"))
    assert path.read_bytes() == kept + encoded(case("more")) + b"\n"


def test_resuming_a_foreign_file_leaves_it_alone(tmp_path: Path) -> None:
    """A mistyped path is an error and not the end of somebody's notes."""
    path = tmp_path / "notes.txt"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(ResultsError, match="is not a results file"):
        ResultsWriter(path, resume=True)
    assert path.read_text(encoding="utf-8") == "mine"


def test_a_path_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    """A folder, and a path through a file, are named with the system's reason."""
    with pytest.raises(ResultsError, match=r"cannot write results to .*: Is a directory"):
        ResultsWriter(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ResultsError, match=r"cannot write results to .*: (File exists|Not a directory)"):
        ResultsWriter(tmp_path / "file" / "results.jsonl")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
def test_a_full_disk_is_one_clear_error() -> None:
    """A line that does not fit is reported as what it is."""
    writer = ResultsWriter(Path("/dev/full"))
    with pytest.raises(ResultsError, match="cannot write results to /dev/full: No space left"), writer:
        writer.write(RUN)
