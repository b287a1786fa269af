"""The process that runs cases, so that a crash or a hang ends it and not the run.

It is started by :mod:`conformance.running.supervise`, reads its job once, and sends a line per finished case through a
pipe. It never writes files and prints nothing.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from conformance.errors import ConformanceError, ImplementationBroke, described
from conformance.results.model import case_line, encoded, subject_line
from conformance.running.outcome import Outcome, Status


@dataclass(frozen=True, slots=True)
class Job:
    """What to run: one implementation, some devices of it, the selected rules.

    ``done`` are ids that have a result already; ``broken`` is the status and reason for the next case, which ended the
    worker before this one. ``shard`` is the part of the rules, as in ``2/5``.
    """

    implementation: str
    devices: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    examples: int = 25
    begin: int = 0
    broken: tuple[Status, str] | None = None
    done: frozenset[str] = frozenset()
    shard: str = ""


def work(job: Job, pipe: Connection) -> None:
    """Run ``job``, sending encoded lines; the last message says "done" or what was wrong with the job."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor decides when to stop
    _end_with_parent()
    _silence()
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(_cache() / "hypothesis"))  # and not where the user works
    try:
        for message in _messages(job):
            pipe.send_bytes(message)
        pipe.send_bytes(_message("done"))
    except ConformanceError as error:
        refused = {"type": type(error).__name__, "message": error.message, "hint": error.hint}
        pipe.send_bytes(_message("refused", **refused))
    except (BrokenPipeError, EOFError):
        pass  # the supervisor is gone, and with it the reader of results
    except Exception as error:
        broke = ImplementationBroke(f"'{job.implementation}' broke outside any case: {described(error)}")
        pipe.send_bytes(_message("refused", type=type(broke).__name__, message=broke.message, hint=""))


def _end_with_parent() -> None:
    """Do not outlive a supervisor that was killed, not even in a case that hangs."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _silence() -> None:
    """What an implementation prints while it runs is not a result."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)


def _cache() -> Path:
    """Where what is only worth keeping for speed may lie; nothing is lost where it cannot be written."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "torch-conformance"


def _message(kind: str, **more: str) -> bytes:
    return json.dumps({"kind": kind, **more}).encode()


def _messages(job: Job) -> Iterator[bytes]:
    from conformance.implementations import find
    from conformance.repro.failing import FirstScripts
    from conformance.rules.loading import load
    from conformance.running.cases import expand, select
    from conformance.running.execute import Runner
    from conformance.running.shards import Shard

    rules = select(load([Path(path) for path in job.paths]), job.patterns)
    rules = Shard.parse(job.shard).of(rules) if job.shard else rules
    implementation = find(job.implementation)
    runner = Runner(implementation, examples=job.examples)
    scripts = FirstScripts(runner)
    gc.freeze()  # what was imported stays: no collection during the run looks through an implementation's modules again
    index = 0
    for device in devices_of(implementation, job.devices):
        cases = list(expand(rules, implementation, device))
        yield encoded(subject_line(implementation, device, cases, job.shard))
        for case in cases:
            index += 1
            if index <= job.begin:
                continue
            if case.id in job.done:
                yield _message("skipped")
                continue
            if job.broken is not None and index == job.begin + 1:
                outcome = Outcome(job.broken[0], reason=job.broken[1])
                yield encoded(case_line(case, outcome, scripts.of(case, outcome.status)))
                continue
            outcome = runner.run(case)
            line = case_line(case, outcome, scripts.of(case, outcome.status))
            yield encoded(line)
            if line.status == "crash":
                os._exit(70)  # nothing that runs here afterwards can be trusted


def devices_of(implementation: Any, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The devices to test, each once: those wanted, or all the implementation has.

    Raises:
        ConformanceError: a wanted device is not there.

    """
    present = tuple(implementation.devices())
    if not wanted:
        return tuple(dict.fromkeys(present))
    for device in wanted:
        if device not in present and not any(device in implementation.other_devices(one) for one in present[:1]):
            has = f"it has {', '.join(present)}" if present else "it has none at all"
            raise ConformanceError(f"{implementation.name} has no device '{device}'", has)
    return tuple(dict.fromkeys(wanted))
