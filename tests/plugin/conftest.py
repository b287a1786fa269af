"""A pytest project of a user's: a spec file, an implementation beside it, and pytest run there."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.plugin import items  # noqa: F401 - imported once, so that pytest runs inside this process are quick
from tests.workshop import Workshop


class Project(Workshop):
    """A workshop in which pytest is run; the implementation is ``tiny`` unless another is named."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        super().__init__(pytester.path)
        self.pytester = pytester

    def pytest(self, *arguments: str, impl: str | None = "tiny", apart: bool = False, **options: Any) -> Any:
        """Run pytest, in a process of its own where ``apart``; without what only costs time."""
        without = ["hypothesispytest", "benchmark", *(["cacheprovider"] if "--lf" not in arguments else [])]
        named = ["--assert=plain", *(f"-pno:{name}" for name in without)]
        if impl is not None:
            named += ["--conformance-impl", impl]
        run = self.pytester.runpytest_subprocess if apart else self.pytester.runpytest_inprocess
        return run(*named, *arguments, **options)


@pytest.fixture
def project(pytester: pytest.Pytester) -> Project:
    """A project of one's own."""
    return Project(pytester)
