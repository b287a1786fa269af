"""Parts of a run that together are the whole: ``2/5`` is the second of five.

A rule belongs to one shard, by a hash of its id, with all its cases: so it is compiled once, its status is that of all
its cases, and counts of rules add up. The hash is the same on every machine, and the share of a rule changes only with
the number of shards, never with other rules that come or go.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from conformance.rules.model import Rule


@dataclass(frozen=True, slots=True)
class Shard:
    """Part ``number``, from 1, of ``total``."""

    number: int
    total: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """``2/5``; raises ValueError for anything else."""
        found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise ValueError(f"'{text}' is no shard: expected I/N, the I-th of N parts, as in 2/5")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"

    def holds(self, rule_id: str) -> bool:
        """Whether the rule belongs to this shard."""
        digest = hashlib.sha256(rule_id.encode()).digest()
        return int.from_bytes(digest[:8], "big") % self.total == self.number - 1

    def of(self, rules: Iterable[Rule]) -> list[Rule]:
        """The rules that belong to this shard."""
        return [rule for rule in rules if self.holds(rule.id)]
