"""The command as a whole: help, wrong usage, and output that nobody reads to its end."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.cli.conftest import Say
from tests.workshop import Workshop

COMMANDS = (
    "run", "check", "list", "explain", "repro", "pin", "report", "verdict", "diff", "merge", "known", "init",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(say: Say, command: str) -> None:
    """A sentence, and a text for every argument: nothing is listed by its bare name."""
    said = say(command, "--help")
    assert said.status == 0
    assert f"usage: conformance {command}" in said.out
    arguments = re.findall(
        r"^  (\S.*?)(?:  +(\S.*))?\n(?=( {8,}\S)?)", said.out.partition("\n\nexamples:")[0], re.MULTILINE
    )
    assert [name for name, text, below in arguments if not text and not below] == []


def test_the_command_itself_lists_them_and_the_exit_statuses(say: Say) -> None:
    """What a script needs to know stands in the first help one reads."""
    said = say("--help")
    assert all(re.search(rf"^    {command} +[A-Z]", said.out, re.MULTILINE) for command in COMMANDS)
    assert re.findall(r"^  (\d)  \S", said.out, re.MULTILINE) == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["rnu"], "invalid choice: 'rnu'"),
        (["explain"], "the following arguments are required: RULE"),
        (["report", "-o", "report.html"], "the following arguments are required: RESULTS"),
        (["run", "--examples", "0"], "'0' is not a whole number from 1 on"),
        (["run", "--examples", "²"], "'²' is not a whole number from 1 on"),
        (["run", "--timeout", "-1"], "'-1' is not a number of seconds above 0"),
        (["run", "--timeout", "nan"], "'nan' is not a number of seconds above 0"),
        (["run", "--timeout", "soon"], "'soon' is not a number of seconds above 0"),
        (["run", "--shard", "3/2"], "'3/2' is no shard: expected I/N, the I-th of N parts, as in 2/5"),
        (["diff", "results.jsonl"], "the following arguments are required: NEW"),
        (["list", "--format", "xml"], "invalid choice: 'xml'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_status_2_and_says_what(say: Say, arguments: list[str], complaint: str) -> None:
    """As every command line does."""
    said = say(*arguments)
    assert said.status == 2
    assert complaint in said.err


def test_the_version(say: Say) -> None:
    """Of the suite."""
    from conformance import __version__

    assert say("--version").out == f"conformance {__version__}\n"


def test_a_reader_that_stops_early_is_no_traceback(workshop: Workshop) -> None:
    """``conformance list | head -1``: quiet, and not status 0, which would say that everything is well."""
    workshop.spec("pass", "fail")
    listing = subprocess.Popen(
        [sys.executable, "-m", "conformance", "list", "--specs", ".", "--format", "json"], cwd=workshop.folder,
        env=workshop.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    assert listing.stdout is not None
    listing.stdout.close()  # before anything can have been written
    assert listing.stderr is not None
    assert listing.stderr.read() == ""
    listing.stderr.close()
    assert listing.wait() == 141


def test_a_terminal_that_cannot_show_a_character_still_shows_the_rest(workshop: Workshop) -> None:
    """An ASCII terminal gets escapes, not a UnicodeEncodeError."""
    path = workshop.spec("fail")
    path.write_text(path.read_text(encoding="utf-8").replace("the sign", "the sign −1"), encoding="utf-8")
    found = workshop.conformance("list", "--specs", ".", env=workshop.environment(PYTHONIOENCODING="ascii"))
    assert found.stdout == "small/negates  Negation changes the sign \\u22121.\n"
    assert (found.returncode, found.stderr) == (0, "")


def test_ctrl_c_outside_a_run_is_a_word(say: Say, workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was under way, there is no traceback."""
    from conformance.cli import selecting

    def interrupted(paths: object) -> None:
        raise KeyboardInterrupt

    workshop.spec("pass")
    monkeypatch.setattr(selecting, "load", interrupted)
    said = say("list", "--specs", ".")
    assert (said.status, said.out, said.err) == (130, "", "interrupted\n")
