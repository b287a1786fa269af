"""What a report says of many rules together: failures that look alike, and what an implementation lacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from conformance.report.model import Cell, Column, Report, Row, worded


@dataclass(frozen=True)
class Group:
    """Rules of one column that have ``what`` in common; ``area`` is empty where it does not matter."""

    column: Column
    what: str
    rows: tuple[Row, ...]
    area: str = ""


def clusters(report: Report) -> tuple[Group, ...]:
    """Failures by column, area and kind, the largest group first: one cause often turns many rules red."""

    def alike(row: Row, cell: Cell) -> tuple[str, str] | None:
        return (worded(cell.kinds[0]), row.rule.topic.area) if cell.is_bad else None

    return _groups(report, alike)


def lacking(report: Report) -> tuple[Group, ...]:
    """What is absent, by column: the name, capability, dtype or kernel that most rules wait for first."""

    def alike(row: Row, cell: Cell) -> tuple[str, str] | None:
        return (cell.reason, "") if cell.status == "unsupported" else None

    return _groups(report, alike)


def _groups(report: Report, alike: Callable[[Row, Cell], tuple[str, str] | None]) -> tuple[Group, ...]:
    found: dict[tuple[int, str, str], list[Row]] = {}
    for row in report.rows:
        for index, cell in enumerate(row.cells):
            key = alike(row, cell)
            if key is not None:
                found.setdefault((index, *key), []).append(row)
    groups = (Group(report.columns[index], what, tuple(rows), area) for (index, what, area), rows in found.items())
    return tuple(sorted(groups, key=lambda group: -len(group.rows)))
