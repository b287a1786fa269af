"""Lines of a results file, made without running anything."""

from __future__ import annotations

from typing import Any

from conformance.results.model import CaseLine, RunLine, SubjectLine
from conformance.running.outcome import Finding, Status

RUN = RunLine("0.1.0", 3, "0123456789abcdef", "3.11.7", "Linux x86_64", "2026-01-02T03:04:05+00:00", ("small",))


def subject(planned: int = 2, *, device: str = "cpu", **more: Any) -> SubjectLine:
    """The implementation ``tiny`` on a device."""
    return SubjectLine("tiny", "0.0-tiny", "2.13", device, f"{device} 1", planned, **more)


def finding(**more: Any) -> Finding:
    """A check of values that did not hold."""
    fields: dict[str, Any] = {
        "kind": "values", "observation": "y", "aspect": "values", "expected": "[1.]", "observed": "[2.]",
        "level": "must", "line": 7, **more,
    }  # fmt: skip
    return Finding(**fields)


def case(slug: str, status: Status = "pass", *, label: str = "", device: str = "cpu", **more: Any) -> CaseLine:
    """A case of ``small/slug``; a failed one has a finding at its rule's level unless told otherwise."""
    tail = f"tiny-{device}"
    level = more.pop("level", "must")
    if status == "fail":
        more.setdefault("findings", (finding(level=level),))
    return CaseLine(
        id=f"small/{slug}[{label}-{tail}]" if label else f"small/{slug}[{tail}]",
        rule=f"small/{slug}", parameters=label, implementation="tiny", device=device, level=level, status=status,
        **more,
    )  # fmt: skip
