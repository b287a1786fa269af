"""Runs in a watched worker: what ends the process costs the case that did it, and nothing else.

The implementation is a file that each test writes into a folder of its own: :mod:`tests.implementations.tiny` and a
few functions. Every test starts processes, so that there are few of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from conformance.errors import ConformanceError, ImplementationBroke, ImplementationNotFound
from conformance.results.model import CaseLine, SubjectLine
from conformance.running.supervise import supervise
from conformance.running.worker import Job, devices_of
from tests.running.trials import fake
from tests.workshop import TINY

HOSTILE = """

def aborts(x):
    os.abort()


def exits(x):
    os._exit(0)


def exits_as_we_do(x):
    os._exit(70)


def segfaults(x):
    import ctypes
    ctypes.string_at(0)


def leaves(x):
    raise SystemExit(3)


def shouts(x):
    print("noise on stdout")
    os.write(1, b"more of it")
    return x


def hangs(x):
    threading.Event().wait()
"""

#: The functions of the vocabulary as which the hostile ones are called.
NAMES = {
    "aborts": "exp",
    "exits": "log",
    "exits_as_we_do": "log2",
    "segfaults": "log10",
    "leaves": "sin",
    "shouts": "abs",
    "hangs": "cos",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the implementation ``hostile``, the current one."""
    code = TINY.read_text(encoding="utf-8") + HOSTILE
    code += "\n".join(f"{name} = {function}" for function, name in NAMES.items()) + "\n"
    (tmp_path / "hostile.py").write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def spec(folder: Path, functions: Sequence[str], topic: str = "t") -> Path:
    """A rule per function, in this order, with rules that pass before, between and behind."""
    text = f"topic: {topic}\ntitle: T\nrules:\n"
    for index, function in enumerate(["add", *(one for pair in zip(functions, ["add"] * 9) for one in pair)]):
        call = "torch.add(x, x)" if function == "add" else f"torch.{NAMES[function]}(x)"
        text += f"  - id: {topic}/{index}-{function.replace('_', '-')}\n    says: s\n    source: torch.add\n"
        want = "2 * x" if function == "add" else "x"
        text += f'    given: {{x: [1.5, 2]}}\n    when: "y = {call}"\n    then: {{y: {want}}}\n'
    path = folder / f"{topic}.conformance.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def statuses(job: Job, timeout: float = 60.0) -> dict[str, str]:
    """Status and reason of every case, by the rule's slug; each once."""
    found: dict[str, str] = {}
    for line in supervise(job, timeout):
        if isinstance(line, CaseLine):
            slug = line.rule.partition("-")[2]
            key = line.rule if slug == "add" else slug
            assert key not in found
            found[key] = line.status + (f": {line.reason}" if line.reason else "")
    return found


def test_processes_that_die_lose_nothing_else(folder: Path) -> None:
    """Abort, exit, exit with the worker's own status and a segmentation fault are crashes; the rest is run."""
    path = spec(folder, ["aborts", "exits", "exits_as_we_do", "segfaults"])
    found = statuses(Job("hostile", paths=(str(path),)))
    assert {key: value for key, value in found.items() if not key.endswith("add")} == {
        "aborts": "crash: the process was ended by SIGABRT",
        "exits": "crash: the process exited with status 0",
        "exits-as-we-do": "crash: the process exited with status 70",
        "segfaults": "crash: the process was ended by SIGSEGV",
    }
    assert {value for key, value in found.items() if key.endswith("add")} == {"pass"}
    assert len(found) == 9


