"""What a failed case prints: the rule's sentence and source, where it stands, each observation, and a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.errors import ConformanceError
from conformance.running.cases import Case
from conformance.running.outcome import Outcome

if TYPE_CHECKING:
    from conformance.known.model import Entry
    from conformance.plugin.session import Suite


def failure_text(case: Case, outcome: Outcome) -> str:
    """The failure, for a person who has not seen the rule."""
    rule = case.rule
    lines = [
        rule.says,
        f"    level {rule.level}; source: {', '.join(rule.sources)}",
        f"    {rule.position}: {rule.id}",
        "",
    ]
    if outcome.status != "fail":
        lines.append(f"{outcome.status}: {outcome.reason}")
    elif outcome.reason:
        lines.append(outcome.reason)
    for finding in outcome.findings:
        what = finding.observation if finding.aspect == "values" else f"{finding.observation}: {finding.aspect}"
        lines += [
            f"{rule.topic.file}:{finding.line}: {what}  [{finding.kind}, {finding.level}]",
            f"    expected  {finding.expected}",
            f"    observed  {finding.observed}",
        ]
    lines += [f"left behind: {what}" for what in outcome.left_behind]
    lines += ["", f"{outcome.checks - len(outcome.findings)} of {outcome.checks} checks hold"]
    return "\n".join(lines)


def known_but_passes(entry: Entry) -> str:
    """The failure of a case that is known to fail and does not; in pytest's words for it."""
    return "\n".join(
        [
            f"[XPASS(strict)] {entry.why}",
            f"    {entry.position}: this entry says that the case fails, and it passes",
            "    remove the entry, or narrow it to the cases that fail",
        ]
    )


def script_of(case: Case, suite: Suite, outcome: Outcome) -> tuple[str, str]:
    """The standalone script of a failed case and nothing, or nothing and why there is none."""
    if outcome.status != "fail":
        return "", ""
    from conformance.repro.failing import script_of_failure

    try:
        return script_of_failure(suite.runners[case.implementation], case, outcome.status), ""
    except ConformanceError as error:
        return "", str(error)
