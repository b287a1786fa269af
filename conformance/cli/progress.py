"""How far a run has come: a bar on a terminal's stderr, and nothing anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Protocol

from conformance.results.model import CaseLine, SubjectLine
from conformance.running.outcome import BAD


class Progress(Protocol):
    """What shows the progress; a context, in which it is on the screen."""

    def show(self, line: SubjectLine | CaseLine, cases: Sequence[CaseLine]) -> None:
        """Move on by ``line``; ``cases`` are those that have a result, also of an earlier run."""

    def __enter__(self) -> Any: ...

    def __exit__(self, *details: object) -> None: ...


def progress(*, quiet: bool) -> Progress:
    """A bar where there is a terminal to see it."""
    return _Bar() if sys.stderr.isatty() and not quiet else _Quiet()


class _Quiet:
    """No terminal: no progress."""

    def show(self, line: SubjectLine | CaseLine, cases: Sequence[CaseLine]) -> None:
        """Nothing."""

    def __enter__(self) -> _Quiet:
        return self

    def __exit__(self, *details: object) -> None:
        return None


class _Bar:
    """A progress bar on a terminal's stderr."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task: Any = None
        self._bad = 0

    def show(self, line: SubjectLine | CaseLine, cases: Sequence[CaseLine]) -> None:
        """Move on by the line."""
        if isinstance(line, SubjectLine):
            done = sum((case.implementation, case.device) == line.key for case in cases)
            self._bad = 0
            self._task = self._progress.add_task(
                f"{line.implementation} on {line.device}", total=line.planned, completed=done
            )
        elif self._task is not None:
            self._bad += line.status in BAD
            text = f"{line.implementation} on {line.device}" + (f", {self._bad} failed" if self._bad else "")
            self._progress.update(self._task, advance=1, description=text)

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._progress.stop()
