"""``conformance diff``: what changed between two results files."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conformance.cli.arguments import Commands, add_command
from conformance.cli.inputs import read_all
from conformance.errors import ResultsError
from conformance.report.texts import counted
from conformance.results.comparing import CHANGE_KINDS, WORSE, Difference, RuleChange, compare
from conformance.results.reading import Results

_SHOWN_CASES = 3


def add(commands: Commands) -> None:
    """The command's parser."""
    epilog = """\
examples:
  conformance diff torch-2.12.jsonl torch-2.13.jsonl
  conformance diff old.jsonl new.jsonl --format json    for other programs

exit status:
  0  nothing got worse
  1  something did: a new failure, something newly unsupported, or NEW was cut off
"""
    parser = add_command(commands, "diff", "Show what changed from one results file to another.", epilog)
    parser.add_argument("old", metavar="OLD", type=Path, help="the earlier file, written by 'conformance run -o'")
    parser.add_argument("new", metavar="NEW", type=Path, help="the later one")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="for people (text), or JSON")
    parser.set_defaults(command=diff)


def diff(options: argparse.Namespace) -> int:
    """Print what changed."""
    old, new = read_all([options.old, options.new])
    difference = compare(old, new)
    if not difference.shared:
        hint = "a case is the same where its implementation and device are"
        raise ResultsError(f"{old.path} ({_subjects(old)}) and {new.path} ({_subjects(new)}) share no case", hint)
    if options.format == "json":
        print(json.dumps(_as_json(difference), indent=1, ensure_ascii=False))
    else:
        print("\n".join(_text(old, new, difference)))
    return 1 if difference.worse else 0


def _subjects(results: Results) -> str:
    return ", ".join(f"{one.implementation} on {one.device}" for one in results.subjects) or "no implementation"


def _text(old: Results, new: Results, difference: Difference) -> Iterator[str]:
    yield from _versions(old, new)
    for kind in CHANGE_KINDS:
        changes = difference.of(kind)
        if changes:
            cases = counted(sum(len(change.cases) for change in changes), "case")
            yield f"{kind}: {cases} of {counted(len(changes), 'rule')}"
            for change in changes:
                yield from _rule(change)
    for verdict in difference.verdicts:
        yield f"{verdict.implementation} on {verdict.device}"
        yield from (f"  - {line}" for line in verdict.old)
        yield from (f"  + {line}" for line in verdict.new)
    if difference.unfinished:
        yield f"{new.path} was cut off: {counted(difference.unfinished, 'case')} not run"
    worse = {change.rule for change in difference.rules if change.kind in WORSE}
    got = f"{counted(len(worse), 'rule')} got worse" if worse else "nothing got worse"
    yield f"{counted(difference.shared, 'case')} compared; {got}{' as far as it ran' * bool(difference.unfinished)}"


def _versions(old: Results, new: Results) -> Iterator[str]:
    before = {one.key: one.version for one in old.subjects}
    for one in new.subjects:
        if before.get(one.key, one.version) != one.version:
            yield f"{one.implementation} on {one.device}: {before[one.key]} -> {one.version}"
    if old.run.rules_digest != new.run.rules_digest:
        yield f"the rules are not the same: {old.run.rules} then, {new.run.rules} now"


def _rule(change: RuleChange) -> Iterator[str]:
    statuses = f"{change.old or 'absent'} -> {change.new or 'absent'}"
    cases = counted(len(change.cases), "case")
    yield f"    {change.rule} on {change.implementation} {change.device}: {statuses}, {cases}"
    if change.kind in WORSE:
        for case in change.cases[:_SHOWN_CASES]:
            why = str(case.line.findings[0]) if case.line.findings else case.line.reason
            yield f"        {case.line.status}  {case.line.id}" + (f"  {why}" if why else "")
        if len(change.cases) > _SHOWN_CASES:
            yield f"        … and {len(change.cases) - _SHOWN_CASES} more"


def _as_json(difference: Difference) -> dict[str, Any]:
    return {
        "worse": difference.worse,
        "compared": difference.shared,
        "unfinished": difference.unfinished,
        "changes": [
            {
                "kind": change.kind,
                "rule": change.rule,
                "implementation": change.implementation,
                "device": change.device,
                "old": change.old,
                "new": change.new,
                "cases": [
                    {"id": c.line.id, "old": c.old and c.old.status, "new": c.new and c.new.status}
                    for c in change.cases
                ],
            }
            for change in difference.rules
        ],
        "verdicts": [
            {"implementation": one.implementation, "device": one.device, "old": one.old, "new": one.new}
            for one in difference.verdicts
        ],
    }
