"""The rules that fail and are not known to, the most important first, for renderings that show only some of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from conformance.report.model import Cell, Column, Report, Row
from conformance.results.model import CaseLine
from conformance.rules.model import LEVELS, Level
from conformance.running.outcome import BAD


@dataclass(frozen=True)
class Fault:
    """A rule that fails, with the columns it fails in; ``level`` is the strongest at which any of them does."""

    row: Row
    cells: tuple[tuple[Column, Cell], ...]
    level: Level

    @property
    def line(self) -> int:
        """The line of the spec file that states what did not hold; the rule's first where a file of today has none."""
        rule = self.row.rule
        lines = (finding.line for _, cell in self.cells for case in cell.shown for finding in case.findings)
        return next((line for line in lines if rule.line <= line <= rule.last_line), rule.line)


def faults(report: Report) -> tuple[Fault, ...]:
    """What fails on the reference, then what fails at a stronger level, ends a process, or fails in more columns."""

    def urgency(fault: Fault) -> tuple[bool, int, bool, int, str]:
        broke = any(cell.status != "fail" for _, cell in fault.cells)
        on_reference = report.fails_on_reference(fault.row)
        return not on_reference, LEVELS.index(fault.level), not broke, -len(fault.cells), fault.row.rule.id

    levels = _levels(report)
    found = (_fault(report, row, levels[row.rule.id]) for row in report.rows if row.failing)
    return tuple(sorted(found, key=urgency))


def all_cases(report: Report) -> list[CaseLine]:
    """The cases of all results, each once: of several results of a case the last counts."""
    return list({line.id: line for one in report.results for line in one.cases}.values())


def explanation(line: CaseLine) -> str:
    """What went wrong in a case, in a line: its first finding, or its reason."""
    if not line.findings:
        return line.reason or line.status
    more = len(line.findings) - 1
    return f"{line.findings[0]}" + (f" and {more} more" if more else "")


def place(file: str, workspace: Path) -> str | None:
    """A spec file as a path inside the workspace; None where it lies outside, or among installed packages."""
    try:
        path = Path(file).resolve().relative_to(workspace.resolve())
    except ValueError:
        return None
    return None if {"site-packages", "dist-packages"} & set(path.parts) else path.as_posix()


def _fault(report: Report, row: Row, found: set[Level]) -> Fault:
    cells = tuple((column, cell) for column, cell in zip(report.columns, row.cells) if cell.is_news)
    return Fault(row, cells, next(level for level in LEVELS if level in found))


def _levels(report: Report) -> dict[str, set[Level]]:
    """The levels at which each rule fails; a case that never came to a check fails at its rule's."""
    found: dict[str, set[Level]] = {}
    for line in all_cases(report):
        if line.status in BAD and line.id not in report.known.excused:
            found.setdefault(line.rule, set()).update([finding.level for finding in line.findings] or [line.level])
    return found
