"""`given:` -> :class:`Given` values: which data a rule asks for. Making the data is :mod:`conformance.running.data`."""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from conformance.errors import Problem
from conformance.rules import expectations as expect
from conformance.rules.documents import Document, YamlPath
from conformance.rules.model import Code, Given
from conformance.rules.parameters import DTYPES
from conformance.rules.schema import AnyEntry, GivenEntry
from conformance.rules.validation import validate

FORMS = ("values", "normal", "uniform", "integers", "like", "module", "any")
_OPTIONS = ("mean", "std", "low", "high")


def parse_givens(
    entries: Mapping[str, Any], path: YamlPath, document: Document, problems: list[Problem]
) -> Iterator[Given]:
    """Every given of a rule; what is wrong with one goes to ``problems`` and leaves it out."""
    for name, entry in entries.items():
        at = (*path, name)
        if not name.isidentifier() or keyword.iskeyword(name):
            hint = "a given is a name that code can use"
            problems.append(document.problem(at, f"'{name}' cannot be a given", hint, key=True))
            continue
        given = _parse(name, entry, at, document, problems)
        if given is not None:
            yield given


def _parse(name: str, entry: Any, path: YamlPath, document: Document, problems: list[Problem]) -> Given | None:
    if isinstance(entry, dict) and not _is_entry(entry):
        return _nested(name, "mapping", entry.items(), path, document, problems)
    if isinstance(entry, list) and any(isinstance(item, dict) for item in entry):
        return _nested(name, "sequence", enumerate(entry), path, document, problems)
    if entry is None:
        problems.append(
            document.problem(path, "nothing stands here", f"one of {', '.join(FORMS)}, or a list of numbers")
        )
        return None
    if not isinstance(entry, dict):
        return Given(name, "values", entry, path)
    found = validate(GivenEntry, entry, document, path)
    forms = [form for form in FORMS if form in entry]
    if not found and len(forms) != 1:
        what = " and ".join(f"'{form}'" for form in forms) or "no data"
        found = [document.problem(path, f"a given has {what}", f"exactly one of {', '.join(FORMS)}")]
    if not found and forms == ["any"] and isinstance(entry["any"], dict):
        found = validate(AnyEntry, entry["any"], document, (*path, "any"))
    if not found and forms == ["any"] and not isinstance(entry["any"], dict) and entry["any"] != "tensor":
        hint = "'tensor', or a mapping of shape, dims, sides, broadcasts_with, low, high, step, integer or choice"
        found = [document.problem((*path, "any"), f"found {entry['any']!r}", hint)]
    problems.extend(found)
    if found:
        return None
    form = forms[0]
    value = entry[form] if form != "any" or isinstance(entry[form], dict) else {}
    dtype, requires_grad = entry.get("dtype"), entry.get("requires_grad", entry.get("as") == "parameter")
    return Given(
        name=name,
        form=form,
        value=value,
        path=path if form == "module" else (*path, form),
        options={key: entry[key] for key in _OPTIONS if key in entry},
        dtype=Code(dtype, (*path, "dtype")) if dtype is not None and dtype not in DTYPES else dtype,
        requires_grad=Code(requires_grad, (*path, "requires_grad"))
        if isinstance(requires_grad, str)
        else requires_grad,
        kind=entry.get("as", "tensor"),
    )


def _is_entry(entry: Mapping[str, Any]) -> bool:
    """Whether a mapping describes one given, rather than a mapping of givens.

    A mapping of givens holds lists, numbers and mappings under names of its own; an entry has a form, or at least one
    key that only entries have (so that a misspelt form is still reported as one).
    """
    if any(form in entry for form in FORMS):
        return True
    return bool({"requires_grad", "as", "dtype", *_OPTIONS} & entry.keys())


def _nested(name: str, form: str, items: Any, path: YamlPath, document: Document, problems: list[Problem]) -> Given:
    made = {key: _parse(f"{name}.{key}", entry, (*path, key), document, problems) for key, entry in items}
    kept = {key: given for key, given in made.items() if given is not None}
    return Given(name, form, kept if form == "mapping" else tuple(kept.values()), path)


def all_givens(givens: Iterable[Given]) -> Iterable[Given]:
    """The givens and those nested in them."""
    for given in givens:
        yield given
        if given.form in ("sequence", "mapping"):
            yield from all_givens(given.value if given.form == "sequence" else given.value.values())


def given_sources(given: Given) -> Iterable[tuple[str, YamlPath]]:
    """The NumPy expressions in a given's data and options."""
    for one in all_givens([given]):
        if one.form in ("values", "normal", "uniform", "integers"):
            yield from expect.oracle_sources(one.value, one.path)
        for key in ("mean", "std", "low", "high"):
            if key in one.options:
                yield from expect.oracle_sources(one.options[key], (*one.path[:-1], key))
        if one.form == "any" and "shape" in one.value:
            yield from expect.oracle_sources(one.value["shape"], (*one.path, "shape"))
        if isinstance(one.requires_grad, Code):
            yield one.requires_grad.source, one.requires_grad.path


def given_dtypes(given: Given) -> Iterable[tuple[str, YamlPath]]:
    """The expressions that stand where dtypes belong."""
    for one in all_givens([given]):
        if isinstance(one.dtype, Code):
            yield one.dtype.source, one.dtype.path


def given_references(given: Given) -> Iterable[tuple[str, YamlPath]]:
    """The names of other givens that a given takes its shape from."""
    for one in all_givens([given]):
        if one.form == "like":
            yield one.value, one.path
        elif one.form == "any" and "broadcasts_with" in one.value:
            yield one.value["broadcasts_with"], (*one.path, "broadcasts_with")
