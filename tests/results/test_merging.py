"""Merging: shards make the whole, the latest result counts, and what does not belong together is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import ResultsError
from conformance.results.merging import merged
from conformance.results.model import CaseLine, EndLine, SubjectLine
from conformance.results.reading import Results, read_results
from conformance.results.summary import verdicts
from conformance.results.writing import replace_results
from tests.results.lines import RUN, case, subject

END = EndLine("2026-01-02T03:04:06+00:00", 1.5, {})
WHOLE = replace(RUN, selection=())


def file(name: str, subjects: Sequence[SubjectLine], *cases: CaseLine, end: bool = True, **run: Any) -> Results:
    """A file of that name."""
    return Results(Path(name), replace(WHOLE, **run), tuple(subjects), cases, END if end else None, 0)


def part(number: int, total: int, *cases: CaseLine, device: str = "cpu", **more: Any) -> Results:
    """The file of a shard."""
    levels = {"must": len({line.rule for line in cases})}
    shard = f"{number}/{total}"
    announced = subject(len(cases), device=device, planned_rules=levels, shard=shard)
    return file(f"{number}-of-{total}.jsonl", [announced], *cases, shard=shard, **more)


class TestShards:
    def test_the_shards_of_a_run_are_the_run(self) -> None:
        """The same subjects, cases in the same order and the same verdict, whatever the order of the files."""
        whole = file("whole.jsonl", [subject(3, planned_rules={"must": 3})], case("a"), case("b", "fail"), case("c"))
        parts = [part(1, 2, case("a"), case("c")), part(2, 2, case("b", "fail"))]
        for order in (parts, parts[::-1]):
            found = merged(order)
            assert (found.run, found.subjects, found.cases) == (whole.run, whole.subjects, whole.cases)
            assert found.end == replace(END, seconds=3.0, counts={"pass": 2, "fail": 1})

    def test_a_shard_without_a_case_is_there_all_the_same(self) -> None:
        """More shards than rules are no mistake."""
        assert merged([part(1, 2, case("a")), part(2, 2)]).cases == (case("a"),)

    def test_a_shard_that_was_cut_off_leaves_the_whole_unfinished(self) -> None:
        """What it announced and has no result for is not run."""
        announced = subject(3, planned_rules={"must": 3}, shard="2/2")
        cut_off = file("2.jsonl", [announced], case("b"), end=False, shard="2/2")
        found = merged([part(1, 2, case("a")), cut_off])
        assert found.end is None
        [verdict] = verdicts(found.cases, found.subjects)
        assert (verdict.not_run, str(verdict.levels[0])) == (
            2, "2 of 2 applicable must-rules conform; 0 unsupported, 2 not run",
        )  # fmt: skip

    def test_a_shard_that_was_run_again_counts_by_its_latest_results(self) -> None:
        """Its numbers are not added twice."""
        again = part(1, 2, case("a"), started="2026-02-01T00:00:00+00:00")
        found = merged([again, part(1, 2, case("a", "fail")), part(2, 2, case("b"))])
        assert [line.status for line in found.cases] == ["pass", "pass"]
        assert [one.planned for one in found.subjects] == [2]

    @pytest.mark.parametrize(
        ("parts", "said"),
        [
            ([part(1, 3), part(2, 3)], r"of tiny on cpu, shard 3/3 is missing \(a verdict needs them all\)"),
            ([part(2, 4)], "shards 1/4, 3/4, 4/4 are missing"),
            ([part(1, 2), part(2, 3)], "1-of-2.jsonl has shard 1/2 and 2-of-3.jsonl shard 2/3: they overlap"),
            ([part(1, 2), file("w", [subject(1)], case("a"))], "w has the whole run and 1-of-2.jsonl shard 1/2"),
            (
                [part(1, 2), part(2, 2), part(1, 2, device="abacus")],
                "of tiny on abacus, shard 2/2 is missing",
            ),
        ],
        ids=["missing", "all but one", "overlapping", "whole and part", "on one device"],
    )  # fmt: skip
    def test_what_makes_no_whole_is_refused(self, parts: list[Results], said: str) -> None:
        """With the shard that is missing, or the two files that do not fit."""
        with pytest.raises(ResultsError, match=said):
            merged(parts)


class TestRepeatedRuns:
    def test_the_latest_result_of_a_case_counts(self) -> None:
        """By the time at which its run began, whatever the order of the files; the others stay."""
        first = file("1", [subject(2)], case("a", "fail"), case("b"))
        second = file("2", [subject(2)], case("a"), end=False, started="2026-02-01T00:00:00+00:00")
        for order in ([first, second], [second, first]):
            assert merged(order).cases == (case("a"), case("b"))
            assert [one.planned for one in merged(order).subjects] == [2]

    def test_of_runs_at_the_same_second_the_last_named_counts(self) -> None:
        """There is nothing else to tell them apart by."""
        first, second = (file(name, [subject(1)], case("a", status)) for name, status in (("1", "fail"), ("2", "pass")))
        assert merged([first, second]).cases == (case("a"),)

    def test_narrowed_runs_announce_what_they_ran_together(self) -> None:
        """Pytest's -k twice: nothing is missing, and nothing says that it was all."""
        rules = {"planned_rules": {"must": 1}}
        parts = [file(n, [subject(1, **rules)], case(n), narrowed=True) for n in ("a", "b")]
        found = merged(parts)
        assert (found.subjects[0].planned, found.subjects[0].planned_rules) == (2, {"must": 2})
        assert found.run.narrowed
        whole = file("w", [subject(3, planned_rules={"must": 3})], case("a"), case("b"), case("c"))
        assert merged([whole, *parts]).subjects == whole.subjects
        assert not merged([whole, *parts]).run.narrowed

    def test_several_implementations_and_devices_stand_side_by_side(self) -> None:
        """In the order of the files."""
        found = merged([file("1", [subject(1, device="b")], case("x", device="b")), file("2", [subject(1)], case("x"))])
        assert [one.device for one in found.subjects] == ["b", "cpu"]
        assert [one.device for one in found.cases] == ["b", "cpu"]


def test_other_rules_are_refused() -> None:
    """Results of edited rules say nothing of these."""
    others = file("2", [subject(1)], case("a"), rules_digest="f" * 16)
    with pytest.raises(ResultsError, match="1 and 2 were written with different rules"):
        merged([file("1", [subject(1)], case("a")), others])


def test_two_versions_are_refused() -> None:
    """The verdict would be one on neither."""
    other = file("2", [replace(subject(1), version="0.1")], case("a"))
    with pytest.raises(ResultsError, match=r"1 has tiny 0\.0-tiny on cpu 1, and 2 tiny 0\.1 on cpu 1"):
        merged([file("1", [subject(1)], case("a")), other])


def test_a_file_is_replaced_when_all_is_written(tmp_path: Path) -> None:
    """A file may be merged into itself; what cannot be written leaves it as it was."""
    path = tmp_path / "results.jsonl"
    replace_results(path, [RUN, subject(), case("a")])
    assert read_results(path).cases == (case("a"),)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ResultsError, match=r"cannot write results to .*: Is a directory"):
        replace_results(tmp_path, [RUN])
