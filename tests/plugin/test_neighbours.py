"""The plugin among others: it costs a project nothing that does not use it, and disturbs no test beside a spec file."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from conformance.implementations import Implementation
from conformance.rules.loading import load
from conformance.running.cases import expand
from tests.implementations import tiny
from tests.plugin.conftest import Project
from tests.workshop import REPOSITORY

HEAVY = (
    "torch",
    "numpy",
    "yaml",
    "pydantic",
    "jinja2",
    "rich",
    "hypothesis",
    "conformance.rules",
    "conformance.results",
)


@pytest.mark.parametrize(
    "strict", [[], ["-W", "error", "--strict-markers", "--strict-config"]], ids=["plain", "strict"]
)
def test_an_idle_plugin_imports_nothing(project: Project, strict: list[str]) -> None:
    """A project without spec files pays for one small module, and sees no warning and no section of ours."""
    project.pytester.makepyfile(f"""
        import sys

        def test_modules():
            loaded = [name for name in {HEAVY!r} if name in sys.modules]
            assert not loaded
            assert "conformance.plugin" in sys.modules
    """)
    found = project.pytest(
        *strict, "-p", "no:hypothesispytest", "-p", "no:_hypothesis_pytestplugin", impl=None, apart=True
    )
    found.assert_outcomes(passed=1)
    assert "conformance" not in found.stdout.str().partition("plugins:")[2].partition("\n")[2]


def test_fixtures_of_tests_around_a_spec_file_live_as_long_as_they_should(project: Project) -> None:
    """Module, package and session fixtures of neighbours in other folders are set up once and torn down in order."""
    project.spec("pass")
    source = """
        import pytest

        def note(what):
            with open({log!r}, "a") as file:
                file.write(what + "\\n")

        @pytest.fixture(scope="package", autouse=True)
        def package():
            note("{name} package")
            yield
            note("{name} package ends")

        @pytest.fixture(autouse=True)
        def each(request):
            note("{name} " + request.node.name)
    """
    log = str(project.folder / "log")
    for name in ("a", "b", "c"):
        folder = project.pytester.mkpydir(name)
        text = source.format(log=log, name=name)
        (folder / "conftest.py").write_text("\n".join(line[8:] for line in text.splitlines()), encoding="utf-8")
        (folder / f"test_{name}.py").write_text("def test_one():\n    pass\n", encoding="utf-8")
    (project.folder / "small.conformance.yaml").rename(project.folder / "b" / "a.conformance.yaml")
    project.pytest().assert_outcomes(passed=5)
    assert (project.folder / "log").read_text(encoding="utf-8").split("\n")[:-1] == [
        "a package", "a test_one", "a package ends",
        "b package", "b test_one", "b package ends",
        "c package", "c test_one", "c package ends",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "order", [["b", "a"], ["b/test_b.py", "b/a.conformance.yaml", "a"], ["b/a.conformance.yaml", "a", "b"]]
)
def test_cases_between_tests_of_different_folders(project: Project, order: list[str]) -> None:
    """Whatever a case stands between, the next test finds pytest's set-up state as it should be."""
    project.spec("pass", "fail")
    for name in ("a", "b"):
        folder = project.pytester.mkpydir(name)
        (folder / f"test_{name}.py").write_text("def test_one(tmp_path):\n    pass\n", encoding="utf-8")
    (project.folder / "small.conformance.yaml").rename(project.folder / "b" / "a.conformance.yaml")
    found = project.pytest(*order)
    found.assert_outcomes(passed=4, failed=1)


def test_a_failing_teardown_after_a_case_is_reported_and_not_lost(project: Project) -> None:
    """The fixture of an earlier test may end only after the last case; its error is an error."""
    project.spec("pass")
    folder = project.pytester.mkpydir("first")
    (folder / "conftest.py").write_text(
        "import pytest\n@pytest.fixture(scope='package', autouse=True)\ndef package():\n    yield\n    1 / 0\n",
        encoding="utf-8",
    )
    (folder / "test_a.py").write_text("def test_one():\n    pass\n", encoding="utf-8")
    (project.folder / "small.conformance.yaml").rename(folder / "z.conformance.yaml")
    found = project.pytest("first/test_a.py", "first/z.conformance.yaml")
    found.assert_outcomes(passed=3, errors=1)
    assert "ZeroDivisionError" in found.stdout.str()


def test_warnings_as_errors_leave_cases_alone(project: Project) -> None:
    """A strict project's filters are for its own tests."""
    project.spec("pass", "fail")
    with (project.folder / "tiny.py").open("a", encoding="utf-8") as file:
        file.write("\n_right = add\ndef add(left, right):\n    import warnings\n    warnings.warn('old')\n")
        file.write("    return _right(left, right)\n")
    project.pytest("-W", "error").assert_outcomes(passed=2, failed=1)


def own_ids(folder: Path, python: str) -> list[str]:
    """The cases that ``pytest --pyargs conformance`` collects in ``folder``."""
    command = [
        python, "-m", "pytest", "--pyargs", "conformance", "--conformance-impl", "tiny", "--collect-only", "-q",
        "-p", "no:cacheprovider",
    ]  # fmt: skip
    found = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    assert found.returncode == 0, found.stdout[-2000:] + found.stderr[-2000:]
    return [line.rpartition("::")[2] for line in found.stdout.splitlines() if "[" in line]


@pytest.fixture(scope="module")
def suites_own() -> list[str]:
    """The ids of all cases that the suite's own rules have on tiny."""
    return sorted(case.id for case in expand(load(), Implementation(tiny, "tiny"), "cpu"))


class TestTheSuitesOwnRules:
    def test_pyargs_collects_them_from_any_folder_of_a_checkout(self, project: Project, suites_own: list[str]) -> None:
        """An empty folder and an implementation are all that is needed; every case is there."""
        assert sorted(own_ids(project.folder, sys.executable)) == suites_own

    @pytest.mark.skipif(importlib.util.find_spec("hatchling") is None, reason="needs hatchling to build the wheel")
    def test_pyargs_collects_them_from_an_installed_wheel(
        self, project: Project, suites_own: list[str], tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """The rules lie in the wheel; nothing of the checkout is needed."""
        folder = tmp_path_factory.mktemp("wheel")
        build = ["wheel", str(REPOSITORY), "--no-deps", "--no-build-isolation", "-q", "-w", str(folder)]
        subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *build], check=True)
        [wheel] = folder.glob("*.whl")
        venv.create(folder / "venv", with_pip=False)
        [site] = (folder / "venv").glob("lib/python*/site-packages")
        zipfile.ZipFile(wheel).extractall(site)
        borrowed = [path for path in sys.path if path.endswith("site-packages")]
        (site / "borrowed.pth").write_text("\n".join(borrowed), encoding="utf-8")  # dependencies, after the wheel's own
        python = str(folder / "venv" / "bin" / "python")
        where = subprocess.run(
            [python, "-c", "import conformance; print(conformance.__file__)"], cwd=project.folder,
            capture_output=True, encoding="utf-8", check=True,
        )  # fmt: skip
        assert where.stdout.startswith(str(site))
        assert sorted(own_ids(project.folder, python)) == suites_own
