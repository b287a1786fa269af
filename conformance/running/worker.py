"""The process that runs cases, so that a crash or a hang ends it and not the run.

It is started by :mod:`conformance.running.supervise`, reads its job once, and sends a line per finished case through a
pipe. It never writes files and prints nothing.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from conformance.errors import ConformanceError
from conformance.results.model import CaseLine, SubjectLine, case_line, serializable
from conformance.running.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Job:
    """What to run: one implementation, some devices of it, the selected rules.

    ``done`` are ids that have a result already; ``broken`` is the status and reason for the next case, which ended the
    worker before this one.
    """

    implementation: str
    devices: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    examples: int = 25
    begin: int = 0
    broken: tuple[str, str] | None = None
    done: frozenset[str] = frozenset()


def work(job: Job, pipe: Connection) -> None:
    """Run ``job``, sending serialized lines; the last message is a plain string, "done" or an error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor decides when to stop
    _silence()
    try:
        for message in _messages(job):
            pipe.send_bytes(json.dumps(message, ensure_ascii=False).encode())
        pipe.send_bytes(json.dumps({"kind": "done"}).encode())
    except ConformanceError as error:
        text = {"kind": "refused", "type": type(error).__name__, "message": error.message, "hint": error.hint}
        pipe.send_bytes(json.dumps(text).encode())
    except (BrokenPipeError, EOFError):
        pass  # the supervisor is gone, and with it the reader of results


def _silence() -> None:
    """What an implementation prints while it runs is not a result."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)


def _messages(job: Job) -> Iterator[dict[str, Any]]:
    from conformance.implementations import find
    from conformance.rules.loading import load
    from conformance.running.cases import expand, select
    from conformance.running.execute import Runner

    rules = select(load([Path(path) for path in job.paths]), job.patterns)
    implementation = find(job.implementation)
    runner = Runner(implementation, examples=job.examples)
    index = 0
    for device in devices_of(implementation, job.devices):
        cases = list(expand(rules, implementation, device))
        subject = SubjectLine(
            implementation=implementation.name,
            version=implementation.version,
            release=".".join(map(str, implementation.release)),
            device=device,
            device_name=implementation.device_name(device),
            planned=len(cases),
        )
        yield serializable(subject)
        for case in cases:
            index += 1
            if index <= job.begin:
                continue
            if case.id in job.done:
                yield {"kind": "skipped"}
                continue
            if job.broken is not None and index == job.begin + 1:
                status, reason = job.broken
                yield _line(case_line(case, Outcome(status, reason=reason)))  # type: ignore[arg-type]
                continue
            line = case_line(case, runner.run(case))
            yield _line(line)
            if line.status == "crash":
                os._exit(70)  # nothing that runs here afterwards can be trusted


def _line(line: CaseLine) -> dict[str, Any]:
    return serializable(line)


def devices_of(implementation: Any, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The devices to test: those wanted, or all the implementation has.

    Raises:
        ConformanceError: a wanted device is not there.

    """
    present = tuple(implementation.devices())
    if not wanted:
        return present
    for device in wanted:
        if device not in present and device not in implementation.other_devices(present[0]):
            raise ConformanceError(f"{implementation.name} has no device '{device}'", f"it has {', '.join(present)}")
    return wanted
