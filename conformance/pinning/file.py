"""An entry -> a spec file that has it: appended as text, so that whatever else stands in the file stays as it is."""

from __future__ import annotations

import re
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import yaml

from conformance.errors import ConformanceError, SpecErrors
from conformance.rules.documents import Document, parse_document, resolve_scalar
from conformance.rules.loading import AS_TEXT, SPEC_SUFFIX, load
from conformance.rules.model import Rule

_WIDTH = 118


def topic_of(path: Path) -> str:
    """The topic of the rules in the file at ``path``; before there is one, that is called as the file is.

    Raises:
        ConformanceError: the name is not that of a spec file.
        SpecErrors: the file is wrong.

    """
    if not path.name.endswith(SPEC_SUFFIX):
        raise ConformanceError(f"'{path}' is no name for a spec file", f"let it end in {SPEC_SUFFIX}")
    if path.exists():
        return load([path])[0].topic.name
    return re.sub(r"[^a-z0-9]+", "-", path.name.removesuffix(SPEC_SUFFIX).lower()).strip("-") or "pinned"


def append(path: Path, entry: dict[str, Any], comment: str) -> str:
    """The text of the file at ``path`` with ``entry`` as its last rule, ``comment`` above it; nothing is written.

    Raises:
        ConformanceError: the rule stands there already, or the file is written in a way that cannot be added to.
        SpecErrors: the file is wrong.

    """
    if not path.exists():
        head = f"topic: {topic_of(path)}\ntitle: Pinned examples\nrules:\n"
        return head + _entry(entry, comment, 2)
    if entry["id"] in (rule.id for rule in load([path])):
        raise ConformanceError(f"{entry['id']} stands in {path} already", "the same example is pinned once")
    before = path.read_bytes().decode("utf-8-sig")
    document = _document(before, path)
    lines = document.lines
    end = _end_of_rules(document)
    above = "".join(lines[:end])
    above += "" if above.endswith("\n") else "\n"
    added = "\n" + _entry(entry, comment, document.values["rules",].column)
    if "\r\n" in before:
        added = added.replace("\n", "\r\n")
    after = above + added + "".join(lines[end:])
    if not _holds(after, path, [*document.data["rules"], entry]):
        hint = "write 'rules:' as a list with a line for each dash"
        raise ConformanceError(f"no rule can be appended to {path}", hint)
    return after


def rule_in(text: str, path: Path, rule_id: str) -> Rule:
    """The rule called ``rule_id`` of a spec file of this text, loaded as if it stood at ``path``.

    Raises:
        ConformanceError: there is something wrong with it, which is nothing that its reader did.

    """
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / path.name
        trial.write_text(text, encoding="utf-8", newline="")
        try:
            return next(rule for rule in load([trial]) if rule.id == rule_id)
        except SpecErrors as errors:
            found = errors.problems[0]
            raise ConformanceError(f"{rule_id} cannot be written as a rule: {found.message}", found.hint) from errors


def _document(text: str, path: Path) -> Document:
    document, _ = parse_document(text, str(path), as_text=AS_TEXT)
    assert document is not None, "the file was loaded"
    return document


def _end_of_rules(document: Document) -> int:
    """How many lines stand before the place of a further rule: the next key, and the blank lines above it, follow."""
    behind = [document.keys[key,].line for key in document.data]
    last = document.values["rules", len(document.data["rules"]) - 1].line
    end = min((line for line in behind if line > last), default=len(document.lines))
    while not document.lines[end - 1].strip():
        end -= 1
    return end


def _holds(text: str, path: Path, rules: list[Any]) -> bool:
    """Whether the file would have these rules."""
    document, problems = parse_document(text, str(path), as_text=AS_TEXT)
    return document is not None and not problems and repr(document.data["rules"]) == repr(rules)


def _entry(entry: dict[str, Any], comment: str, indent: int) -> str:
    text = yaml.dump(
        [entry], Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=_WIDTH - indent, allow_unicode=True
    )
    wrapped = textwrap.wrap(comment, _WIDTH - indent - 2)
    return textwrap.indent("".join(f"# {line}\n" for line in wrapped) + text, " " * indent)


class _Dumper(yaml.SafeDumper):
    """Writes what the suite reads: the core schema of YAML 1.2, without aliases; text of several lines as it stands."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None if isinstance(resolve_scalar(text), str) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


def _list(dumper: yaml.SafeDumper, items: list[Any]) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True if _is_array(items) else None)


def _is_array(items: list[Any]) -> bool:
    return all(_is_array(item) if isinstance(item, list) else isinstance(item, (int, float)) for item in items)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)
