"""Results files that are whole, cut off, damaged, or not results files at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.errors import ResultsError
from conformance.results.model import EndLine, Line, encoded
from conformance.results.reading import never_began, read_results
from tests.results.lines import RUN, case, subject

CASES = [case("adds", label="n=1"), case("adds", "fail", label="n=2")]
WHOLE: list[Line] = [RUN, subject(), *CASES, EndLine("2026-01-02T03:04:06+00:00", 1.5, {"pass": 1, "fail": 1})]


def raw_of(lines: list[Line]) -> bytes:
    return b"".join(encoded(line) + b"\n" for line in lines)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl"


def test_a_whole_file_reads_back_as_it_was_written(path: Path) -> None:
    """Nothing is lost: the run, its subjects, its cases in order, and its end."""
    path.write_bytes(raw_of(WHOLE))
    found = read_results(path)
    assert [found.run, *found.subjects, *found.cases, found.end] == WHOLE
    assert found.damaged == 0


@pytest.mark.parametrize("lost", range(1, 60, 7))
def test_a_torn_last_line_is_dropped_and_the_rest_counts(path: Path, lost: int) -> None:
    """A file cut anywhere inside a line is an unfinished run that has every line before it."""
    raw = raw_of(WHOLE[:-1])
    path.write_bytes(raw[:-lost] if lost > 1 else raw)
    found = read_results(path)
    kept = CASES if lost == 1 else CASES[:1]
    assert list(found.cases) == kept
    assert found.end is None
    assert found.whole_bytes == len(raw_of([RUN, subject(), *kept]))


def test_a_last_line_that_lacks_only_its_newline_counts_but_is_not_whole(path: Path) -> None:
    """Its case is read, and a resumed run writes the line again instead of gluing the next one to it."""
    path.write_bytes(raw_of(WHOLE[:-1])[:-1])
    found = read_results(path)
    assert list(found.cases) == CASES
    assert found.whole_bytes == len(raw_of([RUN, subject(), CASES[0]]))


@pytest.mark.parametrize("garbage", [b"\x00\xff\xfe\n", b"{}\n", b'{"kind":"case"}\n', b"[]\n", b"[" * 100_000 + b"\n"])
def test_damage_in_the_middle_costs_only_the_damaged_line(path: Path, garbage: bytes) -> None:
    """Bytes that are no line of ours are counted and passed over; what follows them still counts."""
    path.write_bytes(raw_of(WHOLE[:3]) + garbage + raw_of(WHOLE[3:]))
    found = read_results(path)
    assert list(found.cases) == CASES
    assert found.damaged == 1


def test_a_case_that_stands_twice_counts_once_by_its_last_line(path: Path) -> None:
    """Files that were appended to by hand are read as the later run meant them."""
    later = case("adds", "pass", label="n=2")
    path.write_bytes(raw_of([*WHOLE[:-1], later]))
    assert list(read_results(path).cases) == [CASES[0], later]


def test_a_subject_that_stands_twice_counts_once(path: Path) -> None:
    """Reading does not stumble over repeated announcements."""
    path.write_bytes(raw_of([RUN, subject(), subject(), *CASES]))
    assert read_results(path).subjects == (subject(),)


@pytest.mark.parametrize(
    "raw",
    [b"", b"\n\n", b"id: small/adds\n", raw_of(WHOLE[1:]), b'{"kind": "run"}\n', b"\x89PNG\r\n\x1a\n"],
    ids=["empty", "blank", "yaml", "headless", "hollow", "binary"],
)
def test_a_file_of_something_else_is_one_clear_error(path: Path, raw: bytes) -> None:
    """What does not begin with the line of a run is no results file, and the error says who writes one."""
    path.write_bytes(raw)
    with pytest.raises(ResultsError, match=r"results\.jsonl is not a results file \('conformance run -o FILE'"):
        read_results(path)


def test_a_newer_format_is_refused_by_name(path: Path) -> None:
    """A file from a future version says so instead of being half understood."""
    path.write_bytes(encoded(RUN).replace(b'"format":1', b'"format":2') + b"\n")
    with pytest.raises(ResultsError, match=r"has format 2; this version reads up to 1 \(install a newer version"):
        read_results(path)


def test_a_path_that_cannot_be_read_is_one_clear_error(path: Path) -> None:
    """A missing file and a folder are named with the system's reason."""
    with pytest.raises(ResultsError, match=r"cannot read .*results\.jsonl: No such file"):
        read_results(path)
    with pytest.raises(ResultsError, match=r"cannot read .*: Is a directory"):
        read_results(path.parent)


def test_fields_of_a_later_minor_version_are_ignored(path: Path) -> None:
    """The same format may gain fields; a reader that does not know them reads on."""
    path.write_bytes(raw_of(WHOLE).replace(b'"status":"pass"', b'"status":"pass","mood":"fine"'))
    assert list(read_results(path).cases) == CASES


@pytest.mark.parametrize("length", range(0, len(encoded(RUN)), 11))
def test_a_file_cut_off_inside_its_first_line_never_began(path: Path, length: int) -> None:
    """Such a file holds nothing to lose, so that resuming may start it afresh."""
    path.write_bytes(encoded(RUN)[:length])
    assert never_began(path)


@pytest.mark.parametrize("raw", [b"x", b'{"kind":"case"', b'{"kind":"run"}\n', raw_of(WHOLE)])
def test_a_file_that_holds_anything_else_did_begin(path: Path, raw: bytes) -> None:
    """Somebody's own file is never taken for an empty one."""
    path.write_bytes(raw)
    assert not never_began(path)


def test_a_gigantic_line_is_passed_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs one line and no memory; what follows it still counts, and is where it is."""
    monkeypatch.setattr("conformance.results.reading._LONGEST", 1000)
    path.write_bytes(raw_of(WHOLE[:3]) + b"x" * 5000 + b"\n" + raw_of(WHOLE[3:-1]) + b"y" * 5000)
    found = read_results(path)
    assert list(found.cases) == CASES
    assert found.damaged == 1
    assert found.whole_bytes == path.stat().st_size - 5000


@pytest.mark.parametrize("version", [b"2", b'"2"', b"1.5", b"null", b"[]"])
def test_a_format_that_is_not_ours_is_refused(path: Path, version: bytes) -> None:
    """However it is written."""
    path.write_bytes(encoded(RUN).replace(b'"format":1', b'"format":' + version) + b"\n")
    with pytest.raises(ResultsError, match="this version reads up to 1"):
        read_results(path)


def test_runs_of_different_rules_in_one_file_are_refused(path: Path) -> None:
    """Two files that were glued together would be a verdict on neither; so would two shards."""
    from dataclasses import replace

    path.write_bytes(raw_of([*WHOLE, *WHOLE]))
    assert list(read_results(path).cases) == CASES
    for other in (replace(RUN, rules_digest="f" * 16), replace(RUN, shard="2/2")):
        path.write_bytes(raw_of([*WHOLE, other, *WHOLE[1:]]))
        with pytest.raises(ResultsError, match="holds runs of different rules or shards"):
            read_results(path)


def test_a_torn_last_line_is_no_damage(path: Path) -> None:
    """It says that the run was cut off, which the missing end says as well."""
    path.write_bytes(raw_of(WHOLE[:-1])[:-9])
    assert (read_results(path).damaged, read_results(path).end) == (0, None)
