"""A step of a GitHub job, played: the scripts of ``action.yml`` in bash, with what GitHub would have set."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.workshop import REPOSITORY, Workshop

ACTION: dict[str, Any] = yaml.safe_load((REPOSITORY / "action.yml").read_text(encoding="utf-8"))

_RECORDS = """\
import json, os, sys
with open({path!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
sys.exit({status})
"""


@dataclass
class Played:
    """How the use of an action went: its exit status, what the log says, its outputs, the artifact it uploads."""

    status: int = 0
    log: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    artifact: dict[str, str] | None = None


class Job:
    """A job whose workspace is the workshop's folder."""

    def __init__(self, workshop: Workshop, outside: Path) -> None:
        self.workshop = workshop
        self.summary = outside / "summary.md"
        self.installed = outside / "installed"
        self._temporary = outside / "temporary"
        self._temporary.mkdir()
        self._commands = outside / "commands"
        self._commands.mkdir()
        self._output = outside / "output"
        pip = shlex.quote(self._recorder(self.installed, 0))
        python = shlex.quote(sys.executable)
        self._command("python", f'case "$1 $2" in "-m pip") exec {python} {pip} "$@" ;; *) exec {python} "$@" ;; esac')
        self._command("conformance", f'exec {python} -m conformance "$@"')

    def recording(self, status: int = 0) -> Path:
        """Let ``conformance`` do nothing but write its arguments down, in the file that is returned."""
        calls = self._commands / "calls"
        self._command("conformance", f'exec {sys.executable} {shlex.quote(self._recorder(calls, status))} "$@"')
        return calls

    def environment(self, **more: str) -> dict[str, str]:
        """What every step has in its environment."""
        inherited = self.workshop.environment()
        return {
            **inherited,
            "PATH": f"{self._commands}:{inherited['PATH']}",
            "GITHUB_ACTION_PATH": str(REPOSITORY),
            "GITHUB_OUTPUT": str(self._output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_WORKSPACE": str(self.workshop.folder),
            "RUNNER_TEMP": str(self._temporary),
            **more,
        }

    def use(self, **given: str) -> Played:
        """Run the action's steps until one fails; those that always run, to the end."""
        context = {f"inputs.{name}": given.get(name.replace("-", "_"), "") for name in ACTION["inputs"]}
        for name, described in ACTION["inputs"].items():
            if name.replace("-", "_") not in given:
                context[f"inputs.{name}"] = described.get("default", "")
        self._output.write_text("", encoding="utf-8")
        played = Played()
        for step in ACTION["runs"]["steps"]:
            if not _holds(step.get("if", "success()"), context, played.status):
                continue
            if "uses" in step:
                played.artifact = _evaluated(step["with"], context)
                continue
            self._run(step, context, played)
        played.outputs = {name: text for name, text in _evaluated(_values(), context).items() if text}
        return played

    def _run(self, step: Mapping[str, Any], context: dict[str, str], played: Played) -> None:
        assert step["shell"] == "bash"
        found = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=self.workshop.folder,
            env=self.environment(**_evaluated(step.get("env", {}), context)), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, encoding="utf-8", timeout=300, check=False,
        )  # fmt: skip
        played.log += found.stdout
        played.status = played.status or found.returncode
        for line in self._output.read_text(encoding="utf-8").splitlines() if "id" in step else ():
            name, _, value = line.partition("=")
            context[f"steps.{step['id']}.outputs.{name}"] = value

    def _recorder(self, path: Path, status: int) -> str:
        script = self._commands / f"{path.name}.py"
        script.write_text(_RECORDS.format(path=str(path), status=status), encoding="utf-8")
        return str(script)

    def _command(self, name: str, line: str) -> None:
        path = self._commands / name
        path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        path.chmod(0o755)


def calls(path: Path) -> list[list[str]]:
    """The arguments of each call that was written down."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _values() -> dict[str, str]:
    return {name: described["value"] for name, described in ACTION["outputs"].items()}


def _evaluated(texts: Mapping[str, str], context: Mapping[str, str]) -> dict[str, str]:
    def value(found: re.Match[str]) -> str:
        return context.get(found[1], "")

    return {name: re.sub(r"\$\{\{ (\S+) \}\}", value, text) for name, text in texts.items()}


def _holds(condition: str, context: Mapping[str, str], status: int) -> bool:
    """Whether a step runs; GitHub's expressions as far as the action has any."""

    def term(text: str) -> bool:
        if text in ("always()", "success()"):
            return text == "always()" or status == 0
        left, compared, right = text.split(" ")
        return (context.get(left, "") == right.strip("'")) is (compared == "==")

    return all(term(one) for one in condition.split(" && "))
