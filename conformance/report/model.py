"""Results and rules -> what every rendering shows: columns, areas, topics, rules, and a cell for each rule and column.

Nothing here is HTML: the page, the summary, the badge and the rest are renderings of one :class:`Report`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from conformance.known.judging import Judgement
from conformance.results.comparing import Difference, compare
from conformance.results.model import CaseLine, SubjectLine
from conformance.results.reading import Results
from conformance.results.summary import Verdict, announced_in_all, rule_status, verdicts
from conformance.rules.model import Rule
from conformance.running.outcome import BAD, Status

_SHOWN_CASES = 8
_REFERENCE = "reference"


@dataclass(frozen=True)
class Column:
    """One implementation on one device."""

    implementation: str
    version: str
    release: str
    device: str
    device_name: str
    verdict: Verdict

    @property
    def key(self) -> tuple[str, str]:
        """What cases name it by."""
        return self.implementation, self.device

    def __str__(self) -> str:
        return f"{self.implementation} on {self.device}"


@dataclass(frozen=True)
class Cell:
    """A rule in one column: ``status`` is None where the column has no case of it.

    ``total`` cases came to a verdict, and ``left_out`` for the given ``reason`` did not. ``kinds`` are the kinds of
    failure, the most frequent first; ``shown`` are bad cases worth showing, of ``bad``. ``known`` is whether all bad
    ones are known failures.
    """

    status: Status | None
    total: int = 0
    left_out: int = 0
    bad: int = 0
    kinds: tuple[str, ...] = ()
    shown: tuple[CaseLine, ...] = ()
    script_of: CaseLine | None = None
    reason: str = ""
    known: bool = False

    @property
    def is_news(self) -> bool:
        """Whether something went wrong that is not known to."""
        return self.is_bad and not self.known

    @property
    def is_bad(self) -> bool:
        """Whether any of its cases went wrong."""
        return self.status in BAD

    @property
    def text(self) -> str:
        """The cell in words: never colour alone."""
        if self.status is None:
            return "–"
        if self.is_bad:
            what = ("known: " if self.known else "") + worded(self.kinds[0])
            return f"{what} {self.bad} of {self.total}" if self.total > 1 else what
        if self.status == "pass":
            number = f" {self.total}" if self.total > 1 or self.left_out else ""
            return f"pass{number}" + (f" (+{self.left_out})" if self.left_out else "")
        return self.status


@dataclass(frozen=True)
class Row:
    """A rule and its cells, in the order of the columns."""

    rule: Rule
    cells: tuple[Cell, ...]

    @property
    def failing(self) -> bool:
        """Whether something went wrong in any column that is not known to."""
        return any(cell.is_news for cell in self.cells)


@dataclass(frozen=True)
class Tally:
    """Rules in one column: how many conform, of how many that came to a verdict, and how many are outside it."""

    conform: int
    applicable: int
    left_out: int

    def __str__(self) -> str:
        if not self.applicable:
            return f"none of {self.left_out}" if self.left_out else "–"
        return f"{self.conform} of {self.applicable}"


@dataclass(frozen=True)
class Section:
    """A topic, or an area: its rows, and a tally for each column."""

    name: str
    title: str
    about: str
    rows: tuple[Row, ...]
    tallies: tuple[Tally, ...]

    @cached_property
    def failing(self) -> int:
        """How many rules have a failure."""
        return sum(row.failing for row in self.rows)


@dataclass(frozen=True)
class Report:
    """Everything that is shown.

    ``topics`` and their rules are ordered: what fails on the reference, what fails anywhere, the rest. ``unknown`` are
    rules that results speak of and the spec files do not have; ``known`` is what a known-failures file makes of the
    results, and ``difference`` what changed since a baseline.
    """

    columns: tuple[Column, ...]
    areas: tuple[Section, ...]
    topics: tuple[Section, ...]
    unknown: tuple[str, ...]
    results: tuple[Results, ...]
    known: Judgement = field(default_factory=Judgement)
    difference: Difference | None = None

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all topics."""
        return tuple(row for topic in self.topics for row in topic.rows)

    @cached_property
    def myths(self) -> tuple[Row, ...]:
        """Rules that prove a claim wrong which is widely taught."""
        return tuple(row for row in self.rows if row.rule.myth)

    @cached_property
    def disagreements(self) -> tuple[Row, ...]:
        """Rules where torch does otherwise than its documentation says."""
        return tuple(row for row in self.rows if row.rule.disagreement)

    @cached_property
    def our_faults(self) -> tuple[Row, ...]:
        """Rules that fail on the reference: there the suite is to be suspected before anybody else."""
        return tuple(row for row in self.rows if self.fails_on_reference(row))

    def fails_on_reference(self, row: Row) -> bool:
        """Whether the rule fails on one of the reference's devices."""
        return _fails_on_reference(self.columns, row)


