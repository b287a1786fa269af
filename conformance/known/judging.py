"""Known failures and the results of a run -> which failures are excused, and which entries are stale.

An entry is judged only by what ran: by a run of another implementation or device, by the other shards, by a selection
without its rules, or by a run that was cut off, nothing is found out about it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from conformance.errors import Problem
from conformance.known.model import Entry, KnownFailures, Pattern
from conformance.results.model import CaseLine, RunLine, SubjectLine
from conformance.results.reading import Results
from conformance.results.summary import announced_in_all
from conformance.running.cases import matches
from conformance.running.outcome import Status
from conformance.running.shards import Shard

#: What does not fail, where an entry says that it does. What is unsupported says nothing of it.
PASSES: frozenset[Status] = frozenset({"pass", "unspecified"})
_SHOWN = 3

StaleKind = Literal["expired", "matches nothing", "passes", "passes in part", "shadowed"]


@dataclass(frozen=True)
class Stale:
    """One way in which an entry is no longer right. ``pattern`` is the one that matches nothing.

    ``whole`` says that the run ran all that the entry names: of a part that it left out nothing is known.
    """

    kind: StaleKind
    entry: Entry
    problem: Problem
    passing: tuple[CaseLine, ...] = ()
    pattern: Pattern | None = None
    whole: bool = True

    def __str__(self) -> str:
        return str(self.problem)


@dataclass(frozen=True)
class Judgement:
    """``excused`` has the entry of every known failure, by the id of its case; ``owned`` the cases of every entry."""

    excused: Mapping[str, Entry] = field(default_factory=dict)
    stale: tuple[Stale, ...] = ()
    owned: Mapping[int, Sequence[CaseLine]] = field(default_factory=dict)


def today() -> datetime.date:
    """The day, in UTC, by which entries expire."""
    return datetime.datetime.now(datetime.timezone.utc).date()


def judge(
    known: KnownFailures,
    run: RunLine,
    subjects: Iterable[SubjectLine],
    cases: Iterable[CaseLine],
    day: datetime.date | None = None,
) -> Judgement:
    """What ``known`` makes of the results of ``run``, seen on ``day`` (today)."""
    day = day or today()
    named = announced_in_all(subjects)
    applicable = {key: known.on(subject) for key, subject in named.items()}
    owned: dict[int, list[CaseLine]] = {}
    hits: dict[int, set[Pattern]] = {}
    shadows: dict[int, Entry] = {}
    finished = dict.fromkeys(named, 0)
    for line in cases:
        key = (line.implementation, line.device)
        if key not in named:  # the line that announced it is damaged: on which version it ran nobody knows
            continue
        finished[key] += line.status != "not run"
        owner: Entry | None = None
        for entry in applicable[key].matching(line):
            hits.setdefault(entry.index, set()).update(one for one in entry.patterns if one.names(line))
            if owner is None:
                owner = entry
                owned.setdefault(entry.index, []).append(line)
            else:
                shadows.setdefault(entry.index, owner)
    whole = {key for key, count in finished.items() if count >= named[key].planned}
    scope = _Scope(run, tuple(named.values()), frozenset(whole))
    stale: list[Stale] = []
    for entry in known.entries:
        mine = owned.get(entry.index, [])
        stale += _stale(entry, mine, hits.get(entry.index, set()), shadows.get(entry.index), scope, day)
    excused = {
        line.id: entry for entry in known.entries for line in owned.get(entry.index, []) if entry.excuses(line, day)
    }
    return Judgement(excused, tuple(stale), owned)


def judge_all(known: KnownFailures, results: Sequence[Results], day: datetime.date | None = None) -> Judgement:
    """What ``known`` makes of several results together; of a case that has several the last counts.

    Where they are of different selections or shards, no pattern is called wrong for matching nothing.
    """
    run = results[0].run
    alike = {(one.run.selection, one.run.topics, one.run.shard, one.run.narrowed) for one in results}
    return judge(
        known,
        run if len(alike) == 1 else replace(run, narrowed=True),
        [subject for one in results for subject in one.subjects],
        {line.id: line for one in results for line in one.cases}.values(),
        day,
    )


@dataclass(frozen=True)
class _Scope:
    """What a run ran, as far as that decides whether a pattern that matches nothing is wrong."""

    run: RunLine
    subjects: tuple[SubjectLine, ...]
    whole: frozenset[tuple[str, str]]

    def includes(self, entry: Entry, pattern: Pattern) -> bool:
        """Whether the run would have run what ``pattern`` names, were there such a thing."""
        run = self.run
        concerned = [one for one in self.subjects if entry.applies_to(one) and pattern.may_name(one)]
        if not concerned or run.narrowed or any(one.key not in self.whole for one in concerned):
            return False
        if run.topics and pattern.topic not in run.topics:
            return False
        if run.selection and not any(self._selects(pattern, chosen) for chosen in run.selection):
            return False
        return not run.shard or (pattern.is_literal and Shard.parse(run.shard).holds(pattern.rule))

    @staticmethod
    def _selects(pattern: Pattern, chosen: str) -> bool:
        return pattern.rule == chosen.rstrip("/") or (pattern.is_literal and matches(pattern.rule, chosen.rstrip("/")))


def _stale(
    entry: Entry,
    owned: Sequence[CaseLine],
    hits: set[Pattern],
    shadow: Entry | None,
    scope: _Scope,
    day: datetime.date,
) -> Iterator[Stale]:
    """Every way in which one entry is stale."""
    whole = all(scope.includes(entry, pattern) for pattern in entry.patterns)
    missed = [one for one in entry.patterns if one not in hits and scope.includes(entry, one)]
    if entry.expired(day) and (hits or missed):
        hint = "mend what it excuses, or renew it with a later date"
        yield Stale("expired", entry, entry.problem(f"this entry expired on {entry.until}", hint))
    for pattern in missed:
        hint = "it may be misspelt, or gone: correct or remove it"
        yield Stale(
            "matches nothing", entry, entry.problem(f"'{pattern.text}' matches no case that ran", hint), pattern=pattern
        )
    if whole and hits and not owned and shadow is not None:
        text = f"every case that this entry matches belongs to an earlier one, on line {shadow.line}"
        yield Stale("shadowed", entry, entry.problem(text, "remove one of the two"))
    passing = tuple(line for line in owned if line.status in PASSES)
    if passing and not entry.flaky:
        failing = sum(line.status not in PASSES | {"unsupported", "not run"} for line in owned)
        yield _passes(entry, passing, failing, whole=whole)


def _passes(entry: Entry, passing: tuple[CaseLine, ...], failing: int, *, whole: bool) -> Stale:
    if not failing:
        what = f"{passing[0].id} passes" if len(passing) == 1 else f"all {len(passing)} cases of this entry pass"
        if not whole and len(passing) > 1:
            what = f"all {len(passing)} cases of this entry that ran pass"
        hint = "remove the entry" if whole else "remove the entry, or narrow it to the cases that fail"
        return Stale("passes", entry, entry.problem(f"{what} now", hint), passing, whole=whole)
    named = ", ".join(line.id for line in passing[:_SHOWN])
    more = f" and {len(passing) - _SHOWN} more" if len(passing) > _SHOWN else ""
    text = f"{len(passing)} of {len(passing) + failing} cases of this entry pass: {named}{more}"
    return Stale("passes in part", entry, entry.problem(text, "narrow it to the cases that fail"), passing, whole=whole)
