"""``conformance merge`` as a user meets it."""

from __future__ import annotations

from pathlib import Path

from conformance.results.reading import read_results
from tests.cli.conftest import Say
from tests.workshop import Workshop


def test_shards_that_were_merged_are_the_whole_run(workshop: Workshop, say: Say) -> None:
    """The same cases with the same statuses in the same order, and a whole file."""
    workshop.spec("pass", "fail", "unsupported", "unspecified")
    workshop.run()
    whole = read_results(workshop.results)
    for number in (1, 2, 3):
        workshop.run("--shard", f"{number}/3", "-o", f"{number}.jsonl")
    said = say("merge", "1.jsonl", "2.jsonl", "3.jsonl", "-o", "all.jsonl")
    assert (said.status, said.out, said.err) == (0, "all.jsonl: 5 cases from 3 files\n", "")
    found = read_results(Path("all.jsonl"))
    assert [(line.id, line.status) for line in found.cases] == [(line.id, line.status) for line in whole.cases]
    assert found.subjects == whole.subjects
    assert found.end is not None
    said = say("merge", "1.jsonl", "3.jsonl", "-o", "all.jsonl")
    assert (said.status, said.err) == (
        2, "conformance: of tiny on cpu, shard 2/3 is missing (a verdict needs them all)\n",
    )  # fmt: skip
