"""``conformance init`` as the author of a project meets it.

The first run is one of the workshop's small rules, in worker processes as ever; one test has all rules of the suite.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.known.loading import load_known
from conformance.results.reading import read_results
from conformance.starting import first_run
from tests.cli.conftest import Said, Say
from tests.workshop import Workshop

_LITTLE = """\
import tiny
from conformance.implementations import Implementation
from conformance.rules.vocabulary import load_vocabulary

class Adapter(Implementation):
    def __init__(self):
        super().__init__(tiny)

    def lacks(self, device):
        return dict.fromkeys(load_vocabulary().about.keys() - {"tensors", "dtypes"}, "not yet")
"""

NO_QUESTION = ("-i", "tiny", "--no-adapter", "--ci", "github")
WORKFLOW = Path(".github", "workflows", "conformance.yml")


class _Terminal(io.StringIO):
    """Somebody who types these lines."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def small(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the suite one of the workshop's small rules."""
    supervise, load = first_run.supervise, first_run.load

    def rules(*names: str) -> None:
        path = workshop.spec(*names)

        def narrowed(job: Any) -> Iterator[Any]:
            return supervise(replace(job, paths=(str(path),)))

        monkeypatch.setattr(first_run, "supervise", narrowed)
        monkeypatch.setattr(first_run, "load", lambda: load([path]))

    return rules


def names(folder: Path) -> set[str]:
    """The files of a project, less what the workshop put there."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if "__pycache__" not in name} - {"tiny.py", "small.conformance.yaml"}


def answering(say: Say, monkeypatch: pytest.MonkeyPatch, text: str, *arguments: str) -> Said:
    """``conformance init`` at a terminal where this is typed."""
    monkeypatch.setattr(sys, "stdin", _Terminal(text))
    return say("init", *arguments)


def test_the_whole_way(say: Say, workshop: Workshop, small: Callable[..., None]) -> None:
    """What is written is said, and a run with the new file of known failures ends with status 0."""
    small("pass", "fail", "unsupported")
    said = say("init", ".", "-i", "tiny", "--adapter", "--ci", "github")
    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines()[:6] == [
        "wrote conformance_adapter.py",
        f"wrote {WORKFLOW}",
        "running all rules on conformance_adapter:Adapter; Ctrl-C keeps what there is",
        "wrote conformance-results.jsonl",
        "wrote conformance-known.yaml",
        "conformance_adapter.Adapter on cpu",
    ]
    assert "1 of 2 applicable must-rules conform; 1 known failure; 1 unsupported, 0 not run" in said.out
    written = {"conformance_adapter.py", WORKFLOW.as_posix(), "conformance-results.jsonl", "conformance-known.yaml"}
    assert names(workshop.folder) == written
    assert [entry.reason for entry in load_known(Path("conformance-known.yaml")).entries] == ["not looked at yet"]
    next_command = said.out.partition("next:\n  conformance ")[2].splitlines()[0]
    assert next_command == "run -i conformance_adapter:Adapter --known conformance-known.yaml"
    assert workshop.conformance(*next_command.split(), "--specs", ".").returncode == 0


def test_a_second_time_nothing_is_written(say: Say, workshop: Workshop, small: Callable[..., None]) -> None:
    """Every file is named, none is touched, and nothing is run."""
    small("pass", "fail")
    say("init", *NO_QUESTION)
    before = {name: (workshop.folder / name).read_bytes() for name in names(workshop.folder)}
    said = say("init", *NO_QUESTION)
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith(
        f"kept  {WORKFLOW}\nkept  conformance-known.yaml\nnothing to write: everything is there\nnext:\n"
    )
    assert {name: (workshop.folder / name).read_bytes() for name in names(workshop.folder)} == before


def test_what_is_there_is_kept_whatever_it_is(say: Say, workshop: Workshop) -> None:
    """Files of the same names that are none of ours."""
    mine = [WORKFLOW, Path("conformance_adapter.py"), Path("conformance-known.yaml"), Path("conformance-results.jsonl")]
    for path in mine:
        (workshop.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (workshop.folder / path).write_text("from tiny import *\nimport tiny as Adapter\n", encoding="utf-8")
    said = say("init", "-i", "tiny", "--adapter", "--ci", "github")
    assert (said.status, said.err) == (0, "")
    assert {path.read_text(encoding="utf-8") for path in mine} == {"from tiny import *\nimport tiny as Adapter\n"}


def test_results_that_are_there_are_not_run_again(say: Say, workshop: Workshop) -> None:
    """The command that makes known failures of them is said."""
    (workshop.folder / "conformance-results.jsonl").write_text("mine", encoding="utf-8")
    said = say("init", *NO_QUESTION)
    assert said.status == 0
    assert "kept  conformance-results.jsonl\n" in said.out
    assert "\n  conformance known conformance-results.jsonl -o conformance-known.yaml\n" in said.out
    assert names(workshop.folder) == {WORKFLOW.as_posix(), "conformance-results.jsonl"}
    assert "nothing to write" not in say("init", *NO_QUESTION).out


def test_without_a_run_nothing_is_known_to_fail(say: Say, workshop: Workshop) -> None:
    """The file that the CI names is there, and right."""
    said = say("init", *NO_QUESTION, "--no-run")
    assert (said.status, said.err) == (0, "")
    assert names(workshop.folder) == {WORKFLOW.as_posix(), "conformance-known.yaml"}
    assert load_known(Path("conformance-known.yaml")).entries == ()


def test_what_does_not_look_like_torch_gets_its_adapter_and_no_run(say: Say, workshop: Workshop) -> None:
    """What to do first is said first."""
    (workshop.folder / "strange.py").write_text("class Array: ...\n", encoding="utf-8")
    said = say("init", "-i", "strange", "--adapter", "--ci", "none")
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith("wrote conformance_adapter.py\nwrote conformance-known.yaml\nnext:\n  'strange' has no ")
    assert "running" not in said.out


def test_crashes_are_told_and_never_known(say: Say, small: Callable[..., None]) -> None:
    """They are to be mended before CI can be green."""
    small("pass", "crash", "fail")
    said = say("init", *NO_QUESTION)
    assert said.status == 0
    assert "1 known failure in conformance-known.yaml, for the reason 'not looked at yet'\n" in said.out
    assert "never excused, and left out of it: 1 crash\n" in said.out


def test_where_nothing_runs_the_status_says_so(say: Say, small: Callable[..., None]) -> None:
    """As with 'conformance run'."""
    small("unsupported")
    assert say("init", *NO_QUESTION).status == 3


def test_ctrl_c_keeps_what_there_is(say: Say, workshop: Workshop, small: Callable[..., None]) -> None:
    """What was written stays, the finished cases too, and how to go on is said, in commands that work."""
    small("pass", "fail")
    supervise = first_run.supervise

    def interrupted(job: Any) -> Iterator[Any]:
        lines = supervise(job)
        yield next(lines)
        yield next(lines)
        raise KeyboardInterrupt

    first_run.supervise = interrupted  # the fixture puts it back
    said = say("init", *NO_QUESTION)
    assert (said.status, said.err) == (130, "interrupted\n")
    assert names(workshop.folder) == {WORKFLOW.as_posix(), "conformance-results.jsonl"}
    assert len(read_results(Path("conformance-results.jsonl")).cases) == 1
    resume, known = [line.split()[1:] for line in said.out.partition("go on with:\n")[2].splitlines()]
    assert workshop.conformance(*resume, "--specs", "small.conformance.yaml").returncode == 1
    assert len(read_results(Path("conformance-results.jsonl")).cases) == 3
    assert workshop.conformance(*known).returncode == 0
    assert len(load_known(Path("conformance-known.yaml")).entries) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-i", "tinny", "--no-adapter", "--ci", "github"], "no implementation is called 'tinny'"),
        (["-i", "tiny", "--no-adapter"], "not given: --ci (there is no terminal at which to ask)\n"),
        ([], "not given: -i, --adapter or --no-adapter, --ci (there is no terminal at which to ask)\n"),
        (["gone", *NO_QUESTION], "gone is not a folder (name that of your project, or leave it out)\n"),
        (["-i", "reference", "--adapter", "--ci", "none"], "'reference' has an adapter already (--no-adapter)\n"),
    ],
    ids=["implementation", "one flag", "all flags", "folder", "adapter"],
)
def test_what_is_wrong_is_said_before_anything_is_written(
    say: Say, workshop: Workshop, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    """With status 2 and a sentence."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    found = say("init", *arguments)
    assert (found.status, found.out) == (2, "")
    assert found.err.startswith(f"conformance: {said}")
    assert names(workshop.folder) == set()


