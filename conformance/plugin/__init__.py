"""The pytest plugin: options, and the hooks that hand over to :mod:`conformance.plugin.items`.

pytest loads this module in every project where the package is installed, so it imports nothing but pytest: the rest of
the suite is imported when the first spec file is collected.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conformance.plugin.session import Suite

SUITE: pytest.StashKey[Suite] = pytest.StashKey()
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
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Every option, and its twin for the configuration file."""
    group = parser.getgroup("conformance", "conformance of an implementation with PyTorch's semantics")
    for name, metavar, action, text in _OPTIONS:
        group.addoption(f"--conformance-{name}", metavar=metavar, action=action, default=None, help=text)
        parser.addini(f"conformance_{name}", text, type="args" if action == "append" else "string", default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks that cases carry."""
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
    if run is None:
        return None
    run()
    return True


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Hand a case's outcome to the session, in the process that writes results."""
    line = getattr(report, "conformance", None)
    if line is not None and report.when == "call":
        from conformance.plugin.session import current

        current().record(line)


def pytest_report_collectionfinish(config: pytest.Config, items: Any) -> list[str]:
    """Which implementations the collected cases test."""
    suite = config.stash.get(SUITE, None)
    return suite.header() if suite is not None else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The verdict for each implementation and device."""
    lines: Iterable[str] = ()
    suite = config.stash.get(SUITE, None)
    if suite is not None:
        lines = suite.summary()
    for number, line in enumerate(lines):
        if number == 0:
            terminalreporter.section("conformance")
        terminalreporter.write_line(line)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Close the results file; a session whose cases all turned out unsupported has not passed."""
    suite = session.config.stash.get(SUITE, None)
    if suite is not None and suite.close() and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
