"""Pydantic's findings -> problems with a position, in words that name what was found and what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from conformance.errors import Problem
from conformance.rules.documents import Document, YamlPath
from conformance.rules.schema import Expect, GivenEntry, RuleEntry, SpecFile

_MODELS: tuple[type[BaseModel], ...] = (SpecFile, RuleEntry, GivenEntry, Expect)


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys of a model as they are written in a file."""
    return [field.alias or name for name, field in model.model_fields.items()]


def validate(model: type[BaseModel], data: Any, document: Document, base: YamlPath = ()) -> list[Problem]:
    """Everything that is wrong with the form of ``data``, which stands at ``base`` of the document."""
    try:
        model.model_validate(data)
    except ValidationError as error:
        return [_problem(model, detail, data, document, base) for detail in error.errors(include_url=False)]
    return []


def sound_part(data: Any) -> dict[str, Any] | None:
    """``data`` of a spec file without what is wrong in form, so that the rest can be checked; None where nothing can.

    What is left out must not make anything else look wrong: a rule keeps its place, as None where its givens,
    parameters or statements cannot be read, and an observation whose expectation is wrong is left out alone.
    """
    rules = data.get("rules") if isinstance(data, dict) else None
    if not isinstance(rules, list) or not rules:
        return None
    kept = _without(SpecFile, {**data, "rules": [_STAND_IN]}, {"title": "…"})
    return None if kept is None else {**kept, "rules": [_sound_rule(entry) for entry in rules]}


_STAND_IN = {"id": "topic/slug", "says": "…", "source": "…"}
#: Keys that nothing else in a file depends on.
_INERT: Mapping[type[BaseModel], frozenset[str]] = {
    SpecFile: frozenset({"title", "about", "area", "retired"}),
    RuleEntry: frozenset({"says", "source", "level", "since", "until", "myth", "disagreement", "covers", "needs"}),
}


def _sound_rule(entry: Any) -> dict[str, Any] | None:
    if not isinstance(entry, dict):
        return None
    kept = _without(RuleEntry, entry, {"says": "…", "source": "…"})
    return kept if kept is None or kept == entry else {**kept, "partial": True}


def _without(model: type[BaseModel], entry: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any] | None:
    """``entry`` without what is wrong with it, or None where it would mean something else."""
    try:
        model.model_validate(entry)
    except ValidationError as error:
        kept = {**defaults, **entry}
        for detail in error.errors(include_url=False):
            first = str(detail["loc"][0]) if detail["loc"] else ""
            near = (difflib.get_close_matches(first, keys_of(model), n=1) or [""])[0]
            if first in _INERT[model] or (first not in keys_of(model) and near in _INERT[model]):
                kept.pop(first, None)
            elif not _without_observation(kept, _locate(detail["loc"], entry)):
                return None
        return {**defaults, **kept}
    return entry


def _without_observation(kept: dict[str, Any], path: YamlPath) -> bool:
    """Leave out the observation that ``path`` leads into; False where it leads elsewhere."""
    then = kept.get("then")
    if path[:1] != ("then",) or len(path) < (3 if isinstance(then, list) else 2):
        return False
    if isinstance(then, list):
        at = int(path[1])
        kept["then"] = [{k: v for k, v in g.items() if k != path[2]} if i == at else g for i, g in enumerate(then)]
    elif isinstance(then, dict):
        kept["then"] = {left: right for left, right in then.items() if left != path[1]}
    return True


def _problem(model: type[BaseModel], detail: Any, data: Any, document: Document, base: YamlPath) -> Problem:
    path = _locate(detail["loc"], data)
    found = detail.get("input")
    kind = detail["type"]
    where = (*base, *path)
    if kind == "extra_forbidden":
        key = str(detail["loc"][-1])
        known = _keys_at(model, path[:-1], key)
        close = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"known keys: {', '.join(known)}"
        return document.problem(where, f"unknown key '{key}'", hint, key=True)
    if kind == "missing":
        return document.problem(
            where, f"'{detail['loc'][-1]}:' is missing", "every entry of this kind has it", key=True
        )
    if found is None and kind != "string_too_short":
        return document.problem(where, "nothing stands here", "write 'none' where None is meant", key=True)
    expected = _expectation(kind, detail)
    return document.problem(where, f"found {_shown(found)}", f"expected {expected}")


def _locate(location: tuple[Any, ...], data: Any) -> YamlPath:
    """The part of Pydantic's location that is a path into the data; the tags of unions are not."""
    path: list[str | int] = []
    for step in location:
        inside = (isinstance(data, dict) and step in data) or (isinstance(data, list) and isinstance(step, int))
        if inside and (isinstance(data, dict) or step < len(data)):
            data = data[step]
            path.append(step)
    return tuple(path)


def _keys_at(model: type[BaseModel], path: YamlPath, key: str) -> list[str]:
    """The keys that were possible where an unknown one was found."""
    if not path:
        return keys_of(model)
    if path[0] == "rules" and len(path) == 2:
        return keys_of(RuleEntry)
    if "then" in path:
        return keys_of(Expect)
    if "disagreement" in path:
        return ["says", "upstream"]
    near = (one for one in _MODELS if difflib.get_close_matches(key, keys_of(one), n=1))
    return keys_of(next(near, model))


def _expectation(kind: str, detail: Any) -> str:
    context = detail.get("ctx", {})
    fixed = {
        "string_type": "text",
        "bool_type": "true or false",
        "int_type": "a whole number",
        "list_type": "a list",
        "dict_type": "a mapping",
        "model_type": "a mapping",
        "string_too_short": "text that is not empty",
        "too_short": "at least one entry",
        "union_tag_invalid": "text, a number, a list or a mapping, as docs/rules.md says",
    }
    if kind in fixed:
        return fixed[kind]
    if kind == "literal_error":
        return {"True": "true"}.get(str(context.get("expected")), f"one of {context.get('expected')}")
    if kind == "greater_than":
        return f"a number greater than {context.get('gt')}"
    if kind == "string_pattern_mismatch":
        pattern = context.get("pattern", "")
        if pattern.startswith(r"^\d"):
            return "a release such as '2.10'"
        return "topic/slug in lower case, digits and hyphens" if "/" in pattern else "lower case, digits and hyphens"
    return str(detail.get("msg", "something else"))


def _shown(found: Any) -> str:
    text = repr(found)
    return text if len(text) <= 60 else text[:57] + "…"
