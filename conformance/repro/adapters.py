"""The methods of an adapter that a script calls, as text: the script brings them along and needs only the library.

An adapter is a subclass of the suite's contract, so a script that imported it would need the suite. What it calls is
taken instead, class by class in the order in which Python looks methods up, with the functions, constants and imports
of their modules that they read. Where something cannot be taken, such as what an ``__init__`` has computed, the script
imports the adapter after all.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType

from conformance.errors import ConformanceError
from conformance.implementations.contract import Implementation
from conformance.repro import pieces

_NAMESPACES = {"torch": "torch", "nn": "torch.nn", "F": "torch.nn.functional", "optim": "torch.optim"}
_HEADING = "# -- what it asks of the adapter " + "-" * 68
_DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Brought:
    """The text of an adapter: its classes, and what they read. It ends with ``implementation = …``."""

    source: str
    imports: frozenset[str]


class _Stays(Exception):
    """Something that a script cannot bring along."""


def brought(implementation: Implementation, called: Iterable[str]) -> Brought | None:
    """The text of the methods ``called``, and of all that these call; None where not everything can be taken."""
    taking = _Taking(implementation)
    try:
        for name in sorted(called):
            taking.take(name)
        return Brought(taking.text(), frozenset(taking.imports))
    except (_Stays, ConformanceError, OSError, TypeError, SyntaxError):
        return None


class _Taking:
    """What has been taken so far."""

    def __init__(self, implementation: Implementation) -> None:
        self._implementation = implementation
        self._classes = [kind for kind in type(implementation).__mro__ if kind is not object]
        if len({kind.__name__ for kind in self._classes}) < len(self._classes):
            raise _Stays
        self._members: list[dict[str, str]] = [{} for _ in self._classes]
        self._values: dict[str, str] = {}
        self._globals: dict[str, str] = {}
        self.imports: set[str] = set()

    def take(self, name: str, after: int = 0) -> None:
        """Take the method or value ``name``, as it is found from the class numbered ``after`` on."""
        for index in range(after, len(self._classes)):
            if name in vars(self._classes[index]):
                break
        else:
            self._values[name] = self._value(name)
            return
        if name in self._members[index]:
            return
        kind = self._classes[index]
        module = _module_of(kind)
        nodes = [node for node in _class_node(module, kind).body if name in _bound(node)]
        if not nodes:
            raise _Stays
        self._members[index][name] = "\n\n".join(_segment(module, node) for node in nodes)
        for node in nodes:
            self._take_read(module, node)
            for owner, attribute in _asked_of_itself(node):
                self.take(attribute, index + 1 if owner == "super" else 0)

    def _value(self, name: str) -> str:
        """What ``__init__`` sets: a namespace, or plain data."""
        value = getattr(self._implementation, name, None)
        if name in _NAMESPACES:
            place: object = self._implementation.torch
            for part in _NAMESPACES[name].split(".")[1:]:
                place = getattr(place, part, None)
            if value is place:
                return _NAMESPACES[name]
        elif isinstance(value, (str, int, float, bool)):
            return repr(value)
        raise _Stays

    def _take_read(self, module: ModuleType, node: ast.AST) -> None:
        """Take what a definition reads of its module."""
        for name in sorted(set(pieces.reads(node)) - pieces.bound(node) - vars(builtins).keys()):
            if name in (imports := pieces.imports_of(module)):
                self.imports.add(imports[name])
                continue
            found = next((one for one in _tree(module).body if name in _bound(one)), None)
            if found is None or pieces.is_piece(name):
                raise _Stays
            text = _segment(module, found)
            if self._globals.setdefault(name, text) != text:
                raise _Stays
            if not isinstance(found, ast.ClassDef):
                self._take_read(module, found)

    def text(self) -> str:
        """The classes, the most basic first, after what they read."""
        parts = list(self._globals.values())
        base = ""
        for kind, members in reversed(list(zip(self._classes, self._members))):
            values = self._values if kind is self._classes[0] else {}
            if members or values:
                lines = "\n".join(f"    {name} = {value}" for name, value in values.items())
                body = "\n\n".join([*([lines] if lines else []), *members.values()])
                parts.append(f"class {kind.__name__}{base}:\n{body}")
                base = f"({kind.__name__})"
        name = base.strip("()") or "object"
        source = "\n\n\n".join(pieces.plain(part) for part in parts)
        return f"{_HEADING}\n\n{source}\n\n\nimplementation = {name}()"


def _module_of(kind: type) -> ModuleType:
    module = sys.modules.get(kind.__module__)
    if module is None or "." in kind.__qualname__:
        raise _Stays
    return module


@cache
def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))


def _class_node(module: ModuleType, kind: type) -> ast.ClassDef:
    for node in _tree(module).body:
        if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
            return node
    raise _Stays


def _bound(node: ast.stmt) -> frozenset[str]:
    """The names that a statement of a module or class defines."""
    if isinstance(node, _DEFINITIONS):
        return frozenset({node.name})
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return frozenset(one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name))


def _segment(module: ModuleType, node: ast.stmt) -> str:
    """The lines of a definition, decorators and indentation included."""
    first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
    return "\n".join(inspect.getsource(module).splitlines()[first - 1 : node.end_lineno])


def _asked_of_itself(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Attributes of ``self`` and of ``super()`` that a method reads; what it sets no script can bring along."""
    for one in ast.walk(node):
        if not isinstance(one, ast.Attribute):
            continue
        owner = one.value
        if isinstance(owner, ast.Name) and owner.id == "self":
            if isinstance(one.ctx, ast.Store):
                raise _Stays
            yield "self", one.attr
        elif isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.func.id == "super":
            yield "super", one.attr
