"""What a run came to, as text: failures, verdicts, and known failures that are stale."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from conformance.known.judging import Judgement
from conformance.results.model import CaseLine
from conformance.results.summary import Verdict
from conformance.running.outcome import BAD

_SHOWN_FAILURES = 50


def failures(cases: Sequence[CaseLine], judgement: Judgement, specs: Sequence[Path]) -> Iterator[str]:
    """Every failure that nobody knew of, with its findings, and how to reproduce one."""
    bad = [case for case in cases if case.status in BAD and case.id not in judgement.excused]
    for case in bad[:_SHOWN_FAILURES]:
        yield f"{case.status.upper()}  {case.id}" + (f"  {case.reason}" if case.reason else "")
        for finding in case.findings:
            yield f"    {finding}"
    if len(bad) > _SHOWN_FAILURES:
        yield f"… and {len(bad) - _SHOWN_FAILURES} more; -o FILE keeps them all"
    if bad:
        named = "".join(f" --specs {shlex.quote(str(path))}" for path in specs)
        yield f"\nReproduce one with: conformance repro{named} '{bad[0].id}'\n"


def lines_of(verdict: Verdict) -> Iterator[str]:
    """A verdict: a line for each level, and the cases by status."""
    yield f"{verdict.implementation} on {verdict.device}"
    for level in verdict.levels:
        yield f"    {level}"
    counts = {status: f"{number} {status}" for status, number in sorted(verdict.cases.items())}
    if verdict.known:
        counts["fail"] += f" ({verdict.known} known)"
    tail = f", {verdict.not_run} not run" if verdict.not_run else ""
    yield f"    cases: {', '.join(counts.values()) or 'none'}{tail}"


def stale(judgement: Judgement) -> Iterator[str]:
    """The entries of a known-failures file that are no longer right."""
    if judgement.stale:
        yield "stale known failures:"
        yield from (f"    {one}" for one in judgement.stale)
