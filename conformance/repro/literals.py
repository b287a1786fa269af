"""Data -> Python source: numbers as short as their dtype allows, long lists broken over lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from conformance.rules.model import DType
from conformance.running.data import Array, Datum, round_to

WIDTH = 110


class Source(str):
    """A string that is source already."""

    __slots__ = ()


def literal(value: Any) -> str:
    """``value`` on one line; arrays as nested lists, and where these cannot show the shape as ``empty(0, 3)``."""
    if isinstance(value, Source):
        return str(value)
    if isinstance(value, np.ndarray):
        return literal(as_lists(value))
    if isinstance(value, DType):
        return f"torch.{value}"
    if isinstance(value, np.generic):
        return literal(value.item())
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(literal, value)) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, (list, set, frozenset)):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, str):
        return _quoted(value)
    return _number(value) if isinstance(value, (float, complex)) else repr(value)


def _quoted(text: str) -> str:
    shown = repr(text)
    return shown if '"' in text or "\\" in shown or shown[0] == '"' else f'"{text}"'


def _number(value: complex) -> str:
    if isinstance(value, float):
        return repr(value) if np.isfinite(value) else f'float("{value}")'
    plain = np.isfinite(value) and not np.signbit(value.real) | np.signbit(value.imag)
    return repr(value) if plain else f"complex({_number(value.real)}, {_number(value.imag)})"


def as_lists(array: Array) -> Any:
    """Nested lists of an array; an empty one whose shape or kind lists do not show becomes a call of ``empty``."""
    if array.size or (array.ndim < 2 and array.dtype.kind != "b"):
        return array.tolist()
    if array.shape[0] and array.dtype.kind != "b":
        return [as_lists(row) for row in array]
    kind = ", kind=bool" if array.dtype.kind == "b" else ""
    return Source(f"empty({', '.join(map(str, array.shape))}{kind})")


def stored(datum: Datum) -> Any:
    """A given's numbers as nested lists of the shortest decimals that its dtype rounds to the same bits."""
    array = datum.stored
    if array.dtype.kind not in "fc" or datum.dtype in ("float64", "complex128"):
        return array.tolist()
    if array.dtype.kind == "c":
        pairs = zip(array.real.ravel(), array.imag.ravel())
        numbers = [complex(_shortest(real, "float32"), _shortest(imag, "float32")) for real, imag in pairs]
        return np.array(numbers, dtype=complex).reshape(array.shape).tolist()
    short = np.array([_shortest(value, datum.dtype) for value in array.ravel()], dtype=float)
    return short.reshape(array.shape).tolist()


def _shortest(value: Any, dtype: str) -> float:
    """The decimal that is read as ``value`` both directly and by way of float32, as some implementations do."""
    for digits in range(1, 10):
        short = float(f"{float(value):.{digits}g}")
        with np.errstate(over="ignore"):
            through = np.float32(short)
            same = all(round_to(np.asarray(one), dtype).stored == value for one in (short, through))
        if same:
            return short
    return float(value)


def laid_out(value: Any, indent: int, room: int) -> str:
    """``value`` on one line where ``room`` columns hold it, else broken at its outermost elements."""
    line = literal(value)
    value = as_lists(value) if isinstance(value, np.ndarray) else value
    if len(line) <= room or isinstance(value, Source) or not isinstance(value, (list, tuple, dict)):
        return line
    inner = WIDTH - indent - 4
    if isinstance(value, dict):
        parts = [f"{literal(key)}: {laid_out(item, indent + 4, inner - 20)}" for key, item in value.items()]
        return _bracketed("{}", parts, indent)
    if not any(isinstance(item, (list, tuple, dict, np.ndarray)) for item in value):
        return _bracketed("[]", _filled(map(literal, value), inner), indent)
    return _bracketed("[]", [laid_out(item, indent + 4, inner) for item in value], indent)


def call(head: str, arguments: Iterable[Any], indent: int = 0) -> str:
    """``head(arguments)``, broken over lines where it is long; an argument is :class:`Source` or data."""
    given = list(arguments)
    line = f"{head}({', '.join(map(literal, given))})"
    if len(line) + indent <= WIDTH:
        return line
    long = max(range(len(given)), key=lambda index: len(literal(given[index])))
    before = f"{head}({''.join(literal(item) + ', ' for item in given[:long])}"
    after = "".join(", " + literal(item) for item in given[long + 1 :]) + ")"
    if len(before) + indent + 1 <= WIDTH and len(after) <= 70 and not isinstance(given[long], (Source, str)):
        return before + laid_out(given[long], indent, 0) + after
    return _bracketed(f"{head}()", [laid_out(item, indent + 4, WIDTH - indent - 5) for item in given], indent)


def _bracketed(brackets: str, lines: Iterable[str], indent: int) -> str:
    blank = " " * indent
    inside = "".join(f"{blank}    {line},\n" for line in lines)
    return f"{brackets[:-1]}\n{inside}{blank}{brackets[-1]}"


def _filled(items: Iterable[str], room: int) -> list[str]:
    """Items joined to lines of at most ``room`` columns."""
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + len(item) + 3 <= room:
            lines[-1] += f", {item}"
        else:
            lines.append(item)
    return lines
