"""Spec files -> rules, or everything that is wrong with them at once.

One public function, :func:`load`. Per file: read (:mod:`documents`), check the form (:mod:`validation`), build
each rule (:mod:`rule_loading`), and see here that ids are unique over all files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.errors import Problem, SpecErrors
from conformance.rules import oracle, syntax
from conformance.rules.documents import Document, YamlPath, read_document
from conformance.rules.model import OTHER_AREA, Rule, Topic
from conformance.rules.rule_loading import RuleLoader
from conformance.rules.schema import SpecFile
from conformance.rules.validation import sound_part, validate
from conformance.rules.vocabulary import Vocabulary, load_vocabulary, specs_folder

SPEC_SUFFIX = ".conformance.yaml"
#: Keys whose values are text also where they look like numbers.
AS_TEXT = frozenset({"since", "until"})
_NAMES_BEGUN = re.compile(r"^\s*(?:def )?(\w+)", re.MULTILINE)
_NOT_RULES = frozenset({"vocabulary.yaml"})


def spec_files(paths: Iterable[Path] = ()) -> list[Path]:
    """The spec files under ``paths`` (files are taken as they are), or the suite's own."""
    found: list[Path] = []
    for path in paths or (specs_folder(),):
        if path.is_dir():
            own = path.resolve() == specs_folder().resolve() or specs_folder().resolve() in path.resolve().parents
            pattern = "*.yaml" if own else f"*{SPEC_SUFFIX}"
            found.extend(one for one in sorted(path.rglob(pattern)) if one.name not in _NOT_RULES)
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def load(paths: Iterable[Path] = (), vocabulary: Vocabulary | None = None) -> tuple[Rule, ...]:
    """The rules of the spec files under ``paths``, sorted by id.

    Raises:
        SpecErrors: everything that is wrong in any of the files, each with file, line and column.

    """
    words = vocabulary or load_vocabulary()
    rules: list[Rule] = []
    problems: list[Problem] = []
    retired: dict[str, str] = {}
    entries: list[tuple[Document, int, str]] = []
    for path in spec_files(paths):
        document, found = read_document(path, as_text=AS_TEXT)
        problems.extend(found)
        if document is None:
            continue
        found = validate(SpecFile, document.data, document)
        problems.extend(found)
        sound = sound_part(document.data) if found else document.data
        if sound is None:
            continue
        retired.update(dict.fromkeys(sound.get("retired", ()), document.file))
        sound_rules = [(index, entry) for index, entry in enumerate(sound["rules"]) if entry is not None]
        entries.extend((document, index, entry["id"]) for index, entry in sound_rules)
        rules.extend(FileLoader(document, sound, words, problems).rules())
    problems.extend(_id_problems(entries, retired))
    if problems:
        raise SpecErrors(problems)
    return tuple(sorted(rules, key=lambda rule: rule.id))


def _id_problems(entries: Sequence[tuple[Document, int, str]], retired: Mapping[str, str]) -> Iterable[Problem]:
    first: dict[str, Problem] = {}
    for document, index, id_ in entries:
        path = ("rules", index, "id")
        if id_ in first:
            there = f"{first[id_].file}:{first[id_].line}"
            yield document.problem(path, f"duplicate id '{id_}'", f"it stands already at {there}")
        elif id_ in retired:
            yield document.problem(
                path, f"id '{id_}' is retired in {retired[id_]}", "ids are permanent; choose another"
            )
        first.setdefault(id_, document.problem(path, ""))


class FileLoader:
    """Builds the rules of one file from ``data``, whose form is already known to be right.

    A rule whose form is wrong is None there, or lacks what is wrong with it: the rest is checked all the same.
    """

    def __init__(
        self, document: Document, data: Mapping[str, Any], vocabulary: Vocabulary, problems: list[Problem]
    ) -> None:
        self.document = document
        self.data = data
        self.vocabulary = vocabulary
        self.problems = problems
        self.topic = Topic(
            name=data["topic"],
            title=data["title"],
            about=data.get("about", ""),
            area=data.get("area", OTHER_AREA),
            file=document.file,
            text=document.text,
            oracle=data.get("oracle", ""),
        )
        self.axes: Mapping[str, Any] = data.get("axes", {})
        self.helpers: frozenset[str] = frozenset()
        self.helpers = self.check_oracle_block(self.topic.oracle, ("oracle",), frozenset())

    def rules(self) -> Iterable[Rule]:
        """The file's rules; those with problems are made too, so that one pass reports everything."""
        starts = [self.document.line_of(("rules", index)) for index in range(len(self.data["rules"]))]
        behind = [self.document.line_of((key,)) - 1 for key in self.document.data]
        last = min((line for line in behind if line >= starts[-1]), default=len(self.document.lines))
        ends = [*(start - 1 for start in starts[1:]), last]
        for index, entry in enumerate(self.data["rules"]):
            if entry is not None:
                yield RuleLoader(self, index, entry).rule(starts[index], ends[index])

    def complain(self, path: YamlPath, message: str, hint: str = "") -> None:
        """Record a problem at ``path``."""
        self.problems.append(self.document.problem(path, message, hint))

    def report_at(self, path: YamlPath) -> syntax.Report:
        """A reporter of problems inside the code that stands at ``path``."""

        def report(line: int, column: int, message: str, hint: str) -> None:
            self.problems.append(self.document.code_problem(path, line, column, message, hint))

        return report

    def check_oracle_block(self, source: str, path: YamlPath, fixed: frozenset[str]) -> frozenset[str]:
        """Check NumPy statements, which may not bind ``fixed`` names again; the names they make."""
        if not source.strip():
            return frozenset()
        report = self.report_at(path)
        tree = syntax.parse(source, report)
        if tree is None:
            return frozenset(_NAMES_BEGUN.findall(source))  # what else is wrong should not be told of these names
        oracle.OracleChecker(report, fixed | self.helpers, block=True, fixed=fixed).check(tree)
        return oracle.names_made(tree)
