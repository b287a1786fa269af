"""Where the entries of a known-failures file stand in its text, so that one can be changed and the rest left alone.

Everything outside an entry's lines stays as it was, to the byte. A comment belongs to an entry where it is indented
deeper than the entry's dash; the others are the file's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from conformance.errors import ConformanceError
from conformance.rules.documents import Document

_HEAD = re.compile(r"known:[ \t]*(\[[ \t]*\])?[ \t]*(#.*)?")


@dataclass(frozen=True)
class Block:
    """An entry's lines, from ``start`` to before ``end``; its keys begin at ``column`` of line ``first``."""

    start: int
    first: int
    column: int
    end: int
    dash: int


@dataclass(frozen=True)
class Layout:
    """The lines of a file, with their ends; the one that says ``known:``; and the block of each entry."""

    lines: Sequence[str]
    head: int
    blocks: Sequence[Block]

    @property
    def newline(self) -> str:
        """How the file ends its lines."""
        return "\r\n" if any(line.endswith("\r\n") for line in self.lines) else "\n"

    def changed(self, texts: Mapping[int, Sequence[str]], added: Sequence[str]) -> str:
        """The text with other lines for some entries (none, to remove one), and with lines ``added`` behind the last.

        All lines given lack their ends.
        """
        kept = [number for number in range(len(self.blocks)) if number not in texts or texts[number]]
        starts = {block.start: number for number, block in enumerate(self.blocks)}
        behind = self.blocks[-1].end if self.blocks else self.head + 1
        made: list[str] = []
        at = 0
        while at <= len(self.lines):
            if at == behind and added:
                made += [] if not made or made[-1].endswith("\n") else [self.newline]
                made += [line + self.newline for line in added]
            number = starts.get(at)
            if number is not None and number in texts:
                made += [line + self.newline for line in texts[number]]
                at = self.blocks[number].end
                continue
            if at < len(self.lines):
                line = self.lines[at]
                made.append(_head(line, entries=bool(kept or added)) if at == self.head else line)
            at += 1
        return "".join(made)


def layout(document: Document) -> Layout:
    """The layout of a file.

    Raises:
        ConformanceError: entries stand in brackets, where lines cannot tell them apart.

    """
    lines = document.text.splitlines(keepends=True)
    head = document.keys[("known",)].line
    if not _HEAD.fullmatch(lines[head].rstrip("\r\n")):
        raise _in_brackets(document, head)
    begun = []
    for index in range(len(document.data["known"])):
        mark = document.values["known", index]
        before = lines[mark.line][: mark.column]
        start, dash = mark.line, before.find("-")
        if not before.strip():
            start, dash = next((n, lines[n].find("-")) for n in range(mark.line - 1, head, -1) if lines[n].strip())
        if (before.strip() or lines[start].split("#")[0].strip()) != "-" or lines[mark.line][mark.column] == "{":
            raise _in_brackets(document, mark.line)
        begun.append((start, mark.line, mark.column, dash))
    ends = [*(start for start, *_ in begun[1:]), len(lines)]
    return Layout(lines, head, [_block(lines, one, end) for one, end in zip(begun, ends)])


def entry_lines(entry: Mapping[str, Any], dash: int) -> list[str]:
    """A new entry, whose dash stands in column ``dash``."""
    text = yaml.safe_dump([dict(entry)], sort_keys=False, allow_unicode=True, width=10**9)
    return [" " * dash + line for line in text.splitlines()]


def with_patterns(lines: Sequence[str], block: Block, rules: Sequence[str], cases: Sequence[str]) -> list[str]:
    """The lines of an entry, comments and all, with other patterns.

    Raises:
        ConformanceError: the library that keeps comments is not installed.

    """
    try:
        from ruamel.yaml import YAML
    except ModuleNotFoundError:
        hint = "pip install 'torch-conformance[known]'"
        raise ConformanceError("narrowing an entry and keeping its comments needs ruamel.yaml", hint) from None
    from io import StringIO

    inside = [line.rstrip("\r\n") for line in lines[block.first : block.end]]
    inside[0] = " " * block.column + inside[0][block.column :]
    yaml_ = YAML()
    yaml_.preserve_quotes = True
    yaml_.width = 10**9
    yaml_.indent(mapping=2, sequence=4, offset=2)
    entry = yaml_.load("\n".join(line[block.column :] if line.strip() else "" for line in inside) + "\n")
    _replace(entry, {"rules": list(rules), "cases": list(cases)})
    out = StringIO()
    yaml_.dump(entry, out)
    made = [" " * block.column + line if line else "" for line in out.getvalue().splitlines()]
    if block.first == block.start:
        made[0] = " " * block.dash + "-" + made[0][block.dash + 1 :]
    return [*(line.rstrip("\r\n") for line in lines[block.start : block.first]), *made]


def _replace(entry: Any, patterns: Mapping[str, list[str]]) -> None:
    """Set, in place, the keys of patterns that are not empty; a key that is new stands where one that goes stood."""
    place = min(list(entry).index(key) for key in patterns if key in entry)
    gone = [key for key, texts in patterns.items() if key in entry and not texts]
    comments = [entry.ca.items.pop(key) for key in gone if key in entry.ca.items]
    for key in gone:
        del entry[key]
    for key, texts in patterns.items():
        value = texts[0] if len(texts) == 1 else texts
        if texts and key not in entry:
            entry.insert(place, key, value)
            if comments:
                entry.ca.items[key] = comments.pop()
        elif texts and entry[key] != value and entry[key] != texts:
            entry[key] = value


def _head(line: str, *, entries: bool) -> str:
    """The line that says ``known:``; its list is in brackets where it is empty."""
    found = _HEAD.fullmatch(line.rstrip("\r\n"))
    assert found is not None, "the layout has checked it"
    if entries != bool(found[1]):
        return line
    end = line[len(line.rstrip("\r\n")) :]
    return f"known:{'' if entries else ' []'}{f'  {found[2]}' if found[2] else ''}{end}"


def _block(lines: Sequence[str], begun: tuple[int, int, int, int], end: int) -> Block:
    start, first, column, dash = begun
    while end > first + 1 and _outside(lines[end - 1], dash):
        end -= 1
    return Block(start, first, column, end, dash)


def _outside(line: str, dash: int) -> bool:
    """Whether a line behind an entry's last key is none of the entry's."""
    text = line.strip()
    return not text or (text.startswith("#") and len(line) - len(line.lstrip()) <= dash)


def _in_brackets(document: Document, line: int) -> ConformanceError:
    hint = "write each entry on lines of its own, below 'known:', beginning with '- '"
    return ConformanceError(f"{document.file}:{line + 1}: entries in brackets cannot be rewritten", hint)
