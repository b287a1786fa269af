"""Jobs on folders of their own."""

from __future__ import annotations

import pytest

from tests.ci.jobs import Job
from tests.workshop import Workshop


@pytest.fixture
def job(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A job of GitHub's."""
    return Job(workshop, tmp_path_factory.mktemp("job"))
