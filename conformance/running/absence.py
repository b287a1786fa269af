"""What Python's own errors say is absent: an operator of the tensor class, a method of a layer or an optimizer.

A TypeError comes of wrong operands, too, and an AttributeError where data is missing that should be there; these are
faults.
"""

from __future__ import annotations

import re

_BINARY = {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "@": "matmul",
    "** or pow()": "pow", "&": "and", "|": "or", "^": "xor", "<<": "lshift", ">>": "rshift", "divmod()": "divmod",
}  # fmt: skip
_COMPARISONS = {"<": ("lt", "gt"), "<=": ("le", "ge"), ">": ("gt", "lt"), ">=": ("ge", "le")}
_UNARY = {"-": "neg", "+": "pos", "~": "invert", "abs()": "abs"}

_OPERANDS = re.compile(r"unsupported operand type\(s\) for (.+?)(=?): '(.+)' and '(.+)'")
_COMPARED = re.compile(r"'(<=?|>=?)' not supported between instances of '(.+)' and '(.+)'")
_OPERAND = re.compile(r"bad operand type for (?:unary )?(.+): '(.+)'")
_OTHERS = (
    (re.compile(r"'(.+)' object is not subscriptable"), "__getitem__"),
    (re.compile(r"'(.+)' object does not support item assignment"), "__setitem__"),
    (re.compile(r"object of type '(.+)' has no len\(\)"), "__len__"),
    (re.compile(r"'(.+)' object is not iterable"), "__iter__"),
)


def absent_operator(error: BaseException, tensor: type | None) -> str | None:
    """The method of the class ``tensor`` without which Python raised ``error``; None where it has them all.

    A class that has the method and refuses these operands is asked for something wrong, or is wrong itself.
    """
    if not isinstance(error, TypeError) or tensor is None:
        return None
    wanted = _wanted(str(error), tensor.__name__)
    return next((name for name in wanted if getattr(tensor, name, None) is getattr(object, name, None)), None)


def _wanted(message: str, name: str) -> tuple[str, ...]:
    """The methods of a class called ``name`` that an error speaks of."""
    if found := _OPERANDS.fullmatch(message):
        operation, _, left, right = found.groups()
        word = _BINARY.get(operation, "")
        return tuple(f"__{prefix}{word}__" for prefix, of in (("", left), ("r", right)) if word and of == name)
    if found := _COMPARED.fullmatch(message):
        sign, left, right = found.groups()
        return tuple(f"__{word}__" for word, of in zip(_COMPARISONS[sign], (left, right)) if of == name)
    if found := _OPERAND.fullmatch(message):
        word = _UNARY.get(found[1], "")
        return (f"__{word}__",) if word and found[2] == name else ()
    return tuple(method for pattern, method in _OTHERS if (found := pattern.fullmatch(message)) and found[1] == name)


def absent_method(error: BaseException, owners: tuple[type, ...], code: str) -> str | None:
    """The method, called somewhere in ``code``, without which an object of the classes ``owners`` raised ``error``."""
    if not isinstance(error, AttributeError) or not isinstance(error.obj, owners):
        return None
    called = re.search(rf"\.{re.escape(error.name or '')}\(", code) is not None
    return f"{type(error.obj).__name__}.{error.name}" if called else None
