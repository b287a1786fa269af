"""What the command line's ``--specs``, patterns and ids mean: spec files -> the rules and cases that it is about."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from conformance.errors import ConformanceError, NothingSelected
from conformance.implementations.contract import Implementation
from conformance.implementations.discovery import available
from conformance.rules.loading import load, spec_files
from conformance.rules.model import Rule
from conformance.running.cases import Case, expand, select


def loaded(paths: Sequence[Path]) -> tuple[Rule, ...]:
    """The rules under ``paths``, or the suite's own.

    Raises:
        SpecErrors: a file is wrong.
        ConformanceError: there is no spec file at all.

    """
    if not spec_files(paths):
        where = ", ".join(str(path) for path in paths)
        raise ConformanceError(f"no spec file in {where}", "a folder is searched for *.conformance.yaml")
    return load(paths)


def selected(paths: Sequence[Path], patterns: Sequence[str]) -> list[Rule]:
    """The rules under ``paths`` that match any of ``patterns``; all where there is none.

    Raises:
        NothingSelected: one of the patterns matches no rule; a misspelt one must not narrow a run unnoticed.

    """
    rules = loaded(paths)
    for pattern in patterns:
        if not select(rules, [pattern]):
            raise NothingSelected(f"no rule matches '{pattern}'", nearest_rule(pattern, rules))
    return select(rules, patterns)


def find_rule(rules: Sequence[Rule], rule_id: str) -> Rule:
    """The rule called ``rule_id``.

    Raises:
        ConformanceError: there is none.

    """
    for rule in rules:
        if rule.id == rule_id:
            return rule
    raise ConformanceError(f"no rule is called '{rule_id}'", nearest_rule(rule_id, rules))


def nearest_rule(name: str, rules: Sequence[Rule]) -> str:
    """A hint that names the id or topic most like ``name``."""
    names = [*dict.fromkeys(rule.topic.name for rule in rules), *(rule.id for rule in rules)]
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean '{close[0]}'?" if close else "'conformance list' prints all ids"


def implementation_of(label: str) -> str:
    """The implementation that a case id names before its device; registered names may hold hyphens themselves."""
    before, _, _ = label.rpartition("-")
    named = [name for name in available() if before == name or before.endswith(f"-{name}")]
    return max(named, key=len, default=before.rpartition("-")[2]) or "torch"


def cases_of(rule: Rule, label: str, implementation: Implementation, devices: Sequence[str]) -> list[Case]:
    """The case of ``rule`` whose id has ``label`` in brackets; where that is empty, all its cases on ``devices``.

    Raises:
        ConformanceError: there is none.

    """
    cases = [case for device in devices for case in expand([rule], implementation, device)]
    if not cases:
        release = ".".join(map(str, implementation.release))
        raise ConformanceError(f"{implementation.name} follows torch {release} and does not claim {rule.id}")
    found = [case for case in cases if not label or case.id == f"{rule.id}[{label}]"]
    if not found:
        raise ConformanceError(f"no case is called '{rule.id}[{label}]'", _nearest_case(label, cases))
    return found


def _nearest_case(label: str, cases: Sequence[Case]) -> str:
    labels = [case.id.partition("[")[2].rstrip("]") for case in cases]
    close = difflib.get_close_matches(label, labels, n=1, cutoff=0.3)
    return f"did you mean '{close[0]}'?" if close else f"there are {len(cases)} cases; one is '{labels[0]}'"
