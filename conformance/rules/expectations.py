"""The right side of `then:` -> checks: what is compared with what, before anything is evaluated.

One expectation can hold several checks (``{values: …, requires_grad: false}``), and each is reported by itself. A check
names its *aspect* and carries an operand of one of three kinds: :class:`Oracle` (NumPy over the givens),
:class:`Observed` (an expression over what `when` made) or a literal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conformance.rules.documents import YamlPath
from conformance.rules.parameters import DTYPES

RELATIONS = frozenset({"is", "shares_memory_with", "same_as", "close_to", "unchanged"})
FACTS = frozenset(
    {"dtype", "shape", "strides", "device", "type", "requires_grad", "is_leaf", "grad_fn", "version", "length", "keys"}
)
ANCHORS = frozenset({"values", "filled", "elements_from", "holds", "any_order", "data", "text"})
_LISTED = ("is", "shares_memory_with")


@dataclass(frozen=True, slots=True)
class Oracle:
    """A number, a NumPy expression, or a (nested) list whose strings are NumPy expressions."""

    template: Any
    path: YamlPath


@dataclass(frozen=True, slots=True)
class Observed:
    """An expression over the names that `when` made."""

    source: str
    path: YamlPath


@dataclass(frozen=True, slots=True)
class Check:
    """One aspect of an observed value, and what it is compared with."""

    aspect: str
    operand: Any
    path: YamlPath
    exact: bool = False
    scale: Oracle | None = None
    within: float = 0.0
    condition: str | None = None


def parse_expectation(right: Any, path: YamlPath) -> tuple[Check, ...]:
    """The checks of one expectation; ``right`` has the form that the schema allows."""
    if not isinstance(right, dict):
        if right == "unspecified":
            return (Check("unspecified", None, path),)
        return (Check("values", Oracle(right, path), path),)
    scale = Oracle(right["scale"], (*path, "scale")) if "scale" in right else None
    condition = right.get("if")
    made = []
    for key, value in right.items():
        if key in ("exact", "scale", "within", "if"):
            continue
        at = (*path, key)
        exact, within = bool(right.get("exact")), right.get("within", 0.0)
        made.append(Check(key, _operand(key, value, at), at, exact, scale, within, condition))
    return tuple(made)


def _operand(aspect: str, value: Any, path: YamlPath) -> Any:
    if aspect in _LISTED and isinstance(value, list):
        return tuple(Observed(item, (*path, index)) for index, item in enumerate(value))
    if aspect in ("is", "shares_memory_with", "same_as", "close_to"):
        return Observed(value, path)
    if aspect == "type":
        return Observed("torch.Tensor" if value == "Tensor" else value, path)
    if aspect in ("not", "each"):
        return parse_expectation(value, path)
    if aspect == "one_of":
        return tuple(parse_expectation(item, (*path, index)) for index, item in enumerate(value))
    if aspect == "any_order" and isinstance(value, list):
        return tuple(parse_expectation(item, (*path, index)) for index, item in enumerate(value))
    if aspect == "holds":
        conditions = value if isinstance(value, list) else [value]
        return tuple(Oracle(item, path) for item in conditions)
    if aspect in ("text", "data", "unspecified", "unchanged"):
        return value
    if aspect == "keys" and isinstance(value, list):
        return tuple(value)
    if (aspect == "dtype" and value in DTYPES) or (aspect == "grad_fn" and value in ("none", "present")):
        return value
    if aspect == "grad_fn" and isinstance(value, str) and value[:1].isupper():
        return value
    return Oracle(value, path)


def flatten(checks: tuple[Check, ...]) -> Iterator[Check]:
    """The checks and all those nested in combinators."""
    for check in checks:
        yield check
        if check.aspect in ("not", "each"):
            yield from flatten(check.operand)
        elif check.aspect in ("one_of", "any_order") and isinstance(check.operand, tuple):
            for group in check.operand:
                yield from flatten(group)


def oracle_sources(template: Any, path: YamlPath) -> Iterator[tuple[str, YamlPath]]:
    """Every NumPy expression inside a template, with its path."""
    if isinstance(template, str):
        yield template, path
    elif isinstance(template, (list, tuple)):
        for index, item in enumerate(template):
            yield from oracle_sources(item, (*path, index))


def oracles_of(check: Check) -> Iterator[Oracle]:
    """The NumPy operands of a check itself, not of those nested in it."""
    if isinstance(check.operand, Oracle):
        yield check.operand
    elif check.aspect == "holds":
        yield from check.operand
    if check.scale is not None:
        yield check.scale


def observed_of(check: Check) -> Iterator[Observed]:
    """The observed operands of a check itself."""
    if isinstance(check.operand, Observed):
        yield check.operand
    elif check.aspect in _LISTED and isinstance(check.operand, tuple):
        yield from check.operand


def without_meaning(checks: tuple[Check, ...], path: YamlPath) -> Iterator[tuple[YamlPath, str, str]]:
    """Place, message and hint of every part that holds of anything, or that 'not' cannot take, however nested."""
    if not checks:
        yield path, "nothing is checked here", "state 'values', a fact or a relation"
    for check in checks:
        if check.aspect in ("not", "each"):
            yield from without_meaning(check.operand, check.path)
        elif check.aspect in ("one_of", "any_order") and isinstance(check.operand, tuple):
            for index, group in enumerate(check.operand):
                yield from without_meaning(group, (*check.path, index))
        template = check.operand.template if isinstance(check.operand, Oracle) else check.operand
        if template in ((), []) and check.aspect in ("one_of", "holds", "shares_memory_with", "elements_from"):
            yield check.path, f"'{check.aspect}' of nothing", "name at least one"
        for nested in check.operand if check.aspect == "not" else ():
            if nested.aspect not in FACTS | RELATIONS:
                hint = "state the wrong value's right counterpart; 'not' takes relations and facts"
                yield nested.path, f"'{nested.aspect}' inside 'not'", hint
