"""Two things measured side by side, and commands measured from outside.

pytest-benchmark keeps the rounds of the subject; the baseline runs in the set-up of each of them, so that the two
alternate and a ratio is taken of neighbours in time.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Clock = Callable[[], float]
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Rounds:
    """Seconds of the subject and of the baseline, round by round."""

    subject: tuple[float, ...]
    baseline: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        """The subject's time over that of the baseline beside it."""
        return [mine / other for mine, other in zip(self.subject, self.baseline)]

    @property
    def differences(self) -> list[float]:
        """Seconds that the subject takes more than the baseline beside it."""
        return [mine - other for mine, other in zip(self.subject, self.baseline)]


def side_by_side(
    benchmark: Any,
    subject: Callable[[], object],
    baseline: Callable[[], object],
    *,
    rounds: int,
    prepare: Callable[[], object] = lambda: None,
    clock: Clock = time.process_time,
) -> Rounds:
    """Alternate ``baseline`` and ``subject``; ``prepare`` runs before the subject, outside its time.

    ``clock`` is the processor time of this process unless the subject is a process of its own.
    """
    mine: list[float] = []
    others: list[float] = []

    def before() -> None:
        others.append(seconds(baseline, clock))
        prepare()

    benchmark.pedantic(
        lambda: mine.append(seconds(subject, clock)), setup=before, rounds=rounds, iterations=1, warmup_rounds=1
    )
    found = Rounds(tuple(mine[-rounds:]), tuple(others[-rounds:]))
    benchmark.extra_info["ratios"] = found.ratios
    return found


def seconds(function: Callable[[], object], clock: Clock = time.perf_counter) -> float:
    """How long one call takes."""
    started = clock()
    function()
    return clock() - started


def command(
    arguments: Sequence[str], folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``python ARGUMENTS`` in ``folder``, torch and NumPy in one thread; a failure of the command is ours."""
    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder or ROOT,
        env={**os.environ, **threads, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)[:200]} exited with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done


def command_cpu_seconds(arguments: Sequence[str], folder: Path) -> float:
    """Processor time, user's and system's, of a command: what other work on the machine does not stretch."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command(arguments, folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def timed_pytest(arguments: Sequence[str], folder: Path, clock: Path) -> dict[str, float]:
    """Run pytest in a process of its own; what :mod:`benchmarks.stopwatch` saw of it, and ``total`` seconds."""
    started = time.perf_counter()
    plain = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:benchmark", "-p", "benchmarks.stopwatch")
    command(
        ["-m", "pytest", *plain, *arguments],
        folder,
        {"PYTHONPATH": str(ROOT), "CONFORMANCE_STOPWATCH": str(clock)},
    )
    total = time.perf_counter() - started
    return {**json.loads(clock.read_text("utf-8")), "total": total}
