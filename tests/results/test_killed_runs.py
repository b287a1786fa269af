"""A run that is killed at any moment keeps every case it wrote, and ``--resume`` completes it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from conformance.results.reading import never_began, read_results
from tests.implementations.tiny import AT_THE_GATE
from tests.workshop import Workshop

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs and process groups")

#: Kills its own process at the write numbered by its first argument, of which it writes the share in its second.
KILLED_WHILE_WRITING = """
    import os, signal, sys
    from conformance.results.model import encoded
    from conformance.results.writing import ResultsWriter

    at, share, written = int(sys.argv[1]), float(sys.argv[2]), 0
    write = ResultsWriter.write

    def write_or_die(self, line):
        global written
        if written == at:
            raw = encoded(line) + b"\\n"
            self._file.write(raw[: int(share * len(raw))])
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, line)
        written += 1

    ResultsWriter.write = write_or_die
    from conformance.cli import main
    main(sys.argv[3:])
"""
#: As ``sitecustomize``: the worker stands still before it has run a line of ours.
STARTS_SLOWLY = f"""
import os, pathlib, sys

if "--multiprocessing-fork" in sys.orig_argv:
    pathlib.Path("pid").write_text(str(os.getpid()))
    print({AT_THE_GATE!r}, file=sys.stderr, flush=True)
    pathlib.Path("gate").read_bytes()
