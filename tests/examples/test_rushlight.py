"""The example project from installation to a fault that is mended, as its README has it."""

from __future__ import annotations

import base64
import gzip
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.examples.conftest import Environment, copy_of_the_example

RUN = "conformance run -q -i rushlight_conformance:Rushlight -o results.jsonl --known known-failures.yaml"

_WITHOUT_THE_SUITE = """\
import runpy, sys

sys.modules["conformance"] = None  # whoever imports it fails
runpy.run_path(sys.argv[1], run_name="__main__")
"""


@dataclass(frozen=True)
class Downstream:
    """The example project in a folder of its own, installed beside the wheel."""

    folder: Path
    environment: Environment

    def __call__(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command there."""
        return self.environment.run(command, self.folder)

    def failures(self) -> Iterator[dict[str, Any]]:
        """The failed cases of the results file."""
        lines = map(json.loads, (self.folder / "results.jsonl").read_text(encoding="utf-8").splitlines())
        return (line for line in lines if line["kind"] == "case" and line["status"] == "fail")


@pytest.fixture(scope="module")
def downstream(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Downstream:
    """The example, after one ``pytest`` as its configuration has it."""
    made = Downstream(copy_of_the_example(tmp_path_factory.mktemp("example")), environment)
    installed = made("pip install torch-conformance .")
    assert installed.returncode == 0, installed.stderr
    return made


@pytest.fixture(scope="module")
def session(downstream: Downstream) -> subprocess.CompletedProcess[str]:
    """Plain ``pytest``."""
    return downstream("pytest -q")


def test_what_is_imported_is_the_wheel(downstream: Downstream) -> None:
    """Nothing of the checkout is on the path."""
    said = downstream('python -c "import conformance, rushlight; print(conformance.__file__, rushlight.__file__)"')
    assert [Path(path).is_relative_to(downstream.environment.folder) for path in said.stdout.split()] == [True, True]


def test_pytest_passes_because_what_fails_is_known(session: subprocess.CompletedProcess[str]) -> None:
    """Its own tests and every rule, by the configuration in pyproject.toml alone."""
    assert session.returncode == 0, session.stdout
    assert "known failures" in session.stdout
    assert " xfailed in " in session.stdout


@pytest.mark.usefixtures("session")
def test_every_failing_rule_has_a_script_that_fails_without_this_project(downstream: Downstream) -> None:
    """A script needs the library and NumPy; the suite cannot even be imported while it runs."""
    with_script = [line for line in downstream.failures() if line.get("script")]
    rules = {line["id"].partition("[")[0] for line in downstream.failures()}
    assert {line["id"].partition("[")[0] for line in with_script} == rules
    (downstream.folder / "without.py").write_text(_WITHOUT_THE_SUITE, encoding="utf-8")
    for line in with_script:
        (downstream.folder / "script.py").write_text(line["script"], encoding="utf-8")
        ran = downstream("python without.py script.py")
        last = ran.stderr.splitlines()[-1]
        assert ran.returncode == 1, line["id"]
        assert last.endswith(" do not hold") or last in [one["observed"] for one in line["findings"]], line["id"]


@pytest.mark.usefixtures("session")
def test_a_click_on_a_failing_cell_shows_the_script(downstream: Downstream) -> None:
    """The cell links to the page of its rule, and that has the script from the results."""
    said = downstream("conformance report results.jsonl --known known-failures.yaml -o report.html")
    assert said.returncode == 0, said.stderr
    page = (downstream.folder / "report.html").read_text(encoding="utf-8")
    packed = re.search('id="details">([^<]+)<', page)
    assert packed is not None
    details = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    for line in downstream.failures():
        if line.get("script"):
            rule = line["id"].partition("[")[0]
            assert f'<td class="known"><a href="#rule={rule}&amp;in=0">' in page
            assert json.dumps(line["script"], ensure_ascii=False) in json.dumps(details[rule], ensure_ascii=False)


@pytest.mark.usefixtures("session")
def test_a_behaviour_that_is_mended_makes_its_entry_stale(downstream: Downstream) -> None:
    """The run fails with the entry's line; without the entry it passes again."""
    assert downstream(f"{RUN} grad-mode").returncode == 0
    replace(downstream.folder / "src/rushlight/grad_mode.py", _FORGETS, _RESTORES)
    assert downstream("pip install .").returncode == 0

    known = (downstream.folder / "known-failures.yaml").read_text(encoding="utf-8")
    line = known[: known.index("  - cases:\n      - grad-mode/restored-on-exception")].count("\n") + 1
    mended = downstream(f"{RUN} grad-mode")
    assert mended.returncode == 1
    assert f"known-failures.yaml:{line}:5: all 2 cases of this entry pass now (remove the entry)" in mended.stdout

    pruned = downstream("conformance known results.jsonl -o known-failures.yaml --prune")
    assert pruned.stdout.startswith(f"removed known-failures.yaml:{line}"), pruned.stdout + pruned.stderr
    assert downstream(f"{RUN} grad-mode").returncode == 0


_FORGETS = """\
    yield
    set_grad_enabled(before)
"""
_RESTORES = """\
    try:
        yield
    finally:
        set_grad_enabled(before)
"""


def replace(path: Path, old: str, new: str) -> None:
    """Mend a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
