"""A report -> a summary in Markdown, as it stands below a job on GitHub or in a terminal.

What an implementation says is shown in code spans, in which nothing is markup and nobody is mentioned; the sentences of
spec files have what is special escaped. However much failed, the summary stays far below GitHub's limit of 1 MiB.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from conformance.report.faults import Fault, explanation, faults
from conformance.report.findings import Group, clusters, lacking
from conformance.report.model import Column, Report
from conformance.report.texts import counted, one_line
from conformance.results.reading import Results
from conformance.results.summary import Verdict
from conformance.rules.model import LEVELS, Level

T = TypeVar("T")

_SHOWN_COLUMNS = 100
_SHOWN_FAULTS = 25
_SHOWN_CELLS = 6
_SHOWN_GROUPS = 20
_SHOWN_RULES = 8
_SHOWN_FILES = 20

#: What Markdown, HTML and GitHub's formulas would read; a slash of an address, a dot of www.
_SPECIAL = re.compile(r"[\\`*_\[\]<>&~|$]|(?<=:)/|(?<=www)\.")
_REFERENCE = re.compile(r"([@#])(?=\w)")
_WORD_JOINER = "\u2060"


def render_markdown(report: Report) -> str:
    """The summary."""
    found = faults(report)
    parts = [
        "## Conformance with PyTorch's semantics",
        *_notices(report),
        _verdicts(report.columns),
        _section(f"### {counted(len(found), 'rule')} with failures", found, _SHOWN_FAULTS, _fault),
        _section("### Failures that look alike", [one for one in clusters(report) if len(one.rows) > 1], _SHOWN_GROUPS,
                 _cluster),
        _folded("What is lacking", lacking(report), _SHOWN_GROUPS, _absent),
        _folded("How it ran", report.results, _SHOWN_FILES, _run),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def code(text: str, longest: int = 200) -> str:
    """``text`` as a code span, whatever backticks it has."""
    inner = one_line(text, longest) or " "
    fence = "`" * (max(map(len, re.findall("`+", inner)), default=0) + 1)
    padding = " " if inner[0] == "`" or inner[-1] == "`" else ""
    return f"{fence}{padding}{inner}{padding}{fence}"


def prose(text: str, longest: int = 400) -> str:
    """``text`` as plain text: no emphasis, element, link, formula, mention or reference."""
    escaped = _SPECIAL.sub(lambda match: f"\\{match[0]}", one_line(text, longest))
    return _REFERENCE.sub(rf"\1{_WORD_JOINER}", escaped)  # GitHub looks for @name and #1 after Markdown was read


def _notices(report: Report) -> list[str]:
    """What makes the verdicts less than they seem."""
    said = [
        f"**{code(one.path.name)} was cut off before its end:** what it lacks counts as not run."
        for one in report.results
        if one.end is None
    ]
    said += [
        f"**{code(one.path.name)} has {counted(one.damaged, 'damaged line')},** left out here."
        for one in report.results
        if one.damaged
    ]
    said += [f"**Stale among the known failures:** {code(str(one), 400)}" for one in report.known.stale]
    if report.unknown:
        said.append(f"Not in these spec files, and only counted: {_some(report.unknown, _SHOWN_RULES, code)}.")
    if report.our_faults:
        rules = counted(len(report.our_faults), "rule")
        said.append(f"**Failures on the reference: {rules}.** There this suite is to be suspected first.")
    shown = said[:_SHOWN_FILES]
    return [*shown, f"And {counted(len(said) - len(shown), 'notice')} more."] if len(said) > len(shown) else shown


def _verdicts(columns: Sequence[Column]) -> str:
    if not columns:
        return "Nothing ran."
    head = ["| Verdict | Implementation | " + " | ".join(LEVELS) + " |", "| --- " * (2 + len(LEVELS)) + "|"]
    ordered = sorted(columns, key=lambda column: column.verdict.executed and column.verdict.acceptable)
    rows = [_row(column) for column in ordered[:_SHOWN_COLUMNS]]
    more = f"\n\nAnd {counted(len(columns) - len(rows), 'more column')}." if len(columns) > len(rows) else ""
    legend = "Rules that conform, of those that came to a verdict; in parentheses the others."
    return "\n".join([*head, *rows]) + f"{more}\n\n{legend}"


def _row(column: Column) -> str:
    verdict = column.verdict
    name = f"{code(f'{column.implementation} {column.version}', 80)} on {code(column.device, 40)}"
    if column.device_name not in ("", column.device):
        name += f" ({code(column.device_name, 60)})"
    cells = [_verdict(verdict), name, *(_count(verdict, level) for level in LEVELS)]
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _verdict(verdict: Verdict) -> str:
    if not verdict.executed:
        return "○ nothing ran"
    not_run = f", {counted(verdict.not_run, 'case')} not run" if verdict.not_run else ""
    if verdict.acceptable:
        return f"△ {counted(verdict.known, 'known failure')} and no other" if verdict.known else "✓ conforms"
    return f"✗ does not conform{not_run}"


def _count(verdict: Verdict, level: Level) -> str:
    for count in verdict.levels:
        if count.level == level:
            left = f"{counted(count.known, 'known failure')}, " if count.known else ""
            left += ", ".join(f"{count.left_out.get(one, 0)} {one}" for one in ("unsupported", "not run"))
            left_open = count.left_out.get("unspecified", 0)
            left += f", {left_open} unspecified" if left_open else ""
            return f"{count.conform} of {count.applicable} ({left})"
    return "–"


def _fault(fault: Fault) -> str:
    rule = fault.row.rule
    lines = [f"{code(rule.id)} ({fault.level}): {prose(rule.says)}"]
    for column, cell in fault.cells[:_SHOWN_CELLS]:
        lines.append(f"  - {code(str(column), 100)}: {cell.text}; {code(explanation(cell.shown[0]), 300)}")
    if len(fault.cells) > _SHOWN_CELLS:
        lines.append(f"  - and in {counted(len(fault.cells) - _SHOWN_CELLS, 'more column')}")
    return "\n".join(lines)


def _cluster(group: Group) -> str:
    return f"{_where(group)}: {group.what} in {prose(group.area, 80)}, {_rules(group)}"


def _absent(group: Group) -> str:
    return f"{_where(group)}: {code(group.what)}, {_rules(group)}"


def _where(group: Group) -> str:
    return code(str(group.column), 100)


def _rules(group: Group) -> str:
    named = _some([row.rule.id for row in group.rows], _SHOWN_RULES, code)
    return f"{counted(len(group.rows), 'rule')}: {named}"


def _run(results: Results) -> str:
    run = results.run
    said = (
        f"torch-conformance {run.suite}, rules {run.rules_digest}, Python {run.python}, {run.platform}, {run.started}"
    )
    return f"{code(results.path.name, 80)}: {code(said)}"


def _some(items: Sequence[str], shown: int, rendered: Callable[[str], str]) -> str:
    more = f" and {len(items) - shown} more" if len(items) > shown else ""
    return ", ".join(map(rendered, items[:shown])) + more


def _bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _section(heading: str, items: Sequence[T], shown: int, rendered: Callable[[T], str]) -> str:
    """A heading and a list, or nothing where nothing is to be listed."""
    if not items:
        return ""
    more = [f"and {len(items) - shown} more"] if len(items) > shown else []
    return f"{heading}\n\n{_bullets([*map(rendered, items[:shown]), *more])}"


def _folded(summary: str, items: Sequence[T], shown: int, rendered: Callable[[T], str]) -> str:
    """The same below a line that a reader opens."""
    inner = _section(f"<details><summary>{summary}</summary>", items, shown, rendered)
    return f"{inner}\n\n</details>" if inner else ""
