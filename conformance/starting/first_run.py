"""A first run over all rules, and the known-failures file that makes of it a place to begin."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

from conformance.known.rewriting import rewritten
from conformance.results.model import CaseLine, EndLine, SubjectLine
from conformance.results.reading import Results, read_results
from conformance.results.writing import ResultsWriter
from conformance.rules.loading import load
from conformance.running.record import now, run_line
from conformance.running.supervise import supervise
from conformance.running.worker import Job

REASON = "not looked at yet"


def first_run(
    implementation: str, path: Path, show: Callable[[SubjectLine | CaseLine, Sequence[CaseLine]], None]
) -> Results:
    """Run every rule on every device; each line goes to ``path`` as it comes, so that a run cut off keeps what it had.

    Args:
        implementation: its name.
        path: the results file, which is made when the first line comes.
        show: is called with each line and with the cases so far.

    Raises:
        ConformanceError: the implementation cannot be run at all, or no longer.

    """
    started = time.perf_counter()
    cases: list[CaseLine] = []
    lines = supervise(Job(implementation))
    first = next(lines)
    with ResultsWriter(path) as writer:
        writer.write(run_line(load()))
        for line in chain([first], lines):
            writer.write(line)
            if isinstance(line, CaseLine):
                cases.append(line)
            show(line, cases)
        counts = Counter(line.status for line in cases)
        writer.write(EndLine(now(), round(time.perf_counter() - started, 3), dict(counts)))
    return read_results(path)


def first_known(results: Results, path: Path) -> str:
    """The text of a known-failures file at ``path`` with everything that failed."""
    return rewritten(None, str(path), results, reason=REASON).text
