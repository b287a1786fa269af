"""Code in place as text: the quick way to what :mod:`conformance.running.program` does with syntax trees.

Rows of a rule share their `when` and differ in the code that their parameters stand for. The source is taken apart
once, at the names of those parameters and at the calls that take a device; a row then joins the parts, and Python
compiles text, which is quicker than walking and compiling a tree for each row. Wherever text could come to mean
something else than the tree (several lines of code, comments, f-strings), :func:`spliced` returns None and the tree is
the way; ``tests/running/test_splicing.py`` holds the two against each other over every rule.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from conformance.rules.language import dotted_name
from conformance.rules.vocabulary import Vocabulary

_DEEPEST = 5
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_CLOSING = re.compile(r"[\s)]*")
_OPENING = re.compile(r"\s*\(\s*")


@dataclass(frozen=True, slots=True)
class _Hole:
    """Where a parameter's code goes: in brackets, or, ``bare``, as the statements of a line of its own."""

    name: str
    bare: bool


@dataclass(frozen=True, slots=True)
class _Device:
    """Where a call names its device if what it calls takes one: a parameter's code and ``attributes`` of that.

    ``text`` is None where text cannot name it.
    """

    name: str
    attributes: str
    text: str | None


_Part = str | _Hole | _Device


def spliced(source: str, mode: str, codes: Mapping[str, str], vocabulary: Vocabulary | None) -> str | None:
    """``source`` with ``codes`` in place of their names and devices named, or None where text cannot say it."""
    return _spliced(source, mode, codes, vocabulary, 0)


def _spliced(source: str, mode: str, codes: Mapping[str, str], vocabulary: Vocabulary | None, depth: int) -> str | None:
    if not identifiers(source) & codes.keys() and not _may_take_device(source, vocabulary):
        return source
    parts = _parts(source, mode, tuple(sorted(codes)), vocabulary)
    if parts is None:
        return None
    texts: list[str] = []
    for part in parts:
        if isinstance(part, str):
            text: str | None = part
        elif isinstance(part, _Hole):
            text = _filled(part, codes, vocabulary, depth)
        else:
            text = _device(part, codes, vocabulary)
        if text is None:
            return None
        texts.append(text)
    return "".join(texts)


def _device(part: _Device, codes: Mapping[str, str], vocabulary: Vocabulary | None) -> str | None:
    called = "".join(codes[part.name].split()) + part.attributes
    if called.startswith("(") or called.partition(".")[0] in codes:
        return None  # the name in brackets, or in yet another parameter
    return part.text if vocabulary is not None and vocabulary.takes_device(called) else ""


def _filled(hole: _Hole, codes: Mapping[str, str], vocabulary: Vocabulary | None, depth: int) -> str | None:
    code = codes[hole.name].strip()
    if "\n" in code or "#" in code or code == "device" or depth >= _DEEPEST:
        return None
    others = {name: value for name, value in codes.items() if name != hole.name}
    text = _spliced(code, "exec" if hole.bare else "eval", others, vocabulary, depth + 1)
    return text if text is None or hole.bare else f"({text})"


@lru_cache(maxsize=8192)
def identifiers(source: str) -> frozenset[str]:
    """Everything in a text that could be a name; words in strings and comments too."""
    return frozenset(_IDENTIFIER.findall(source))


def _may_take_device(source: str, vocabulary: Vocabulary | None) -> bool:
    return vocabulary is not None and not _last_names(vocabulary).isdisjoint(identifiers(source))


@lru_cache(maxsize=8)
def _last_names(vocabulary: Vocabulary) -> frozenset[str]:
    """The last parts of the names that take a device: a text without any of them needs no tree."""
    return frozenset(name.rpartition(".")[2] for name in vocabulary.kinds if vocabulary.takes_device(name))


@lru_cache(maxsize=2048)
def _parts(source: str, mode: str, names: tuple[str, ...], vocabulary: Vocabulary | None) -> tuple[_Part, ...] | None:
    """``source`` taken apart, or None where that is not certain to be right."""
    if not source.isascii() or "\r" in source:  # the tree counts columns in bytes, and lines as Python does
        return None
    starts = [0]
    for line in source.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    try:
        edits = list(_edits(ast.parse(source, mode=mode), source, starts, frozenset(names), vocabulary))
    except _NotCertain:
        return None
    parts: list[_Part] = []
    done = 0
    for begin, end, part in sorted(edits, key=lambda edit: edit[:2]):
        parts += (source[done:begin], part)
        done = end
    return (*parts, source[done:])


class _NotCertain(Exception):
    """Text might come to mean something else than the tree."""


def _edits(
    tree: ast.AST, source: str, starts: list[int], names: frozenset[str], vocabulary: Vocabulary | None
) -> Iterator[tuple[int, int, _Part]]:
    alone: set[ast.expr] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):  # before 3.12 what stands inside has no position
            raise _NotCertain
        if isinstance(node, ast.Expr):
            alone.add(node.value)
        elif isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load):
            begin = starts[node.lineno - 1] + node.col_offset
            if node in alone and source.split("\n")[node.lineno - 1].strip() != node.id:
                raise _NotCertain
            yield begin, begin + len(node.id), _Hole(node.id, node in alone)
        elif isinstance(node, ast.Call) and vocabulary is not None:
            yield from _of_call(node, source, starts, names, vocabulary)


def _of_call(
    call: ast.Call, source: str, starts: list[int], names: frozenset[str], vocabulary: Vocabulary
) -> Iterator[tuple[int, int, _Part]]:
    function = call.func
    root, attributes = _path(function)
    is_hole = root in names
    if not is_hole and not vocabulary.takes_device(dotted_name(function) or ""):
        return
    arguments: list[ast.expr] = [*call.args, *(word.value for word in call.keywords)]
    if any(isinstance(argument, ast.Name) and argument.id == "device" for argument in call.args):
        return
    if any(word.arg == "device" for word in call.keywords):
        return
    at = _end(call, starts) - 1
    last = max((_end(argument, starts) for argument in arguments), default=_end(function, starts))
    text: str | None = ", device=device" if arguments else "device=device"
    if (
        any(word.arg is None for word in call.keywords)
        or any(isinstance(argument, ast.GeneratorExp) for argument in arguments)
        or not (_CLOSING if arguments else _OPENING).fullmatch(source, last, at)
    ):
        text = None
    if is_hole:
        yield at, at, _Device(root, attributes, text)
    elif text is not None:
        yield at, at, text
    else:
        raise _NotCertain


def _end(node: ast.expr, starts: list[int]) -> int:
    assert node.end_lineno is not None, "parsed code has positions"
    assert node.end_col_offset is not None, "parsed code has positions"
    return starts[node.end_lineno - 1] + node.end_col_offset


def _path(node: ast.expr) -> tuple[str, str]:
    """``a.b.c`` -> ("a", ".b.c"); no names where it is anything else."""
    attributes = ""
    while isinstance(node, ast.Attribute):
        attributes = f".{node.attr}{attributes}"
        node = node.value
    return (node.id, attributes) if isinstance(node, ast.Name) else ("", "")
