"""A machine as a user of the suite has it: an environment with the wheel, and a copy of the example project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.workshop import REPOSITORY

EXAMPLE = REPOSITORY / "examples" / "rushlight"
_SCRIPT = "#!{python}\nimport sys\nfrom {module} import main\nsys.exit(main())\n"


@dataclass(frozen=True)
class Environment:
    """A virtual environment whose ``pip`` finds this project's wheel, and borrows what else there is."""

    folder: Path
    wheels: Path

    @property
    def variables(self) -> dict[str, str]:
        """What commands have in their environment; nothing of the checkout."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYTEST"))}
        pip = {
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_NO_INDEX": "1",
            "PIP_NO_DEPS": "1",
            "PIP_IGNORE_INSTALLED": "1",  # what is borrowed is not what pip is asked for
            "PIP_NO_BUILD_ISOLATION": "false",  # pip reads this one the other way round: there is no isolation
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_QUIET": "1",
        }
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return {**kept, **pip, "PATH": path, "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}

    def run(self, command: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run a line of shell in ``folder``."""
        return subprocess.run(
            ["bash", "-c", command], cwd=folder, env=self.variables, capture_output=True, encoding="utf-8",
            timeout=300, check=False,
        )  # fmt: skip


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment in which neither the suite nor the example is installed yet."""
    folder = tmp_path_factory.mktemp("environment")
    build = ["wheel", str(REPOSITORY), "--no-deps", "--no-build-isolation", "-q", "-w", str(folder / "wheels")]
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *build], check=True)
    venv.create(folder / "venv", with_pip=False)
    [site] = (folder / "venv").glob("lib/python*/site-packages")
    borrowed = [path for path in sys.path if path.endswith("site-packages")]
    (site / "borrowed.pth").write_text("\n".join(borrowed), encoding="utf-8")  # they come after its own
    for name in ("pytest", "pip"):  # the scripts of what is borrowed
        script = folder / "venv" / "bin" / name
        script.write_text(_SCRIPT.format(python=folder / "venv" / "bin" / "python", module=name), encoding="utf-8")
        script.chmod(0o755)
    return Environment(folder / "venv", folder / "wheels")


def copy_of_the_example(folder: Path) -> Path:
    """The example project, in a folder of one's own."""
    ignored = shutil.ignore_patterns("__pycache__", "results.jsonl", "report.html")
    return Path(shutil.copytree(EXAMPLE, folder / "rushlight", ignore=ignored))
