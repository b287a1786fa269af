"""The repository is in step with itself: schemas, sources, spec files, words that must not be there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from conformance.rules.loading import load, spec_files
from conformance.rules.model import OTHER_AREA
from conformance.rules.schema_files import schema_files
from conformance.rules.sources import PAGES, Lock, compare, lock_path, sources_of
from conformance.rules.vocabulary import specs_folder

ROOT = Path(__file__).resolve().parents[2]
FIRST_LINE = "# yaml-language-server: $schema=rules.schema.json"


@pytest.mark.parametrize("path", schema_files(), ids=lambda path: path.name)
def test_schema_is_current(path: Path) -> None:
    """Each schema file holds what its model says; 'nox -s schemas' writes it."""
    assert path.read_text(encoding="utf-8") == schema_files()[path]


def test_rules_are_well_formed() -> None:
    """Every spec file of the suite loads, and there are rules in each."""
    assert {rule.topic.file for rule in load()} == {str(path) for path in spec_files()}


@pytest.mark.parametrize("path", spec_files(), ids=lambda path: path.stem)
def test_spec_file_names_its_schema(path: Path) -> None:
    """Editors find the schema in a spec file's first line."""
    assert path.read_text(encoding="utf-8").startswith(FIRST_LINE)


def test_every_topic_belongs_to_one_area() -> None:
    """The files of a topic name the same area, so that a report counts the topic once; none is left out."""
    areas = {(rule.topic.name, rule.topic.area) for rule in load()}
    assert len(areas) == len({name for name, _ in areas})
    assert OTHER_AREA not in {area for _, area in areas}


def test_sources_exist() -> None:
    """Every source is an object of the installed torch or a page of its documentation."""
    pytest.importorskip("torch")
    named = sources_of(load())
    assert not [name for name in compare(named, Lock("0", {})).unknown if name not in PAGES]


def test_sources_are_locked() -> None:
    """The lock has every documented object that rules name; 'conformance sources --update' writes it."""
    torch = pytest.importorskip("torch")
    lock = Lock.read(lock_path())
    if torch.__version__.partition("+")[0] != lock.release:
        pytest.skip(f"the lock is of torch {lock.release}")
    reading = compare(sources_of(load()), lock)
    assert (reading.changed, reading.added) == ((), ())


def test_lock_finds_a_changed_docstring() -> None:
    """A docstring that differs from the locked one puts its object on the reading list."""
    pytest.importorskip("torch")
    named = ["torch.Tensor.backward", "torch.Tensor.detach", "torch.no_such_thing", "notes/autograd"]
    lock = Lock.read(lock_path())
    stale = Lock(lock.release, {**lock.objects, "torch.Tensor.backward": "0" * 16})
    reading = compare(named, stale)
    assert reading.changed == ("torch.Tensor.backward",)
    assert reading.unknown == ("torch.no_such_thing",)


def test_rules_name_no_device() -> None:
    """Devices are discovered: no rule's code names an accelerator, but for the one about choosing a device by name."""
    named = re.compile(r"['\"](cuda|mps|xpu)(:\d+)?['\"]")
    assert [rule.id for rule in load() if named.search(rule.when)] == ["device/device-agnostic-pattern"]


def test_every_myth_and_disagreement_is_a_sentence() -> None:
    """Myths and disagreements end like sentences, for they are printed as such."""
    texts = [(rule.id, rule.myth) for rule in load() if rule.myth]
    texts += [(rule.id, rule.disagreement.says) for rule in load() if rule.disagreement]
    assert not [id_ for id_, text in texts if text and not text.rstrip().endswith((".", "?"))]


def test_specs_folder_is_the_checkout() -> None:
    """In a checkout the rules are those of the checkout."""
    assert specs_folder() == ROOT / "specs"


def test_no_machine_in_the_tree() -> None:
    """No file names a path of a machine or the host of a registry."""
    hosts = ["py" + "pi.org", "python" + "hosted", "deb." + "debian.org"]
    found = subprocess.run(
        ["git", "grep", "-nIE", "|".join(["/root" + "/", "/work" + "/", *hosts])],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert found.stdout == ""
