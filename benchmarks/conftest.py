"""What benchmarks share: the record of figures, written at the end, and the cases that are run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.figures import Figure, write_figures

_ROOT = Path(__file__).resolve().parent.parent
_FIGURES: pytest.StashKey[list[Figure]] = pytest.StashKey()

Record = Callable[[Figure], None]


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """Keep a figure for the report."""
    return request.config.stash.setdefault(_FIGURES, []).append


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Tiny tensors run in one thread, and nothing else may make it look otherwise."""
    import torch

    torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What torch warns of in rules is neither printed nor an error here; both would be timed."""
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("ignore"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what was measured."""
    figures = session.config.stash.get(_FIGURES, [])
    if figures:
        write_figures(figures, _ROOT / "reports" / "benchmarks.json", _ROOT / "docs" / "benchmarks.md")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was measured."""
    for figure in config.stash.get(_FIGURES, []):
        target = "" if figure.target is None else f"  (target {figure.target:g})"
        line = f"{figure.name}: {figure.value:g} {figure.unit} [{figure.low:g}, {figure.high:g}]{target}"
        terminalreporter.write_line(line)
