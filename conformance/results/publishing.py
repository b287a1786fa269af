"""Results -> what is kept of them in a repository: one small JSON file per implementation and device.

A results file has a line for every case; what is published has the verdict, and every rule that did not simply pass.

    python -m conformance.results.publishing RESULTS... FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from conformance.results.model import CaseLine, SubjectLine
from conformance.results.reading import Results, read_results
from conformance.results.summary import rule_status, verdicts


def publish(results: Results) -> dict[str, dict[str, Any]]:
    """The content of each file, by file name."""
    return {
        f"{subject.implementation}-{subject.device}.json".replace(":", "-"): _published(results, subject)
        for subject in results.subjects
    }


def _published(results: Results, subject: SubjectLine) -> dict[str, Any]:
    key = (subject.implementation, subject.device)
    lines = [line for line in results.cases if (line.implementation, line.device) == key]
    by_rule: dict[str, list[CaseLine]] = {}
    for line in lines:
        by_rule.setdefault(line.rule, []).append(line)
    (verdict,) = verdicts(lines, [subject])
    return {
        "suite": results.run.suite,
        "rules_digest": results.run.rules_digest,
        "python": results.run.python,
        "platform": results.run.platform,
        "started": results.run.started,
        "implementation": subject.implementation,
        "version": subject.version,
        "device": subject.device,
        "device_name": subject.device_name,
        "verdict": [str(level) for level in verdict.levels],
        "cases": dict(sorted(verdict.cases.items())),
        "rules_passed": sorted(rule for rule, found in by_rule.items() if rule_status(found) == "pass"),
        "other_rules": {
            rule: {"status": rule_status(found), "why": _why(found)}
            for rule, found in sorted(by_rule.items())
            if rule_status(found) != "pass"
        },
    }


def _why(lines: list[CaseLine]) -> str:
    for line in lines:
        if line.findings:
            return str(line.findings[0])
    return next((line.reason for line in lines if line.reason), "")


def main(arguments: list[str]) -> None:
    """Write the files of the results named first into the folder named last."""
    *paths, folder = map(Path, arguments)
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        for name, content in publish(read_results(path)).items():
            (folder / name).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            print(folder / name)


if __name__ == "__main__":
    main(sys.argv[1:])
