"""The files that a project gets: that each works as it stands, and that none replaces another."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.errors import ConformanceError, ImplementationNotFound
from conformance.implementations import find
from conformance.implementations.contract import Implementation
from conformance.starting.project import ADAPTER, WORKFLOWS, Choices, files, gitlab_template, runnable, write_new
from tests.ci.test_gitlab import TEMPLATE
from tests.ci.workflows import OURS, faults
from tests.workshop import Workshop


@pytest.fixture(autouse=True)
def _here(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The project is the current folder, and what is imported from it is forgotten."""
    monkeypatch.chdir(workshop.folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(workshop.folder)):
            del sys.modules[name]


def text(choices: Choices, path: Path) -> str:
    """What is to stand in one of the files."""
    return dict(files(choices))[path]


class TestAdapter:
    def test_has_every_method_of_the_contract(self) -> None:
        """With the same parameters, and a sentence on what it is for."""
        assert write_new(ADAPTER, text(Choices("tiny", True, "none"), ADAPTER))
        adapter: type[Any] = type(find("conformance_adapter:Adapter"))
        contract = {name: value for name, value in vars(Implementation).items() if not name.startswith("_")}
        assert {name for name in vars(adapter) if not name.startswith("_")} == contract.keys()
        for name, value in contract.items():
            mine = vars(adapter)[name]
            if callable(value):
                assert _parameters(mine) == _parameters(value), name
            if name != "unreadable_devices":
                assert (mine.func if hasattr(mine, "func") else mine).__doc__, name

    def test_does_what_the_contract_does(self) -> None:
        """For a torch-like namespace nothing needs to be filled in."""
        assert write_new(ADAPTER, text(Choices("tiny", True, "none"), ADAPTER))
        adapter, plain = find("conformance_adapter:Adapter"), find("tiny")
        for name in ("release", "version", "torch", "nn", "F", "optim"):
            assert getattr(adapter, name) == getattr(plain, name), name
        assert adapter.dtypes("cpu") == plain.dtypes("cpu")
        assert adapter.devices() == plain.devices()
        assert adapter.name == "conformance_adapter.Adapter"

    @pytest.mark.parametrize("name", ["package.inside.tiny", "package:tiny", "package.inside:tiny.torch"])
    def test_imports_what_was_named(self, workshop: Workshop, name: str) -> None:
        """A module, or a namespace inside one."""
        inside = workshop.folder / "package" / "inside"
        inside.mkdir(parents=True)
        (workshop.folder / "tiny.py").rename(inside / "tiny.py")
        (inside / "__init__.py").write_text("from . import tiny\ntiny.torch = tiny\n", encoding="utf-8")
        (workshop.folder / "package" / "__init__.py").write_text("from .inside import tiny\n", encoding="utf-8")
        assert write_new(ADAPTER, text(Choices(name, True, "none"), ADAPTER))
        assert find("conformance_adapter:Adapter").version == "0.0-tiny"


def _parameters(function: Any) -> list[tuple[str, Any, Any]]:
    return [(one.name, one.default, one.kind) for one in inspect.signature(function).parameters.values()]


