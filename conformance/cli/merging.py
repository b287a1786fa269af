"""``conformance merge``: several results files -> one."""

from __future__ import annotations

import argparse
from pathlib import Path

from conformance.cli.arguments import Commands, add_command
from conformance.cli.inputs import read_all
from conformance.report.texts import counted
from conformance.results.merging import merged
from conformance.results.writing import replace_results


def add(commands: Commands) -> None:
    """The command's parser."""
    epilog = """\
examples:
  conformance merge shard-*.jsonl -o whole.jsonl          what 'conformance run --shard' wrote
  conformance merge nightly.jsonl again.jsonl -o all.jsonl

Of a case that has several results the latest counts. Results of other rules, of two versions of an implementation, and
shards that are not all there are refused.
"""
    parser = add_command(commands, "merge", "Join the results of shards, or of several runs, in one file.", epilog)
    parser.add_argument(
        "results", metavar="RESULTS", nargs="+", type=Path, help="files written by 'conformance run -o'"
    )
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="the file to write")
    parser.set_defaults(command=merge)


def merge(options: argparse.Namespace) -> int:
    """Write the file."""
    results = read_all(options.results)
    whole = merged(results)
    replace_results(options.output, [whole.run, *whole.subjects, *whole.cases, *([whole.end] if whole.end else [])])
    missing = sum(subject.planned for subject in whole.subjects) - len(whole.cases)
    tail = f"; {missing} not run" if missing > 0 else ""
    print(f"{options.output}: {counted(len(whole.cases), 'case')} from {counted(len(results), 'file')}{tail}")
    return 0
