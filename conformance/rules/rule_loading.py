"""One entry of `rules:` -> a rule, and the checks of `when`: that names are known and code stays inside the language.

What a rule can name is :mod:`conformance.rules.scope`, what it expects is checked in
:mod:`conformance.rules.then_checking`. All problems go to the file's list; a rule is built in any case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from conformance.rules import expectations as expect
from conformance.rules import language, syntax
from conformance.rules.documents import YamlPath
from conformance.rules.model import Code, Disagreement, Rule, release_tuple
from conformance.rules.scope import Scope
from conformance.rules.then_checking import ThenChecker

if TYPE_CHECKING:
    from conformance.rules.loading import FileLoader


class RuleLoader:
    """Checks and builds one rule."""

    def __init__(self, file: FileLoader, index: int, entry: Mapping[str, Any]) -> None:
        self.file = file
        self.path: YamlPath = ("rules", index)
        self.entry = entry
        self.scope = Scope(file, index, entry)
        self.uses = syntax.Uses()

    def rule(self, line: int, last_line: int) -> Rule:
        """Check the entry, which stands on these lines of the file, and build the rule."""
        entry = self.entry
        topic, _, slug = entry["id"].partition("/")
        if topic != self.file.topic.name:
            hint = f"write '{self.file.topic.name}/{slug}'"
            self.file.complain((*self.path, "id"), f"id '{entry['id']}' is not of topic '{self.file.topic.name}'", hint)
        broken = self._check_when()
        then = ThenChecker(self.scope, self.made, broken, self._check_expect_block())
        then.check()
        self.uses.names |= then.uses.names
        self.uses.words |= then.uses.words
        then.check_observes_something(self.uses.words)
        self._check_releases()
        disagreement = entry.get("disagreement")
        source = entry["source"]
        return Rule(
            id=entry["id"],
            says=" ".join(entry["says"].split()),
            sources=tuple(source) if isinstance(source, list) else (source,),
            level=entry.get("level", "must"),
            topic=self.file.topic,
            line=line,
            last_line=last_line,
            axes=self.scope.axes,
            combine=entry.get("combine", "product"),
            givens=self.scope.givens,
            when=entry.get("when", ""),
            when_line=self.file.document.code_problem((*self.path, "when"), 1, 0, "").line - 1,
            expect=entry.get("expect", ""),
            observations=self.scope.observations,
            since=entry.get("since"),
            until=entry.get("until"),
            myth=entry.get("myth"),
            disagreement=Disagreement(**disagreement) if disagreement else None,
            covers=tuple(entry.get("covers", ())),
            names=frozenset(self.uses.names),
            capabilities=self._capabilities(),
            draws_random=self._draws_random(),
        )

    def _check_releases(self) -> None:
        since, until = self.entry.get("since"), self.entry.get("until")
        if since and until and release_tuple(since) >= release_tuple(until):
            hint = "'since' is the first release with the behaviour, 'until' the first without it"
            self.file.complain((*self.path, "until"), f"no release is since {since} and before {until}", hint)

    def _check_when(self) -> bool:
        """Check `when` and the code that parameters put into it.

        Returns:
            Whether some of it does not parse, so that not all names that it makes are known.

        """
        path = (*self.path, "when")
        source = self.entry.get("when", "")
        tree = syntax.parse(source, self.file.report_at(path)) if source.strip() else None
        broken = tree is None and bool(source.strip())
        used_in_when = syntax.plain_names([source, *(given.value for given in self.scope.modules)])
        used_in_when |= syntax.plain_names(self._lefts())
        pieces = []
        for code in self._reachable(used_in_when):
            piece = syntax.parse(code.source, self.file.report_at(code.path), whole=False)
            if piece is not None:
                pieces.append((code, piece))
            broken |= piece is None
        made = syntax.Uses()
        for part in [tree, *(piece for _, piece in pieces)]:
            if part is not None:
                found = syntax.collect(part)
                made.stores |= found.stores
                made.own_members |= found.own_members
                made.buffers |= found.buffers
                made.rebound |= found.rebound
        strings = [value for values in self.scope.bound.values() for value in values if not isinstance(value, Code)]
        made.own_members |= {item for value in strings for item in _strings(value)}
        made.own_members |= {key for given in self.scope.givens if isinstance(given.value, dict) for key in given.value}
        self.made = made
        if tree is not None:
            self._check_code(tree, path)
        for code, piece in pieces:
            self._check_code(piece, code.path)
        for given in self.scope.modules:
            piece = syntax.parse(given.value, self.file.report_at((*given.path, "module")), mode="eval")
            if piece is not None:
                self._check_code(piece, (*given.path, "module"))
        if any(given.kind == "parameter" for given in self.scope.givens):
            self.uses.names.add("nn.Parameter")  # the harness makes them of it
        return broken

    def _check_code(self, tree: Any, path: YamlPath) -> None:
        known = self.scope.parameters | self.scope.given_names | self.made.stores
        checker = language.Checker(
            vocabulary=self.file.vocabulary,
            report=self.file.report_at(path),
            known=frozenset(known),
            fixed=frozenset(self.scope.parameters | self.scope.given_names),
            own_members=frozenset(self.made.own_members),
            buffers=frozenset(self.made.buffers - self.made.rebound),
        )
        found = checker.check(tree)
        self.uses.names |= found.names
        self.uses.members |= found.members
        self.uses.words |= found.words

    def _reachable(self, names: set[str]) -> list[Code]:
        """The code that parameters put where ``names`` stand, directly or through other parameters."""
        reached: list[Code] = []
        todo = set(names)
        done: set[str] = set()
        while todo:
            name = todo.pop()
            done.add(name)
            for value in self.scope.bound.get(name, ()):
                if isinstance(value, Code):
                    reached.append(value)
                    todo |= (syntax.plain_names([value.source]) & self.scope.parameters) - done
        return reached

    def _lefts(self) -> list[str]:
        """The lefts of `then`, and what stands on the right in the language of `when`."""
        sources = []
        for observation in self.scope.observations:
            sources.append(observation.left)
            for check in expect.flatten(expect.parse_expectation(observation.right, observation.path)):
                sources.extend(item.source for item in expect.observed_of(check))
        return sources

    def _check_expect_block(self) -> frozenset[str]:
        fixed = self.scope.parameters | self.scope.given_names | {"dtype", "device"}
        return self.file.check_oracle_block(self.entry.get("expect", ""), (*self.path, "expect"), frozenset(fixed))

    def _capabilities(self) -> frozenset[str]:
        vocabulary = self.file.vocabulary
        found = {vocabulary.capability[name] for name in self.uses.names}
        found |= {one for member in self.uses.members if (one := vocabulary.member_capability(member))}
        found |= {language.CAPABILITY_OF_WORD[word] for word in self.uses.words & language.CAPABILITY_OF_WORD.keys()}
        return frozenset(found | set(self.entry.get("needs", ())))

    def _draws_random(self) -> bool:
        kinds = self.file.vocabulary.kinds
        return "random" in self._capabilities() or any(
            kinds[name] == "layers" or self.file.vocabulary.capability[name] in ("random", "dropout", "init")
            for name in self.uses.names
        )


def _strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)
