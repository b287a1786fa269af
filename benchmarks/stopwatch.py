"""A pytest plugin that writes how long a session took to collect and to run its items, and how much memory it held.

Loaded with ``-p benchmarks.stopwatch`` in the processes that benchmarks start; the file to write is named by the
environment. Times are processor time. torch is imported first, with the part of it that its first optimizer imports, so
that neither side's items pay for that.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch._dynamo

_SEEN: dict[str, float] = {}
torch.set_num_threads(1)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, Any, Any]:
    """Time the collection."""
    started = time.process_time()
    try:
        return (yield)
    finally:
        _SEEN["collect"] = time.process_time() - started
        _SEEN["items"] = len(session.items)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, Any, Any]:
    """Time the items, all their reports included."""
    started = time.process_time()
    try:
        return (yield)
    finally:
        _SEEN["run"] = time.process_time() - started


def pytest_unconfigure(config: pytest.Config) -> None:
    """Write what was seen."""
    _SEEN["peak_mib"] = _peak_mib()
    Path(os.environ["CONFORMANCE_STOPWATCH"]).write_text(json.dumps(_SEEN), "utf-8")


def _peak_mib() -> float:
    """The most memory this process held; the kernel's own count begins with that of the process that forked it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text("ascii").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
