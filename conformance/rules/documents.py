"""YAML text -> plain data, with the position of every key and value.

Reads the core schema of YAML 1.2 (``no`` is a string, ``1e-5`` a number) from PyYAML's event stream. Composing from
events, iteratively, rather than through PyYAML's own composer keeps three promises: positions survive, all mistakes
of a file are reported together, and a hostile file (a hundred thousand brackets) is refused instead of exhausting the
stack. What a spec file has no use for is refused: anchors and aliases, tags, several documents, keys that are not text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from conformance.errors import Problem
from conformance.rules.positions import position_in_scalar

MAX_DEPTH = 24
_LONGEST = 1000  # no number is longer, and Python refuses to read whole numbers of more than 4300 digits
YamlPath = tuple[str | int, ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = frozenset({"", "null", "Null", "NULL", "~"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ADVICE = {
    "mapping values are not allowed": "put text that holds ': ' in quotes, or below '|'",
    "expected ',' or '}'": "put a value that holds a comma, bracket or colon in quotes, or on a line of its own",
    "expected ',' or ']'": "put a value that holds a comma, bracket or colon in quotes, or on a line of its own",
    "cannot start any token": "indent with spaces; put text that begins with @, ` or % in quotes",
    "tab character": "indent with spaces",
    "escape": "in double quotes \\ begins an escape; single quotes take it as it is",
    "found unexpected end of stream": "a quote or bracket is not closed",
    "expected '-' indicator": "are the entries of this list indented alike?",
    "did not find expected key": "are the lines of this entry indented alike?",
    "expected <block end>": "are the lines of this entry indented alike?",
    "could not find expected ':'": "an entry of a mapping is 'key: value'",
}
_HINT_IF_EMPTY = "a spec file has 'topic:', 'title:' and 'rules:'"
_INFINITY = re.compile(r"([-+]?)\.(inf|Inf|INF)")


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value (or, for the entry of a mapping, its key) begins; lines and columns count from 0."""

    line: int
    column: int
    style: str | None = None


@dataclass(frozen=True)
class Document:
    """The data of one file and the marks of its keys and values, by path."""

    file: str
    text: str
    data: Any
    values: Mapping[YamlPath, Mark]
    keys: Mapping[YamlPath, Mark]

    def problem(self, path: YamlPath, message: str, hint: str = "", *, key: bool = False) -> Problem:
        """A problem at the value (or, with ``key``, the key) at ``path``, or at the nearest thing that encloses it."""
        while path:
            mark = (self.keys.get(path) if key else None) or self.values.get(path) or self.keys.get(path)
            if mark is not None:
                return Problem(self.file, mark.line + 1, mark.column + 1, message, hint)
            path = path[:-1]
        return Problem(self.file, 1, 1, message, hint)

    def code_problem(
        self, path: YamlPath, line: int, column: int, message: str, hint: str = "", *, key: bool = False
    ) -> Problem:
        """A problem inside the code at ``path``; ``line`` counts from 1 and ``column``, in characters, from 0."""
        mark = (self.keys if key else self.values).get(path)
        value = None if mark is None else path[-1] if key else self._value_at(path)
        if mark is None or not isinstance(value, str):
            return self.problem(path, message, hint, key=key)
        row, at = position_in_scalar(self.lines, (mark.line, mark.column), mark.style, value, line, column)
        return Problem(self.file, row + 1, at + 1, message, hint)

    def line_of(self, path: YamlPath) -> int:
        """The line, from 1, on which the entry at ``path`` begins."""
        mark = self.keys.get(path) or self.values.get(path)
        return mark.line + 1 if mark else 1

    @cached_property
    def lines(self) -> Sequence[str]:
        """The lines of the file with their ends."""
        return self.text.splitlines(keepends=True)

    def _value_at(self, path: YamlPath) -> Any:
        value = self.data
        for step in path:
            value = value[step]
        return value


@dataclass
class _Container:
    """A sequence or mapping that is being filled while its events arrive."""

    path: YamlPath
    value: Any
    key: str | None = None
    refused: int = 0  # how many of the next nodes belong to an entry that was refused
    seen: dict[str, int] = field(default_factory=dict)

    @property
    def awaits_key(self) -> bool:
        return isinstance(self.value, dict) and self.key is None and not self.refused