"""
EXPECTED = {
    "small/adds[times=3-tiny-cpu]": "pass",
    "small/adds[times=5-tiny-cpu]": "pass",
    "small/negates[tiny-cpu]": "fail",
    "small/sine[tiny-cpu]": "unsupported",
}


@pytest.mark.parametrize(
    ("at", "share"),
    [(0, 0.5), (1, 0.0), (2, 0.5), (4, 0.0), (6, 0.5)],
    ids=lambda value: str(value),
)
def test_a_run_killed_while_writing_is_completed_by_resume(workshop: Workshop, at: int, share: float) -> None:
    """Write 0 is the run's line, 1 the subject's, 2 to 5 the cases', 6 the end's; what was whole is never run again."""
    workshop.spec("pass", "fail", "unsupported")
    killed = workshop.python(KILLED_WHILE_WRITING, str(at), str(share), *workshop.run_arguments())
    assert killed.returncode == -signal.SIGKILL
    kept = b""
    if at == 0:
        assert never_began(workshop.results)
    else:
        found = read_results(workshop.results)
        assert [case.id for case in found.cases] == list(EXPECTED)[: max(at - 2, 0)]
        kept = workshop.results.read_bytes()[: found.whole_bytes]
    resumed = workshop.run("--resume")
    assert resumed.returncode == 1, resumed.stderr
    assert workshop.statuses() == EXPECTED
    assert workshop.results.read_bytes().startswith(kept)
    assert [line["kind"] for line in workshop.lines()] == ["run", "subject", *["case"] * 4, "end"]
    assert "1 of 2 applicable must-rules conform; 1 unsupported, 0 not run" in resumed.stdout


@contextmanager
def standing_still(workshop: Workshop, *rules: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A run whose worker stands at the gate; everything it started is gone in the end."""
    workshop.spec(*rules)
    gate = workshop.folder / "gate"
    os.mkfifo(gate)
    process = subprocess.Popen(
        [sys.executable, "-m", "conformance", *workshop.run_arguments()], cwd=workshop.folder,
        env=workshop.environment(**environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        assert process.stderr.readline().strip() == AT_THE_GATE
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        gate.unlink()
        gate.touch()  # for the run that resumes: it passes at once


def everything_ended(process: subprocess.Popen[str]) -> bool:
    """Whether every process that holds the run's stderr has ended."""
    assert process.stderr is not None
    file = process.stderr.fileno()
    while select.select([file], [], [], 60)[0]:
        if not os.read(file, 4096):
            return True
    return False


def completed(workshop: Workshop) -> bool:
    """Whether resuming comes to the cases, each once, that an undisturbed run has."""
    assert workshop.run("--resume").returncode == 1
    ids = [line["id"] for line in workshop.lines() if line["kind"] == "case"]
    adds = [f"small/adds[times={n}-tiny-cpu]" for n in (3, 5)]
    return ids == [*adds, "small/negates[tiny-cpu]", "small/waits[tiny-cpu]"]


def test_a_run_killed_inside_a_case_leaves_no_process_and_can_be_resumed(workshop: Workshop) -> None:
    """SIGKILL gives nobody a chance to tidy up; the worker, though stuck in its case, sees it and ends."""
    with standing_still(workshop, "pass", "waits", "fail") as process:
        process.kill()
        assert everything_ended(process)
    assert all(line["kind"] != "end" for line in workshop.lines())
    assert completed(workshop)


def test_ctrl_c_ends_a_run_with_130_and_a_file_to_resume(workshop: Workshop) -> None:
    """The whole process group gets SIGINT, as from a terminal: a sentence, no traceback, and how to go on."""
    with standing_still(workshop, "pass", "waits", "fail") as process:
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130
    assert err.strip() == "interrupted; go on with --resume -o results.jsonl"
    assert "tiny on cpu" in out
    assert "not run" in out.splitlines()[-1]
    assert read_results(workshop.results).end is None
    assert completed(workshop)


def test_ctrl_c_does_not_reach_a_worker_that_is_still_starting(workshop: Workshop) -> None:
    """It cannot ignore SIGINT by itself yet; here it alone gets one, comes up all the same, and runs its cases."""
    slow = workshop.folder / "slow"
    slow.mkdir()
    (slow / "sitecustomize.py").write_text(STARTS_SLOWLY, encoding="utf-8")
    with standing_still(workshop, "pass", PYTHONPATH=str(slow)) as process:
        os.kill(int((workshop.folder / "pid").read_text(encoding="utf-8")), signal.SIGINT)
        (workshop.folder / "gate").write_bytes(b"")
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert out.endswith("cases: 2 pass\n")


def test_resuming_a_finished_run_runs_nothing_and_keeps_its_verdict(workshop: Workshop) -> None:
    """Cases keep their lines to the byte; the exit status is that of all cases and not of the few that were left."""
    workshop.spec("pass", "fail")
    assert workshop.run().returncode == 1
    before = [line for line in workshop.results.read_bytes().splitlines() if b'"kind":"end"' not in line]
    again = workshop.run("--resume", "-q")
    assert again.returncode == 1
    assert [line for line in workshop.results.read_bytes().splitlines() if b'"kind":"end"' not in line] == before


def test_resuming_where_there_is_no_file_yet_starts_one(workshop: Workshop) -> None:
    """A script may always say --resume."""
    workshop.spec("pass")
    assert workshop.run("--resume").returncode == 0
    assert len(workshop.statuses()) == 2


def test_other_rules_cannot_be_resumed(workshop: Workshop) -> None:
    """Results of edited rules are not mixed with those of the rules as they were."""
    workshop.spec("pass")
    workshop.run()
    kept = workshop.results.read_bytes()
    workshop.spec("pass", "fail")
    found = workshop.run("--resume")
    assert found.returncode == 2
    assert "results.jsonl was written with other rules (leave out --resume" in found.stderr
    assert workshop.results.read_bytes() == kept


def test_another_version_of_the_implementation_cannot_be_resumed(workshop: Workshop) -> None:
    """Results of two versions in one file would be a verdict on neither."""
    workshop.spec("pass")
    workshop.run()
    module = workshop.folder / "tiny.py"
    module.write_text(module.read_text(encoding="utf-8").replace("0.0-tiny", "0.1-tiny"), encoding="utf-8")
    found = workshop.run("--resume")
    assert found.returncode == 2
    assert "was written with tiny 0.0-tiny on cpu, and this is 0.1-tiny on cpu" in found.stderr
