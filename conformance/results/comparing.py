"""Two results -> what changed between them, case by case and gathered by rule.

Cases are the same where their ids are: the same rule, parameters, implementation and device. What the cases of a rule
came to as a whole is :func:`conformance.results.summary.rule_status`. What a change looks like is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from conformance.results.model import CaseLine
from conformance.results.reading import Results
from conformance.results.summary import rule_status, verdicts
from conformance.running.outcome import BAD, Status

ChangeKind = Literal[
    "new failures", "newly unsupported", "fixed", "newly supported", "otherwise changed", "added", "removed"
]
#: In the order in which a person wants to read them: what got worse comes first.
CHANGE_KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)
WORSE: frozenset[ChangeKind] = frozenset({"new failures", "newly unsupported"})


@dataclass(frozen=True, slots=True)
class CaseChange:
    """One case, before and after; None where a run has no result for it."""

    kind: ChangeKind
    old: CaseLine | None
    new: CaseLine | None

    @property
    def line(self) -> CaseLine:
        """The newer of its lines."""
        line = self.new or self.old
        assert line is not None, "a change has at least one side"
        return line


@dataclass(frozen=True, slots=True)
class RuleChange:
    """The cases of one rule, on one implementation and device, that changed in one way.

    ``old`` and ``new`` are statuses of the rule as a whole, so that they may be equal: a second case may fail now.
    """

    kind: ChangeKind
    rule: str
    implementation: str
    device: str
    old: Status | None
    new: Status | None
    cases: tuple[CaseChange, ...]


@dataclass(frozen=True, slots=True)
class VerdictChange:
    """The lines of a verdict, a level each, that are not what they were."""

    implementation: str
    device: str
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed: ``rules`` by kind, then by id; ``shared`` counts the cases that both have.

    ``unfinished`` counts cases that the newer run announced and has no result for: nobody knows that they did not fail.
    """

    rules: tuple[RuleChange, ...]
    verdicts: tuple[VerdictChange, ...]
    shared: int
    unfinished: int

    @property
    def worse(self) -> bool:
        """Whether anything got worse, or may have."""
        return bool(self.unfinished) or any(change.kind in WORSE for change in self.rules)

    def of(self, kind: ChangeKind) -> tuple[RuleChange, ...]:
        """The changes of one kind."""
        return tuple(change for change in self.rules if change.kind == kind)


def compare(old: Results, new: Results) -> Difference:
    """What changed from ``old`` to ``new``.

    A failure of a case that ``old`` lacks is a new failure: it is no excuse that the rule is new as well. A case that
    ``new`` lacks is removed, and no worse for it, unless ``new`` was cut off.
    """
    before = {line.id: line for line in old.cases if line.status != "not run"}
    after = {line.id: line for line in new.cases if line.status != "not run"}
    changes = [
        CaseChange(kind, before.get(id_), after.get(id_))
        for id_ in sorted(before.keys() | after.keys())
        if (kind := _kind(before.get(id_), after.get(id_))) is not None
    ]
    new_verdicts = verdicts(new.cases, new.subjects)
    return Difference(
        rules=tuple(_by_rule(changes, before.values(), after.values())),
        verdicts=tuple(_verdict_changes(old, new)),
        shared=len(before.keys() & after.keys()),
        unfinished=sum(verdict.not_run for verdict in new_verdicts),
    )


def _kind(old: CaseLine | None, new: CaseLine | None) -> ChangeKind | None:
    if new is None:
        return "removed"
    if old is not None and old.status == new.status:
        return None
    if new.status in BAD:
        # no known-failures file excuses a crash, a hang or an error: they are worse than a failure
        grew = old is None or old.status not in BAD or old.status == "fail"
        return "new failures" if grew else "otherwise changed"
    if old is None:
        return "added"
    if new.status == "unsupported":
        return "newly unsupported"
    if old.status in BAD:
        return "fixed"
    return "newly supported" if old.status == "unsupported" else "otherwise changed"


_Key = tuple[str, str, str]


def _by_rule(changes: Iterable[CaseChange], old: Iterable[CaseLine], new: Iterable[CaseLine]) -> Iterable[RuleChange]:
    before, after = _statuses(old), _statuses(new)
    gathered: dict[tuple[ChangeKind, _Key], list[CaseChange]] = {}
    for change in changes:
        gathered.setdefault((change.kind, _key(change.line)), []).append(change)
    for kind, key in sorted(gathered, key=lambda one: (CHANGE_KINDS.index(one[0]), one[1])):
        yield RuleChange(kind, *key, before.get(key), after.get(key), tuple(gathered[kind, key]))


def _key(line: CaseLine) -> _Key:
    return line.rule, line.implementation, line.device


def _statuses(lines: Iterable[CaseLine]) -> Mapping[_Key, Status]:
    gathered: dict[_Key, list[CaseLine]] = {}
    for line in lines:
        gathered.setdefault(_key(line), []).append(line)
    return {key: rule_status(found) for key, found in gathered.items()}


def _verdict_changes(old: Results, new: Results) -> Iterable[VerdictChange]:
    before, after = (
        {
            (one.implementation, one.device): [str(level) for level in one.levels]
            for one in verdicts(r.cases, r.subjects)
        }
        for r in (old, new)
    )
    for key in dict.fromkeys([*before, *after]):
        was, now = before.get(key, []), after.get(key, [])
        if was != now:
            gone, come = (tuple(line for line in one if line not in other) for one, other in ((was, now), (now, was)))
            yield VerdictChange(*key, gone, come)
