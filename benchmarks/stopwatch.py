"""A pytest plugin that writes how long a session took to collect and to run its items, and how much memory it held.

Loaded with ``-p benchmarks.stopwatch`` in the processes that benchmarks start; the file to write is named by the
environment.
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

_SEEN: dict[str, float] = {}


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, Any, Any]:
    """Time the collection."""
    started = time.perf_counter()
    try:
        return (yield)
    finally:
        _SEEN["collect"] = time.perf_counter() - started
        _SEEN["items"] = len(session.items)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, Any, Any]:
    """Time the items, all their reports included."""
    started = time.perf_counter()
    try:
        return (yield)
    finally:
        _SEEN["run"] = time.perf_counter() - started


def pytest_unconfigure(config: pytest.Config) -> None:
    """Write what was seen."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _SEEN["peak_mib"] = peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    Path(os.environ["CONFORMANCE_STOPWATCH"]).write_text(json.dumps(_SEEN), "utf-8")
