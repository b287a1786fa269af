"""Scripts bring the methods of an adapter along where they can."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from conformance.implementations import find
from conformance.repro.adapters import brought

_ADAPTER = """\
import math as mathematics
import re

import library
from conformance.implementations import Implementation

WORDS = re.compile("|".join(["absent", "missing"]))


def told(error: BaseException) -> str:
    return f"{WORDS.pattern}: {error}"


class Basic(Implementation):
    factor: int = 3

    def array(self, tensor: object) -> int:
        return self.factor * tensor

    def unsupported(self, error: BaseException, device: str) -> str | None:
        return told(error) if WORDS.search(str(error)) else super().unsupported(error, device)


class Adapter(Basic):
    def __init__(self) -> None:
        super().__init__(library, "adapted")
        self.table = {"a": 1}
        self.limit = 7

    def array(self, tensor: object) -> float:
        return super().array(tensor) + mathematics.floor(self.limit + 0.5)

    def shares_memory(self, left: object, right: object) -> bool:
        return self.table == left

    def seed(self, seed: int) -> None:
        self.seeded = seed
"""


@pytest.fixture
def adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An adapter in a module of its own, beside the library that it adapts."""
    (tmp_path / "adapted.py").write_text(_ADAPTER, encoding="utf-8")
    (tmp_path / "library.py").write_text("float32 = 'float32'\nTensor = int\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("adapted", "library"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
        del sys.modules[name]
    return find("adapted:Adapter")


def test_what_is_called_comes_with_all_that_it_reads(adapter: Any, tmp_path: Path) -> None:
    """Overridden and inherited methods, super(), class values, plain values of __init__, functions and constants."""
    found = brought(adapter, {"array", "unsupported", "dtype", "fatal"})
    assert found is not None
    assert found.imports == {"import math as mathematics", "import re"}
    asked = (
        "print(implementation.array(5), implementation.unsupported(ValueError('absent'), 'cpu'), "
        "implementation.unsupported(NotImplementedError('x'), 'cpu'), "
        "implementation.unsupported(ValueError('x'), 'cpu'), implementation.dtype('float32'))"
    )
    lines = ["import sys", "sys.modules['conformance'] = None", *found.imports, "import library as torch", found.source]
    (tmp_path / "script.py").write_text("\n".join([*lines, asked]), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )
    assert (ran.stdout, ran.stderr) == ("22 absent|missing: absent not implemented: x None float32\n", "")


@pytest.mark.parametrize("method", ["shares_memory", "seed", "nothing_of_this_name"])
def test_what_cannot_be_taken_is_imported(adapter: Any, method: str) -> None:
    """Data that __init__ made, what a method sets, and what is not there at all."""
    assert brought(adapter, {"array", method}) is None
