"""What a rule is, once its file was read and checked: frozen values, no behaviour beyond naming things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from conformance.rules.documents import YamlPath

Level = Literal["must", "should", "de-facto"]
LEVELS: tuple[Level, ...] = ("must", "should", "de-facto")


#: Where rules count whose file names no area.
OTHER_AREA = "Other rules"


class DType(str):
    """The name of a dtype: `when` sees the implementation's dtype object, `then` this name."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Code:
    """A string of a spec file that is code, with the path at which it stands."""

    source: str
    path: YamlPath = ()


@dataclass(frozen=True, slots=True)
class Alternative:
    """One value of an axis: what it binds, and the condition under which it is a case at all."""

    label: str
    bindings: tuple[tuple[str, Any], ...]
    condition: Code | None = None


@dataclass(frozen=True, slots=True)
class Axis:
    """A parameter: its alternatives, or (``other_devices``) every device but the one under test."""

    name: str
    alternatives: tuple[Alternative, ...]
    other_devices: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that some alternative binds."""
        if self.other_devices:
            return (self.name,)
        return tuple(dict.fromkeys(name for one in self.alternatives for name, _ in one.bindings))


@dataclass(frozen=True, slots=True)
class Given:
    """Data under a name: ``form`` is values, normal, …, module, any, or (nested) sequence or mapping."""

    name: str
    form: str
    value: Any
    path: YamlPath
    options: Mapping[str, Any] = field(default_factory=dict)
    dtype: str | Code | None = None
    requires_grad: bool | Code = False
    kind: Literal["tensor", "parameter", "numpy", "list"] = "tensor"


@dataclass(frozen=True, slots=True)
class Observation:
    """The left side of one entry of ``then``, and the expectation on its right as written."""

    left: str
    right: Any
    path: YamlPath
    line: int
    condition: Code | None = None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What the documentation says where torch does otherwise."""

    says: str
    upstream: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Topic:
    """The file-level part that rules of one file share."""

    name: str
    title: str
    about: str
    area: str
    file: str
    text: str = field(repr=False)
    oracle: str = field(default="", repr=False)


@dataclass(frozen=True, eq=False)
class Rule:
    """One documented behaviour, checked and ready to be expanded into cases."""

    id: str
    says: str
    sources: tuple[str, ...]
    level: Level
    topic: Topic
    line: int
    last_line: int
    axes: tuple[Axis, ...] = ()
    combine: Literal["product", "pairs"] = "product"
    givens: tuple[Given, ...] = ()
    when: str = ""
    when_line: int = 0  # the line of the file before the first of `when`
    expect: str = ""
    observations: tuple[Observation, ...] = ()
    since: str | None = None
    until: str | None = None
    myth: str | None = None
    disagreement: Disagreement | None = None
    covers: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    capabilities: frozenset[str] = frozenset()
    draws_random: bool = False

    def __repr__(self) -> str:
        return f"<Rule {self.id}>"

    @cached_property
    def yaml(self) -> str:
        """The rule as its author wrote it, without the indentation of the list."""
        lines = self.topic.text.splitlines()[self.line - 1 : self.last_line]
        margin = len(lines[0]) - len(lines[0].lstrip(" -"))
        cut = [(" " * margin + lines[0].lstrip(" -"))[margin:], *(line[margin:] for line in lines[1:])]
        return "\n".join(cut).rstrip()

    @property
    def position(self) -> str:
        """``file:line`` of the rule."""
        return f"{self.topic.file}:{self.line}"

    @property
    def is_property(self) -> bool:
        """Whether Hypothesis draws some of the data."""
        return any(given.form == "any" for given in self.givens)

    def applies_to(self, release: tuple[int, int]) -> bool:
        """Whether an implementation that follows ``release`` of torch claims this behaviour."""
        return not (
            (self.since is not None and release < release_tuple(self.since))
            or (self.until is not None and release >= release_tuple(self.until))
        )


def release_tuple(text: str) -> tuple[int, int]:
    """``"2.10.1"`` -> ``(2, 10)``."""
    major, minor = text.split(".")[:2]
    return int(major), int(minor)
