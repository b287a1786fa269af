"""Where a character of a YAML scalar's value stands in the file: block, folded, quoted and plain scalars alike.

PyYAML says where a scalar begins. Code inside one has positions of its own, and the value is not the text:
indentation is cut off, lines are folded, quotes are escaped. What a user wants to see is the place in their editor.
"""

from __future__ import annotations

from collections.abc import Sequence

_BLANK = " \t\r\n\x85\u2028\u2029"
_ESCAPED = {"x": 4, "u": 6, "U": 10}  # the length of the escape; all others have two characters


def position_in_scalar(
    lines: Sequence[str], start: tuple[int, int], style: str | None, value: str, line: int, column: int
) -> tuple[int, int]:
    """The row and column, from 0, of what stands at ``line`` (from 1) and ``column`` (from 0) of a scalar's value.

    Args:
        lines: the file's lines with their ends.
        start: row and column of the scalar, its quote or its ``|`` included.
        style: ``|``, ``>``, a quote, or None for a plain scalar.
        value: the scalar's value; a position behind its end counts as the end.
        line: the line in the value.
        column: the column in that line, in characters.

    """
    parts = value.split("\n")
    line = min(max(line, 1), len(parts))
    column = min(column, len(parts[line - 1]))
    if style == "|":
        row = min(start[0] + line, len(lines) - 1)
        indentation = len(lines[row].rstrip("\r\n\x85\u2028\u2029")) - len(parts[line - 1])
        return row, max(indentation, 0) + column
    offset = sum(len(part) + 1 for part in parts[: line - 1]) + column
    first = start[0] + 1 if style == ">" else start[0]
    begin = 0 if style == ">" else start[1] + (1 if style else 0)
    text = "".join(lines[first:])
    at = _aligned(text, begin, value, offset, style)
    before = text[:at].splitlines(keepends=True)
    if not before or before[-1][-1] in "\r\n\x85\u2028\u2029":
        return first + len(before), 0
    return first + len(before) - 1, len(before[-1])


def _aligned(text: str, at: int, value: str, offset: int, style: str | None) -> int:
    """The index in ``text`` of ``value[offset]``: both are walked together, a run of white space at a time."""
    index = 0
    if style == ">":
        at = _behind_blanks(text, at)
        index = _behind_blanks(value, 0)
    while index < offset and at < len(text):
        if value[index] in _BLANK and text[at] in _BLANK:
            run, source = _behind_blanks(value, index), _behind_blanks(text, at)
            folded = "\n" in text[at:source] or "\r" in text[at:source]
            if run > offset:
                return source if folded else at + offset - index
            index, at = run, _behind_escaped_end(text, source, style)
            continue
        index += 1
        at = _behind_escaped_end(text, at + _length(text, at, style), style)
    return at


def _behind_escaped_end(text: str, at: int, style: str | None) -> int:
    """In double quotes a backslash at the end of a line stands for nothing, as does the indentation after it."""
    escaped = style == '"' and text[at : at + 1] == "\\" and text[at + 1 : at + 2] in ("\n", "\r")
    return _behind_blanks(text, at + 1) if escaped else at


def _length(text: str, at: int, style: str | None) -> int:
    """How many characters of the file stand for one of the value."""
    if style == "'" and text[at] == "'":
        return 2
    if style == '"' and text[at] == "\\":
        return _ESCAPED.get(text[at + 1 : at + 2], 2)
    return 1


def _behind_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at
