"""A rule is appended to a spec file, and nothing else in it changes."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import ConformanceError, SpecErrors
from conformance.pinning.file import append, rule_in, topic_of
from conformance.rules.documents import parse_document
from conformance.rules.loading import load

ENTRY: dict[str, Any] = {
    "id": "t/new",
    "says": "A sentence: with 'quotes' and a colon.",
    "source": "torch.Tensor",
    "given": {"x": {"values": [[1.5, -2.25], [0.0, 4.0]]}},
    "when": "y = x + 1\nz = y\n",
    "then": {"z": "x + 1"},
}
OLD = """\
# what this file is for
topic: t
title: "T"   # kept
rules:

  # about the first
  - id: t/a
    says:   Kept as it is.
    source: torch.Tensor
    given: {x: [1, 2]}
    then: {x: x}   # kept
"""


def appended(folder: Path, old: str | bytes, entry: dict[str, Any] = ENTRY) -> str:
    """What becomes of a file."""
    path = folder / "t.conformance.yaml"
    path.write_bytes(old if isinstance(old, bytes) else old.encode())
    before = path.read_bytes()
    text = append(path, entry, "Why it is here.")
    assert path.read_bytes() == before, "it is the caller who writes"
    return text


def test_a_new_file_is_named_after_itself(tmp_path: Path) -> None:
    """Its topic comes from its name, and it loads."""
    path = tmp_path / "Found today_2.conformance.yaml"
    assert topic_of(path) == "found-today-2"
    text = append(path, {**ENTRY, "id": "found-today-2/new"}, "Why it is here.")
    assert text.startswith("topic: found-today-2\ntitle: Pinned examples\nrules:\n  # Why it is here.\n  - id: found-t")
    assert rule_in(text, path, "found-today-2/new").says == ENTRY["says"]
    assert topic_of(tmp_path / "__.conformance.yaml") == "pinned"
    assert not path.exists()


def test_a_file_that_is_there_keeps_its_topic(tmp_path: Path) -> None:
    """Whatever it is called."""
    path = tmp_path / "other.conformance.yaml"
    path.write_text(OLD, encoding="utf-8")
    assert topic_of(path) == "t"


@pytest.mark.parametrize("name", ["found.yaml", "found", "found.conformance.yml"])
def test_a_name_that_no_folder_is_searched_for_is_refused(tmp_path: Path, name: str) -> None:
    """What pytest and --specs would not find is pinned nowhere."""
    with pytest.raises(ConformanceError, match=r"let it end in \.conformance\.yaml"):
        topic_of(tmp_path / name)


REST = {
    "nothing": "",
    "no newline": None,
    "blank lines": "\n\n\n",
    "a comment": "\n    # the end\n",
    "another key": "\nretired:\n  - t/old\n",
    "keys and comments": "# about what follows\nabout: >-\n  It is folded.\nretired: [t/old]\n",
}


@pytest.mark.parametrize("name", REST)
def test_everything_stays_as_it_is(tmp_path: Path, name: str) -> None:
    """The lines of the old file are those of the new one, in their order, but for the new rule among them."""
    old = OLD.rstrip("\n") if REST[name] is None else OLD + REST[name]
    text = appended(tmp_path, old)
    lines = text.splitlines()
    start = lines.index("  # Why it is here.")
    end = next((at for at in range(start + 1, len(lines)) if lines[at] and not lines[at].startswith("  ")), len(lines))
    kept = [line for line in lines[:start] + lines[end:] if line]
    assert kept == [line for line in old.splitlines() if line]
    assert [rule.id for rule in load([_written(tmp_path, text)])] == ["t/a", "t/new"]


def _written(folder: Path, text: str) -> Path:
    path = folder / "t.conformance.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_a_list_that_is_not_indented_stays_so(tmp_path: Path) -> None:
    """The dash of the new rule stands below those that are there."""
    head, rules = OLD.split("rules:\n")
    old = head + "rules:\n" + textwrap.dedent(rules)
    assert "\n- id: t/new\n" in appended(tmp_path, old)


def test_line_ends_stay_what_they_are(tmp_path: Path) -> None:
    """No file has two kinds of them."""
    text = appended(tmp_path, OLD.replace("\n", "\r\n").encode())
    assert text.count("\n") == text.count("\r\n")
    assert rule_in(text, tmp_path / "t.conformance.yaml", "t/new").when == ENTRY["when"]


def test_numbers_and_statements_are_easy_to_read(tmp_path: Path) -> None:
    """An array is a line, statements are a block."""
    text = appended(tmp_path, OLD)
    assert "        values: [[1.5, -2.25], [0.0, 4.0]]\n" in text
    assert "    when: |\n      y = x + 1\n      z = y\n" in text


TRICKY = ["no", "yes", "1e-5", "0x1f", "~", "", "null", "2.10", "- a", "# a", "a: b", " a ", "a\nb", "a\n", "é 𝄞", "&a"]


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    """Text stays text and numbers stay numbers by the rules of the suite's reader, not by those of YAML 1.1."""
    numbers = [1e-5, -0.0, 1e300, 3, True, None, float("inf"), 0.1]
    same = [1.0]
    data = {"text": TRICKY, "numbers": numbers, "twice": [same, same], "deep": {"a": {"b": [{"c": "d"}]}}}
    text = append(tmp_path / "t.conformance.yaml", {"id": "t/a", "then": data}, "")
    document, problems = parse_document(text, "t")
    assert not problems
    assert document is not None
    assert repr(document.data["rules"][0]["then"]) == repr(data)


def test_an_example_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    """In one sentence that names rule and file."""
    with pytest.raises(ConformanceError, match=r"^t/a stands in .*t\.conformance\.yaml already"):
        appended(tmp_path, OLD, {**ENTRY, "id": "t/a"})


FLOW = "topic: t\ntitle: T\nrules: [{id: t/a, says: S., source: torch.Tensor, given: {x: [1, 2]}, then: {x: x}}]\n"


@pytest.mark.parametrize("old", [FLOW, "{" + FLOW.replace("\n", ", ").rstrip(", ") + "}"])
def test_a_list_in_brackets_cannot_be_added_to(tmp_path: Path, old: str) -> None:
    """A file that is right is refused, not broken."""
    with pytest.raises(ConformanceError, match="no rule can be appended"):
        appended(tmp_path, old)


def test_a_wrong_file_is_reported_as_ever(tmp_path: Path) -> None:
    """With its own positions."""
    with pytest.raises(SpecErrors, match=r"t\.conformance\.yaml:10:"):
        appended(tmp_path, OLD.replace("given:", "givne:"))
