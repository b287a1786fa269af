"""The ``conformance`` command: arguments in, plain functions called, text and an exit status out.

Exit status: 0 conforms, 1 does not, 2 the input is wrong, 3 the harness or an adapter broke or nothing ran.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from conformance import __version__
from conformance.errors import ConformanceError, SpecErrors

_STATUS = """\
exit status:
  0  every implementation that ran conforms
  1  something does not conform
  2  the input is wrong: usage, a spec file, a results file
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
        print(f"{count} problem{'s' if count != 1 else ''} in spec files", file=sys.stderr)
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
    _add_run(commands)
    _add_check(commands)
    _add_list(commands)
    _add_explain(commands)
    _add_repro(commands)
    _add_report(commands)
    _add_sources(commands)
    return parser


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str, epilog: str
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name, help=summary, description=summary, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def _count(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 on")
    return number


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds above 0")
    return number


def _add_specs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--specs", metavar="PATH", action="append", default=[], type=Path,
        help="a spec file, or a folder of *.conformance.yaml files, instead of the suite's own rules; repeatable",
    )  # fmt: skip


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from conformance.cli import running

    epilog = """\
examples:
  conformance run                                     torch, on every device it has
  conformance run -i torch -d cuda batchnorm          one topic on one device
  conformance run -i mypackage.mytorch -o mine.jsonl  a torch-like module, results into a file
  conformance run -o mine.jsonl --resume              go on where a run was cut off
"""
    parser = _add(commands, "run", "Run rules against implementations and print a verdict for each.", epilog)
    parser.add_argument(
        "patterns",
        metavar="RULE-PATTERN",
        nargs="*",
        help="an id, a topic or a glob over ids ('batchnorm', '*/detach-*'); all rules by default",
    )
    parser.add_argument(
        "-i", "--implementation", metavar="IMPL", action="append", default=[],
        help="torch (the default where it is installed), reference, package.module, package.module:Attribute or a "
        "registered name; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "-d",
        "--device",
        action="append",
        default=[],
        help="a device of the implementation (cpu, cuda, cuda:1, meta); by default every one it has; repeatable",
    )
    _add_specs(parser)
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help="write results here as they come (JSON lines)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="keep the cases that FILE has and run only those it lacks"
    )
    parser.add_argument("--examples", metavar="N", type=_count, default=25, help="examples for each property (25)")
    parser.add_argument(
        "--timeout", metavar="S", type=_seconds, default=60.0, help="seconds until a case counts as hanging (60)"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print the verdicts only")
    parser.set_defaults(command=running.run)


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from conformance.cli import inspecting

    epilog = "Prints file:line:column, what was found, what was expected; exits 2 where anything is wrong."
    parser = _add(commands, "check", "Validate spec files: every mistake at once, each at its position.", epilog)
    parser.add_argument(
        "paths", metavar="PATH", nargs="*", type=Path, help="files or folders; the suite's own by default"
    )
    parser.set_defaults(command=inspecting.check)


def _add_list(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from conformance.cli import inspecting

    epilog = """\
examples:
  conformance list                        every rule: its id and its sentence
  conformance list 'hooks' '*/detach-*'   a topic, and what a glob matches
  conformance list --format json          for other programs: levels, sources, capabilities, file and line too
"""
    parser = _add(commands, "list", "List rules: their ids and what they say.", epilog)
    parser.add_argument("patterns", metavar="PATTERN", nargs="*", help="an id, a topic or a glob over ids")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="a line a rule (text), or JSON")
    _add_specs(parser)
    parser.set_defaults(command=inspecting.list_rules)


def _add_explain(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from conformance.cli import inspecting

    epilog = "The script is that of the rule's first case in float32, for torch."
    parser = _add(commands, "explain", "Show a rule: sentence, sources, YAML and a script that checks it.", epilog)
    parser.add_argument("rule", metavar="RULE", help="a rule's id; 'conformance list' prints them")
    _add_specs(parser)
    parser.set_defaults(command=inspecting.explain)


def _add_repro(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from conformance.cli import inspecting

    epilog = """\
examples:
  conformance repro 'accumulation/adds-into-leaf-grad[passes=2-float32-torch-cpu]' > case.py
  conformance repro accumulation/adds-into-leaf-grad    the rule's first case in float32
"""
    parser = _add(
        commands, "repro", "Print a standalone script for one case: it needs only the implementation.", epilog
    )
    parser.add_argument("case", metavar="CASE", help="a case's id, or a rule's")
    parser.add_argument(
        "-i",
        "--implementation",
        metavar="IMPL",
        default=None,
        help="the implementation, where the id alone does not name it; torch by default",
    )
    _add_specs(parser)
    parser.set_defaults(command=inspecting.repro)


def _add_report(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from conformance.cli import reporting

    epilog = """\
examples:
  conformance report torch.jsonl mine.jsonl -o report.html    implementations side by side
"""
    parser = _add(commands, "report", "Make one self-contained HTML page from results files.", epilog)
    parser.add_argument(
        "results", metavar="RESULTS", nargs="+", type=Path, help="files written by 'conformance run -o'"
    )
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="the page")
    _add_specs(parser)
    parser.set_defaults(command=reporting.report)


def _add_sources(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from conformance.cli import inspecting

    epilog = "With a new release of torch installed, what it prints is a reading list: rules to compare with the text."
    parser = _add(commands, "sources", "List the rules whose documentation has changed since they were read.", epilog)
    parser.add_argument("--update", action="store_true", help="write specs/sources.lock from the installed torch")
    parser.set_defaults(command=inspecting.sources)
