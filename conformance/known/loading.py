"""A known-failures file -> its entries, or everything that is wrong with it at once, each at its position."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conformance.errors import KnownFailuresErrors, Problem
from conformance.known.form import EntryForm, KnownForm
from conformance.known.model import Entry, KnownFailures, Pattern
from conformance.rules.documents import Document, parse_document, read_document
from conformance.rules.validation import validate

_AS_TEXT = frozenset({"version", "until"})
_EMPTY = "a known-failures file has 'known:', a list that may be empty: []"


def load_known(path: Path) -> KnownFailures:
    """The entries of the file at ``path``.

    Raises:
        KnownFailuresErrors: everything that is wrong with it.

    """
    return _loaded(*read_document(path, as_text=_AS_TEXT, hint_if_empty=_EMPTY))


def parse_known(text: str, file: str) -> tuple[Document, KnownFailures]:
    """The document that ``text`` is, and its entries; raises as :func:`load_known` does."""
    document, problems = parse_document(text, file, as_text=_AS_TEXT, hint_if_empty=_EMPTY)
    known = _loaded(document, problems)
    assert document is not None, "a file that is no document has problems"
    return document, known


def _loaded(document: Document | None, problems: list[Problem]) -> KnownFailures:
    entries: list[Entry] = []
    if document is not None:
        data = document.data
        listed = data.get("known") if isinstance(data, dict) else None
        # the entries are checked one by one below, so that each problem speaks of an entry's own keys
        if isinstance(data, dict) and "known" in data and listed is None:
            problems.append(document.problem(("known",), "nothing stands here", _EMPTY, key=True))
        else:
            problems += validate(KnownForm, {**data, "known": []} if isinstance(listed, list) else data, document)
        for index, entry in enumerate(listed if isinstance(listed, list) else []):
            found = list(_problems(entry, index, document))
            problems += found
            if not found:
                entries.append(_entry(entry, index, document))
    if problems:
        raise KnownFailuresErrors(problems)
    return KnownFailures(tuple(entries))


def _problems(entry: Any, index: int, document: Document) -> Iterator[Problem]:
    at = ("known", index)
    if not isinstance(entry, dict):
        yield document.problem(at, f"found {entry!r}", "expected a mapping: '- rules: …' and 'reason: …'")
        return
    empty = [key for key, value in entry.items() if value is None]
    if empty:
        for key in empty:
            yield document.problem((*at, key), "nothing stands here", f"say it, or leave out '{key}:'", key=True)
        return
    yield from validate(EntryForm, entry, document, at)
    if not entry.keys() & {"rules", "cases"}:
        yield document.problem(at, "neither 'rules:' nor 'cases:' stands here", "an entry says what is known to fail")
    if entry.get("flaky") is True and "until" not in entry:
        yield document.problem((*at, "flaky"), "'until:' is missing", "what is flaky has a day of reckoning", key=True)
    for key in ("rules", "cases"):
        for where, text in _texts(entry.get(key), (*at, key)):
            if key == "rules" and "[" in text:
                yield document.problem(where, f"found a case's id, '{text}'", "put it under 'cases:'")
            if key == "cases" and "[" not in text:
                hint = "a case's id ends in brackets; put a rule's id, or a topic, under 'rules:'"
                yield document.problem(where, f"found '{text}'", hint)


def _texts(value: Any, at: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, list):
        yield from (((*at, number), one) for number, one in enumerate(value) if isinstance(one, str))


def _entry(data: dict[str, Any], index: int, document: Document) -> Entry:
    form = EntryForm.model_validate(data)
    mark = document.values["known", index]
    patterns = [Pattern(text.rstrip("/"), "rules") for text in form.rules or ()]
    patterns += [Pattern(text, "cases") for text in form.cases or ()]
    return Entry(
        patterns=tuple(dict.fromkeys(patterns)),
        reason=" ".join(form.reason.split()),
        file=document.file,
        line=mark.line + 1,
        column=mark.column + 1,
        index=index,
        implementation=tuple(form.implementation or ()),
        device=tuple(form.device or ()),
        version=form.version,  # type: ignore[arg-type]
        kinds=frozenset(form.kinds or ()),  # type: ignore[arg-type]
        issue=form.issue,
        flaky=form.flaky,
        until=form.until,  # type: ignore[arg-type]
    )
