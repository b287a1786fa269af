"""``action.yml``: what its steps do with what they are given."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.ci.jobs import ACTION, Job, calls
from tests.workshop import REPOSITORY

HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "'\"; touch pwned #",
    "| touch pwned",
    "*",
    "--help",
    "\\",
]

_LOUD = """\
import sys
from tiny import *
from tiny import Tensor

def neg(x):
    sys.stderr.write("::error::loud\\n::add-mask::a\\nno end of line")
    return x
"""


class TestARun:
    def test_that_conforms(self, job: Job) -> None:
        """Status 0; every rendering and the results are in the artifact, whose name has nothing but letters."""
        job.workshop.spec("pass")
        done = job.use(implementation="tiny", specs=".")
        assert (done.status, done.outputs["status"]) == (0, "0")
        assert calls(job.installed) == [
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(REPOSITORY)]
        ]
        folder = Path(done.outputs["folder"])
        names = {"badge.svg", "junit.xml", "report.html", "results.jsonl", "summary.md"}
        assert {path.name for path in folder.iterdir()} == names
        assert done.outputs["report"] == str(folder / "report.html")
        assert done.outputs["results"] == str(folder / "results.jsonl")
        assert done.artifact == {"name": "conformance-tiny", "path": str(folder), "if-no-files-found": "ignore"}
        assert "1 of 1 applicable must-rules conform" in done.log
        assert job.summary.read_text(encoding="utf-8").strip().startswith("## Conformance")

    def test_that_fails_is_annotated(self, job: Job) -> None:
        """The job fails, behind a report of why; the annotation is a command and names the line of the workspace."""
        job.workshop.spec("pass", "fail")
        done = job.use(implementation="tiny", specs=".")
        assert (done.status, done.outputs["status"]) == (1, "1")
        assert [line.partition(",title=")[0] for line in _commands(done.log)] == [
            "::error file=small.conformance.yaml,line=16"
        ]
        assert done.artifact is not None

    def test_with_known_failures(self, job: Job) -> None:
        """They excuse the failure, and are no annotation."""
        job.workshop.spec("pass", "fail")
        job.workshop.known("rules: small/negates, reason: unsigned")
        done = job.use(implementation="tiny", specs=".", known_failures="known.yaml")
        assert (done.status, done.outputs["status"]) == (0, "0")
        assert _commands(done.log) == []
        assert "1 known failure" in done.log

    def test_of_nothing_that_there_is(self, job: Job) -> None:
        """The sentence stands in the log, the job fails, and no report is claimed."""
        job.workshop.spec("pass")
        done = job.use(implementation="tinny", specs=".")
        assert (done.status, done.outputs["status"]) == (2, "2")
        assert "no implementation is called 'tinny'" in done.log
        assert "report" not in done.outputs
        assert "results" not in done.outputs

    def test_of_shards_and_a_job_that_joins_them(self, job: Job) -> None:
        """Artifacts have names of their own, and the joining job says what the whole run would have said."""
        job.workshop.spec("pass", "fail", "unspecified")
        known = job.workshop.known("rules: small/neg*, reason: unsigned", "rules: small/x*, reason: misspelt").name
        given = {"specs": ".", "known_failures": known}
        shards = job.workshop.folder / "shards"
        shards.mkdir()
        for number in (1, 2):
            part = job.use(implementation="tiny", shard=f"{number}/2", **given)
            assert part.outputs["status"] == "0"
            assert part.artifact is not None
            assert part.artifact["name"] == f"conformance-tiny-{number}-of-2"
            Path(part.outputs["folder"]).rename(shards / part.artifact["name"])
        whole = job.use(results="shards", **given)
        assert (whole.status, whole.outputs["status"]) == (1, "1")
        assert "1 of 2 applicable must-rules conform; 1 known failure;" in whole.log
        assert "'small/x*' matches no case that ran" in whole.log
        assert whole.artifact is not None
        assert whole.artifact["name"] == "conformance-results"
        assert Path(whole.outputs["report"]).exists()

    def test_of_shards_of_which_one_is_missing(self, job: Job) -> None:
        """A verdict needs them all: the joining job fails, with the missing one's name."""
        job.workshop.spec("pass", "fail")
        part = job.use(implementation="tiny", specs=".", shard="1/2", fail_on="never")
        done = job.use(results=part.outputs["folder"], specs=".")
        assert (done.status, done.outputs["status"]) == (2, "2")
        assert "of tiny on cpu, shard 2/2 is missing" in done.log


