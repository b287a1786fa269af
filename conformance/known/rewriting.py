"""Results -> a known-failures file that fits them: entries added for new failures, stale ones removed or narrowed."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.errors import ResultsError
from conformance.known.judging import PASSES, Judgement, Stale, judge
from conformance.known.layout import entry_lines, layout, with_patterns
from conformance.known.loading import parse_known
from conformance.known.model import Entry, Pattern
from conformance.results.model import CaseLine
from conformance.results.reading import Results
from conformance.results.summary import announced_in_all

#: A file without entries.
EMPTY = "# Known failures: what each key means is said in docs/known-failures.md.\nknown: []\n"
_LONGEST_REASON = 120


@dataclass(frozen=True)
class Rewriting:
    """The new text of a file; a sentence for each change; and what it still does not settle."""

    text: str
    changes: tuple[str, ...]
    stale: tuple[Stale, ...]


def rewritten(
    text: str | None,
    file: str,
    results: Results,
    *,
    reason: str = "",
    prune: bool = False,
    day: datetime.date | None = None,
) -> Rewriting:
    """What ``text`` of ``file`` becomes by ``results``; without a text, a new file.

    Failures that no entry covers get one, with ``reason`` or what was found as the reason. With ``prune`` stale entries
    are removed, or narrowed to what still fails; an entry that names more than what was run is left alone.

    Raises:
        KnownFailuresErrors: the text is wrong.
        ResultsError: stale entries are to go by results that do not say enough.
        ConformanceError: the file's entries cannot be told apart by lines.

    """
    new = EMPTY if text is None else text
    changes: list[str] = []
    if prune:
        _enough_to_prune(results)
        new, removed = _pruned(new, file, results, day)
        changes += removed
    new, added = _extended(new, file, results, reason, day)
    judgement = _judged(new, file, results, day)
    return Rewriting(new, (*changes, *added), judgement.stale)


def _judged(text: str, file: str, results: Results, day: datetime.date | None) -> Judgement:
    _, known = parse_known(text, file)
    return judge(known, results.run, results.subjects, results.cases, day)


def _finished(results: Results) -> Mapping[tuple[str, str], bool]:
    """Whether each implementation and device has a result for every case that was announced."""
    counts: dict[tuple[str, str], int] = {}
    for line in results.cases:
        key = (line.implementation, line.device)
        counts[key] = counts.get(key, 0) + (line.status != "not run")
    return {key: counts.get(key, 0) >= one.planned for key, one in announced_in_all(results.subjects).items()}


def _enough_to_prune(results: Results) -> None:
    what = "narrowed to single cases" if results.run.narrowed else "cut off"
    if results.run.narrowed or not all(_finished(results).values()):
        hint = "what it did not run may still fail; prune by a whole run"
        raise ResultsError(f"{results.path} is of a run that was {what}", hint)


# -- stale entries -----------------------------------------------------------------------------------------------------


def _pruned(text: str, file: str, results: Results, day: datetime.date | None) -> tuple[str, list[str]]:
    document, known = parse_known(text, file)
    judgement = judge(known, results.run, results.subjects, results.cases, day)
    if not judgement.stale:
        return text, []
    places = layout(document)
    texts: dict[int, list[str]] = {}
    changes: list[str] = []
    for entry in known.entries:
        found = [one for one in judgement.stale if one.entry is entry and one.whole]
        if not found:
            continue
        why = "; ".join(one.problem.message for one in found)
        left = _still_right(entry, found, judgement.owned.get(entry.index, ()))
        if not left:
            texts[entry.index] = []
            changes.append(f"removed {entry.position}: {why}")
            continue
        by_kind = ([one.text for one in left if one.of == kind] for kind in ("rules", "cases"))
        texts[entry.index] = with_patterns(places.lines, places.blocks[entry.index], *by_kind)
        changes.append(f"narrowed {entry.position}: {why}")
    return places.changed(texts, []), changes


def _still_right(entry: Entry, stale: Sequence[Stale], owned: Sequence[CaseLine]) -> list[Pattern]:
    """The patterns of an entry without what is stale: one that passes in part gives way to the cases that fail."""
    if any(one.kind in ("expired", "shadowed", "passes") for one in stale):
        return []
    missed = {one.pattern for one in stale}
    narrows = any(one.kind == "passes in part" for one in stale)
    left: dict[Pattern, None] = {}
    for pattern in entry.patterns:
        mine = [line for line in owned if pattern.names(line)]
        if pattern in missed:
            continue
        if narrows and any(line.status in PASSES for line in mine):
            failing = (line for line in mine if line.status not in PASSES | {"unsupported"})
            left.update({Pattern(line.id, "cases"): None for line in failing})
        else:
            left[pattern] = None
    return list(left)


# -- new failures ------------------------------------------------------------------------------------------------------


def _extended(text: str, file: str, results: Results, reason: str, day: datetime.date | None) -> tuple[str, list[str]]:
    document, known = parse_known(text, file)
    judgement = judge(known, results.run, results.subjects, results.cases, day)
    owners = {line.id: index for index, lines in judgement.owned.items() for line in lines}
    new: list[dict[str, Any]] = []
    changes: list[str] = []
    for lines in _by_rule(results.cases):
        failing = [line for line in lines if line.status == "fail" and line.id not in judgement.excused]
        unowned = [line for line in failing if line.id not in owners]
        if unowned:
            whole = len(unowned) == len(failing) and not any(line.id in owners for line in lines)
            new.append(_new_entry(lines, unowned, reason, whole=whole and _fails_whole(lines, results)))
            first = unowned[0]
            changes.append(f"added {first.rule} on {first.implementation} {first.device}: {_cases(unowned)}")
        for line in failing:
            if line.id in owners:
                entry = known.entries[owners[line.id]]
                changes.append(f"left {line.id}: it belongs to {entry.position}, which does not excuse it")
    if not new:
        return text, changes
    places = layout(document)
    dash = places.blocks[-1].dash if places.blocks else 2
    return places.changed({}, [line for entry in new for line in entry_lines(entry, dash)]), changes


def _by_rule(cases: Iterable[CaseLine]) -> Iterator[list[CaseLine]]:
    grouped: dict[tuple[str, str, str], list[CaseLine]] = {}
    for line in cases:
        grouped.setdefault((line.rule, line.implementation, line.device), []).append(line)
    return (grouped[key] for key in sorted(grouped))


def _fails_whole(lines: Sequence[CaseLine], results: Results) -> bool:
    """Whether it is known of every case of a rule, on one implementation and device, that it does not pass."""
    key = (lines[0].implementation, lines[0].device)
    seen_all = not results.run.narrowed and _finished(results).get(key, False)
    return seen_all and not any(line.status in PASSES for line in lines)


def _new_entry(lines: Sequence[CaseLine], failing: Sequence[CaseLine], reason: str, *, whole: bool) -> dict[str, Any]:
    first = failing[0]
    reason = reason or _found(first)
    if whole:
        there = {"implementation": first.implementation, "device": first.device}
        return {"rules": first.rule, **there, "reason": reason}
    ids = [line.id for line in failing]
    return {"cases": ids if len(ids) > 1 else ids[0], "reason": reason}


def _found(line: CaseLine) -> str:
    """A reason to begin with: what was found."""
    text = str(line.findings[0]) if line.findings else line.reason or "it fails"
    text = " ".join(text.split())
    return f"not yet explained: {text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 1] + '…'}"


def _cases(lines: Sequence[CaseLine]) -> str:
    return f"{len(lines)} case{'' if len(lines) == 1 else 's'}"
