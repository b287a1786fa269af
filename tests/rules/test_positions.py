"""Positions inside scalars: whatever the style, the character of the value is found where an editor shows it."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.rules.documents import Document, parse_document

CODE = st.text(st.sampled_from("ab =(),'\"\\é→\U0001f600"), min_size=1, max_size=12).map(str.strip).filter(bool)
LINES = st.lists(CODE, min_size=1, max_size=4)


def parsed(text: str) -> Document:
    document, found = parse_document(text, "f.yaml")
    assert found == []
    assert document is not None
    return document


def character_at(document: Document, line: int, column: int) -> str:
    found = document.code_problem(("k",), line, column, "")
    return document.lines[found.line - 1][found.column - 1]


def check_every_character(text: str) -> None:
    document = parsed(text)
    for number, line in enumerate(document.data["k"].split("\n"), 1):
        for column, character in enumerate(line):
            if character != " ":  # a folded line end is a space in the value
                assert character_at(document, number, column) == character


@given(lines=LINES, indent=st.integers(1, 6), leading=st.integers(0, 2))
def test_literal_blocks(lines: list[str], indent: int, leading: int) -> None:
    """Behind '|' every line stands where it stood, blank lines before it included."""
    body = textwrap.indent("\n".join(lines), " " * indent)
    check_every_character("k: |" + "\n" * (leading + 1) + body + "\n")


@given(lines=LINES, deeper=st.integers(0, 3))
def test_literal_blocks_with_an_indentation_indicator(lines: list[str], deeper: int) -> None:
    """With '|2' the first line may be indented more than the block."""
    body = textwrap.indent("\n".join(lines), "  ")
    check_every_character("k: |2-\n" + " " * deeper + body + "\n")


@given(lines=LINES, indent=st.integers(1, 6))
def test_folded_blocks(lines: list[str], indent: int) -> None:
    """Behind '>' lines are joined in the value and not in the file."""
    check_every_character("k: >-\n" + textwrap.indent("\n".join(lines), " " * indent) + "\n")


@given(lines=LINES)
def test_single_quotes(lines: list[str]) -> None:
    """A doubled quote is one character of the value."""
    check_every_character("k: '" + "\n   ".join(line.replace("'", "''") for line in lines) + "'\n")


@given(line=CODE)
def test_double_quotes(line: str) -> None:
    r"""Escapes count as what they stand for."""
    document = parsed('k: "' + line.replace("\\", "\\\\").replace('"', '\\"') + '"\n')
    for column, character in enumerate(line):
        if character != " ":
            assert character_at(document, 1, column) in (character, "\\")


@pytest.mark.parametrize(
    ("text", "line", "column", "place"),
    [
        ('k: "a\\x41b\\u0041c"', 1, 4, (1, 17)),
        ('k: "a\\nbc"', 2, 1, (1, 9)),
        ('k: "ab \\\n    cd"', 1, 3, (2, 5)),
        ("k: foo\n   bar  baz", 1, 9, (2, 9)),
        ("k: >-\n  a\n\n  b", 2, 0, (4, 3)),
        ("k: |\n  a\n", 9, 9, (2, 4)),
        ("k: abc", 1, 99, (1, 7)),
    ],
)
def test_corners(text: str, line: int, column: int, place: tuple[int, int]) -> None:
    """Numeric escapes, escaped and folded line ends, paragraphs, and positions behind the end."""
    found = parsed(text).code_problem(("k",), line, column, "")
    assert (found.line, found.column) == place


@pytest.mark.parametrize(("key", "column"), [("x.y + z", 7), ("'x.y + z'", 8), ('"x.y + z"', 8)])
def test_keys_are_code_too(key: str, column: int) -> None:
    """Positions inside a key count from the key, behind its quote."""
    found = parsed(f"{key}: 1").code_problem(("x.y + z",), 1, 6, "", key=True)
    assert (found.line, found.column) == (1, column)
