"""The guide is run as it stands: every block of commands, in order, in a copy of the example project."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.examples.conftest import EXAMPLE, Environment, copy_of_the_example
from tests.workshop import REPOSITORY

GUIDE = REPOSITORY / "docs" / "guide.md"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STATUS = re.compile(r"# exit status (\d)")


@dataclass(frozen=True)
class Block:
    """A fenced block of the guide: what kind it is, its text, and its first line in the file."""

    kind: str
    text: str
    line: int


def blocks() -> Iterator[Block]:
    """The fenced blocks, in order."""
    text = GUIDE.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        yield Block(found[1], found[2], text.count("\n", 0, found.start()) + 2)


def test_every_command_runs_and_prints_what_is_shown(environment: Environment, tmp_path: Path) -> None:
    """Each line ends with the status that it announces, or 0; a block without a language is output of the one before.

    Of the output that is shown each line is there, in order. An ellipsis stands for anything, and a number for any
    number: rules are added.
    """
    folder = copy_of_the_example(tmp_path)
    printed = ""
    for block in blocks():
        if block.kind == "sh":
            printed = "".join(_printed(environment, folder, line, block) for line in block.text.splitlines())
        elif block.kind == "":
            _assert_shown(block, printed)
    assert (folder / "report.html").stat().st_size > 10_000


def _printed(environment: Environment, folder: Path, command: str, block: Block) -> str:
    announced = _STATUS.search(command)
    ran = environment.run(command, folder)
    status = int(announced[1]) if announced else 0
    assert ran.returncode == status, f"guide.md:{block.line}: {command}\n{ran.stdout[-3000:]}{ran.stderr[-3000:]}"
    return ran.stdout + ran.stderr


def _assert_shown(block: Block, printed: str) -> None:
    lines = iter(printed.splitlines())
    for wanted in block.text.splitlines():
        pattern = re.sub(r"\d+", r"\\d+", re.escape(wanted)).replace("…", ".*")
        assert any(re.fullmatch(pattern, line) for line in lines), (
            f"guide.md:{block.line}: {wanted!r} is not in\n{printed[-3000:]}"
        )


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("python", "rushlight_conformance.py"),
        ("toml", "pyproject.toml"),
        ("yaml", ".github/workflows/conformance.yml"),
    ],
)
def test_what_is_quoted_stands_in_the_example(kind: str, path: str) -> None:
    """Line by line, in order; nothing in the guide is made up."""
    [block] = [one for one in blocks() if one.kind == kind]
    lines = iter((EXAMPLE / path).read_text(encoding="utf-8").splitlines())
    assert [line for line in block.text.splitlines() if line not in lines] == []


def test_the_readme_names_the_guide_before_other_pages() -> None:
    """Whoever wants to test an implementation finds it first."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\(docs/([a-z-]+\.md)\)", readme)[0] == "guide.md"
