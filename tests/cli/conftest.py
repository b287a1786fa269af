"""The command line called in this process: quick, for whatever starts no worker."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conformance.cli import main
from tests.workshop import Workshop


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


Say = Callable[..., Said]


@pytest.fixture
def say(workshop: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs ``conformance`` with the workshop's folder as the current one."""
    monkeypatch.chdir(workshop.folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str) -> Said:
        try:
            status = main(arguments)
        except SystemExit as end:  # argparse: --help, and wrong usage
            status = int(end.code or 0)
        for name, module in list(sys.modules.items()):  # the next test has modules of the same names
            if str(getattr(module, "__file__", "")).startswith(str(workshop.folder)):
                del sys.modules[name]
        printed = capsys.readouterr()
        return Said(status, printed.out, printed.err)

    return call
