"""Code of a spec file -> a syntax tree with the positions that an editor shows, and the names that it makes and reads.

What of Python the code may use is checked in :mod:`conformance.rules.language` (statements, and what observes) and
:mod:`conformance.rules.oracle` (expectations).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

#: Takes line (from 1), column (from 0, in characters), message and hint.
Report = Callable[[int, int, str, str], None]

_DEEPEST = 150
_OWN_LINES = re.compile(r" \(detected at line \d+\)| on line \d+")  # Python counts from where the code begins


@dataclass
class Uses:
    """What a piece of code uses and makes; the facts that the rest of loading needs."""

    names: set[str] = field(default_factory=set)  # dotted API names
    members: set[str] = field(default_factory=set)
    loads: set[str] = field(default_factory=set)  # plain names read
    stores: set[str] = field(default_factory=set)  # plain names made at any depth
    words: set[str] = field(default_factory=set)
    own_members: set[str] = field(default_factory=set)  # attributes and methods that the code itself makes
    buffers: set[str] = field(default_factory=set)  # plain names bound to buffer()
    rebound: set[str] = field(default_factory=set)  # plain names bound to anything else


def parse(source: str, report: Report, mode: str = "exec", *, whole: bool = True) -> ast.Module | ast.Expression | None:
    """Parse ``source``; a syntax error is reported at its position and gives None.

    With ``whole`` it must also compile by itself: that ``return`` stands in a function is no matter of grammar. Code
    that a parameter stands for is part of something else.
    """
    try:
        tree: ast.Module | ast.Expression = ast.parse(source, mode=mode)  # type: ignore[assignment]
        if len(source) > _DEEPEST and (deep := _too_deep(tree)) is not None:
            report(deep.lineno, _characters(source, deep), f"nested more than {_DEEPEST} levels deep", "split it")
            return None
        if whole and mode == "exec":
            compile(tree, "<rule>", mode)
    except SyntaxError as error:
        column = max((error.offset or 1) - 1, 0)
        hint = "inside braces a value that holds a comma stands in quotes" if "never closed" in error.msg else ""
        report(error.lineno or 1, column, f"syntax error: {_OWN_LINES.sub('', error.msg)}", hint)
        return None
    except (RecursionError, MemoryError):
        report(1, 0, "nested too deeply to be read", "split it")
        return None
    except ValueError as error:
        report(1, 0, f"cannot be read: {error}", "")
        return None
    if not source.isascii():
        for node in ast.walk(tree):
            if isinstance(node, (ast.expr, ast.stmt, ast.arg, ast.keyword)):
                node.col_offset = _characters(source, node)
    return tree


def _characters(source: str, node: Any) -> int:
    """The column of a node in characters; Python counts the bytes of UTF-8."""
    line = source.splitlines()[node.lineno - 1]
    return len(line.encode()[: node.col_offset].decode(errors="ignore"))


def _too_deep(tree: ast.AST) -> Any:
    """The first expression or statement too deep for code that visits trees by recursion, or None."""
    level = [tree]
    for _ in range(_DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return next((node for node in level if isinstance(node, (ast.expr, ast.stmt))), None)


def collect(tree: ast.AST) -> Uses:
    """The names a piece of code makes, before it is checked: a name may be used above its binding (in a closure)."""
    uses = Uses()
    buffers: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            uses.stores.add(node.id)
            (uses.buffers if node in buffers else uses.rebound).add(node.id)
        elif isinstance(node, ast.Assign) and _makes_buffer(node.value):
            buffers.update(node.targets)
        elif isinstance(node, ast.arg):
            uses.stores.add(node.arg)
            uses.rebound.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            uses.stores.add(node.name)
            uses.rebound.add(node.name)
            uses.own_members.add(node.name)
            if isinstance(node, ast.ClassDef):
                for statement in node.body:
                    for target in getattr(statement, "targets", ()):
                        if isinstance(target, ast.Name):
                            uses.own_members.add(target.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            uses.own_members.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            uses.own_members.add(node.value)
        elif isinstance(node, ast.keyword) and node.arg:
            uses.own_members.add(node.arg)
    return uses


def _makes_buffer(node: ast.expr) -> bool:
    called = isinstance(node, ast.Call) and not node.args and not node.keywords
    return called and isinstance(node.func, ast.Name) and node.func.id == "buffer"  # type: ignore[attr-defined]


def plain_names(sources: Iterable[str]) -> set[str]:
    """Every plain name that occurs in the expressions; sources that do not parse count for nothing."""
    found: set[str] = set()
    for source in sources:
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        found.update(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    return found