def _commands(log: str) -> list[str]:
    """The lines of a log that GitHub takes for commands."""
    heeded, token = [], ""
    for line in log.splitlines():
        if token:
            token = "" if line.strip() == f"::{token}::" else token
        elif line.startswith("::stop-commands::"):
            token = line.removeprefix("::stop-commands::")
            assert re.fullmatch("[0-9a-f]{32}", token)
        elif line.lstrip().startswith(("::", "##[")):
            heeded.append(line)
    assert not token, "commands stay unheeded for the rest of the step"
    return heeded


class TestHostileTexts:
    def test_what_an_implementation_says_is_no_command(self, job: Job) -> None:
        """Not even where its last line has no end; and the token that would end this is another in each run."""
        job.workshop.spec("fail")
        (job.workshop.folder / "loud.py").write_text(_LOUD, encoding="utf-8")
        logs = [job.use(implementation="loud", specs=".", fail_on="never").log for _ in range(2)]
        for log in logs:
            assert "::error::loud\n::add-mask::a\nno end of line" in log
            assert [line.partition(",")[0] for line in _commands(log)] == ["::error file=small.conformance.yaml"]
        tokens = [re.search("^::stop-commands::(.*)$", log, re.MULTILINE) for log in logs]
        assert len({found[1] for found in tokens if found}) == 2

    @pytest.mark.parametrize("text", HOSTILE)
    def test_inputs_are_words_and_never_code(self, job: Job, text: str) -> None:
        """Each arrives as it was given, split where lists are; a word that looks like an option is none."""
        recorded = job.recording()
        words = text.split()
        names = ("implementation", "devices", "rules", "specs", "known_failures", "shard", "name")
        done = job.use(**dict.fromkeys(names, text))
        assert done.status == 0
        (call,) = calls(recorded)
        assert call == [
            "run", *(f"--implementation={word}" for word in words), *(f"--device={word}" for word in words),
            f"--specs={text}", f"--known={text}", f"--shard={text}",
            f"--output={done.outputs['folder']}/results.jsonl", "--", *words,
        ]  # fmt: skip
        assert done.artifact is not None
        assert re.fullmatch("[A-Za-z0-9._-]+", done.artifact["name"])
        assert not (job.workshop.folder / "pwned").exists()

    @pytest.mark.parametrize("text", HOSTILE)
    def test_a_folder_of_results_is_a_name_and_never_code(self, job: Job, text: str) -> None:
        """Results in a folder of any name are found, wherever in it they lie."""
        recorded = job.recording()
        folder = job.workshop.folder / text / "a b"
        folder.mkdir(parents=True)
        (folder / "results.jsonl").touch()
        done = job.use(results=text)
        assert done.status == 0
        merge, verdict = calls(recorded)
        assert merge[-2:] == ["--", f"{'./' * text.startswith('-')}{text}/a b/results.jsonl"]
        assert verdict == ["verdict", "--", merge[1].removeprefix("--output=")]
        assert not (job.workshop.folder / "pwned").exists()


