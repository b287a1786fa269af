"""The checks of what a rule expects: expressions over givens and parameters, and what ``then`` observes.

That its names are known, that NumPy expressions stay inside their language, and that something can fail.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable
from typing import Any

from conformance.rules import expectations as expect
from conformance.rules import language, oracle, syntax
from conformance.rules.documents import YamlPath
from conformance.rules.givens import all_givens, given_dtypes, given_references, given_sources
from conformance.rules.model import Code
from conformance.rules.parameters import DTYPES
from conformance.rules.schema import Expect
from conformance.rules.scope import Scope
from conformance.rules.validation import validate
from conformance.rules.vocabulary import NAMESPACES


class ThenChecker:
    """Checks the givens' expressions and ``then`` of one rule.

    Args:
        scope: what the rule can name.
        made: what `when` makes.
        broken: whether some code of `when` does not parse, so that the names it makes are not known.
        expected: the names that `expect` makes.

    """

    def __init__(self, scope: Scope, made: syntax.Uses, broken: bool, expected: frozenset[str]) -> None:
        self.scope = scope
        self.file = scope.file
        self.made = made
        self.broken = broken
        self.uses = syntax.Uses()
        self.oracle_names = scope.parameters | scope.given_names | self.file.helpers | expected | {"dtype", "device"}

    def check(self) -> None:
        """Report whatever is wrong."""
        self._check_given_sources()
        for observation in self.scope.observations:
            report = self._report_left(observation.path)
            tree = syntax.parse(observation.left, report, mode="eval")
            if tree is not None:
                self._check_left(tree, report)
            self._check_expectation(observation.right, observation.path)
        self._check_conditions()

    def _check_given_sources(self) -> None:
        """Expressions in givens see parameters and the givens above; ``like`` names one of these."""
        everything = self.oracle_names
        above: set[str] = set()
        for given in self.scope.givens:
            self.oracle_names = (everything - self.scope.given_names) | above
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
            close = difflib.get_close_matches(source, sorted(DTYPES | self.scope.parameters), n=1)
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
        known = self.scope.parameters | self.scope.given_names | self.made.stores | syntax.collect(tree).stores
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
        for value, at in self._columns(right):
            found = validate(Expect, value, self.file.document, at) if isinstance(value, dict) else []
            self.file.problems.extend(found)
            if depth < 3 and not found:
                self._check_expectation(value, at, depth + 1)
        if isinstance(right, str) and right in self.scope.bound:
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

    def _check_oracle(self, source: str, path: YamlPath, made: frozenset[str], *, it: bool = False) -> None:
        report = self.file.report_at(path)
        tree = syntax.parse(source, report, mode="eval")
        if tree is None:
            return
        known = self.oracle_names | {"it"} if it else self.oracle_names
        checker = oracle.OracleChecker(report, frozenset(known), made - known)
        checker.check(tree)
        for name in checker.loads & self.scope.bound.keys():
            for value in self.scope.bound[name]:
                if isinstance(value, Code) and value.source != source:
                    self._check_oracle(value.source, value.path, made, it=it)

    def _check_conditions(self) -> None:
        conditions = [observation.condition for observation in self.scope.observations if observation.condition]
        conditions += [
            Code(observation.right["if"], (*observation.path, "if"))
            for observation in self.scope.observations
            if isinstance(observation.right, dict) and isinstance(observation.right.get("if"), str)
        ]
        for condition in dict.fromkeys(conditions):
            self._check_oracle(condition.source, condition.path, frozenset(self.made.stores))
        data = {
            name for name, values in self.scope.bound.items() if not any(isinstance(value, Code) for value in values)
        }
        data |= {axis.name for axis in self.scope.axes if axis.other_devices} | {"dtype", "device"}
        for one in (one for axis in self.scope.axes for one in axis.alternatives):
            if one.condition is not None:
                self._check_case_condition(one.condition, frozenset(data))

    def _check_case_condition(self, condition: Code, known: frozenset[str]) -> None:
        """A condition on a parameter decides whether there is a case at all, before there are any givens."""
        tree = syntax.parse(condition.source, self.file.report_at(condition.path), mode="eval")
        if tree is None:
            return
        oracle.OracleChecker(self.file.report_at(condition.path), known, condition=True).check(tree)

    def check_observes_something(self, words: set[str]) -> None:
        """Report a rule in which nothing can fail; ``words`` are those of the language that its `when` uses."""
        if self.scope.entry.get("partial"):
            return
        if not self.scope.observations and not words & {"raises", "warns"}:
            self.file.complain(
                (*self.scope.path, "id"), "the rule observes nothing", "add 'then:', or 'with raises(...)' in 'when'"
            )
        aspects = {
            check.aspect
            for observation in self.scope.observations
            for right in [
                observation.right,
                *(value for value, _ in self._columns(observation.right)),
            ]
            for check in expect.flatten(expect.parse_expectation(right, observation.path))
        }
        relations = aspects & {"same_as", "close_to"}
        if relations and not aspects - relations - expect.FACTS - {"not", "each"}:
            hint = "two wrong values can be equal: add an expected value, or 'holds' with a guard"
            self.file.complain((*self.scope.path, "then"), f"'{min(relations)}' stands alone", hint)

    def _columns(self, right: Any) -> Iterable[tuple[Any, YamlPath]]:
        """The columns that a right side which is just a parameter's name stands for."""
        return self.scope.columns(right) if isinstance(right, str) and right in self.scope.bound else ()
