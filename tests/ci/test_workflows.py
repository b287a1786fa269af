"""The workflows that the README shows."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
import yaml

from tests.ci.jobs import ACTION, Job
from tests.ci.workflows import OURS, faults, is_pinned, used
from tests.workshop import REPOSITORY

BLOCKS = re.findall(r"^```yaml\n(.*?)^```", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.M | re.S)
WORKFLOWS = [block for block in BLOCKS if "\njobs:\n" in block]


def test_the_readme_has_workflows() -> None:
    """One for a plain run, one for shards."""
    assert [yaml.safe_load(text)["name"] for text in WORKFLOWS] == ["Conformance", "Conformance in shards"]


@pytest.mark.parametrize("text", WORKFLOWS, ids=lambda text: yaml.safe_load(text)["name"])
def test_workflows_of_the_readme_are_right(text: str) -> None:
    """Pinned, least-privilege, and with inputs that there are."""
    assert faults(text) == []


def test_the_action_uses_pinned_actions_only() -> None:
    """What it uses is what was looked at."""
    actions = used((REPOSITORY / "action.yml").read_text(encoding="utf-8"))
    assert len(actions) == sum("uses" in step for step in ACTION["runs"]["steps"])
    assert [one for one in actions if not is_pinned(one)] == []


def test_the_joining_job_downloads_what_the_shards_upload(job: Job) -> None:
    """The pattern of the README's workflow fits the artifacts' names, and not that of the joined results."""
    shard, whole = yaml.safe_load(WORKFLOWS[1])["jobs"].values()
    (pattern,) = (step["with"]["pattern"] for step in whole["steps"] if "download-artifact" in step.get("uses", ""))
    job.recording()
    parts = shard["strategy"]["matrix"]["shard"]
    assert parts == [f"{n}/{len(parts)}" for n in range(1, len(parts) + 1)]
    names = [_artifact(job, _inputs(shard) | {"shard": one}) for one in parts]
    assert len(set(names)) == len(names)
    assert all(fnmatchcase(name, pattern) for name in names)
    assert not fnmatchcase(_artifact(job, _inputs(whole)), pattern)


def _inputs(job: dict[str, Any]) -> dict[str, str]:
    (given,) = (step["with"] for step in job["steps"] if step.get("uses") == OURS)
    return {name.replace("-", "_"): text for name, text in given.items()}


def _artifact(job: Job, given: dict[str, str]) -> str:
    artifact = job.use(**given).artifact
    assert artifact is not None
    return artifact["name"]
