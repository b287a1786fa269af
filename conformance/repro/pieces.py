"""The text of helpers: from the modules of :mod:`conformance.repro.helpers` to pieces that a script can take.

A script takes the pieces that it names and those that they need, in the order in which they stand there, without
annotations and comments for linters.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType

from conformance.repro.helpers import flavours, relations, values, words
from conformance.running import oracle

_MODULES: tuple[ModuleType, ...] = (values, flavours, relations, words, oracle)
_OVER_LINES = re.compile(r"^(def \w+)\(\n +(.{,90})\n\):")
_LINTERS = re.compile(r"  # (noqa|type:)[^\n]*")


@dataclass(frozen=True)
class Piece:
    """One definition: its source, the names it reads, and the statements that import some of these."""

    name: str
    source: str
    reads: frozenset[str]
    imports: Mapping[str, str]


def closure(names: Iterable[str], flavour: Mapping[str, str]) -> list[Piece]:
    """The pieces called ``names`` and all that they need; ``flavour`` says which text stands for a name."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            piece = _pieces()[flavour.get(name, name)]
            todo += [read for read in piece.reads if is_helper(read, flavour)]
    chosen = {flavour.get(name, name): name for name in found}
    return [_named(piece, chosen[key]) for key, piece in _pieces().items() if key in chosen]


def is_piece(name: str) -> bool:
    """Whether a helper has this name."""
    return name in _pieces()


def is_helper(name: str, flavour: Mapping[str, str]) -> bool:
    """Whether ``name`` is a piece, by itself or through its flavour."""
    return flavour.get(name, name) in _pieces()


def import_of(name: str) -> str:
    """The statement that imports ``name`` for a script."""
    return next(imports[name] for module in _MODULES if name in (imports := imports_of(module)))


def text(piece: Piece) -> str:
    """The piece as it stands in a script."""
    return plain(piece.source)


def plain(source: str) -> str:
    """Python source without annotations and comments for linters."""
    source = _LINTERS.sub("", source)
    lines = source.split("\n")
    for (line, start), (last, end), new in sorted(_edits(ast.parse(source), source.split("\n")), reverse=True):
        rest = lines[last - 1][end:]
        lines[line - 1 : last] = [lines[line - 1][:start] + new + rest]
    return _OVER_LINES.sub(r"\1(\2):", "\n".join(lines))


@cache
def _pieces() -> Mapping[str, Piece]:
    return {piece.name: piece for module in _MODULES for piece in _of_module(module)}


def _of_module(module: ModuleType) -> Iterator[Piece]:
    source = inspect.getsource(module)
    lines = source.split("\n")
    tree = ast.parse(source)
    imports = imports_of(module)
    for node in tree.body:
        name = _name_of(node)
        if name is None:
            continue
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
        body = "\n".join(lines[first - 1 : node.end_lineno])
        names = frozenset(reads(node)) - bound(node)
        yield Piece(name, body, names, {one: imports[one] for one in names if one in imports})


def _name_of(node: ast.stmt) -> str | None:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return node.name
    is_list = isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.List)
    return node.target.id if is_list and isinstance(node.target, ast.Name) else None  # type: ignore[attr-defined]


@cache
def imports_of(module: ModuleType) -> Mapping[str, str]:
    """The names that a module imports, with a statement that imports each; those of typing and the suite left out."""
    return dict(_imports(ast.parse(inspect.getsource(module))))


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and _is_public(node.module)):
            for alias in node.names:
                yield alias.asname or alias.name, ast.unparse(_with_names(node, [alias]))


def _is_public(module: str | None) -> bool:
    return module is not None and not module.startswith("conformance") and module not in ("typing", "__future__")


def _with_names(node: ast.Import | ast.ImportFrom, names: list[ast.alias]) -> ast.stmt:
    return ast.Import(names) if isinstance(node, ast.Import) else ast.ImportFrom(node.module, names, 0)


def reads(node: ast.AST) -> Iterator[str]:
    """Every name that is read, those in annotations left out."""
    for child in ast.iter_child_nodes(node):
        if not _is_annotation(node, child):
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load):
                yield child.id
            yield from reads(child)


def bound(node: ast.AST) -> frozenset[str]:
    """The names that a definition binds inside itself."""
    stores = {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    return frozenset(stores | {one.arg for one in ast.walk(node) if isinstance(one, ast.arg)})


def _is_annotation(parent: ast.AST, child: ast.AST) -> bool:
    if isinstance(parent, (ast.arg, ast.AnnAssign)):
        return child is parent.annotation
    if isinstance(parent, ast.ClassDef):
        return isinstance(child, ast.Subscript) and child in parent.bases
    return isinstance(parent, ast.FunctionDef) and child is parent.returns


def _named(piece: Piece, name: str) -> Piece:
    """The piece under the name that its flavour stands for."""
    if name == piece.name:
        return piece
    return Piece(name, piece.source.replace(piece.name, name, 1), piece.reads, piece.imports)


# -- edits: (start, end, new text) -----------------------------------------------------------------------------

_Edit = tuple[tuple[int, int], tuple[int, int], str]


def _edits(tree: ast.Module, lines: list[str]) -> Iterator[_Edit]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.returns is not None:
            yield _before(lines, node.returns, " -> ")
        elif isinstance(node, ast.arg) and node.annotation is not None:
            yield _after_argument(lines, node)
        elif isinstance(node, ast.AnnAssign):
            yield (node.target.end_lineno or 0, node.target.end_col_offset or 0), _end(node.annotation), ""
        elif isinstance(node, ast.ClassDef):
            yield from _plain_bases(node)


def _end(node: ast.AST) -> tuple[int, int]:
    return node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]


def _before(lines: list[str], node: ast.expr, arrow: str) -> _Edit:
    start = lines[node.lineno - 1].rindex(arrow, 0, node.col_offset + 1)
    return (node.lineno, start), _end(node), ""


def _after_argument(lines: list[str], node: ast.arg) -> _Edit:
    """From the end of the argument's name to that of its annotation, and the blanks around a default."""
    assert node.annotation is not None
    line, end = _end(node.annotation)
    default = lines[line - 1][end:].startswith(" = ")
    return (node.lineno, node.col_offset + len(node.arg)), (line, end + 3 * default), "=" * default


def _plain_bases(node: ast.ClassDef) -> Iterator[_Edit]:
    """``list[Any]`` as a base is ``list``."""
    for base in node.bases:
        if isinstance(base, ast.Subscript):
            yield _end(base.value), _end(base), ""
