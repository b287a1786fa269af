"""Spec files with their mistakes marked: ``¤`` stands where a problem is to be reported, and is no part of the file."""

from __future__ import annotations

import textwrap
from pathlib import Path

from conformance.errors import Problem, SpecErrors
from conformance.rules.loading import load
from conformance.rules.model import Rule

MARK = "¤"

HEAD = """\
topic: t
title: T
rules:
  - id: t/a
    says: One sentence.
    source: torch.Tensor
"""
GIVENS = """\
    given:
      x: [1.5, -2.25]
      w: {values: [3, 5], requires_grad: true}
"""


def rule(*, when: str = "", then: str = "x: [1.5, -2.25]", more: str = "") -> str:
    """A file of one rule: its statements, its observations, and whatever else a rule may have; x and w are given."""
    text = HEAD + GIVENS + textwrap.indent(more, "    ")
    if when:
        text += "    when: |\n" + textwrap.indent(when, "      ") + "\n"
    return text + "    then:\n" + textwrap.indent(then, "      ") + "\n"


def unmarked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without its marks, and line and column of each, from 1."""
    places = []
    for number, line in enumerate(text.split("\n"), 1):
        parts = line.split(MARK)
        places += [(number, len("".join(parts[:count])) + 1) for count in range(1, len(parts))]
    return text.replace(MARK, ""), places


def write(folder: Path, text: str | bytes, name: str = "t.conformance.yaml") -> Path:
    """A spec file in ``folder``."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems(folder: Path, text: str | bytes) -> list[Problem]:
    """Everything that loading a file of this text reports."""
    try:
        load([write(folder, text)])
    except SpecErrors as errors:
        return list(errors.problems)
    return []


def loaded(folder: Path, text: str) -> Rule:
    """The one rule of a right file."""
    (found,) = load([write(folder, text)])
    return found


def refused(folder: Path, text: str, message: str, hint: str) -> None:
    """Loading reports exactly one problem, where the mark stands, with this message and hint."""
    plain, places = unmarked(text)
    found = [(one.line, one.column, one.message, one.hint) for one in problems(folder, plain)]
    assert found == [(*places[0], message, hint)]
    assert len(places) == 1
