"""What came of a case: the disjoint outcomes, and the findings of one that failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from conformance.rules.model import LEVELS, Level

Status = Literal["pass", "fail", "unsupported", "unspecified", "crash", "hang", "error", "not run"]
STATUSES: tuple[Status, ...] = ("pass", "fail", "unsupported", "unspecified", "crash", "hang", "error", "not run")

#: Statuses that say something went wrong with the implementation or with us.
BAD: frozenset[Status] = frozenset({"fail", "crash", "hang", "error"})

Kind = Literal[
    "values", "dtype", "shape", "flag", "identity", "missing error", "wrong error", "unexpected error", "warning"
]


class RuleBroken(Exception):
    """The rule itself is wrong in a way that only running it shows; nothing is said about the implementation."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check that did not hold.

    ``expected`` and ``observed`` are short texts for people; ``detail`` holds small arrays for a report to draw.
    ``line`` is the line of the spec file that states the expectation.
    """

    kind: Kind
    observation: str
    aspect: str
    expected: str
    observed: str
    level: Level
    line: int
    detail: dict[str, Any] | None = None

    def __str__(self) -> str:
        what = self.observation if self.aspect == "values" else f"{self.observation}: {self.aspect}"
        return f"{what}: expected {self.expected}, observed {self.observed} [{self.kind}]"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The one outcome of a case; ``checks`` counts what was checked, ``unread`` what could not be read (meta)."""

    status: Status
    checks: int = 0
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    left_behind: tuple[str, ...] = ()
    unread: int = 0
    seconds: float = 0.0

    @property
    def level(self) -> Level | None:
        """The strongest level at which something failed."""
        levels = {finding.level for finding in self.findings}
        return next((level for level in LEVELS if level in levels), None)
