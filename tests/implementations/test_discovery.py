"""From a name on the command line to an implementation, or to one sentence that says why not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from conformance.errors import ImplementationNotFound
from conformance.implementations import Implementation, available, discovery, find
from tests.workshop import TINY

ADAPTER = """
import tiny
from conformance.implementations import Implementation

class Adapter(Implementation):
    def __init__(self):
        super().__init__(tiny, "whatever")

    def devices(self):
        return ("cpu", "abacus")

class NeedsMore(Implementation):
    def __init__(self, config):
        ...

class Breaks(Implementation):
    def __init__(self):
        raise OSError("no such abacus")

ready = Adapter()
namespace = tiny
number = 3
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Writes modules into the current folder, where a user's own lie; they are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)

    def module(name: str, text: str) -> None:
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    module("tiny", TINY.read_text(encoding="utf-8"))
    module("mine", ADAPTER)
    yield module
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Registers entry points as an installed distribution would."""

    def register(**points: str) -> None:
        made = [EntryPoint(name.replace("_", "-"), value, discovery.GROUP) for name, value in points.items()]
        monkeypatch.setattr(discovery, "entry_points", lambda group: [one for one in made if one.group == group])

    return register


def refusal(name: str) -> str:
    with pytest.raises(ImplementationNotFound) as caught:
        find(name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.usefixtures("write")
class TestNames:
    def test_a_torch_like_module_in_the_current_folder_needs_no_adapter(self) -> None:
        """``-i tiny`` beside tiny.py is enough."""
        found = find("tiny")
        assert type(found) is Implementation
        assert (found.name, found.version, found.devices()) == ("tiny", "0.0-tiny", ("cpu",))

    def test_a_module_inside_a_package(self, write: Callable[[str, str], None]) -> None:
        """Dots name packages, as in an import."""
        write("package/__init__", "")
        write("package/mytorch", "from tiny import *")
        assert find("package.mytorch").name == "package.mytorch"

    @pytest.mark.parametrize("name", ["mine:Adapter", "mine:ready"])
    def test_an_adapter_class_and_an_adapter(self, name: str) -> None:
        """Both answer; the case id cannot hold the colon."""
        found = find(name)
        assert found.name == name.replace(":", ".")
        assert found.devices() == ("cpu", "abacus")

    def test_a_namespace_inside_a_module(self) -> None:
        """An attribute may be torch-like itself."""
        assert find("mine:namespace").torch.__version__ == "0.0-tiny"

    def test_an_adapter_by_the_name_that_case_ids_have(self) -> None:
        """What results call it can be typed back."""
        assert find("mine.Adapter").devices() == ("cpu", "abacus")

    def test_a_registered_name(self, registered: Callable[..., None]) -> None:
        """An entry point of the group answers by its short name, and is listed."""
        registered(my_abacus="mine:Adapter [extra]")
        assert find("my-abacus").name == "my-abacus"
        assert available() == ["torch", "reference", "my-abacus"]

    def test_the_built_in_names_cannot_be_taken(self, registered: Callable[..., None]) -> None:
        """A package that registers 'reference' does not replace it."""
        registered(reference="mine:Adapter")
        assert type(find("reference")).__name__ == "ReferenceImplementation"
        assert available().count("reference") == 1


@pytest.mark.usefixtures("write")
class TestRefusals:
    def test_a_misspelt_name_is_answered_with_the_nearest(self, registered: Callable[..., None]) -> None:
        """Built-in and registered names are suggested."""
        registered(abacus="mine:Adapter")
        assert refusal("referense") == "no implementation is called 'referense' (did you mean 'reference'?)"
        assert refusal("abakus").endswith("(did you mean 'abacus'?)")

    @pytest.mark.parametrize("name", ["", ".", ":x", "no such", "a..b", "../mine", "tiny.py/", "-"])
    def test_what_cannot_be_a_name_is_answered_with_the_known_ones(self, name: str) -> None:
        """No ValueError of importlib reaches the user."""
        assert f"no implementation is called '{name}'" in refusal(name)

    def test_a_missing_module_is_told_from_one_that_misses_something(self, write: Callable[[str, str], None]) -> None:
        """Where the module is there but imports what is not, that is named."""
        write("needy", "import no_such_thing")
        assert refusal("needy") == "importing 'needy' needs 'no_such_thing', which is not installed"
        assert "known: torch, reference" in refusal("zzz.yyy")

    def test_a_missing_attribute_is_named(self) -> None:
        """With its module."""
        assert refusal("mine:Adaptor") == "module 'mine' has no 'Adaptor' (is the name right?)"

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("1 / 0", r"ZeroDivisionError: division by zero (broken.py:1)"),
            ("def (", "SyntaxError: "),
            ("raise SystemExit('no abacus')", "SystemExit: no abacus (broken.py:1)"),
            ("from tiny import nothing_such", "ImportError: cannot import name 'nothing_such'"),
        ],
    )
    def test_an_import_that_fails_says_how_and_where(
        self, write: Callable[[str, str], None], text: str, said: str
    ) -> None:
        """Whatever a module does while it is imported becomes one sentence."""
        write("broken", text)
        assert f"importing 'broken' failed: {said}" in refusal("broken")

    def test_an_adapter_that_cannot_be_made_says_why(self) -> None:
        """A constructor that wants arguments, or fails, is not a traceback."""
        assert "making 'mine:NeedsMore' failed: TypeError: " in refusal("mine:NeedsMore")
        assert "making 'mine:Breaks' failed: OSError: no such abacus (mine.py:" in refusal("mine:Breaks")

    @pytest.mark.parametrize("name", ["mine:number", "json"])
    def test_what_is_not_torch_like_says_what_would_be(self, name: str) -> None:
        """A number and a module without tensors are no implementations."""
        assert "and not an implementation (a torch-like namespace has at least Tensor" in refusal(name)

    def test_torch_that_is_not_installed_is_told_with_the_way_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The reference needs only NumPy."""
        monkeypatch.setitem(sys.modules, "torch", None)
        monkeypatch.delitem(sys.modules, "conformance.implementations.torch", raising=False)
        assert "'-i reference', which needs only NumPy" in refusal("torch")
