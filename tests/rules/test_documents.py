"""Files as YAML: what is read, as what, and what is refused before any rule is looked at."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import Problem
from conformance.rules.documents import MAX_DEPTH, Document, parse_document, read_document
from tests.rules.marked import problems, unmarked

SCALARS = {
    "no": "no",
    "on": "on",
    "yes": "yes",
    "y": "y",
    "off": "off",
    "true": True,
    "True": True,
    "FALSE": False,
    "null": None,
    "~": None,
    "": None,
    "1e-5": 1e-5,
    "1E3": 1000.0,
    ".5": 0.5,
    "1.": 1.0,
    "+12": 12,
    "-0": 0,
    "012": 12,
    "0o17": 15,
    "0x1F": 31,
    ".inf": math.inf,
    "-.INF": -math.inf,
    "1_000": "1_000",
    "12:30": "12:30",
    "2020-01-01": "2020-01-01",
    "0b1": "0b1",
    "1e": "1e",
    "=": "=",
    "<<": "<<",
    "'1'": "1",
    '"true"': "true",
}


def parsed(text: str, **options: Any) -> Document:
    document, found = parse_document(text, "f.yaml", **options)
    assert found == []
    assert document is not None
    return document


@pytest.mark.parametrize("text", SCALARS)
def test_scalars_follow_the_core_schema(text: str) -> None:
    """Plain scalars mean what YAML 1.2 says: no is text, 1e-5 a number, 012 twelve."""
    (value,) = parsed(f"- {text}\n").data
    assert value == SCALARS[text]
    assert type(value) is type(SCALARS[text])


def test_nan_is_read() -> None:
    """.nan is the float."""
    assert math.isnan(parsed("- .nan\n").data[0])


def test_numbers_too_long_for_python_are_text() -> None:
    """A number of five thousand digits is no number, and no crash."""
    digits = "9" * 5000
    assert parsed(f"- {digits}\n").data == [digits]


def test_releases_keep_their_text() -> None:
    """2.10 under a key read as text is not 2.1; elsewhere it is."""
    document = parsed("since: 2.10\nother: 2.10\n", as_text=frozenset({"since"}))
    assert document.data == {"since": "2.10", "other": 2.1}


TAGS = "tags are refused; a plain value is all a rule needs"
REFUSED = {
    "anchor": ("a: ¤&x 1", "anchor '&x'", "anchors are refused; name a shared set in 'axes:'"),
    "alias": ("a: ¤*x", "alias '*x'", "aliases are refused; name a shared set in 'axes:'"),
    "tag": ("a: ¤!!python/name:os.system x", "tag 'tag:yaml.org,2002:python/name:os.system'", TAGS),
    "tag of one's own": ("a: ¤!mine x", "tag '!mine'", TAGS),
    "duplicate key": ("a: 1\nb: {c: 1, ¤c: 2}", "duplicate key 'c'", "it stands already on line 2"),
    "duplicate mapping": ("a: {x: 1}\n¤a:\n  y: [1, {z: 2}]", "duplicate key 'a'", "it stands already on line 1"),
    "number as a key": ("a:\n  ¤1: x", "key '1' is not text", 'write "1": in quotes'),
    "true as a key": ("¤true: x", "key 'true' is not text", 'write "true": in quotes'),
    "null as a key": ("a:\n  ¤~: x", "key '~' is not text", 'write "~": in quotes'),
    "list as a key": ("¤[1, 2]: x", "a key that is a list or a mapping", "keys are text"),
    "mapping as a key": ("? ¤{a: 1}\n: x", "a key that is a list or a mapping", "keys are text"),
    "two documents": ("a: 1\n¤---\nb: 2", "a second YAML document in one file", "one file holds one document"),
    "colon in text": (
        "a: b¤: c",
        "not valid YAML: mapping values are not allowed",
        "put text that holds ': ' in quotes, or below '|'",
    ),
    "at sign": (
        "a: ¤@x",
        "not valid YAML: found character",
        "indent with spaces; put text that begins with @, ` or % in quotes",
    ),
    "tab": (
        "a:\n¤\tb: 1",
        "not valid YAML: found character",
        "indent with spaces; put text that begins with @, ` or % in quotes",
    ),
    "tab before a block": ("a: |\n¤\tb", "not valid YAML: found a tab character", "indent with spaces"),
    "escape": (
        'a: "x¤\\q"',
        "not valid YAML: found unknown escape character",
        "in double quotes \\ begins an escape; single quotes take it as it is",
    ),
    "control character": ("a: b\nc: ¤\x07", "not valid YAML: character '\\x07'", "YAML has no control characters"),
    "NUL": ("a: b\nc: x¤\x00", "not valid YAML: character '\\x00'", "YAML has no control characters"),
    "indentation": (
        "a:\n  - b\n ¤c: d",
        "not valid YAML: ",
        "are the lines of this entry indented alike?",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_yaml_has_and_spec_files_have_not(name: str) -> None:
    """Each refusal names the place; what follows it is still read where that is possible."""
    marked, message, hint = REFUSED[name]
    text, ((line, column),) = unmarked(marked)
    (first,) = parse_document(text, "f.yaml")[1]
    assert (first.line, first.column) == (line, column)
    assert first.message.startswith(message)
    assert first.hint == hint


def test_an_alias_in_the_place_of_a_key_is_refused() -> None:
    """It is refused as an alias and as a key, and what it would be the key of is left out."""
    document, found = parse_document("a: 1\n*x : {b: 1}\nc: 2\n", "f.yaml")
    assert [(one.line, one.column, one.message) for one in found] == [
        (2, 1, "alias '*x'"),
        (2, 1, "a key that is an alias"),
    ]
    assert document is not None
    assert document.data == {"a": 1, "c": 2}


def test_a_refused_entry_hides_no_other() -> None:
    """Anchors, duplicate keys and tags of one file are reported together, in order."""
    text, places = unmarked("a: ¤&x 1\nb: ¤*x\n¤b: {c: 1}\nd: ¤!t 2\n")
    found = parse_document(text, "f.yaml")[1]
    assert [(one.line, one.column) for one in sorted(found)] == places


def test_an_alias_bomb_is_refused(tmp_path: Path) -> None:
    """Nested aliases are problems and expand to nothing."""
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    found = problems(tmp_path, "\n".join(lines))
    assert sum("aliases are refused" in one.hint for one in found) == 78


@pytest.mark.parametrize("bracket", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused_at_the_limit(bracket: str, tmp_path: Path) -> None:
    """A hundred thousand brackets are one problem, at the bracket that is one too many."""
    (found,) = problems(tmp_path, bracket * 100_000)
    assert found.message == f"nested more than {MAX_DEPTH} levels deep"
    assert (found.line, found.column) == (1, MAX_DEPTH * len(bracket) + 1)


HOLDS_NOTHING = [Problem("f.yaml", 1, 1, "the file holds nothing", "a spec file has 'topic:', 'title:' and 'rules:'")]


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "\ufeff"])
def test_empty_files_are_refused(text: str, tmp_path: Path) -> None:
    """Nothing, blank lines, comments and a lone byte-order mark are one problem each."""
    path = tmp_path / "f.yaml"
    path.write_text(text, encoding="utf-8")
    document, found = read_document(path)
    assert document is None
    assert [(one.line, one.column, one.message, one.hint) for one in found] == [
        (one.line, one.column, one.message, one.hint) for one in HOLDS_NOTHING
    ]


def test_files_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    """The first byte that is no UTF-8 is named with its place."""
    (found,) = problems(tmp_path, b"topic: t\ntitle: caf\xe9\n")
    assert (found.line, found.column) == (2, 11)
    assert (found.message, found.hint) == ("byte 0xe9 is not UTF-8", "save the file as UTF-8")


def test_utf16_files_are_refused(tmp_path: Path) -> None:
    """What Windows calls Unicode is refused at its first byte."""
    (found,) = problems(tmp_path, "topic: t\n".encode("utf-16"))
    assert (found.line, found.column, found.hint) == (1, 1, "save the file as UTF-8")


def test_missing_files_are_problems(tmp_path: Path) -> None:
    """A path that is not there is reported, not raised."""
    document, (found,) = read_document(tmp_path / "absent.yaml")
    assert document is None
    assert (found.message, found.hint) == ("cannot be read: No such file or directory", "is the path right?")


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    """Editors on Windows begin files with one; positions do not count it."""
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    document, found = read_document(path)
    assert found == []
    assert document is not None
    assert document.data == {"a": 1}
    assert document.problem(("a",), "here", key=True).column == 1


def test_line_ends_of_windows_are_accepted() -> None:
    """CRLF separates lines as LF does, in data, positions and blocks."""
    document = parsed("a: |\r\n  x = 1\r\n  y = 2\r\nb: 3\r\n")
    assert document.data == {"a": "x = 1\ny = 2\n", "b": 3}
    found = document.code_problem(("a",), 2, 4, "here")
    assert (found.line, found.column) == (3, 7)
    assert document.line_of(("b",)) == 4


def test_very_long_lines_are_read() -> None:
    """A line of a million characters is a line, and columns count on."""
    document = parsed("{a: '" + "x" * 1_000_000 + "', b: 1}")
    assert document.problem(("b",), "here", key=True).column == 1_000_009


def test_a_problem_where_nothing_stands_points_at_what_encloses_it() -> None:
    """A path that leads out of the file is reported at the last entry on its way."""
    document = parsed("a:\n  b: [1]\n")
    found = document.problem(("a", "b", "c"), "here")
    assert (found.line, found.column) == (2, 6)
    assert document.problem(("z",), "here").line == 1


def test_a_problem_reads_as_compilers_write_it() -> None:
    """file:line:column: message (hint)."""
    assert str(Problem("f.yaml", 2, 6, "what is wrong", "what to do")) == "f.yaml:2:6: what is wrong (what to do)"
    assert str(Problem("f.yaml", 2, 6, "what is wrong")) == "f.yaml:2:6: what is wrong"
