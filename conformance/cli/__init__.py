"""The ``conformance`` command: arguments in, plain functions called, text and an exit status out.

Exit status: 0 conforms, 1 does not, 2 the input is wrong, 3 the harness or an adapter broke or nothing ran.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from conformance import __version__
from conformance.cli import comparing, inspecting, judging, known, merging, pinning, reporting, running, starting
from conformance.errors import ConformanceError, SpecErrors

_STATUS = """\
exit status:
  0  every implementation that ran conforms, given the known failures
  1  something does not conform, or a known failure is stale
  2  the input is wrong: usage, a spec file, a results file, a known-failures file
  3  the harness or an adapter broke, or nothing ran
"""
_INTERRUPTED = 130
_READER_GONE = 141  # as a shell reports it; 0 would say that everything conforms


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a character is no failure
    try:
        status: int = options.command(options)
        sys.stdout.flush()
    except SpecErrors as error:
        print(error, file=sys.stderr)
        count = len(error.problems)
        print(f"{count} problem{'s' if count != 1 else ''} in {error.where}", file=sys.stderr)
        return error.exit_status
    except ConformanceError as error:
        print(f"conformance: {error}", file=sys.stderr)
        return error.exit_status
    except BrokenPipeError:  # the reader of our output (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return _READER_GONE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="conformance",
        description="Check implementations of PyTorch's semantics against documented behaviour, one rule at a time.",
        epilog=_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"conformance {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (running, inspecting, pinning, reporting, judging, comparing, merging, known, starting):
        module.add(commands)
    return parser
