"""What a known-failures file says: entries, their patterns, and which cases they match."""

from __future__ import annotations

import datetime
import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from conformance.errors import Problem
from conformance.results.model import CaseLine, SubjectLine
from conformance.running.cases import matches
from conformance.running.outcome import Kind

_WILD = re.compile(r"[*?]")


@dataclass(frozen=True, slots=True)
class Pattern:
    """What an entry says of rules (an id, a topic, a glob) or of cases (an id; ``*`` and ``?`` are wild)."""

    text: str
    of: Literal["rules", "cases"]

    def names(self, line: CaseLine) -> bool:
        """Whether it matches the case."""
        if self.of == "rules":
            return matches(line.rule, self.text)
        return _case_pattern(self.text).fullmatch(line.id) is not None

    def concerns(self, rule: str) -> bool:
        """Whether it can match a case of the rule."""
        return matches(rule, self.rule)

    @property
    def rule(self) -> str:
        """The part about rules."""
        return self.text.partition("[")[0] if self.of == "cases" else self.text

    @property
    def is_literal(self) -> bool:
        """Whether it names one rule by its id."""
        return "/" in self.rule and not re.search(r"[*?\[]", self.rule)

    @property
    def topic(self) -> str:
        """The topic it names, which may be a glob itself."""
        return self.rule.partition("/")[0]

    def may_name(self, subject: SubjectLine) -> bool:
        """Whether cases of ``subject`` can match at all: the id of a case ends in implementation and device."""
        if self.of == "rules":
            return True
        end = f"{subject.implementation}-{subject.device}]"
        last = _WILD.split(self.text)[-1]
        return end.endswith(last) or last.endswith((f"[{end}", f"-{end}"))


@dataclass(frozen=True)
class Entry:
    """Failures that are known for one reason; ``index`` is its place in the file, from 0."""

    patterns: tuple[Pattern, ...]
    reason: str
    file: str
    line: int
    column: int
    index: int
    implementation: tuple[str, ...] = ()
    device: tuple[str, ...] = ()
    version: SpecifierSet | None = None
    kinds: frozenset[Kind] = frozenset()
    issue: str | None = None
    flaky: bool = False
    until: datetime.date | None = None

    @property
    def position(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"

    @property
    def why(self) -> str:
        """Reason and link."""
        return f"{self.reason} ({self.issue})" if self.issue else self.reason

    def problem(self, message: str, hint: str) -> Problem:
        """Something about this entry, at its position."""
        return Problem(self.file, self.line, self.column, message, hint)

    def applies_to(self, subject: SubjectLine) -> bool:
        """Whether its conditions hold of an implementation and device."""
        return (
            _among(subject.implementation, self.implementation)
            and _among(subject.device, self.device)
            and (self.version is None or _admits(self.version, subject.version))
        )

    def expired(self, today: datetime.date) -> bool:
        """Whether its last day is over."""
        return self.until is not None and today > self.until

    def excuses(self, line: CaseLine, today: datetime.date) -> bool:
        """Whether a case that is this entry's is a known failure: a crash, a hang or an error never is."""
        if line.status != "fail" or self.expired(today):
            return False
        return not self.kinds or all(finding.kind in self.kinds for finding in line.findings)


@dataclass(frozen=True)
class KnownFailures:
    """The entries of one file, or those of them that apply to one implementation and device."""

    entries: tuple[Entry, ...] = ()

    def on(self, subject: SubjectLine) -> KnownFailures:
        """Those whose conditions hold of ``subject``."""
        return KnownFailures(tuple(entry for entry in self.entries if entry.applies_to(subject)))

    def matching(self, line: CaseLine) -> Iterator[Entry]:
        """The entries that match a case, in the file's order; the first is the one whose case it is."""
        about = self._by_rule.get(line.rule)
        if about is None:
            concerned = (entry for entry in self.entries if any(one.concerns(line.rule) for one in entry.patterns))
            about = self._by_rule[line.rule] = tuple(concerned)
        return (entry for entry in about if any(one.names(line) for one in entry.patterns))

    @cached_property
    def _by_rule(self) -> dict[str, tuple[Entry, ...]]:
        """Entries by the rule they are about, as far as it was asked for: a rule has many cases."""
        return {}


def _among(name: str, wanted: tuple[str, ...]) -> bool:
    return not wanted or any(fnmatch.fnmatchcase(name, pattern) for pattern in wanted)


@lru_cache(maxsize=4096)
def _admits(specifier: SpecifierSet, version: str) -> bool:
    """Whether a version is among those wanted; of one that is no version by PEP 440, the leading numbers count."""
    try:
        found = Version(version)
    except InvalidVersion:
        numbers = re.match(r"\d+(\.\d+)*", version)
        if numbers is None:
            return False
        found = Version(numbers[0])
    return specifier.contains(found, prereleases=True)


@lru_cache(maxsize=4096)
def _case_pattern(text: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(one) or re.escape(one) for one in text), re.DOTALL)
