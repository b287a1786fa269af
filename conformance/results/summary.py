"""Counting: what a set of outcomes says of an implementation, always with what it leaves out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from conformance.results.model import CaseLine, SubjectLine
from conformance.rules.model import LEVELS, Level
from conformance.running.outcome import BAD, STATUSES, Status

#: Which status a rule has whose cases differ: the first of these that any of its cases has.
_WORST: tuple[Status, ...] = ("error", "crash", "hang", "fail", "not run", "pass", "unspecified", "unsupported")


@dataclass(frozen=True, slots=True)
class LevelCount:
    """Rules of one level: ``conform`` of ``applicable``, and those outside the denominator by status."""

    level: Level
    conform: int
    applicable: int
    left_out: Mapping[Status, int]

    def __str__(self) -> str:
        left = ", ".join(f"{self.left_out.get(status, 0)} {status}" for status in ("unsupported", "not run"))
        more = [f"{n} {s}" for s, n in self.left_out.items() if s not in ("unsupported", "not run") and n]
        return f"{self.conform} of {self.applicable} applicable {self.level}-rules conform; {', '.join([left, *more])}"


@dataclass(frozen=True)
class Verdict:
    """One implementation on one device."""

    implementation: str
    device: str
    levels: tuple[LevelCount, ...]
    cases: Mapping[Status, int]
    not_run: int = 0

    @property
    def conforms(self) -> bool:
        """Nothing failed, broke or was left out unrun, and something passed."""
        return not any(self.cases.get(status) for status in BAD) and not self.not_run and bool(self.cases.get("pass"))

    @property
    def broken(self) -> bool:
        """The harness or the adapter broke, or nothing was executed: no verdict can be given."""
        return bool(self.cases.get("error")) or not any(self.cases.get(s) for s in ("pass", "fail", "crash", "hang"))


def verdicts(cases: Iterable[CaseLine], subjects: Iterable[SubjectLine] = ()) -> list[Verdict]:
    """A verdict per implementation and device, in the order in which they first appear."""
    grouped: dict[tuple[str, str], list[CaseLine]] = {(s.implementation, s.device): [] for s in subjects}
    for case in cases:
        grouped.setdefault((case.implementation, case.device), []).append(case)
    planned = {(s.implementation, s.device): s.planned for s in subjects}
    return [_verdict(key, lines, planned.get(key, len(lines))) for key, lines in grouped.items()]


def _verdict(key: tuple[str, str], lines: list[CaseLine], planned: int) -> Verdict:
    by_rule: dict[str, list[CaseLine]] = {}
    for line in lines:
        by_rule.setdefault(line.rule, []).append(line)
    levels = []
    for level in LEVELS:
        rules = [rule_lines for rule_lines in by_rule.values() if rule_lines[0].level == level]
        if rules:
            levels.append(_level_count(level, rules))
    not_run = max(planned - len(lines), 0)
    return Verdict(*key, tuple(levels), Counter(line.status for line in lines), not_run)


def _level_count(level: Level, rules: list[list[CaseLine]]) -> LevelCount:
    statuses = Counter(rule_status(lines, level) for lines in rules)
    applicable = sum(statuses[status] for status in ("pass", "fail", "crash", "hang", "error"))
    left_out: dict[Status, int] = {
        status: statuses[status] for status in STATUSES if status in ("unsupported", "not run", "unspecified")
    }
    return LevelCount(level, statuses["pass"], applicable, left_out)


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
    """0 where every verdict conforms, 1 where one does not, 3 where the harness broke or nothing ran."""
    found = list(found)
    if not found or any(verdict.cases.get("error") for verdict in found):
        return 3
    if not any(verdict.cases.get(s) for verdict in found for s in ("pass", "fail", "crash", "hang", "unspecified")):
        return 3
    return 0 if all(v.conforms or not _executed(v) for v in found) else 1


def _executed(verdict: Verdict) -> bool:
    return any(n for status, n in verdict.cases.items() if status != "unsupported") or bool(verdict.not_run)
