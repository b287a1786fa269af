"""``conformance report``: results files -> one page."""

from __future__ import annotations

import argparse
from pathlib import Path

from conformance.cli.arguments import Commands, add_command, add_specs
from conformance.cli.inputs import read_all
from conformance.cli.selecting import counted, loaded
from conformance.errors import ResultsError
from conformance.report.html import render_html
from conformance.report.model import build_report


def add(commands: Commands) -> None:
    """The command's parser."""
    epilog = """\
examples:
  conformance report torch.jsonl mine.jsonl -o report.html    implementations side by side
"""
    parser = add_command(commands, "report", "Make one self-contained HTML page from results files.", epilog)
    parser.add_argument(
        "results", metavar="RESULTS", nargs="+", type=Path, help="files written by 'conformance run -o'"
    )
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="the page")
    add_specs(parser)
    parser.set_defaults(command=report)


def report(options: argparse.Namespace) -> int:
    """Write the page."""
    results = read_all(options.results)
    page = render_html(build_report(results, loaded(options.specs)))
    try:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"cannot write {options.output}: {error.strerror or error}") from error
    cases = sum(len(one.cases) for one in results)
    print(f"{options.output}: {counted(cases, 'case')} from {counted(len(results), 'file')}")
    return 0