class TestInputs:
    def test_lists_are_split_at_white_space_and_commas(self, job: Job) -> None:
        """Over several lines too; spec files, whose names may have spaces, by lines."""
        recorded = job.recording()
        job.use(
            implementation="mine,\n  reference",
            devices="cpu, cuda:1\tmeta",
            rules="hooks */detach-*\n",
            specs="a b\nc\n",
        )
        assert calls(recorded)[0][1:8] == [
            "--implementation=mine", "--implementation=reference", "--device=cpu", "--device=cuda:1", "--device=meta",
            "--specs=a b", "--specs=c",
        ]  # fmt: skip
        assert calls(recorded)[0][-3:] == ["--", "hooks", "*/detach-*"]

    def test_nothing_but_the_implementation_is_needed(self, job: Job) -> None:
        """The defaults are the command's own."""
        recorded = job.recording()
        job.use(implementation="mine")
        (call,) = calls(recorded)
        assert [word.partition("=")[0] for word in call] == ["run", "--implementation", "--output", "--"]

    @pytest.mark.parametrize(
        ("fail_on", "failing"), [("failures", {1, 2, 3, 130}), ("broken", {2, 3, 130}), ("never", set())]
    )
    @pytest.mark.parametrize("status", [0, 1, 2, 3, 130])
    def test_fail_on(self, job: Job, fail_on: str, failing: set[int], status: int) -> None:
        """Which statuses fail the job; the output has the status in any case."""
        job.recording(status)
        done = job.use(implementation="mine", fail_on=fail_on)
        assert done.status == (status if status in failing else 0)
        assert done.outputs["status"] == str(status)

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"implementation": "mine", "fail_on": "failure"}, "::error::fail-on is to be failures, broken or never\n"),
            ({"implementation": " \n"}, "::error::implementation is not given\n"),
        ],
        ids=["fail-on", "implementation"],
    )
    def test_a_wrong_input_fails_before_anything_runs(self, job: Job, given: dict[str, str], said: str) -> None:
        """A misspelt word costs nobody an hour, and makes no artifact."""
        recorded = job.recording()
        done = job.use(**given)
        assert (done.status, done.log, done.outputs, done.artifact) == (2, said, {}, None)
        assert not recorded.exists()

    @pytest.mark.parametrize(
        ("given", "name"),
        [
            ({"implementation": "mine.torch:Adapter"}, "conformance-mine.torch-Adapter"),
            ({"implementation": "mine", "shard": "1/4"}, "conformance-mine-1-of-4"),
            ({"implementation": "mine", "shard": "1/4", "name": "linux"}, "linux-1-of-4"),
        ],
        ids=["adapter", "shard", "named"],
    )
    def test_the_artifact_has_a_name_that_is_allowed(self, job: Job, given: dict[str, str], name: str) -> None:
        """No slash and no colon; each shard's is its own."""
        job.recording()
        done = job.use(**given)
        assert done.artifact is not None
        assert done.artifact["name"] == name

    def test_nothing_is_uploaded_where_nobody_wants_it(self, job: Job) -> None:
        """The files stay in the folder."""
        job.recording()
        done = job.use(implementation="mine", upload="false")
        assert done.artifact is None
        assert Path(done.outputs["folder"]).is_dir()


class TestTheFile:
    def test_expressions_stand_only_where_they_are_values(self) -> None:
        """Never inside a script, where a text that somebody gives would become code; and none is of a secret."""
        for keys, text in _texts(ACTION):
            for expression in re.findall(r"\$\{\{(.*?)\}\}", text):
                assert keys[-1] == "value" or keys[-2] in ("env", "with"), keys
                assert re.fullmatch(r" (inputs|steps\.run\.outputs)\.[a-z-]+ ", expression), expression

    def test_every_input_and_output_is_described(self) -> None:
        """And every input is used."""
        text = (REPOSITORY / "action.yml").read_text(encoding="utf-8")
        for name, described in ACTION["inputs"].items():
            assert described["description"].endswith((".", ")")), name
            assert f"inputs.{name} " in text, name
        assert all(described["description"] for described in ACTION["outputs"].values())


def _texts(value: Any, keys: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in _texts(inner, (*keys, str(key)))]
    if isinstance(value, list):
        return [found for inner in value for found in _texts(inner, keys)]
    return [(keys, str(value))]
