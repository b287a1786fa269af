"""What the parsers of several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TypeAlias

from conformance.running.shards import Shard

#: What ``add_subparsers`` returns, to which each command adds its own parser.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_command(commands: Commands, name: str, summary: str, epilog: str) -> argparse.ArgumentParser:
    """A parser for the command ``name``; ``epilog`` is printed as it stands."""
    return commands.add_parser(
        name, help=summary, description=summary, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def count(text: str) -> int:
    """The type of an option that takes a whole number from 1 on."""
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 on")
    return number


def shard(text: str) -> Shard:
    """The type of an option that takes a part of a run: I/N."""
    try:
        return Shard.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def seconds(text: str) -> float:
    """The type of an option that takes a number of seconds above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds above 0")
    return number


def add_specs(parser: argparse.ArgumentParser) -> None:
    """The option --specs."""
    parser.add_argument(
        "--specs", metavar="PATH", action="append", default=[], type=Path,
        help="a spec file, or a folder of *.conformance.yaml files, instead of the suite's own rules; repeatable",
    )  # fmt: skip
