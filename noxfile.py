"""The project's tasks; CI calls the same ones. ``python -m nox --list`` says what there is."""

from __future__ import annotations

import nox

TORCH = "torch==2.13.0"  # the release whose documentation the rules were read against; its CPU build serves

nox.options.sessions = ["tests"]
nox.options.reuse_existing_virtualenvs = True


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests of the project itself, then the linters."""
    session.install(TORCH, "-e", ".[test]")
    session.run("python", "-m", "pytest", "-n", "auto", *session.posargs)
    session.notify("lint")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and types."""
    session.install("-e", ".[lint]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session
def conformance(session: nox.Session) -> None:
    """Run the rules against torch and the reference; write results and one page under reports/."""
    session.install(TORCH, "-e", ".[test]")
    names = ("torch", "reference")
    for name in names:
        session.run("conformance", "run", "-i", name, "-o", f"reports/{name}.jsonl", success_codes=[0, 1])
    files = [f"reports/{name}.jsonl" for name in names]
    session.run("conformance", "report", *files, "-o", "reports/index.html")
    session.run("python", "-m", "conformance.results.publishing", *files, "reports")


@nox.session
def differential(session: nox.Session) -> None:
    """Run random programs on the reference and on torch: 10,000, or as many as the argument says."""
    session.install(TORCH, "-e", ".[test]")
    count = session.posargs[0] if session.posargs else "10000"
    programs = {"CONFORMANCE_PROGRAMS": count}
    session.run("python", "-m", "pytest", "tests/reference/test_random_programs.py", env=programs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure what the harness costs; ratios are taken side by side in one run and written to reports/."""
    session.install(TORCH, "-e", ".[test]")
    session.run("python", "-m", "pytest", "benchmarks", *session.posargs)


@nox.session
def schemas(session: nox.Session) -> None:
    """Write the JSON Schemas that editors and readers of results use."""
    session.install("-e", ".")
    session.run("python", "-m", "conformance.rules.schema_files")
