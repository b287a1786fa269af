"""Results files as commands take them: read, and what could not be read of them said."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from conformance.report.texts import counted
from conformance.results.reading import Results, read_results


def read_all(paths: Iterable[Path]) -> list[Results]:
    """The results in each of ``paths``; on stderr, a sentence for each that lost something.

    Raises:
        ResultsError: one of them cannot be read, or is no results file of ours.

    """
    found = [read_results(path) for path in paths]
    for one in found:
        if one.damaged:
            were = "was" if one.damaged == 1 else "were"
            print(f"conformance: {one.path}: {counted(one.damaged, 'damaged line')} {were} left out", file=sys.stderr)
    return found