def build_report(
    results: Sequence[Results],
    rules: Iterable[Rule],
    known: Judgement | None = None,
    baseline: Results | None = None,
) -> Report:
    """Join results with the rules they speak of; of several results of a case the last counts."""
    known = known or Judgement()
    lines = {line.id: line for one in results for line in one.cases}.values()
    columns = _columns(lines, [subject for one in results for subject in one.subjects], known)
    by_id = {rule.id: rule for rule in rules}
    found: dict[str, dict[tuple[str, str], list[CaseLine]]] = {}
    for line in lines:
        found.setdefault(line.rule, {}).setdefault((line.implementation, line.device), []).append(line)
    rows = [
        Row(by_id[name], tuple(_cell(of_rule.get(column.key, ()), known) for column in columns))
        for name, of_rule in found.items()
        if name in by_id
    ]
    rows.sort(key=lambda row: (not _fails_on_reference(columns, row), not row.failing, row.rule.id))
    topics = [_section(group[0].rule.topic.name, group, columns) for group in _grouped(rows, _topic)]
    areas = [_section(group[0].rule.topic.area, group, columns) for group in _grouped(rows, _area)]
    return Report(
        columns,
        tuple(sorted(areas, key=lambda area: area.name)),
        tuple(sorted(topics, key=lambda topic: _urgency(topic, columns))),
        tuple(sorted(found.keys() - by_id.keys())),
        tuple(results),
        known,
        None if baseline is None else compare(baseline, _together(results)),
    )


def _together(results: Sequence[Results]) -> Results:
    """Several files as one, of which the run line is the first's."""
    return replace(
        results[0],
        subjects=tuple(subject for one in results for subject in one.subjects),
        cases=tuple({line.id: line for one in results for line in one.cases}.values()),
    )


def worded(kind: str) -> str:
    """A kind of failure, or a bad status, as a reader says it: ``dtype`` is a wrong dtype."""
    return f"wrong {kind}" if kind in ("values", "dtype", "shape", "flag", "identity", "warning") else kind


def kinds_of(line: CaseLine) -> tuple[str, ...]:
    """The kinds of a bad case: those of its findings, or its status where it has none."""
    return tuple(dict.fromkeys(finding.kind for finding in line.findings)) or (line.status,)


def _topic(row: Row) -> str:
    return row.rule.topic.name


def _area(row: Row) -> str:
    return row.rule.topic.area


def _grouped(rows: Iterable[Row], key: Callable[[Row], str]) -> list[list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return list(groups.values())


def _columns(lines: Iterable[CaseLine], subjects: Sequence[SubjectLine], known: Judgement) -> tuple[Column, ...]:
    named = announced_in_all(subjects)
    made = []
    for verdict in verdicts(lines, subjects, known.excused):
        subject = named.get((verdict.implementation, verdict.device))
        if subject is None:
            made.append(Column(verdict.implementation, "unknown", "", verdict.device, verdict.device, verdict))
        else:
            made.append(
                Column(
                    subject.implementation,
                    subject.version,
                    subject.release,
                    subject.device,
                    subject.device_name,
                    verdict,
                )
            )
    return tuple(made)


def _cell(lines: Sequence[CaseLine], known: Judgement) -> Cell:
    if not lines:
        return Cell(None)
    bad = [line for line in lines if line.status in BAD]
    total = len(bad) + sum(line.status == "pass" for line in lines)
    reason = next((line.reason for line in lines if line.status == "unsupported"), "")
    found = Cell(rule_status(lines), total, len(lines) - total, reason=reason)
    if not bad:
        return found
    kinds = Counter(kind for line in bad for kind in kinds_of(line))
    script_of = next((line for line in bad if line.script), None)
    shown = sorted(bad, key=lambda line: line is not script_of)[:_SHOWN_CASES]  # the one with a script comes first
    ordered = tuple(kind for kind, _ in kinds.most_common())
    excused = all(line.id in known.excused for line in bad)
    return replace(found, bad=len(bad), kinds=ordered, shown=tuple(shown), script_of=script_of, known=excused)


def _section(name: str, rows: Sequence[Row], columns: Sequence[Column]) -> Section:
    topics = {row.rule.topic for row in rows}
    topic = min(topics, key=lambda one: (Path(one.file).stem.partition(".")[0] != one.name, one.file))
    tallies = tuple(_tally([row.cells[index] for row in rows]) for index in range(len(columns)))
    return Section(name, topic.title, topic.about, tuple(rows), tallies)


def _tally(cells: Sequence[Cell]) -> Tally:
    conform = sum(cell.status == "pass" for cell in cells)
    applicable = conform + sum(cell.is_bad for cell in cells)
    return Tally(conform, applicable, sum(cell.status is not None for cell in cells) - applicable)


def _fails_on_reference(columns: Sequence[Column], row: Row) -> bool:
    return any(cell.is_bad and column.implementation == _REFERENCE for column, cell in zip(columns, row.cells))


def _urgency(section: Section, columns: Sequence[Column]) -> tuple[bool, bool, str]:
    """Sorts sections as rows are sorted."""
    return not any(_fails_on_reference(columns, row) for row in section.rows), not section.failing, section.name
