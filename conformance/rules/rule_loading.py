"""One entry of `rules:` -> a rule: what its form cannot say is checked here.

That names are known where they are used, that code stays inside the language, that expectations can fail, and that the
rows of the parameter table can be told apart. All problems go to the file's list; a rule is built in any case.
"""

from __future__ import annotations

import ast
import difflib
import itertools
import keyword
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from conformance.rules import expectations as expect
from conformance.rules import language, oracle, syntax
from conformance.rules.documents import YamlPath
from conformance.rules.givens import all_givens, given_dtypes, given_references, given_sources, parse_givens
from conformance.rules.model import Axis, Code, Disagreement, Given, Observation, Rule, release_tuple
from conformance.rules.parameters import DTYPES, MAX_ROWS, parse_axis, row_label
from conformance.rules.schema import Expect
from conformance.rules.validation import validate
from conformance.rules.vocabulary import NAMESPACES

if TYPE_CHECKING:
    from conformance.rules.loading import FileLoader


class RuleLoader:
    """Checks and builds one rule."""

    def __init__(self, file: FileLoader, index: int, entry: Mapping[str, Any]) -> None:
        self.file = file
        self.path: YamlPath = ("rules", index)
        self.entry = entry
        self.axes = self._axes()
        self.parameters = frozenset(name for axis in self.axes for name in axis.names) | entry.get("with", {}).keys()
        self.givens = tuple(parse_givens(entry.get("given", {}), (*self.path, "given"), file.document, file.problems))
        self.uses = syntax.Uses()
        self.broken = False  # whether some of the code does not parse, so that the names it makes are not known
        self.bound: dict[str, list[Any]] = {}
        for axis in self.axes:
            for one in axis.alternatives:
                for name, value in one.bindings:
                    self.bound.setdefault(name, []).append(value)

    def rule(self, line: int, last_line: int) -> Rule:
        """Check the entry, which stands on these lines of the file, and build the rule."""
        entry = self.entry
        topic, _, slug = entry["id"].partition("/")
        if topic != self.file.topic.name:
            hint = f"write '{self.file.topic.name}/{slug}'"
            self.file.complain((*self.path, "id"), f"id '{entry['id']}' is not of topic '{self.file.topic.name}'", hint)
        self._check_names()
        made = self._check_when()
        expected = self._check_expect_block(made)
        observations = self._observations()
        self._check_observations(observations, made, expected)
        self._check_observes_something(observations)
        self._check_conditions(observations)
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
            axes=self.axes,
            combine=entry.get("combine", "product"),
            givens=self.givens,
            when=entry.get("when", ""),
            when_line=self.file.document.code_problem((*self.path, "when"), 1, 0, "").line - 1,
            expect=entry.get("expect", ""),
            observations=observations,
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

    # -- parameters and givens ---------------------------------------------------------------------------------

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

    def _given_names(self) -> frozenset[str]:
        return frozenset(self.entry.get("given", {}))  # also those with problems, which are reported already

    # -- when --------------------------------------------------------------------------------------------------

    def _check_when(self) -> syntax.Uses:
        """Check `when` and every piece of code that parameters put into it; what they make together."""
        path = (*self.path, "when")
        source = self.entry.get("when", "")
        tree = syntax.parse(source, self.file.report_at(path)) if source.strip() else None
        self.broken = tree is None and bool(source.strip())
        used_in_when = syntax.plain_names([source, *(given.value for given in self._modules())])
        used_in_when |= syntax.plain_names(self._lefts())
        pieces = []
        for code in self._reachable(used_in_when):
            piece = syntax.parse(code.source, self.file.report_at(code.path), whole=False)
            if piece is not None:
                pieces.append((code, piece))
            self.broken |= piece is None
        made = syntax.Uses()
        for part in [tree, *(piece for _, piece in pieces)]:
            if part is not None:
                found = syntax.collect(part)
                made.stores |= found.stores
                made.own_members |= found.own_members
                made.buffers |= found.buffers
                made.rebound |= found.rebound
        strings = [value for values in self.bound.values() for value in values if not isinstance(value, Code)]
        made.own_members |= {item for value in strings for item in _strings(value)}
        made.own_members |= {key for given in self.givens if isinstance(given.value, dict) for key in given.value}
        self.made = made
        if tree is not None:
            self._check_code(tree, path)
        for code, piece in pieces:
            self._check_code(piece, code.path)
        for given in self._modules():
            piece = syntax.parse(given.value, self.file.report_at((*given.path, "module")), mode="eval")
            if piece is not None:
                self._check_code(piece, (*given.path, "module"))
        if any(given.kind == "parameter" for given in self.givens):
            self.uses.names.add("nn.Parameter")  # the harness makes them of it
        return made

    def _check_code(self, tree: Any, path: YamlPath) -> None:
        known = self.parameters | self._given_names() | self.made.stores
        checker = language.Checker(
            vocabulary=self.file.vocabulary,
            report=self.file.report_at(path),
            known=frozenset(known),
            fixed=frozenset(self.parameters | self._given_names()),
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
            for value in self.bound.get(name, ()):
                if isinstance(value, Code):
                    reached.append(value)
                    todo |= (syntax.plain_names([value.source]) & self.parameters) - done
        return reached

    def _modules(self) -> list[Given]:
        return [given for given in all_givens(self.givens) if given.form == "module"]

    def _lefts(self) -> list[str]:
        """The lefts of `then`, and what stands on the right in the language of `when`."""
        sources = []
        for observation in self._observations():
            sources.append(observation.left)
            for check in expect.flatten(expect.parse_expectation(observation.right, observation.path)):
                sources.extend(item.source for item in expect.observed_of(check))
        return sources

    # -- then --------------------------------------------------------------------------------------------------

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

    def _check_expect_block(self, made: syntax.Uses) -> frozenset[str]:
        fixed = self.parameters | self._given_names() | {"dtype", "device"}
        return self.file.check_oracle_block(self.entry.get("expect", ""), (*self.path, "expect"), frozenset(fixed))

    def _check_observations(
        self, observations: tuple[Observation, ...], made: syntax.Uses, expected: frozenset[str]
    ) -> None:
        self.oracle_names = self.parameters | self._given_names() | self.file.helpers | expected | {"dtype", "device"}
        self._check_given_sources()
        for observation in observations:
            report = self._report_left(observation.path)
            tree = syntax.parse(observation.left, report, mode="eval")
            if tree is not None:
                self._check_left(tree, report)
            self._check_expectation(observation.right, observation.path)

    def _check_given_sources(self) -> None:
        """Expressions in givens see parameters and the givens above; ``like`` names one of these."""
        everything = self.oracle_names
        above: set[str] = set()
        for given in self.givens:
            self.oracle_names = (everything - self._given_names()) | above
            for source, path in given_sources(given):
                self._check_oracle(source, path, frozenset())
            for name, path in given_references(given):
                if name not in above:
                    close = difflib.get_close_matches(name, sorted(above), n=1)
                    hint = f"did you mean '{close[0]}'?" if close else "it names a given that stands above"
                    self.file.complain(path, f"no given '{name}' above", hint)
            for source, path in given_dtypes(given):
                self._check_dtype(source, path, frozenset())
            for one in all_givens([given]):
                if one.form == "any" and one is not given:
                    self.file.complain(one.path, "'any' inside a list or mapping", "let it be a given of its own")
            above.add(given.name)
        self.oracle_names = everything

    def _check_dtype(self, source: str, path: YamlPath, made: frozenset[str]) -> None:
        """A dtype is a name or an expression over parameters; a name that is neither is a misspelt dtype."""
        if source.isidentifier() and source not in self.oracle_names | made:
            close = difflib.get_close_matches(source, sorted(DTYPES | self.parameters), n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"dtypes: {', '.join(sorted(DTYPES))}"
            self.file.complain(path, f"'{source}' is not a dtype", hint)
        else:
            self._check_oracle(source, path, made)

    def _report_left(self, path: YamlPath) -> syntax.Report:
        def report(line: int, column: int, message: str, hint: str) -> None:
            found = self.file.document.code_problem(path, line, column, message, hint, key=True)
            self.file.problems.append(found)

        return report

    def _check_left(self, tree: Any, report: syntax.Report) -> None:
        known = self.parameters | self._given_names() | self.made.stores | syntax.collect(tree).stores
        if self.broken:
            known |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - NAMESPACES
        checker = language.Checker(
            vocabulary=self.file.vocabulary,
            report=report,
            known=frozenset(known),
            fixed=frozenset(),
            own_members=frozenset(self.made.own_members),
            observing=True,
        )
        found = checker.check(tree)
        self.uses.names |= found.names
        self.uses.words |= found.words

    def _check_expectation(self, right: Any, path: YamlPath, depth: int = 0) -> None:
        for value, at in self._columns(right, path):
            found = validate(Expect, value, self.file.document, at) if isinstance(value, dict) else []
            self.file.problems.extend(found)
            if depth < 3 and not found:
                self._check_expectation(value, at, depth + 1)
        if isinstance(right, str) and right in self.bound:
            return
        checks = expect.parse_expectation(right, path)
        for at, message, hint in expect.without_meaning(checks, path):
            self.file.complain(at, message, hint)
        for check in expect.flatten(checks):
            for operand in expect.oracles_of(check):
                for source, at in expect.oracle_sources(operand.template, operand.path):
                    if check.aspect == "dtype":
                        self._check_dtype(source, at, frozenset(self.made.stores))
                    else:
                        self._check_oracle(source, at, frozenset(self.made.stores), it=check.aspect == "holds")
            for observed in expect.observed_of(check):
                tree = syntax.parse(observed.source, self.file.report_at(observed.path), mode="eval")
                if tree is not None:
                    self._check_left(tree, self.file.report_at(observed.path))

    def _columns(self, right: Any, path: YamlPath) -> Iterable[tuple[Any, YamlPath]]:
        """The columns that a right side which is just a parameter's name stands for."""
        if not (isinstance(right, str) and right in self.bound):
            return
        for raw in self.entry.get("with", {}).items():
            for name, value, at in self._raw_bindings(*raw):
                if name == right:
                    yield value, at

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

    def _check_oracle(self, source: str, path: YamlPath, made: frozenset[str], *, it: bool = False) -> None:
        report = self.file.report_at(path)
        tree = syntax.parse(source, report, mode="eval")
        if tree is None:
            return
        known = self.oracle_names | {"it"} if it else self.oracle_names
        checker = oracle.OracleChecker(report, frozenset(known), made - known)
        checker.check(tree)
        for name in checker.loads & self.bound.keys():
            for value in self.bound[name]:
                if isinstance(value, Code) and value.source != source:
                    self._check_oracle(value.source, value.path, made, it=it)

    def _check_conditions(self, observations: tuple[Observation, ...]) -> None:
        conditions = [observation.condition for observation in observations if observation.condition]
        conditions += [
            Code(observation.right["if"], (*observation.path, "if"))
            for observation in observations
            if isinstance(observation.right, dict) and isinstance(observation.right.get("if"), str)
        ]
        for condition in dict.fromkeys(conditions):
            self._check_oracle(condition.source, condition.path, frozenset(self.made.stores))
        data = {name for name, values in self.bound.items() if not any(isinstance(value, Code) for value in values)}
        data |= {axis.name for axis in self.axes if axis.other_devices} | {"dtype", "device"}
        for one in (one for axis in self.axes for one in axis.alternatives):
            if one.condition is not None:
                self._check_case_condition(one.condition, frozenset(data))

    def _check_case_condition(self, condition: Code, known: frozenset[str]) -> None:
        """A condition on a parameter decides whether there is a case at all, before there are any givens."""
        tree = syntax.parse(condition.source, self.file.report_at(condition.path), mode="eval")
        if tree is None:
            return
        oracle.OracleChecker(self.file.report_at(condition.path), known, condition=True).check(tree)

    def _check_observes_something(self, observations: tuple[Observation, ...]) -> None:
        if self.entry.get("partial"):
            return
        if not observations and not self.uses.words & {"raises", "warns"}:
            self.file.complain(
                (*self.path, "id"), "the rule observes nothing", "add 'then:', or 'with raises(...)' in 'when'"
            )
        aspects = {
            check.aspect
            for observation in observations
            for right in [
                observation.right,
                *(value for value, _ in self._columns(observation.right, observation.path)),
            ]
            for check in expect.flatten(expect.parse_expectation(right, observation.path))
        }
        relations = aspects & {"same_as", "close_to"}
        if relations and not aspects - relations - expect.FACTS - {"not", "each"}:
            hint = "two wrong values can be equal: add an expected value, or 'holds' with a guard"
            self.file.complain((*self.path, "then"), f"'{min(relations)}' stands alone", hint)

    def _capabilities(self) -> frozenset[str]:
        vocabulary = self.file.vocabulary
        found = {vocabulary.capability[name] for name in self.uses.names}
        found |= {one for member in self.uses.members if (one := vocabulary.member_capability(member))}
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
