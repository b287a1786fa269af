"""A report -> JUnit XML, as Jenkins, GitLab and others read it: a suite for each column, a test for each case.

What is wrong with the implementation is a ``failure``; a crash, a hang, and what never came to an outcome is an
``error``; what an implementation lacks, or is known to fail, is ``skipped``.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from conformance.report.faults import all_cases, explanation
from conformance.report.model import Column, Report
from conformance.report.texts import counted, one_line, visible
from conformance.results.model import CaseLine, RunLine
from conformance.rules.model import Rule

_LONGEST = 1_000
_LONGEST_SCRIPT = 20_000
_SHOWN_FINDINGS = 12
_SKIPPED = frozenset({"unsupported", "not run"})
_BROKEN = frozenset({"crash", "hang", "error"})


def render_junit(report: Report) -> str:
    """The document."""
    rules = {row.rule.id: row.rule for row in report.rows}
    runs = {subject.key: one.run for one in report.results for subject in one.subjects}
    by_column: dict[tuple[str, str], list[CaseLine]] = {}
    for line in all_cases(report):
        by_column.setdefault((line.implementation, line.device), []).append(line)
    root = Element("testsuites", name="conformance")
    for column in report.columns:
        root.append(_suite(report, column, by_column.get(column.key, []), runs.get(column.key), rules))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, 0)) for suite in root)))
    root.set("time", _seconds(line.seconds for lines in by_column.values() for line in lines))
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(
    report: Report, column: Column, lines: Sequence[CaseLine], run: RunLine | None, rules: Mapping[str, Rule]
) -> Element:
    suite = Element("testsuite", name=one_line(str(column)))
    said = {"version": column.version, "release": column.release, "device name": column.device_name}
    if run is not None:
        suite.set("timestamp", one_line(run.started))
        said |= {"suite": run.suite, "rules": run.rules_digest, "python": run.python, "platform": run.platform}
    properties = SubElement(suite, "properties")
    for name, value in said.items():
        SubElement(properties, "property", name=name, value=one_line(value))
    for line in lines:
        entry = report.known.excused.get(line.id)
        suite.append(_case(line, rules.get(line.rule), entry.why if entry else ""))
    missing = column.verdict.not_run - sum(line.status == "not run" for line in lines)
    if missing:  # a run that was cut off must not look like a whole one
        test = SubElement(suite, "testcase", classname="conformance", name="every planned case has a result", time="0")
        SubElement(test, "error", type="not run", message=f"{counted(missing, 'planned case')} without a result")
    cases = list(suite.iter("testcase"))
    suite.set("tests", str(len(cases)))
    for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(name, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", _seconds(line.seconds for line in lines))
    return suite


def _case(line: CaseLine, rule: Rule | None, known: str = "") -> Element:
    topic = line.rule.partition("/")[0]
    test = Element(
        "testcase", classname=one_line(topic), name=one_line(line.id, _LONGEST), time=_seconds([line.seconds])
    )
    if known:
        SubElement(test, "skipped", message=f"known failure: {one_line(known)}").text = _story(line, rule)
    elif line.status == "fail":
        kind = line.findings[0].kind if line.findings else "fail"
        SubElement(test, "failure", type=kind, message=one_line(explanation(line))).text = _story(line, rule)
    elif line.status in _BROKEN:
        SubElement(test, "error", type=line.status, message=one_line(explanation(line))).text = _story(line, rule)
    elif line.status in _SKIPPED:
        SubElement(test, "skipped", message=f"{line.status}: {one_line(line.reason)}" if line.reason else line.status)
    elif line.reason:  # what the documentation leaves open is recorded and never fails
        SubElement(test, "system-out").text = visible(f"{line.status}: {line.reason}", _LONGEST)
    return test


def _story(line: CaseLine, rule: Rule | None) -> str:
    """What a reader of a bad case needs: the rule, its place, what did not hold, and a script that shows it."""
    told = [f"{rule.says}\n{os.path.basename(rule.topic.file)}:{rule.line} ({rule.level})"] if rule else []
    told += [f"line {finding.line}: {finding}" for finding in line.findings[:_SHOWN_FINDINGS]]
    if len(line.findings) > _SHOWN_FINDINGS:
        told.append(f"and {len(line.findings) - _SHOWN_FINDINGS} more")
    told += [line.reason] if line.reason else []
    told += [f"left behind: {one}" for one in line.left_behind[:_SHOWN_FINDINGS]]
    parts = [visible(part, _LONGEST) for part in told]
    if line.script:
        parts.append(f"A script that shows it:\n\n{visible(line.script, _LONGEST_SCRIPT)}")
    body = "\n\n".join(parts)
    return f"\n{body}\n"


def _seconds(durations: Iterable[float]) -> str:
    return f"{sum(one for one in durations if isfinite(one)):.6f}"
