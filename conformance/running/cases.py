"""Rules x parameters x device -> cases."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from conformance.implementations.contract import Implementation
from conformance.rules.model import Alternative, Rule
from conformance.rules.parameters import Row, row_label, rows


@dataclass(frozen=True, slots=True)
class Case:
    """A rule with one row of its parameters, on one device of one implementation."""

    rule: Rule
    row: Row
    implementation: str
    device: str

    @property
    def parameters(self) -> str:
        """The row's part of the id."""
        return row_label(self.row)

    @property
    def id(self) -> str:
        """``topic/slug[param-values-impl-device]``."""
        label = row_label(self.row)
        tail = f"{self.implementation}-{self.device}"
        return f"{self.rule.id}[{label}-{tail}]" if label else f"{self.rule.id}[{tail}]"


def expand(rules: Iterable[Rule], implementation: Implementation, device: str) -> Iterator[Case]:
    """The cases of ``rules`` on one device, in the order of ids; rules of other torch releases have none."""
    others = tuple(implementation.other_devices(device))
    for rule in rules:
        if not rule.applies_to(implementation.release):
            continue
        made = 0
        for row in rows(rule, device, others):
            made += 1
            yield Case(rule, row, implementation.name, device)
        if not made and any(axis.other_devices for axis in rule.axes) and not others:
            yield Case(rule, (Alternative("no-other-device", ()),), implementation.name, device)


def select(rules: Iterable[Rule], patterns: Iterable[str]) -> list[Rule]:
    """The rules that match any of the patterns: an id, a topic, or a glob over ids; all where there is none."""
    wanted = [pattern.rstrip("/") for pattern in patterns]
    if not wanted:
        return list(rules)
    return [rule for rule in rules if any(matches(rule.id, pattern) for pattern in wanted)]


def matches(rule_id: str, pattern: str) -> bool:
    """Whether a pattern names the rule: its id, its topic, or a glob over ids."""
    return rule_id == pattern or rule_id.startswith(f"{pattern}/") or fnmatch.fnmatchcase(rule_id, pattern)
