"""The pytest plugin: options, and the hooks that hand over to :mod:`conformance.plugin.items`.

pytest loads this module in every project where the package is installed, so it imports nothing but pytest: the rest of
the suite is imported when the first spec file is collected.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conformance.plugin.recording import Recorder
    from conformance.plugin.session import Suite

SUITE: pytest.StashKey[Suite] = pytest.StashKey()
RECORDER: pytest.StashKey[Recorder] = pytest.StashKey()
_PACKAGE = Path(__file__).resolve().parent.parent
_OPTIONS: tuple[tuple[str, str, str, str], ...] = (
    (
        "impl",
        "IMPL",
        "append",
        "implementation: torch, reference, package.module[:Attribute] or a registered name; repeatable",
    ),
    ("device", "DEVICE", "append", "device to test, by default every one the implementation has; repeatable"),
    ("rules", "PATTERN", "append", "an id, a topic or a glob over ids of the rules to collect; repeatable"),
    ("results", "FILE", "store", "write results here, as 'conformance run -o' does"),
    ("examples", "N", "store", "examples for each property (25)"),
    ("known", "FILE", "store", "failures that are known; their cases are expected to fail"),
    ("shard", "I/N", "store", "collect only the I-th of N parts; a rule's cases stay together"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Every option, and its twin for the configuration file."""
    group = parser.getgroup("conformance", "conformance of an implementation with PyTorch's semantics")
    for name, metavar, action, text in _OPTIONS:
        group.addoption(f"--conformance-{name}", metavar=metavar, action=action, default=None, help=text)
        if action == "append":
            parser.addini(f"conformance_{name}", text, type="args", default=None)
        else:
            parser.addini(f"conformance_{name}", text, type="string", default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks that cases carry, and where their outcomes go; an xdist worker sends them on."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Reports(config), "conformance-reports")
    for level in ("must", "should", "de_facto"):
        config.addinivalue_line("markers", f"{level}: a conformance case of a {level.replace('_', '-')} rule")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Spec files where they lie: the suite's own, and whatever is called ``*.conformance.yaml``."""
    if file_path.suffix == ".yaml":
        if file_path.name.endswith(".conformance.yaml") or (
            file_path.name != "vocabulary.yaml" and _own_specs() in file_path.parents
        ):
            from conformance.plugin.items import SpecFile

            return SpecFile.from_parent(parent, path=file_path)
    elif file_path.name == "__init__.py" and file_path.parent == _PACKAGE and _own_specs().parent != _PACKAGE:
        from conformance.plugin.items import OwnSpecs  # --pyargs conformance, in a checkout

        return OwnSpecs.from_parent(parent, path=file_path)
    return None


def _own_specs() -> Path:
    inside = _PACKAGE / "specs"
    return inside if inside.is_dir() else _PACKAGE.parent / "specs"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Cases run by a protocol of their own: they have no fixtures to set up."""
    run = getattr(item, "run_case_protocol", None)
    return None if run is None else run(nextitem)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport | None:
    """The report of a case that went through pytest's own protocol."""
    make = getattr(item, "case_report", None)
    return None if make is None or call.when != "call" else make(call)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is selected is what the results announce."""
    suite = session.config.stash.get(SUITE, None)
    if suite is not None:
        suite.select(session.items)


class _Reports:
    """Hands each case's outcome to the recorder, in the process that writes results."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the line that a report carries, and what the first of a process carries besides."""
        line = getattr(report, "conformance", None)
        if line is None or report.when != "call":
            return
        from conformance.plugin.recording import Recorder, received

        recorder = Recorder.of(self._config)
        header = getattr(report, "conformance_header", None)
        if header is not None:
            recorder.begin([received(one) for one in header])
        recorder.take(received(line))


def pytest_report_collectionfinish(config: pytest.Config, items: Any) -> list[str]:
    """Which implementations the collected cases test."""
    suite = config.stash.get(SUITE, None)
    return suite.header() if suite is not None else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The verdict for each implementation and device."""
    recorder = config.stash.get(RECORDER, None)
    if recorder is not None:
        terminalreporter.section("conformance")
        for line in recorder.summary():
            terminalreporter.write_line(line)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Close the results file; a session of unsupported cases, or with stale known failures, has not passed."""
    recorder = session.config.stash.get(RECORDER, None)
    if recorder is not None:
        recorder.close()
        if (recorder.executed_nothing or recorder.judgement.stale) and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def option(config: pytest.Config, name: str) -> Any:
    """An option of ours, or its twin in the configuration file."""
    given = config.getoption(f"conformance_{name}")
    return given if given is not None else config.getini(f"conformance_{name}")
