"""Running many cases so that nothing finished is lost: a worker process runs them, this one watches.

A worker that dies makes its current case a ``crash``, one that is silent for too long makes it a ``hang``; a new worker
goes on with the next case. Lines are yielded as they come.
"""

from __future__ import annotations

import json
import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Literal

from conformance import errors
from conformance.results.model import CaseLine, SubjectLine
from conformance.results.reading import parse_line
from conformance.running.outcome import Status
from conformance.running.worker import Job, work

TIMEOUT = 60.0
_START_UP = 300.0
_CRASHED = 70


def supervise(job: Job, timeout: float = TIMEOUT) -> Iterator[SubjectLine | CaseLine]:
    """Run ``job`` in worker processes; yield a line per subject and per finished case.

    Args:
        job: what to run.
        timeout: seconds without a finished case after which the current one counts as hanging.

    Raises:
        ConformanceError: the worker refused the job (no such implementation, device or rule file), or after a crash
            the implementation does not even start any more.

    """
    seen: set[tuple[str, str]] = set()
    while True:
        worker, pipe = _start(job)
        finished, reported = 0, False
        try:
            patience = _START_UP
            while (message := _receive(pipe, patience)) is not None:
                kind = message["kind"]
                if kind == "done":
                    return
                if kind == "refused":
                    raise _refusal(message)
                if kind == "skipped":
                    finished += 1
                    continue
                patience = timeout
                line = parse_line(message)
                if isinstance(line, SubjectLine):
                    if (line.implementation, line.device) not in seen:
                        seen.add((line.implementation, line.device))
                        yield line
                    continue
                assert isinstance(line, CaseLine)
                finished += 1
                reported = line.status == "crash"
                yield line
            status, reason = _why(worker, timeout, reported)
        finally:
            _stop(worker, pipe)
        if status == "gone":
            job = replace(job, begin=job.begin + finished, broken=None)
            continue
        if not seen and not finished:
            raise errors.ImplementationNotFound(f"the process of '{job.implementation}' ended at once: {reason}")
        if job.broken is not None and not finished:
            raise errors.ImplementationBroke(f"'{job.implementation}' no longer comes as far as its cases: {reason}")
        job = replace(job, begin=job.begin + finished, broken=(status, reason))


def _start(job: Job) -> tuple[BaseProcess, Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    worker = context.Process(target=work, args=(job, theirs), daemon=True)
    with _interrupts_held():
        worker.start()
    theirs.close()
    return worker, ours


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back; a process started meanwhile never sees it, not even before it can say so itself."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it would lift the mask again, were it started later
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _receive(pipe: Connection, patience: float) -> dict[str, Any] | None:
    """The next message; None where the worker died or was silent for too long."""
    try:
        if not pipe.poll(patience):
            return None
        message: dict[str, Any] = json.loads(pipe.recv_bytes())
    except (EOFError, OSError):
        return None
    return message


def _why(worker: BaseProcess, timeout: float, reported: bool) -> tuple[Status | Literal["gone"], str]:
    """Why no message came: ("gone", …) where the worker ended on purpose after it ``reported`` a crash."""
    worker.join(0.5)
    code = worker.exitcode
    if code is None:
        return "hang", f"no result within {timeout:g} s"
    if code == _CRASHED and reported:
        return "gone", ""
    if code < 0:
        try:
            return "crash", f"the process was ended by {signal.Signals(-code).name}"
        except ValueError:
            return "crash", f"the process was ended by signal {-code}"
    return "crash", f"the process exited with status {code}"


def _stop(worker: BaseProcess, pipe: Connection) -> None:
    pipe.close()
    if worker.is_alive():
        worker.kill()
    worker.join()


def _refusal(message: dict[str, Any]) -> errors.ConformanceError:
    kind = getattr(errors, message["type"], errors.ConformanceError)
    if kind is errors.SpecErrors:
        refused = errors.ConformanceError(message["message"])
    else:
        refused = kind(message["message"], message["hint"])
    return refused
