"""``conformance verdict``: what results come to, as the run that wrote them would have said it."""

from __future__ import annotations

import argparse
from pathlib import Path

from conformance.cli import showing
from conformance.cli.arguments import Commands, add_command
from conformance.cli.inputs import read_all
from conformance.known.judging import judge
from conformance.known.loading import load_known
from conformance.known.model import KnownFailures
from conformance.results.merging import merged
from conformance.results.summary import exit_status, verdicts


def add(commands: Commands) -> None:
    """The command's parser."""
    epilog = """\
examples:
  conformance verdict mine.jsonl --known known.yaml    the end of 'conformance run --known known.yaml', once more
  conformance verdict shard-*.jsonl                    of all shards together

The exit status is that of 'conformance run', which 'conformance --help' explains.
"""
    parser = add_command(commands, "verdict", "Print the verdicts of results, and exit as the run did.", epilog)
    parser.add_argument(
        "results", metavar="RESULTS", nargs="+", type=Path, help="files written by 'conformance run -o'"
    )
    parser.add_argument(
        "--known", metavar="FILE", type=Path, help="failures that are known (docs/known-failures.md); strict"
    )
    parser.set_defaults(command=verdict)


def verdict(options: argparse.Namespace) -> int:
    """Print a verdict for each implementation and device, and stale known failures; return the status."""
    known = load_known(options.known) if options.known else KnownFailures()
    files = read_all(options.results)
    results = merged(files) if len(files) > 1 else files[0]
    judgement = judge(known, results.run, results.subjects, results.cases)
    found = verdicts(results.cases, results.subjects, judgement.excused)
    for one in found:
        print("\n".join(showing.lines_of(one)))
    for line in showing.stale(judgement):
        print(line)
    status = exit_status(found)
    return 1 if judgement.stale and not status else status
