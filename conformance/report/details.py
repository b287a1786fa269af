"""What the page of one rule shows, as plain data: small, bounded, and nothing in it that a browser would run."""

from __future__ import annotations

import os.path
import shlex
from dataclasses import dataclass
from typing import Any

from conformance.report.model import Cell, Column, Report, Row, worded
from conformance.report.numbers import ulps_apart
from conformance.report.sources import safe_link, source_url
from conformance.results.model import CaseLine
from conformance.running.outcome import Finding

_LONGEST = 1_000
_LONGEST_CODE = 20_000
_SHOWN_FINDINGS = 12


@dataclass(frozen=True)
class Plenty:
    """How much is told of one cell: so many bad cases, and a script for each column or for the first of a rule's."""

    cases: int
    every_script: bool


#: From the most to the least; which of them a page has room for is the page's affair.
PLENTIES = (Plenty(8, True), Plenty(2, True), Plenty(1, False))


def rule_details(report: Report, plenty: Plenty = PLENTIES[0]) -> dict[str, dict[str, Any]]:
    """By the rule's id; a column without anything to say about a rule is left out."""
    return {row.rule.id: _details(report, row, plenty) for row in report.rows}


def bounded(text: str, longest: int = _LONGEST) -> str:
    """``text``, or its beginning where it is longer than anybody reads."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest} more characters)"


def _details(report: Report, row: Row, plenty: Plenty) -> dict[str, Any]:
    rule = row.rule
    scripted = [index for index, cell in enumerate(row.cells) if cell.script_of is not None]
    scripted = scripted if plenty.every_script else scripted[:1]
    said: dict[str, Any] = {
        "says": bounded(rule.says),
        "level": rule.level,
        "topic": bounded(rule.topic.title),
        "sources": [[bounded(name), source_url(name)] for name in rule.sources],
        "since": rule.since,
        "until": rule.until,
        "myth": rule.myth and bounded(rule.myth),
        "position": f"{os.path.basename(rule.topic.file)}:{rule.line}",
        "line": rule.line,
        "yaml": bounded(rule.yaml, _LONGEST_CODE),
        "cells": {
            str(index): _cell(report, column, row, cell, plenty.cases, index in scripted)
            for index, (column, cell) in enumerate(zip(report.columns, row.cells))
            if cell.is_bad or cell.reason
        },
    }
    if rule.disagreement:
        upstream = rule.disagreement.upstream or ""
        said["disagreement"] = {"says": bounded(rule.disagreement.says), "upstream": safe_link(upstream)}
    return {key: value for key, value in said.items() if value}


def _cell(report: Report, column: Column, row: Row, cell: Cell, most: int, scripted: bool) -> dict[str, Any]:
    reason = f"{cell.left_out} unsupported: {bounded(cell.reason)}" if cell.total else bounded(cell.reason)
    if not cell.is_bad:
        return {"reason": reason}
    cases = [_case(line, report) for line in cell.shown[:most]]
    found: dict[str, Any] = {"cases": cases, "more": cell.bad - len(cases), "command": _command(column, row.rule.id)}
    if cell.script_of is not None and scripted:
        found["script"] = bounded(cell.script_of.script, _LONGEST_CODE)
    return found


def _command(column: Column, what: str) -> list[str]:
    """What somebody types who has the implementation: the command line, and pytest."""
    quoted, device = shlex.quote(column.implementation), shlex.quote(column.device)
    rule = shlex.quote(what)
    return [
        f"conformance run -i {quoted} -d {device} {rule}",
        f"pytest --pyargs conformance --conformance-impl={quoted} --conformance-device={device} "
        f"--conformance-rules={rule}",
    ]


def _case(line: CaseLine, report: Report) -> dict[str, Any]:
    entry = report.known.excused.get(line.id)
    said: dict[str, Any] = {
        "id": bounded(line.id),
        "status": line.status,
        "reason": bounded(line.reason),
        "known": entry and {"why": bounded(entry.reason), "issue": safe_link(entry.issue or "")},
        "held": f"{max(line.checks - len(line.findings), 0)} of {line.checks} checks hold" if line.checks else "",
        "left": [bounded(one) for one in line.left_behind],
        "findings": [_finding(one) for one in line.findings[:_SHOWN_FINDINGS]],
        "repro": f"conformance repro {shlex.quote(bounded(line.id))} > case.py",
    }
    return {key: value for key, value in said.items() if value}


def _finding(finding: Finding) -> dict[str, Any]:
    said: dict[str, Any] = {
        "observation": bounded(finding.observation),
        "aspect": "" if finding.aspect == "values" else bounded(finding.aspect),
        "expected": bounded(finding.expected),
        "observed": bounded(finding.observed),
        "kind": worded(finding.kind),
        "level": finding.level,
        "line": finding.line,
    }
    detail = finding.detail
    if detail and {"expected", "observed", "differs"} <= detail.keys():
        apart = ulps_apart(detail)
        dtype = bounded(str(detail.get("dtype", "")), 20)
        said["grid"] = {key: detail[key] for key in ("expected", "observed", "differs")}
        said["apart"] = f"at most {apart:.3g} ulp of {dtype} apart" if apart is not None else dtype
    return {key: value for key, value in said.items() if value}
