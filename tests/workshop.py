"""A folder as a user has one: a few small rules, an implementation of one's own, and commands that run there.

The rules are as small as rules get and each comes to one outcome on :mod:`tests.implementations.tiny`, so that tests
of the results file, the command line, the plugin and the page depend on no rule of the suite and import no torch.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
TINY = REPOSITORY / "tests" / "implementations" / "tiny.py"

_HIDES_TORCH = """\
from importlib.machinery import PathFinder

_find = PathFinder.find_spec

def _find_all_but_torch(name, path=None, target=None):
    return None if name.partition(".")[0] == "torch" else _find(name, path, target)

PathFinder.find_spec = _find_all_but_torch
"""


def rule(slug: str, when: str, then: str, *, says: str = "", more: str = "") -> str:
    """The YAML of one rule of the topic ``small``; x is given as [1.5, -2.25, 4]."""
    text = f"""\
  - id: small/{slug}
    says: {says or f"What {when} leaves behind."}
    source: torch.add
    given: {{x: [1.5, -2.25, 4]}}
    when: {when}
    then: {{{then}}}
"""
    return text + textwrap.indent(more, "    ")


#: By what comes of it on the tiny implementation.
RULES = {
    "pass": rule("adds", "y = torch.add(x, x)", "y: 2 * x", more="with: {times: [3, 5]}\n"),
    "fail": rule("negates", "y = torch.neg(x)", "y: -x", says="Negation changes the sign."),
    "unsupported": rule("sine", "y = torch.sin(x)", "y: np.sin(x)"),
    "unspecified": rule("open", "y = torch.add(x, x)", "y: {unspecified: nobody says}"),
    "crash": rule("dies", "y = torch.exp(x)", "y: np.exp(x)"),
    "hang": rule("stays", "y = torch.log(x)", "y: np.log(x)"),
    "error": rule("breaks", "y = torch.add(x, x)", "y: '1 / x[9]'"),
    "waits": rule("waits", "y = torch.floor(x)", "y: np.floor(x)"),
    "interrupts": rule("interrupts", "y = torch.cos(x)", "y: np.cos(x)"),
}


def many(number: int) -> str:
    """A rule of ``number`` cases, all of which pass."""
    return rule("many", "y = torch.add(x, x)", "y: 2 * x", more=f"with: {{n: {list(range(number))}}}\n")


class Workshop:
    """A folder with ``small.conformance.yaml`` and ``tiny.py``, the current one of every command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results = folder / "results.jsonl"
        ours = ("PYTEST", "GITHUB")  # the tests' own run is not the user's
        self._environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        (folder / "tiny.py").write_bytes(TINY.read_bytes())

    def spec(self, *rules: str, name: str = "small.conformance.yaml") -> Path:
        """Write a spec file of these rules (names in RULES, or YAML)."""
        path = self.folder / name
        topic = f"topic: {name.partition('.')[0]}\ntitle: Small rules\nrules:\n"
        path.write_text(topic + "".join(RULES.get(one, one) for one in rules), encoding="utf-8")
        return path

    def known(self, *entries: str) -> Path:
        """Write ``known.yaml``, an entry a line, the first on the second."""
        path = self.folder / "known.yaml"
        path.write_text("known:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries), encoding="utf-8")
        return path

    def without_torch(self) -> None:
        """Let every command run as if torch were not installed."""
        hidden = self.folder / "without-torch"
        hidden.mkdir()
        (hidden / "sitecustomize.py").write_text(_HIDES_TORCH, encoding="utf-8")
        self._environment["PYTHONPATH"] = str(hidden)

    def environment(self, **more: str) -> dict[str, str]:
        """What commands have in their environment."""
        return {**self._environment, **more}

    def python(self, code: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run Python code in the folder."""
        return self._command(["-c", textwrap.dedent(code), *arguments], **options)

    def conformance(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run the ``conformance`` command in the folder."""
        return self._command(["-m", "conformance", *arguments], **options)

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """``conformance run`` of the folder's rules on the tiny implementation, with results in a file."""
        return self.conformance(*self.run_arguments(*arguments), **options)

    def run_arguments(self, *arguments: str) -> list[str]:
        """What :meth:`run` gives to the command."""
        return ["run", "-i", "tiny", "--specs", ".", "-o", self.results.name, *arguments]

    def _command(self, arguments: Iterable[str], **options: Any) -> subprocess.CompletedProcess[str]:
        options = {"env": self.environment(), "encoding": "utf-8", "capture_output": True, **options}
        return subprocess.run([sys.executable, *arguments], cwd=self.folder, timeout=120, check=False, **options)

    def lines(self) -> list[dict[str, Any]]:
        """The results file's lines, each of which must be JSON."""
        return [json.loads(line) for line in self.results.read_text(encoding="utf-8").splitlines()]

    def statuses(self) -> dict[str, str]:
        """The status of every case in the results file, by id."""
        return {line["id"]: line["status"] for line in self.lines() if line["kind"] == "case"}


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """A folder of one's own."""
    return Workshop(tmp_path)