def test_at_a_terminal_what_is_not_given_is_asked_for(
    say: Say, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line a question, with its default; an answer that is none is asked for again."""
    said = answering(say, monkeypatch, "tiny\nyes\njenkins\ngitlab\n", "--no-run")
    assert (said.status, said.err) == (0, "")
    asked = said.out.partition("wrote")[0]
    assert asked.count("CI: github, gitlab or none? [github] ") == 2
    assert names(workshop.folder) == {"conformance_adapter.py", ".gitlab/conformance.yml", "conformance-known.yaml"}


def test_only_what_is_not_given_is_asked_for(say: Say, workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Return takes the default: no adapter, and the CI that the project seems to have."""
    (workshop.folder / ".gitlab-ci.yml").touch()
    said = answering(say, monkeypatch, "\n\n", "-i", "tiny", "--no-run")
    assert said.status == 0
    assert "Implementation" not in said.out
    assert names(workshop.folder) == {".gitlab-ci.yml", ".gitlab/conformance.yml", "conformance-known.yaml"}
    assert "'include: {local: .gitlab/conformance.yml}'\n" in said.out


def test_no_answer_writes_nothing(say: Say, workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-D is a sentence."""
    said = answering(say, monkeypatch, "tiny\n")
    assert said.status == 2
    assert said.err.startswith("conformance: no answer to 'Write conformance_adapter.py, ")
    assert names(workshop.folder) == set()


def test_another_folder(say: Say, workshop: Workshop, tmp_path: Path) -> None:
    """Everything is written there, and the implementation is looked for there."""
    project = tmp_path / "project"
    project.mkdir()
    (workshop.folder / "tiny.py").rename(project / "tiny.py")
    said = say("init", "project", *NO_QUESTION, "--no-run")
    assert (said.status, said.err) == (0, "")
    assert "\nnext:\n  cd project\n" in said.out
    assert names(project) == {WORKFLOW.as_posix(), "conformance-known.yaml"}


def test_with_all_rules_of_the_suite(workshop: Workshop) -> None:
    """Of a library that has hardly anything most is unsupported, what fails is known, and a next run is green."""
    (workshop.folder / "little.py").write_text(_LITTLE, encoding="utf-8")
    done = workshop.conformance("init", "-i", "little:Adapter", "--no-adapter", "--ci", "none")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(
        r"^    [1-9]\d* of \d+ applicable must-rules conform; [1-9]\d* known failures; ", done.stdout, re.M
    )
    again = workshop.conformance("run", "-q", "-i", "little:Adapter", "--known", "conformance-known.yaml")
    assert (again.returncode, again.stderr) == (0, "")
