"""What a project gets: which files, what stands in them, and that none of them is there before it is written."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from jinja2 import Environment, PackageLoader, StrictUndefined

from conformance.errors import ConformanceError
from conformance.implementations.contract import Implementation
from conformance.implementations.discovery import available, find, named

CI = Literal["github", "gitlab", "none"]
CIS: tuple[CI, ...] = get_args(CI)

ADAPTER = Path("conformance_adapter.py")
KNOWN = Path("conformance-known.yaml")
RESULTS = Path("conformance-results.jsonl")
WORKFLOWS: dict[CI, Path] = {
    "github": Path(".github", "workflows", "conformance.yml"),
    "gitlab": Path(".gitlab", "conformance.yml"),
}
_WRAPPED = "conformance_adapter:Adapter"


@dataclass(frozen=True)
class Choices:
    """What somebody wants: the implementation as ``-i`` takes it, whether to write an adapter for it, whose CI."""

    implementation: str
    adapter: bool
    ci: CI

    @property
    def subject(self) -> str:
        """What is run: the implementation, or the adapter that is written for it."""
        return _WRAPPED if self.adapter else self.implementation


def runnable(choices: Choices) -> bool:
    """Whether rules can be run on the chosen implementation in the current folder, without a word from its author.

    A module that does not look like torch has to be told to the suite first, in the adapter that is written for it.

    Raises:
        ImplementationNotFound: there is no such implementation, or it does not look like torch and gets no adapter.
        ConformanceError: it has an adapter already.

    """
    if not choices.adapter:
        find(choices.implementation)
        return True
    found = named(choices.implementation)
    is_adapter = isinstance(found, Implementation) or (isinstance(found, type) and issubclass(found, Implementation))
    if is_adapter or choices.implementation in available():
        raise ConformanceError(f"'{choices.implementation}' has an adapter already", "--no-adapter")
    if ADAPTER.exists():
        find(choices.subject)
        return True
    return hasattr(found, "Tensor")


def files(choices: Choices) -> Iterator[tuple[Path, str]]:
    """The files to write before a first run, each with its text."""
    if choices.adapter:
        module, _, attribute = choices.implementation.partition(":")
        yield ADAPTER, _rendered("conformance_adapter.py.j2", module=module, attribute=attribute)
    if choices.ci == "github":
        yield WORKFLOWS["github"], _rendered("github.yml.j2", **_workflow(choices))
    if choices.ci == "gitlab":
        jobs = gitlab_template().read_text(encoding="utf-8")
        yield WORKFLOWS["gitlab"], _rendered("gitlab.yml.j2", jobs=jobs, **_workflow(choices))


def gitlab_template() -> Path:
    """Where ``gitlab.yml`` lies: inside the installed package, or at the root of a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "starting" / "templates" / "gitlab.yml"
    return inside if inside.is_file() else package.parent / "gitlab.yml"


def write_new(path: Path, text: str) -> bool:
    """Write a file that is not there yet, with its folders; False, and nothing is written, where there is one.

    Raises:
        ConformanceError: it cannot be written.

    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:  # one step: whoever makes it meanwhile keeps it
            file.write(text)
    except FileExistsError as error:
        if path.parent.is_dir():
            return False
        raise _not_written(path, error) from error
    except OSError as error:
        raise _not_written(path, error) from error
    return True


def _not_written(path: Path, error: OSError) -> ConformanceError:
    return ConformanceError(f"cannot write {path}: {error.strerror or error}")


def _workflow(choices: Choices) -> dict[str, str]:
    """What a CI configuration says of the project."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {
        "implementation": json.dumps(choices.subject),
        "known": KNOWN.as_posix(),
        "python": python,
        "install": _install(choices),
    }


def _install(choices: Choices) -> str:
    """The command that installs the implementation, as far as the project's files tell; empty where nothing is."""
    if any(Path(name).is_file() for name in ("pyproject.toml", "setup.py")):
        return "python -m pip install ."
    if Path("requirements.txt").is_file():
        return "python -m pip install -r requirements.txt"
    return "python -m pip install torch" if choices.implementation == "torch" else ""


def _rendered(name: str, /, **values: str) -> str:
    environment = Environment(  # noqa: S701 - Python and YAML, of names that were imported
        loader=PackageLoader("conformance.starting"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    return environment.get_template(name).render(values)
