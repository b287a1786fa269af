"""``conformance report``: results files -> one page."""

from __future__ import annotations

import argparse

from conformance.cli.selecting import counted, loaded
from conformance.errors import ResultsError
from conformance.report.html import render
from conformance.results.reading import read_results


def report(options: argparse.Namespace) -> int:
    """Write the page."""
    results = [read_results(path) for path in options.results]
    page = render(results, loaded(options.specs))
    try:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"cannot write {options.output}: {error.strerror or error}") from error
    cases = sum(len(one.cases) for one in results)
    print(f"{options.output}: {counted(cases, 'case')} from {counted(len(results), 'file')}")
    return 0
