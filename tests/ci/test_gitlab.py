"""``gitlab.yml``: what its scripts do, in the shells that GitLab takes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ci.jobs import Job, calls
from tests.ci.test_action import HOSTILE
from tests.workshop import REPOSITORY

TEMPLATE: dict[str, Any] = yaml.safe_load((REPOSITORY / "gitlab.yml").read_text(encoding="utf-8"))
PACKAGE = {"CONFORMANCE_PACKAGE": "the suite"}


def played(job: Job, name: str = ".torch-conformance", shell: str = "bash", **variables: str) -> tuple[int, str]:
    """The status and the log of a job that extends ``name``."""
    template = TEMPLATE[name]
    unknown = variables.keys() - template["variables"].keys() - {"CI_NODE_INDEX", "CI_NODE_TOTAL"}
    assert not unknown
    found = subprocess.run(
        [*shell.split(), "-e", "-c", "\n".join(template["script"])], cwd=job.workshop.folder,
        env=job.environment(**{**template["variables"], **PACKAGE, **variables}), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, encoding="utf-8", timeout=300, check=False,
    )  # fmt: skip
    return found.returncode, found.stdout


def test_a_run_that_fails(job: Job) -> None:
    """The status is the run's, and what the job keeps is there."""
    job.workshop.spec("pass", "fail")
    status, log = played(job, CONFORMANCE_IMPLEMENTATION="tiny", CONFORMANCE_SPECS=".", CI_NODE_TOTAL="1")
    assert status == 1
    assert "1 of 2 applicable must-rules conform" in log
    assert calls(job.installed) == [["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "the suite"]]
    assert _kept(job) == {"report.html", "junit.xml", "results.jsonl"}
    artifacts = TEMPLATE[".torch-conformance"]["artifacts"]
    assert artifacts["when"] == "always"
    assert (job.workshop.folder / artifacts["reports"]["junit"]).is_file()
    assert all((job.workshop.folder / path).exists() for path in artifacts["paths"])


def test_a_run_with_known_failures(job: Job) -> None:
    """They excuse the failure, in the status and in the JUnit report."""
    job.workshop.spec("pass", "fail")
    job.workshop.known("rules: small/negates, reason: unsigned")
    status, log = played(job, CONFORMANCE_IMPLEMENTATION="tiny", CONFORMANCE_SPECS=".", CONFORMANCE_KNOWN="known.yaml")
    assert (status, "1 known failure" in log) == (0, True)
    assert 'failures="0"' in (job.workshop.folder / "conformance-report" / "junit.xml").read_text(encoding="utf-8")


def test_a_run_of_nothing_that_there_is(job: Job) -> None:
    """Status 2, which 'allow_failure: {exit_codes: 1}' lets nobody overlook."""
    status, log = played(job, CONFORMANCE_IMPLEMENTATION="tinny")
    assert (status, "no implementation is called 'tinny'" in log) == (2, True)


def test_parallel_jobs_are_shards_and_are_joined(job: Job) -> None:
    """Each takes its part, their files are kept side by side, and the joining job says what the whole run would."""
    job.workshop.spec("pass", "fail", "unspecified")
    known = job.workshop.known("rules: small/neg*, reason: unsigned", "rules: small/x*, reason: misspelt").name
    given = {"CONFORMANCE_SPECS": ".", "CONFORMANCE_KNOWN": known}
    parts = [
        played(job, CONFORMANCE_IMPLEMENTATION="tiny", CI_NODE_INDEX=n, CI_NODE_TOTAL="2", **given) for n in ("1", "2")
    ]
    assert [status for status, _ in parts] == [0, 0]
    assert {"results-1.jsonl", "results-2.jsonl"} < _kept(job)
    status, log = played(job, ".torch-conformance-whole", **given)
    assert status == 1
    assert "1 of 2 applicable must-rules conform; 1 known failure;" in log
    assert "'small/x*' matches no case that ran" in log
    assert "results.jsonl" in _kept(job)


def test_a_shard_that_is_missing_fails_the_joining_job(job: Job) -> None:
    """A verdict needs them all."""
    job.workshop.spec("pass", "fail")
    played(job, CONFORMANCE_IMPLEMENTATION="tiny", CONFORMANCE_SPECS=".", CI_NODE_INDEX="1", CI_NODE_TOTAL="2")
    status, log = played(job, ".torch-conformance-whole", CONFORMANCE_SPECS=".")
    assert (status, "of tiny on cpu, shard 2/2 is missing" in log) == (2, True)


@pytest.mark.parametrize("shell", ["bash -o pipefail", "sh"])
@pytest.mark.parametrize("text", HOSTILE)
def test_variables_are_words_and_never_code(job: Job, text: str, shell: str) -> None:
    """Each arrives as it was given, split where lists are; a word that looks like an option is none."""
    recorded = job.recording()
    words = text.split()
    names = ("IMPLEMENTATION", "DEVICES", "RULES", "SPECS", "KNOWN", "SHARD", "PACKAGE")
    status, _ = played(job, shell=shell, **{f"CONFORMANCE_{name}": text for name in names})
    assert status == 0
    assert calls(recorded) == [[
        "run", *(f"--specs={word}" for word in words), f"--known={text}",
        *(f"--implementation={word}" for word in words), *(f"--device={word}" for word in words), f"--shard={text}",
        "--output=conformance-report/results.jsonl", "--", *words,
    ]]  # fmt: skip
    assert calls(job.installed)[0][-1] == text
    assert not (job.workshop.folder / "pwned").exists()


@pytest.mark.parametrize("shell", ["bash -o pipefail", "sh"])
def test_lists_are_split_at_white_space_and_commas(job: Job, shell: str) -> None:
    """Over several lines too."""
    recorded = job.recording()
    played(job, shell=shell, CONFORMANCE_IMPLEMENTATION="mine,\n  torch", CONFORMANCE_RULES="hooks */detach-*\tviews\n")
    (call,) = calls(recorded)
    assert call[:3] == ["run", "--implementation=mine", "--implementation=torch"]
    assert call[-4:] == ["--", "hooks", "*/detach-*", "views"]


@pytest.mark.parametrize("name", ["CONFORMANCE_PACKAGE", "CONFORMANCE_IMPLEMENTATION"])
def test_what_is_needed_and_missing_is_named(job: Job, name: str) -> None:
    """Before anything runs."""
    recorded = job.recording()
    status, log = played(job, **{"CONFORMANCE_IMPLEMENTATION": "mine", name: ""})
    assert (status != 0, f"{name}: is not given" in log) == (True, True)
    assert not recorded.exists()


def test_a_matrix_is_no_shard(job: Job) -> None:
    """Where somebody says 1/1, each job of a 'parallel: matrix' runs all rules."""
    recorded = job.recording()
    given = {"CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "3"}
    played(job, CONFORMANCE_IMPLEMENTATION="mine", CONFORMANCE_SHARD="1/1", **given)
    assert "--shard=1/1" in calls(recorded)[0]


def test_the_example_of_the_readme_extends_what_there_is() -> None:
    """With variables that the template has, and a joining job that needs the parallel one."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^```yaml\n(include:\n.*?)^```", text, re.M | re.S)
    assert found is not None
    shards, whole = (job for name, job in yaml.safe_load(found[1]).items() if name != "include")
    for one in (shards, whole):
        assert one["variables"].keys() <= TEMPLATE[one["extends"]]["variables"].keys()
    assert shards["parallel"] > 1
    assert whole["needs"] == ["conformance"]


def test_the_file_has_hidden_jobs_only() -> None:
    """To include it starts nothing."""
    assert all(name.startswith(".") for name in TEMPLATE)


def _kept(job: Job) -> set[str]:
    return {path.name for path in Path(job.workshop.folder / "conformance-report").iterdir()}
