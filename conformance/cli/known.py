"""``conformance known``: results files -> a known-failures file, written or brought up to date."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from conformance.cli.arguments import Commands, add_command
from conformance.cli.inputs import read_all
from conformance.errors import ConformanceError
from conformance.known.loading import load_known
from conformance.known.rewriting import rewritten
from conformance.results.merging import merged


def add(commands: Commands) -> None:
    """The command's parser."""
    epilog = """\
examples:
  conformance known mine.jsonl -o known.yaml                      write the file, or add what is new
  conformance known cpu.jsonl cuda.jsonl -o known.yaml --prune    and drop or narrow what is stale

Crashes, hangs and errors are never written down. Comments, order and everything else in the file stay as they are.
"""
    parser = add_command(commands, "known", "Write or update a known-failures file from results.", epilog)
    parser.add_argument(
        "results", metavar="RESULTS", nargs="+", type=Path, help="files written by 'conformance run -o'"
    )
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="the file (YAML)")
    parser.add_argument("--reason", metavar="TEXT", default="", help="of the new entries; by default what was found")
    parser.add_argument("--prune", action="store_true", help="remove stale entries, or narrow them to what still fails")
    parser.set_defaults(command=known)


def known(options: argparse.Namespace) -> int:
    """Write the file; print what was changed, and what was not excused."""
    files = read_all(options.results)
    results = merged(files) if len(files) > 1 else files[0]
    path: Path = options.output
    before = _text(path)
    done = rewritten(before, str(path), results, reason=" ".join(options.reason.split()), prune=options.prune)
    if done.text != before:
        _write(path, done.text)
    for change in done.changes:
        print(change)
    print(f"{path}: {'written' if before is None else 'nothing to change' if done.text == before else 'updated'}")
    for stale in done.stale:
        print(f"stale: {stale}" + ("" if options.prune else "; --prune does"))
    broken = Counter(line.status for line in results.cases if line.status in ("crash", "hang", "error"))
    if broken:
        counts = ", ".join(f"{number} {status}" for status, number in sorted(broken.items()))
        print(f"never excused, and left out: {counts}", file=sys.stderr)
    return 0


def _text(path: Path) -> str | None:
    """What the file holds, once it is known to be right; None where there is none yet."""
    if not path.exists():
        return None
    load_known(path)
    return path.read_bytes().decode("utf-8-sig")


def _write(path: Path, text: str) -> None:
    """Replace the file; what it held is there until all is written."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(text.encode())
        unfinished.replace(path)
    except OSError as error:
        raise ConformanceError(f"cannot write {path}: {error.strerror or error}", "name another file") from error