def test_exceptions_and_noise_end_no_process(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """SystemExit is a finding, and what an implementation prints is no part of the results."""
    path = spec(folder, ["leaves", "shouts"])
    assert statuses(Job("hostile", paths=(str(path),))) == {
        "t/0-add": "pass",
        "leaves": "fail",
        "t/2-add": "pass",
        "shouts": "pass",
        "t/4-add": "pass",
    }
    assert "noise" not in capfd.readouterr().out


def test_a_case_that_hangs_is_ended(folder: Path) -> None:
    """Silence for longer than the limit is a hang; the next case runs in a new process."""
    path = spec(folder, ["hangs"])
    assert statuses(Job("hostile", paths=(str(path),)), timeout=1.0) == {
        "t/0-add": "pass",
        "hangs": "hang: no result within 1 s",
        "t/2-add": "pass",
    }


def test_a_run_goes_on_where_it_was(folder: Path) -> None:
    """Cases with a result are not run again, however many there are; the subject says how many are planned."""
    path = spec(folder, ["aborts", "shouts"])
    job = Job("hostile", paths=(str(path),))
    lines = list(supervise(job))
    (subject,) = [line for line in lines if isinstance(line, SubjectLine)]
    assert (subject.implementation, subject.device, subject.planned) == ("hostile", "cpu", 5)
    ids = [line.id for line in lines if isinstance(line, CaseLine)]
    for done in (ids[:1], ids[1:2], ids[:4]):
        rest = list(supervise(Job("hostile", paths=(str(path),), done=frozenset(done))))
        assert [line.id for line in rest if isinstance(line, CaseLine)] == [one for one in ids if one not in done]
    assert [
        line
        for line in supervise(Job("hostile", paths=(str(path),), done=frozenset(ids)))
        if isinstance(line, CaseLine)
    ] == []


def test_patterns_select(folder: Path) -> None:
    """Only the selected rules are run."""
    path = spec(folder, ["aborts", "shouts"])
    assert statuses(Job("hostile", paths=(str(path),), patterns=("t/3-shouts", "t/0-*"))) == {
        "t/0-add": "pass",
        "shouts": "pass",
    }


def test_a_refused_job_is_one_error(folder: Path) -> None:
    """No such implementation, device or file: the error of the worker is raised here, with its hint."""
    path = str(spec(folder, ["shouts"]))
    with pytest.raises(ImplementationNotFound) as caught:
        list(supervise(Job("absent_module", paths=(path,))))
    assert caught.value.message == "no implementation is called 'absent_module'"
    with pytest.raises(ConformanceError) as refused:
        list(supervise(Job("hostile", devices=("tpu",), paths=(path,))))
    assert str(refused.value) == "hostile has no device 'tpu' (it has cpu)"
    (folder / "broken.conformance.yaml").write_text("topic: [", encoding="utf-8")
    with pytest.raises(ConformanceError, match=r"broken\.conformance\.yaml:2:1: not valid YAML"):
        list(supervise(Job("hostile", paths=(str(folder / "broken.conformance.yaml"),))))


def test_an_implementation_that_dies_when_imported(folder: Path) -> None:
    """There is no case to blame: one error, and no second try."""
    (folder / "dies.py").write_text("import os\nos._exit(9)\n", encoding="utf-8")
    with pytest.raises(ImplementationNotFound, match="ended at once: the process exited with status 9"):
        list(supervise(Job("dies", paths=(str(spec(folder, [])),))))


def test_an_implementation_that_dies_when_imported_again(folder: Path) -> None:
    """After a crash the device may be gone for good: the run ends with what it had, and starts no workers for ever."""
    once = "import os\nif os.path.exists('seen'):\n    os._exit(9)\nopen('seen', 'w').close()\n"
    (folder / "wedged.py").write_text(once + "from hostile import *\n", encoding="utf-8")
    found: list[object] = []
    gone = "no longer comes as far as its cases: the process exited with status 9"
    with pytest.raises(ImplementationBroke, match=gone):
        found.extend(supervise(Job("wedged", paths=(str(spec(folder, ["aborts"])),))))
    assert [line.status for line in found if isinstance(line, CaseLine)] == ["pass"]


def test_stopping_early_stops_the_worker(folder: Path) -> None:
    """A supervisor that is no longer asked ends its process, as it does at Ctrl-C."""
    import multiprocessing

    lines = supervise(Job("hostile", paths=(str(spec(folder, ["hangs"])),)))
    while not isinstance(next(lines), CaseLine):
        pass
    assert multiprocessing.active_children()
    lines.close()  # type: ignore[attr-defined]
    assert not multiprocessing.active_children()


def test_devices_are_checked() -> None:
    """Those wanted, each once, or all there are."""
    implementation = fake()
    implementation.devices = lambda: ("cpu", "acc")  # type: ignore[method-assign]
    assert devices_of(implementation, ()) == ("cpu", "acc")
    assert devices_of(implementation, ("acc", "acc")) == ("acc",)
    with pytest.raises(ConformanceError, match="has no device 'tpu'"):
        devices_of(implementation, ("tpu",))
