"""The lines of a results file: one JSON object a line, written as they come.

    {"kind": "run", "format": 1, …}          first: what was run, with which rules, on which machine
    {"kind": "subject", …}                   before its cases: one implementation on one device
    {"kind": "case", …}                      one per finished case
    {"kind": "end", …}                       last, where the run was not cut off

A file without an end, or with a torn last line, is a run that was cut off: every other line of it still counts.
``docs/results.schema.json`` is generated from these classes.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from conformance.implementations.contract import Implementation
from conformance.rules.model import LEVELS, Level
from conformance.running.cases import Case
from conformance.running.outcome import Finding, Outcome, Status

FORMAT = 1


@dataclass(frozen=True, slots=True)
class RunLine:
    """What was run: the suite's version, a digest of the rules, and the machine.

    What was left out: ``selection`` are the patterns by which rules were chosen, ``topics`` those that were read where
    spec files were named one by one, ``shard`` is the part of the rules, as in ``2/5``, and ``narrowed`` says that
    single cases were left out besides. ``rules`` and their digest are those of all shards together.
    """

    suite: str
    rules: int
    rules_digest: str
    python: str
    platform: str
    started: str
    selection: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    shard: str = ""
    narrowed: bool = False
    format: int = FORMAT
    kind: Literal["run"] = "run"


@dataclass(frozen=True, slots=True)
class SubjectLine:
    """One implementation on one device, with the number of its cases, and of its rules by level, that are to be run.

    Where they are those of a ``shard``, as in ``2/5``, the numbers of the other shards come on top.
    """

    implementation: str
    version: str
    release: str
    device: str
    device_name: str
    planned: int
    planned_rules: dict[Level, int] = field(default_factory=dict)
    shard: str = ""
    kind: Literal["subject"] = "subject"

    @property
    def key(self) -> tuple[str, str]:
        """What the lines of its cases name it by."""
        return self.implementation, self.device


@dataclass(frozen=True, slots=True)
class CaseLine:
    """The outcome of one case; ``seconds`` is what it took, compiling its rule included.

    ``script`` shows the fault without this project; the first bad case of each rule on a device has one.
    """

    id: str
    rule: str
    parameters: str
    implementation: str
    device: str
    level: Level
    status: Status
    checks: int = 0
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    left_behind: tuple[str, ...] = ()
    unread: int = 0
    seconds: float = 0.0
    script: str = ""
    kind: Literal["case"] = "case"


@dataclass(frozen=True, slots=True)
class EndLine:
    """The run came to its end; ``counts`` are cases by status."""

    finished: str
    seconds: float
    counts: Mapping[Status, int] = field(default_factory=dict)
    kind: Literal["end"] = "end"


Line = RunLine | SubjectLine | CaseLine | EndLine
_DEFAULTS = {one.name: one.default for one in fields(CaseLine)}


def case_line(case: Case, outcome: Outcome, script: str = "") -> CaseLine:
    """The line of a finished case."""
    return CaseLine(
        id=case.id,
        rule=case.rule.id,
        parameters=case.parameters,
        implementation=case.implementation,
        device=case.device,
        level=case.rule.level,
        status=outcome.status,
        checks=outcome.checks,
        findings=outcome.findings,
        reason=outcome.reason,
        left_behind=outcome.left_behind,
        unread=outcome.unread,
        seconds=round(outcome.seconds, 6),
        script=script,
    )


def subject_line(implementation: Implementation, device: str, cases: Iterable[Case], shard: str = "") -> SubjectLine:
    """The line that announces ``cases`` of ``implementation`` on ``device``, all of them or those of a shard."""
    cases = list(cases)
    levels = Counter({case.rule.id: case.rule.level for case in cases}.values())
    return SubjectLine(
        implementation=implementation.name,
        version=implementation.version,
        release=".".join(map(str, implementation.release)),
        device=device,
        device_name=implementation.device_name(device),
        planned=len(cases),
        planned_rules={level: levels[level] for level in LEVELS if levels[level]},
        shard=shard,
    )


def serializable(line: Line) -> dict[str, Any]:
    """A line as plain data, ``kind`` first; what a case line leaves at its default is left out."""
    if isinstance(line, CaseLine):
        data: dict[str, Any] = {"kind": "case"}
        for name, default in _DEFAULTS.items():
            value = getattr(line, name)
            if name != "kind" and value != default:
                data[name] = value
        if line.findings:
            data["findings"] = [
                {key: value for key, value in asdict(finding).items() if value is not None} for finding in line.findings
            ]
        return data
    plain = asdict(line)
    return {"kind": plain.pop("kind"), **plain}


def encoded(line: Line) -> bytes:
    """A line as strict JSON in UTF-8, without the line's end; lone surrogates become escapes, NaN becomes text."""
    data = serializable(line)
    try:
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(data), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def _finite(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    return str(data) if isinstance(data, float) and not math.isfinite(data) else data
