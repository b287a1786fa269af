"""The errors a user can cause, in the order in which a run can meet them.

A run reads spec files (:class:`SpecErrors`) and known failures (:class:`KnownFailuresErrors`), finds an implementation
(:class:`ImplementationNotFound`), selects cases (:class:`NothingSelected`), asks it for its devices
(:class:`ImplementationBroke`), and writes or reads results (:class:`ResultsError`). Each carries one sentence on what
was found, what was expected, and a hint for the person who can act on it. None of them is a defect of an implementation
under test: those are outcomes, in :mod:`conformance.running.outcome`.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


class ConformanceError(Exception):
    """An input was wrong; the command line prints it without a traceback and exits with ``exit_status``."""

    exit_status = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in a spec file, at a position counted from 1."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        tail = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message}{tail}"


class SpecErrors(ConformanceError):
    """Everything that is wrong in the spec files that were read, in the order of files and lines."""

    where = "spec files"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class KnownFailuresErrors(SpecErrors):
    """Everything that is wrong in a known-failures file."""

    where = "the known-failures file"


class ImplementationNotFound(ConformanceError):
    """No implementation answers to the name given, or it cannot be imported."""


class ImplementationBroke(ConformanceError):
    """An implementation or its adapter failed where no case was running, so that no outcome can hold it."""

    exit_status = 3


class NothingSelected(ConformanceError):
    """The patterns, devices and implementations given leave no case to run."""

    exit_status = 3


class ResultsError(ConformanceError):
    """A results file cannot be read, written or resumed."""


def said(error: BaseException) -> str:
    """``TypeError: the first line of what it says``; the error may come from anywhere, and its text may not be had."""
    try:
        text = str(error).partition("\n")[0]
    except Exception as second:
        text = f"(its text raises {type(second).__name__})"
    return printable(f"{type(error).__name__}: {text[:200]}")


def printable(text: str) -> str:
    """``text`` without what UTF-8 cannot hold: a results file must take whatever an implementation says."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def described(error: BaseException) -> str:
    """``TypeError: what it says (file.py:12)``, in one line: where an error of somebody else's code came from."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{' '.join(said(error).split())}{where}"