class TestConfigurations:
    @pytest.mark.parametrize(
        ("given", "installs"),
        [
            ({"pyproject.toml": ""}, "python -m pip install ."),
            ({"setup.py": ""}, "python -m pip install ."),
            ({"requirements.txt": ""}, "python -m pip install -r requirements.txt"),
            ({}, None),
        ],
        ids=["pyproject", "setup", "requirements", "nothing"],
    )
    def test_of_github(self, workshop: Workshop, given: dict[str, str], installs: str | None) -> None:
        """Pinned and least-privilege; installs the project as its files say, and runs what was chosen."""
        for name, content in given.items():
            (workshop.folder / name).write_text(content, encoding="utf-8")
        made = text(Choices("tiny", False, "github"), WORKFLOWS["github"])
        assert faults(made) == []
        (job,) = yaml.safe_load(made)["jobs"].values()
        assert [step["run"] for step in job["steps"] if "run" in step] == ([installs] if installs else [])
        assert [step["with"] for step in job["steps"] if step.get("uses") == OURS] == [
            {"implementation": "tiny", "known-failures": "conformance-known.yaml"}
        ]
        assert "# Pin it: " in made

    def test_of_gitlab(self, workshop: Workshop) -> None:
        """The template, whole, and a job that extends it with variables that it has."""
        (workshop.folder / "pyproject.toml").touch()
        made = text(Choices("tiny", True, "gitlab"), WORKFLOWS["gitlab"])
        assert made.startswith(gitlab_template().read_text(encoding="utf-8"))
        jobs = yaml.safe_load(made)
        job = jobs.pop("conformance")
        assert jobs == TEMPLATE
        assert job["variables"].keys() <= TEMPLATE[job["extends"]]["variables"].keys()
        assert job["variables"]["CONFORMANCE_IMPLEMENTATION"] == "conformance_adapter:Adapter"
        assert job["before_script"] == ["python -m pip install ."]
        assert "# Pin it: " in made

    def test_python_is_that_of_the_first_run(self) -> None:
        """So that what fails in CI is what failed there."""
        (job,) = yaml.safe_load(text(Choices("tiny", False, "github"), WORKFLOWS["github"]))["jobs"].values()
        (version,) = (step["with"]["python-version"] for step in job["steps"] if "setup-python" in step.get("uses", ""))
        assert version == "{}.{}".format(*sys.version_info)

    def test_torch_itself_is_installed(self) -> None:
        """Where the project has no files that say what it needs."""
        assert "- run: python -m pip install torch\n" in text(Choices("torch", False, "github"), WORKFLOWS["github"])

    def test_a_name_is_a_text_of_yaml_whatever_it_is(self) -> None:
        """A registered name may be anything."""
        name = "a: b #'\" c"
        made = text(Choices(name, False, "github"), WORKFLOWS["github"])
        assert json.dumps(name) in made
        assert faults(made) == []


class TestWriting:
    def test_never_replaces_a_file(self, workshop: Workshop) -> None:
        """Not even by way of a link that leads nowhere."""
        there = workshop.folder / "there"
        there.write_text("mine", encoding="utf-8")
        (workshop.folder / "link").symlink_to(workshop.folder / "nowhere")
        assert [write_new(workshop.folder / name, "ours") for name in ("there", "link", "new")] == [False, False, True]
        assert there.read_text(encoding="utf-8") == "mine"
        assert not (workshop.folder / "nowhere").exists()

    def test_a_folder_that_is_a_file_is_a_sentence(self, workshop: Workshop) -> None:
        """The path is named."""
        (workshop.folder / ".github").touch()
        path = Path(".github", "workflows", "conformance.yml")
        with pytest.raises(ConformanceError, match=f"cannot write {path}: (Not a directory|File exists)"):
            write_new(path, "")


class TestRunnable:
    def test_what_looks_like_torch(self) -> None:
        """With an adapter and without."""
        assert runnable(Choices("tiny", False, "none"))
        assert runnable(Choices("tiny", True, "none"))

    def test_what_does_not_gets_an_adapter_or_an_error(self, workshop: Workshop) -> None:
        """A run has to wait until the adapter is filled in."""
        (workshop.folder / "strange.py").write_text("class Array: ...\n", encoding="utf-8")
        assert not runnable(Choices("strange", True, "none"))
        with pytest.raises(ImplementationNotFound, match="not an implementation"):
            runnable(Choices("strange", False, "none"))

    @pytest.mark.parametrize("adapter", [True, False])
    def test_what_is_not_there_is_an_error(self, adapter: bool) -> None:
        """In either case."""
        with pytest.raises(ImplementationNotFound, match="no implementation is called 'tinny'"):
            runnable(Choices("tinny", adapter, "none"))

    @pytest.mark.parametrize("name", ["reference", "other:Adapter", "other:ADAPTER"])
    def test_an_adapter_gets_no_adapter(self, workshop: Workshop, name: str) -> None:
        """It would hide the one that there is."""
        source = "import tiny\nfrom conformance.implementations import Implementation\n"
        source += (
            "class Adapter(Implementation):\n    def __init__(self): super().__init__(tiny)\nADAPTER = Adapter()\n"
        )
        (workshop.folder / "other.py").write_text(source, encoding="utf-8")
        with pytest.raises(ConformanceError, match=f"'{name}' has an adapter already"):
            runnable(Choices(name, True, "none"))

    def test_an_adapter_that_is_kept_has_to_work(self, workshop: Workshop) -> None:
        """It is found out before anything is written."""
        (workshop.folder / ADAPTER).write_text("Adaptor = 3\n", encoding="utf-8")
        with pytest.raises(ImplementationNotFound, match="module 'conformance_adapter' has no 'Adapter'"):
            runnable(Choices("tiny", True, "none"))
