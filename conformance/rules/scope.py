"""What the code of one rule can name: its parameters, what they bind, its givens; and its observations as written.

Whatever is wrong with the names themselves is reported when a scope is made.
"""

from __future__ import annotations

import itertools
import keyword
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from conformance.rules import language, oracle
from conformance.rules.documents import YamlPath
from conformance.rules.givens import all_givens, parse_givens
from conformance.rules.model import Axis, Code, Given, Observation
from conformance.rules.parameters import MAX_ROWS, parse_axis, row_label
from conformance.rules.vocabulary import NAMESPACES

if TYPE_CHECKING:
    from conformance.rules.loading import FileLoader


class Scope:
    """The names of one entry of ``rules:``; ``bound`` has the values that each parameter takes."""

    def __init__(self, file: FileLoader, index: int, entry: Mapping[str, Any]) -> None:
        self.file = file
        self.path: YamlPath = ("rules", index)
        self.entry = entry
        self.axes = self._axes()
        self.parameters = frozenset(name for axis in self.axes for name in axis.names) | entry.get("with", {}).keys()
        self.givens = tuple(parse_givens(entry.get("given", {}), (*self.path, "given"), file.document, file.problems))
        self.given_names = frozenset(entry.get("given", {}))  # also those with problems, which are reported already
        self.bound: dict[str, list[Any]] = {}
        for axis in self.axes:
            for one in axis.alternatives:
                for name, value in one.bindings:
                    self.bound.setdefault(name, []).append(value)
        self.observations = self._observations()
        self._check_names()

    @property
    def modules(self) -> list[Given]:
        """The givens that are layers."""
        return [given for given in all_givens(self.givens) if given.form == "module"]

    def columns(self, name: str) -> Iterable[tuple[Any, YamlPath]]:
        """What the parameter ``name`` stands for, as written, with the places."""
        for axis, raw in self.entry.get("with", {}).items():
            yield from ((value, at) for bound, value, at in self._raw_bindings(axis, raw) if bound == name)

    def _raw_bindings(self, name: str, raw: Any) -> Iterable[tuple[str, Any, YamlPath]]:
        """What a parameter binds, as written, with its place."""
        at: YamlPath = (*self.path, "with", name)
        if isinstance(raw, str):
            raw, at = self.file.axes.get(raw), ("axes", raw)
        if isinstance(raw, list):
            yield from ((name, value, (*at, index)) for index, value in enumerate(raw))
        for label, value in raw.items() if isinstance(raw, dict) else ():
            if isinstance(value, dict):
                yield from ((key, item, (*at, label, key)) for key, item in value.items() if key != "if")
            else:
                yield name, value, (*at, label)

    def _observations(self) -> tuple[Observation, ...]:
        then = self.entry.get("then", {})
        groups = then if isinstance(then, list) else [then]
        made: list[Observation] = []
        for index, group in enumerate(groups):
            base: YamlPath = (*self.path, "then", index) if isinstance(then, list) else (*self.path, "then")
            condition = Code(group["if"], (*base, "if")) if isinstance(group.get("if"), str) else None
            if "if" in group and condition is None:
                self.file.complain(
                    (*base, "if"), f"found {group['if']!r}", "a condition is text, as in dtype == 'float32'"
                )
            for left, right in group.items():
                if left != "if":
                    at = (*base, left)
                    made.append(Observation(left, right, at, self.file.document.line_of(at), condition))
        return tuple(made)

    def _axes(self) -> tuple[Axis, ...]:
        made = []
        rows = 1
        for name, value in self.entry.get("with", {}).items():
            at = (*self.path, "with", name)
            axis = parse_axis(name, value, at, self.file.axes, self.file.complain)
            if axis is None:
                continue
            made.append(axis)
            rows *= max(len(axis.alternatives), 1)
            if not name.isidentifier() or keyword.iskeyword(name):
                self.file.complain(at, f"'{name}' cannot be a parameter", "a parameter is a name that code can use")
        if rows > MAX_ROWS and self.entry.get("combine") != "pairs":
            hint = "state fewer values, or 'combine: pairs'"
            self.file.complain((*self.path, "with"), f"{rows} combinations, more than {MAX_ROWS}", hint)
        elif sum(any("-" in one.label for one in axis.alternatives) for axis in made) > 1:
            labels = Counter(map(row_label, itertools.product(*(axis.alternatives for axis in made))))
            label, times = labels.most_common(1)[0]
            if times > 1:
                hint = "write a label without '-'"
                self.file.complain((*self.path, "with"), f"two combinations are both called '{label}'", hint)
        return tuple(made)

    def _check_names(self) -> None:
        taken: dict[str, str] = {}
        for axis in self.axes:
            for name in axis.names:
                self._take(taken, name, "parameter", (*self.path, "with", axis.name))
        for given in self.givens:
            self._take(taken, given.name, "given", given.path)
        for need in self.entry.get("needs", ()):
            if need not in self.file.vocabulary.about:
                hint = self.file.vocabulary.nearest(need, self.file.vocabulary.about)
                self.file.complain((*self.path, "needs"), f"no capability is named '{need}'", hint)

    def _take(self, taken: dict[str, str], name: str, what: str, path: YamlPath) -> None:
        reserved = (language.WORDS - {"dtype"}) | NAMESPACES | {"np", "it"} | oracle.HELPERS | oracle.CONSTANTS
        if name in taken:
            self.file.complain(path, f"{what} '{name}' is already a {taken[name]}", "names are distinct")
        elif name in reserved or (name == "dtype" and what == "given"):
            self.file.complain(path, f"'{name}' is a word of the language", f"call the {what} something else")
        taken.setdefault(name, what)