def read_document(
    path: Path, *, as_text: frozenset[str] = frozenset(), hint_if_empty: str = _HINT_IF_EMPTY
) -> tuple[Document | None, list[Problem]]:
    """Read the file at ``path``; keys named in ``as_text`` keep their scalars as written (2.10 is not 2.1)."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        return None, [Problem(str(path), 1, 1, f"cannot be read: {error.strerror or error}", "is the path right?")]
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        found = f"byte 0x{raw[error.start]:02x} is not UTF-8"
        return None, [Problem(str(path), line, column, found, "save the file as UTF-8")]
    return parse_document(text, str(path), as_text=as_text, hint_if_empty=hint_if_empty)


def parse_document(
    text: str, file: str, *, as_text: frozenset[str] = frozenset(), hint_if_empty: str = _HINT_IF_EMPTY
) -> tuple[Document | None, list[Problem]]:
    """Parse ``text``; the document is None where the YAML itself is broken or refused."""
    composer = _Composer(file, as_text)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if not composer.take(event):
                break
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        found = error.problem or error.context or "not YAML"
        composer.problems.append(Problem(file, line, column, f"not valid YAML: {found}", _advice(found)))
        return None, composer.problems
    except yaml.reader.ReaderError:
        composer.problems.append(_unprintable(text, file))
        return None, composer.problems
    except ValueError as error:
        composer.problems.append(Problem(file, 1, 1, f"not valid YAML: {error}"))
        return None, composer.problems
    if composer.fatal:
        return None, composer.problems
    if composer.root is None:
        return None, [Problem(file, 1, 1, "the file holds nothing", hint_if_empty)]
    return Document(file, text, composer.root[0], composer.values, composer.keys), composer.problems


def _unprintable(text: str, file: str) -> Problem:
    """The first character that YAML does not allow in a file."""
    at = next((match.start() for match in _UNPRINTABLE.finditer(text)), 0)
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    return Problem(file, line, column, f"not valid YAML: character {text[at]!r}", "YAML has no control characters")


def _advice(found: str) -> str:
    """What to do about a finding of PyYAML, which has no advice of its own."""
    return next((advice for part, advice in _ADVICE.items() if part in found), "")


class _Composer:
    """Builds the data from events, one after another, without recursion."""

    def __init__(self, file: str, as_text: frozenset[str]) -> None:
        self.file = file
        self.as_text = as_text
        self.problems: list[Problem] = []
        self.values: dict[YamlPath, Mark] = {}
        self.keys: dict[YamlPath, Mark] = {}
        self.root: list[Any] | None = None
        self.fatal = False
        self._stack: list[_Container] = []
        self._documents = 0

    def take(self, event: yaml.Event) -> bool:
        """Take one event; False once the file is refused as a whole."""
        if isinstance(event, yaml.ScalarEvent):
            self._node_properties(event)
            self._scalar(event)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._node_properties(event)
            self._open(event, {} if isinstance(event, yaml.MappingStartEvent) else [])
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._complain(event, f"alias '*{event.anchor}'", "aliases are refused; name a shared set in 'axes:'")
            self._refuse_as_key(event, "a key that is an alias")
            self._place(None, _mark(event))
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._complain(event, "a second YAML document in one file", "one file holds one document")
                self.fatal = True
        return not self.fatal

    def _complain(self, event: yaml.Event, message: str, hint: str = "") -> None:
        mark = _mark(event)
        self.problems.append(Problem(self.file, mark.line + 1, mark.column + 1, message, hint))

    def _node_properties(self, event: yaml.NodeEvent) -> None:
        if event.anchor is not None:
            self._complain(event, f"anchor '&{event.anchor}'", "anchors are refused; name a shared set in 'axes:'")
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":
            self._complain(event, f"tag '{tag}'", "tags are refused; a plain value is all a rule needs")

    def _open(self, event: yaml.CollectionStartEvent, value: Any) -> None:
        if len(self._stack) >= MAX_DEPTH:
            self._complain(event, f"nested more than {MAX_DEPTH} levels deep", "no rule needs that much")
            self.fatal = True
            return
        self._refuse_as_key(event, "a key that is a list or a mapping")
        mark = _mark(event)
        path = self._place(value, mark)
        self._stack.append(_Container(path, value))

    def _refuse_as_key(self, event: yaml.Event, message: str) -> None:
        if self._stack and self._stack[-1].awaits_key:
            self._complain(event, message, "keys are text")
            self._stack[-1].refused = 2

    def _close(self) -> None:
        self._stack.pop()

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        parent = self._stack[-1] if self._stack else None
        mark = _mark(event, event.style or None)
        if parent is not None and parent.awaits_key:
            self._key(parent, event, mark)
            return
        keep = parent is not None and parent.key in self.as_text
        plain = event.implicit[0] and not event.style
        self._place(resolve_scalar(event.value) if plain and not keep else event.value, mark)

    def _key(self, parent: _Container, event: yaml.ScalarEvent, mark: Mark) -> None:
        plain = event.implicit[0] and not event.style
        if plain and not isinstance(resolve_scalar(event.value), str):
            self._complain(event, f"key {event.value!r} is not text", f'write "{event.value}": in quotes')
        if event.value in parent.seen:
            first = parent.seen[event.value] + 1
            self._complain(event, f"duplicate key '{event.value}'", f"it stands already on line {first}")
            parent.refused = 1
            return
        parent.seen[event.value] = mark.line
        parent.key = event.value
        path: YamlPath = (*parent.path, event.value)
        self.keys[path] = mark

    def _place(self, value: Any, mark: Mark) -> YamlPath:
        if not self._stack:
            self.root = [value]
            self.values[()] = mark
            return ()
        parent = self._stack[-1]
        if isinstance(parent.value, list):
            path: YamlPath = (*parent.path, len(parent.value))
            parent.value.append(value)
        elif parent.refused:
            parent.refused -= 1
            return (*parent.path, "?")
        else:
            assert parent.key is not None
            path = (*parent.path, parent.key)
            parent.value[parent.key] = value
            parent.key = None
        self.values[path] = mark
        return path


def _mark(event: yaml.Event, style: str | None = None) -> Mark:
    start = event.start_mark
    assert start is not None, "a stream that is read has positions"
    return Mark(start.line, start.column, style)


def resolve_scalar(text: str) -> Any:
    """A plain scalar by the core schema of YAML 1.2."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if len(text) > _LONGEST:
        return text
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if match := _INFINITY.fullmatch(text):
        return float(f"{match[1]}inf")
    return float("nan") if text in (".nan", ".NaN", ".NAN") else text
