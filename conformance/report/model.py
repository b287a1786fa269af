"""Results and rules -> what a page shows: topics, rules, and a cell for each rule, implementation and device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from conformance.results.model import CaseLine, SubjectLine
from conformance.results.reading import Results
from conformance.results.summary import Verdict, rule_status, verdicts
from conformance.rules.model import Rule
from conformance.running.outcome import BAD, Status

_SHOWN_CASES = 8


@dataclass(frozen=True)
class Column:
    """One implementation on one device."""

    implementation: str
    version: str
    device: str
    device_name: str
    verdict: Verdict

    @property
    def key(self) -> tuple[str, str]:
        """What cases name it by."""
        return self.implementation, self.device


@dataclass(frozen=True)
class Cell:
    """A rule in one column: its status, and the cases worth showing."""

    status: Status | None
    passed: int
    total: int
    bad: tuple[CaseLine, ...]
    more: int
    reason: str

    @property
    def text(self) -> str:
        """The cell in words: never colour alone."""
        if self.status is None:
            return "–"
        if self.status in ("pass", "unspecified"):
            return f"{self.status} {self.total}" if self.total > 1 else self.status
        if self.status in BAD:
            return f"{self.status} {len(self.bad) + self.more} of {self.total}" if self.total > 1 else self.status
        return self.status


@dataclass(frozen=True)
class Row:
    """A rule and its cells."""

    rule: Rule
    cells: tuple[Cell, ...]

    @property
    def failing(self) -> bool:
        """Whether something went wrong in any column."""
        return any(cell.status in BAD for cell in self.cells)


@dataclass(frozen=True)
class Section:
    """A topic."""

    name: str
    title: str
    about: str
    rows: tuple[Row, ...]

    @property
    def failing(self) -> int:
        """How many rules have a failure."""
        return sum(row.failing for row in self.rows)


@dataclass(frozen=True)
class Page:
    """Everything a page shows."""

    columns: tuple[Column, ...]
    sections: tuple[Section, ...]
    unknown: tuple[str, ...]
    results: tuple[Results, ...]


def build_page(results: Sequence[Results], rules: Iterable[Rule]) -> Page:
    """Join results with the rules they speak of; sections with failures come first."""
    lines = [line for one in results for line in one.cases]
    subjects = [subject for one in results for subject in one.subjects]
    columns = _columns(lines, subjects)
    by_rule: dict[str, dict[tuple[str, str], list[CaseLine]]] = {}
    for line in lines:
        by_rule.setdefault(line.rule, {}).setdefault((line.implementation, line.device), []).append(line)
    known = {rule.id: rule for rule in rules}
    topics: dict[str, list[Row]] = {}
    for rule_id, found in sorted(by_rule.items()):
        if rule_id in known:
            cells = tuple(_cell(found.get(column.key, [])) for column in columns)
            topics.setdefault(known[rule_id].topic.name, []).append(Row(known[rule_id], cells))
    sections = [_section(name, rows) for name, rows in topics.items()]
    sections.sort(key=lambda section: (not section.failing, section.name))
    unknown = tuple(sorted(by_rule.keys() - known.keys()))
    return Page(columns, tuple(sections), unknown, tuple(results))


def _columns(lines: Iterable[CaseLine], subjects: Iterable[SubjectLine]) -> tuple[Column, ...]:
    named: Mapping[tuple[str, str], SubjectLine] = {(s.implementation, s.device): s for s in subjects}
    made = []
    for verdict in verdicts(lines, named.values()):
        subject = named.get((verdict.implementation, verdict.device))
        version = subject.version if subject else "unknown"
        device_name = subject.device_name if subject else verdict.device
        made.append(Column(verdict.implementation, version, verdict.device, device_name, verdict))
    return tuple(made)


def _cell(lines: Sequence[CaseLine]) -> Cell:
    if not lines:
        return Cell(None, 0, 0, (), 0, "")
    bad = [line for line in lines if line.status in BAD]
    passed = sum(line.status == "pass" for line in lines)
    reason = next((line.reason for line in lines if line.status == "unsupported"), "")
    return Cell(rule_status(lines), passed, len(lines), tuple(bad[:_SHOWN_CASES]), len(bad[_SHOWN_CASES:]), reason)


def _section(name: str, rows: Sequence[Row]) -> Section:
    topic = rows[0].rule.topic
    ordered = sorted(rows, key=lambda row: (not row.failing, row.rule.id))
    return Section(name, topic.title, topic.about, tuple(ordered))
