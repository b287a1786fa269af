"""A report -> workflow commands with which GitHub marks the lines of spec files that do not hold.

``::error file=specs/detach.yaml,line=12,title=…::message``, one for each rule. GitHub shows ten errors of a step.
"""

from __future__ import annotations

from pathlib import Path

from conformance.known.judging import Stale
from conformance.report.faults import Fault, explanation, faults, place
from conformance.report.model import Report, worded
from conformance.report.texts import counted, one_line

_SHOWN = 10
_SHOWN_COLUMNS = 8


def render_annotations(report: Report, workspace: Path) -> str:
    """The commands, a line each; nothing where no rule fails.

    Args:
        report: what is said.
        workspace: the folder to which paths are relative. A rule whose file lies elsewhere is named without a place.

    """
    found = faults(report)
    stale = [_stale(one, workspace) for one in report.known.stale[:_SHOWN]]
    lines = [_annotation(fault, workspace) for fault in found[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(_command("notice", f"{counted(len(found) - _SHOWN, 'more rule')} failed", title="Conformance"))
    if report.unknown:
        said = f"{counted(len(report.unknown), 'rule')} of the results not in these spec files: "
        lines.append(_command("warning", said + one_line(", ".join(report.unknown)), title="Conformance"))
    return "".join(f"{line}\n" for line in [*stale, *lines])


def _stale(one: Stale, workspace: Path) -> str:
    file = place(one.problem.file, workspace)
    where = {} if file is None else {"file": file, "line": str(one.problem.line)}
    return _command(
        "error", one_line(f"{one.problem.message} ({one.problem.hint})"), **where, title="Stale known failure"
    )


def _annotation(fault: Fault, workspace: Path) -> str:
    rule = fault.row.rule
    message = [one_line(rule.says)]
    for column, cell in fault.cells[:_SHOWN_COLUMNS]:
        message.append(f"{one_line(str(column), 100)}: {cell.text}; {one_line(explanation(cell.shown[0]))}")
    if len(fault.cells) > _SHOWN_COLUMNS:
        message.append(f"and in {counted(len(fault.cells) - _SHOWN_COLUMNS, 'more column')}")
    title = f"{rule.id} ({fault.level}): {worded(fault.cells[0][1].kinds[0])}"
    file = place(rule.topic.file, workspace)
    where = {} if file is None else {"file": file, "line": str(fault.line)}
    return _command("error", "\n".join(message), **where, title=title)


def _command(name: str, message: str, **properties: str) -> str:
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {listed}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
