"""Counting: what a set of outcomes says of an implementation, always with what it leaves out.

A known failure never counts as conforming: it is counted by itself, and forgiven in the exit status alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from conformance.results.model import CaseLine, SubjectLine
from conformance.rules.model import LEVELS, Level
from conformance.running.outcome import BAD, STATUSES, Status

_EXECUTED: tuple[Status, ...] = ("pass", "fail", "unspecified", "crash", "hang")

#: Which status a rule has whose cases differ: the first of these that any of its cases has.
_WORST: tuple[Status, ...] = ("error", "crash", "hang", "fail", "not run", "pass", "unspecified", "unsupported")


@dataclass(frozen=True, slots=True)
class LevelCount:
    """Rules of one level: ``conform`` of ``applicable``, and those outside the denominator by status.

    ``known`` counts those applicable ones that do not conform by known failures alone.
    """

    level: Level
    conform: int
    applicable: int
    left_out: Mapping[Status, int]
    known: int = 0

    def __str__(self) -> str:
        left = ", ".join(f"{self.left_out.get(status, 0)} {status}" for status in ("unsupported", "not run"))
        more = [f"{n} {s}" for s, n in self.left_out.items() if s not in ("unsupported", "not run") and n]
        known = f" {self.known} known failure{'s' if self.known > 1 else ''};" if self.known else ""
        rules = f"{self.conform} of {self.applicable} applicable {self.level}-rules conform;"
        return f"{rules}{known} {', '.join([left, *more])}"


@dataclass(frozen=True)
class Verdict:
    """One implementation on one device; ``known`` counts the failed cases that are known failures."""

    implementation: str
    device: str
    levels: tuple[LevelCount, ...]
    cases: Mapping[Status, int]
    not_run: int = 0
    known: int = 0

    @property
    def conforms(self) -> bool:
        """Something was executed, nothing of it failed or broke, and nothing was left out unrun."""
        return self.acceptable and not self.known

    @property
    def acceptable(self) -> bool:
        """Whether it conforms given the known failures."""
        bad = sum(self.cases.get(status, 0) for status in BAD)
        return self.executed and not self.not_run and bad == self.known

    @property
    def executed(self) -> bool:
        """Whether any case came to an outcome of the implementation's own."""
        return any(self.cases.get(status) for status in _EXECUTED)


def verdicts(
    cases: Iterable[CaseLine], subjects: Iterable[SubjectLine] = (), known: Collection[str] = ()
) -> list[Verdict]:
    """A verdict per implementation and device, in the order in which they first appear.

    Cases and subjects may come from several files: of a case that stands twice the later line counts, and what the
    shards of a run announce is added up. ``known`` are the ids of cases that are known failures.
    """
    announced = announced_in_all(subjects)
    grouped: dict[tuple[str, str], list[CaseLine]] = {key: [] for key in announced}
    for case in {case.id: case for case in cases}.values():
        grouped.setdefault((case.implementation, case.device), []).append(case)
    return [_verdict(key, lines, announced.get(key), known) for key, lines in grouped.items()]


def announced_in_all(subjects: Iterable[SubjectLine]) -> dict[tuple[str, str], SubjectLine]:
    """One line for each implementation and device, in which the shards' numbers are added up."""
    by_shard: dict[tuple[str, str], dict[str, SubjectLine]] = {}
    for subject in subjects:
        by_shard.setdefault(subject.key, {})[subject.shard] = subject
    return {key: shards.get("") or _added_up(list(shards.values())) for key, shards in by_shard.items()}


def _added_up(subjects: list[SubjectLine]) -> SubjectLine:
    if len(subjects) == 1:
        return subjects[0]
    levels = {level: sum(one.planned_rules.get(level, 0) for one in subjects) for level in LEVELS}
    return replace(
        subjects[-1],
        planned=sum(one.planned for one in subjects),
        planned_rules={level: number for level, number in levels.items() if number},
        shard="",
    )


def _verdict(
    key: tuple[str, str], lines: list[CaseLine], subject: SubjectLine | None, known: Collection[str]
) -> Verdict:
    by_rule: dict[str, list[CaseLine]] = {}
    for line in lines:
        by_rule.setdefault(line.rule, []).append(line)
    levels = []
    for level in LEVELS:
        rules = [rule_lines for rule_lines in by_rule.values() if rule_lines[0].level == level]
        planned = subject.planned_rules.get(level, 0) if subject else 0
        if rules or planned:
            levels.append(_level_count(level, rules, max(planned - len(rules), 0), known))
    statuses = Counter(line.status for line in lines)
    unfinished = max(subject.planned - len(lines), 0) if subject else 0
    excused = sum(line.status == "fail" and line.id in known for line in lines)
    return Verdict(*key, tuple(levels), statuses, unfinished + statuses["not run"], excused)


def _level_count(level: Level, rules: list[list[CaseLine]], not_run: int, known: Collection[str]) -> LevelCount:
    statuses = Counter(rule_status(lines, level) for lines in rules)
    statuses["not run"] += not_run
    applicable = sum(statuses[status] for status in ("pass", "fail", "crash", "hang", "error"))
    left_out: dict[Status, int] = {
        status: statuses[status] for status in STATUSES if status in ("unsupported", "not run", "unspecified")
    }
    excused = sum(rule_status(lines, level) == "fail" and _all_known(lines, level, known) for lines in rules)
    return LevelCount(level, statuses["pass"], applicable, left_out, excused)


def _all_known(lines: Iterable[CaseLine], level: Level, known: Collection[str]) -> bool:
    return all(line.id in known for line in lines if _status_at(line, level) == "fail")


def rule_status(lines: Iterable[CaseLine], level: Level | None = None) -> Status:
    """A rule's status from its cases'; with ``level``, a failure of a weaker level alone does not count against it."""
    found = {_status_at(line, level) for line in lines}
    return next(status for status in _WORST if status in found)


def _status_at(line: CaseLine, level: Level | None) -> Status:
    if line.status != "fail" or level is None:
        return line.status
    strong = LEVELS[: LEVELS.index(level) + 1]
    return "fail" if any(finding.level in strong for finding in line.findings) else "pass"


def exit_status(found: Iterable[Verdict]) -> int:
    """0 where every verdict conforms, given known failures; 1 where one does not; 3 where we broke or nothing ran."""
    found = list(found)
    if not found or any(verdict.cases.get("error") for verdict in found):
        return 3
    if not any(verdict.executed for verdict in found):
        return 3
    return 0 if all(verdict.acceptable or _only_unsupported(verdict) for verdict in found) else 1


def _only_unsupported(verdict: Verdict) -> bool:
    return not verdict.executed and not verdict.not_run
