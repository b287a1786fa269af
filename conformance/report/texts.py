"""Texts of implementations and spec files, made fit for formats that are read line by line."""

from __future__ import annotations

from conformance.report.details import bounded

_KEPT = frozenset("\n\t")


def visible(text: str, longest: int) -> str:
    """``text``, bounded, with escapes for what is not seen but acts: control characters, marks that turn the line."""
    return bounded("".join(one if one.isprintable() or one in _KEPT else _escape(one) for one in text), longest)


def one_line(text: str, longest: int = 300) -> str:
    """The same with all white space, the ends of lines among it, as single spaces."""
    return visible(" ".join(text.split()), longest)


def counted(number: int, what: str) -> str:
    """``1 rule``, ``2 rules``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
