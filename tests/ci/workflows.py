"""What every workflow that we write for somebody must be, in the README and from ``conformance init``."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.ci.jobs import ACTION

#: The action itself, by a version that its user is told to replace.
OURS = "OWNER/torch-conformance@v0"


def used(text: str) -> list[str]:
    """The actions that a workflow, or an action, uses; each as it stands, with its comment."""
    return re.findall(r"^\s*(?:- )?uses: (.*)$", text, re.MULTILINE)


def is_pinned(action: str) -> bool:
    """By the hash of a commit, with the version that it was in a comment."""
    return re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v[0-9.]+", action) is not None


def faults(text: str) -> list[str]:
    """What is wrong with the text of a workflow."""
    workflow: dict[Any, Any] = yaml.safe_load(text)
    found = [f"not pinned: {one}" for one in used(text) if not is_pinned(one) and one.partition(" ")[0] != OURS]
    if workflow.get("permissions") != {"contents": "read"}:
        found.append(f"permissions: {workflow.get('permissions')}")
    if not {"push", "pull_request"} & set(workflow[True]) or "pull_request_target" in workflow[True]:
        found.append(f"on: {workflow[True]}")  # a plain 'on' is true in YAML 1.1
    for name, job in workflow["jobs"].items():
        if "permissions" in job or "secrets" in str(job):
            found.append(f"{name} asks for more than it needs")
        for step in job["steps"]:
            found += _faults_of(step)
    return found


def _faults_of(step: dict[str, Any]) -> list[str]:
    given = step.get("with", {})
    if "${{" in step.get("run", ""):
        return [f"an expression in a script: {step['run']}"]
    if step.get("uses") == OURS:
        return [f"no input: {name}" for name in given if name not in ACTION["inputs"]]
    if step.get("uses", "").startswith("actions/checkout@") and given.get("persist-credentials") is not False:
        return ["checkout leaves its token behind"]
    return []
