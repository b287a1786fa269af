"""A rule with the code of one row put in place -> a program: code objects, compiled once and run many times.

Code that a parameter stands for is put into the syntax tree where its name stands, and ``device=device`` into the
factory and layer calls that do not name a device (a default device would cost every call of every op). Rows that
differ only in data share a program.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any

import numpy as np

from conformance.errors import said
from conformance.rules import expectations as expect
from conformance.rules.language import WORDS, dotted_name
from conformance.rules.model import Code, Given, Rule
from conformance.rules.parameters import Row, bindings_of
from conformance.rules.vocabulary import Vocabulary
from conformance.running.data import Datum
from conformance.running.outcome import RuleBroken
from conformance.running.splicing import identifiers, spliced

_DEEPEST = 5  # parameters that take in each other's code
_TIED_WORDS = WORDS - {"device", "dtype"}

Environment = dict[str, Any]
Evaluate = Callable[[Environment], Any]


@dataclass(frozen=True, slots=True)
class CompiledCheck:
    """A check whose operands are ready to be evaluated.

    ``operand`` takes the oracle's environment for NumPy operands and the environment of `when` for observed ones.
    """

    aspect: str
    operand: Any
    line: int
    exact: bool
    scale: Evaluate | None
    within: float
    condition: Evaluate | None


@dataclass(frozen=True, slots=True)
class CompiledObservation:
    """What is looked at, and the checks on it."""

    left: str
    code: CodeType
    checks: tuple[CompiledCheck, ...]
    condition: Evaluate | None
    line: int


@dataclass(frozen=True, slots=True)
class CompiledGiven:
    """A given with its expressions compiled; ``parts`` are those of a nested given."""

    given: Given
    value: Evaluate | None
    options: Mapping[str, Evaluate]
    dtype: Evaluate | None
    requires_grad: Evaluate | None
    module: CodeType | None
    parts: tuple[CompiledGiven, ...] = ()
    rounded: dict[str, Datum] | None = None  # literal data, by the dtype it was rounded to; filled as cases run


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """Everything of a rule that can be compiled before a case runs."""

    rule: Rule
    givens: tuple[CompiledGiven, ...]
    when: CodeType | None
    oracle: CodeType | None
    expect: CodeType | None
    observations: tuple[CompiledObservation, ...]
    words: frozenset[str]


def program_key(rule: Rule, row: Row) -> tuple[str, ...]:
    """Rows with the same key share a program: those that put the same code and expectations in place."""
    return tuple(row[index].label for index in _telling_axes(rule) if index < len(row))


@lru_cache(maxsize=1024)
def _telling_axes(rule: Rule) -> tuple[int, ...]:
    """The axes that tell programs apart: those that bind code, or lists and mappings that stand as a right side."""
    bound = [
        (index, *pair) for index, axis in enumerate(rule.axes) for one in axis.alternatives for pair in one.bindings
    ]
    rights = {observation.right for observation in rule.observations if isinstance(observation.right, str)}
    rights |= {value.source for _, _, value in bound if isinstance(value, Code)}
    telling = {
        index
        for index, name, value in bound
        if isinstance(value, Code) or (name in rights and (isinstance(value, (list, dict)) or value is None))
    }
    return tuple(sorted(telling))


def compile_program(rule: Rule, row: Row, vocabulary: Vocabulary) -> Program:
    """Compile ``rule`` for the code that ``row`` puts in place."""
    compiler = _Compiler(rule, bindings_of(row), vocabulary)
    return compiler.program()


def code_in_place(source: str, bindings: Mapping[str, Any], vocabulary: Vocabulary | None, mode: str = "eval") -> Any:
    """The syntax tree of code with the code of a row in place; with a vocabulary, devices are named."""
    return _in_place(source, mode, _codes_in(source, bindings), vocabulary)


def _in_place(source: str, mode: str, codes: tuple[tuple[str, str], ...], vocabulary: Vocabulary | None) -> Any:
    tree = ast.parse(source, mode=mode)
    _Rewriter(dict(codes), vocabulary).rewrite(tree)
    return tree


def _codes_in(source: str, bindings: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The parameters whose code ``source`` takes in, directly or through other parameters, with that code."""
    found: dict[str, str] = {}
    todo = [source]
    while todo:
        for name in identifiers(todo.pop()) & bindings.keys():
            value = bindings[name]
            if isinstance(value, Code) and name not in found:
                found[name] = value.source
                todo.append(value.source)
    return tuple(sorted(found.items()))


@lru_cache(maxsize=8192)
def _compiled(
    source: str, mode: str, file: str, codes: tuple[tuple[str, str], ...], vocabulary: Vocabulary | None
) -> CodeType:
    """Compile ``source`` with ``codes`` in place; with a vocabulary, devices are named.

    Rows of a rule share most of their expressions, and most expressions need no syntax tree of ours at all.
    """
    text = spliced(source, mode, dict(codes), vocabulary)
    code: CodeType = compile(_in_place(source, mode, codes, vocabulary) if text is None else text, file, mode)
    return code


def resolve(right: Any, bindings: Mapping[str, Any]) -> Any:
    """A right side that is just a parameter's name stands for what the row puts there."""
    for _ in range(3):
        if not (isinstance(right, str) and right in bindings):
            return right
        value = bindings[right]
        if isinstance(value, Code):
            right = value.source
        elif isinstance(value, (list, dict)) or value is None:
            return value
        else:
            return right
    return right


def _evaluation(code: CodeType, source: str) -> Evaluate:
    def evaluate(environment: Environment) -> Any:
        try:
            return eval(code, environment)
        except Exception as error:
            raise RuleBroken(f"'{source}' cannot be computed: {said(error)}") from error

    return evaluate


class _Compiler:
    def __init__(self, rule: Rule, bindings: Mapping[str, Any], vocabulary: Vocabulary) -> None:
        self.rule = rule
        self.bindings = bindings
        self.codes = {name: value for name, value in bindings.items() if isinstance(value, Code)}
        self.vocabulary = vocabulary
        self.file = f"<{rule.id}>"

    def program(self) -> Program:
        rule = self.rule
        used = identifiers(rule.when).union(*(identifiers(code.source) for code in self.codes.values()))
        return Program(
            rule=rule,
            givens=tuple(self._given(given) for given in rule.givens),
            when=self._look(rule.when, "exec", f"<{rule.id}>") if rule.when.strip() else None,
            oracle=_compiled(rule.topic.oracle, "exec", "<oracle>", (), None) if rule.topic.oracle.strip() else None,
            expect=self._compute(rule.expect, "exec") if rule.expect.strip() else None,
            observations=tuple(self._observations()),
            words=used & _TIED_WORDS,
        )

    # -- code ----------------------------------------------------------------------------------------------------

    def _look(self, source: str, mode: str = "eval", file: str = "<then>") -> CodeType:
        """Code over the names of `when`."""
        return _compiled(source, mode, file, _codes_in(source, self.codes), self.vocabulary)

    def _compute(self, source: str, mode: str = "eval") -> CodeType:
        """NumPy over givens and parameters."""
        return _compiled(source, mode, "<expectation>", _codes_in(source, self.codes), None)

    def oracle(self, template: Any) -> Evaluate:
        """A NumPy operand: a constant where no expression is in it."""
        if isinstance(template, str):
            return _evaluation(self._compute(template), template)
        if isinstance(template, (list, tuple)) and any(True for _ in expect.oracle_sources(template, ())):
            parts = [self.oracle(item) for item in template]
            return lambda environment: [part(environment) for part in parts]
        constant = _constant(template)
        return lambda environment: constant

    # -- givens --------------------------------------------------------------------------------------------------

    def _given(self, given: Given) -> CompiledGiven:
        parts: tuple[CompiledGiven, ...] = ()
        value: Evaluate | None = None
        if given.form == "sequence":
            parts = tuple(self._given(part) for part in given.value)
        elif given.form == "mapping":
            parts = tuple(self._given(part) for part in given.value.values())
        elif given.form in ("values", "normal", "uniform", "integers", "like"):
            value = self.oracle(given.value)
        elif given.form == "any":
            fixed = given.value.get("shape")
            value = self.oracle(fixed) if fixed is not None else None
        return CompiledGiven(
            given=given,
            value=value,
            options={name: self.oracle(option) for name, option in given.options.items()},
            dtype=self.oracle(given.dtype.source) if isinstance(given.dtype, Code) else None,
            requires_grad=self.oracle(given.requires_grad.source) if isinstance(given.requires_grad, Code) else None,
            module=self._look(given.value) if given.form == "module" else None,
            parts=parts,
            rounded={} if given.form == "values" and not any(expect.oracle_sources(given.value, ())) else None,
        )

    # -- expectations --------------------------------------------------------------------------------------------

    def _observations(self) -> Iterator[CompiledObservation]:
        for observation in self.rule.observations:
            right = resolve(observation.right, self.bindings)
            line = observation.line
            condition = self.oracle(observation.condition.source) if observation.condition else None
            checks = tuple(self._check(check, line) for check in expect.parse_expectation(right, observation.path))
            yield CompiledObservation(observation.left, self._look(observation.left), checks, condition, line)

    def _check(self, check: expect.Check, line: int) -> CompiledCheck:
        return CompiledCheck(
            aspect=check.aspect,
            operand=self._operand(check, line),
            line=line,
            exact=check.exact,
            scale=self.oracle(check.scale.template) if check.scale else None,
            within=check.within,
            condition=self.oracle(check.condition) if check.condition else None,
        )

    def _operand(self, check: expect.Check, line: int) -> Any:
        operand = check.operand
        if isinstance(operand, expect.Oracle):
            return self.oracle(operand.template)
        if isinstance(operand, expect.Observed):
            return self._look(operand.source)
        if check.aspect in ("is", "shares_memory_with"):
            return tuple(self._look(item.source) for item in operand)
        if check.aspect in ("not", "each"):
            return tuple(self._check(nested, line) for nested in operand)
        if check.aspect in ("one_of", "any_order"):
            return tuple(tuple(self._check(nested, line) for nested in group) for group in operand)
        if check.aspect == "holds":
            return tuple((item.template, self.oracle(item.template)) for item in operand)
        if check.aspect in ("data", "text") and isinstance(operand, str) and operand in self.bindings:
            return self.oracle(operand)
        return operand


class _Rewriter:
    """Puts code where the names of its parameters stand, and names the device in the calls that take one.

    One pass over the tree, written out: ``ast.NodeTransformer`` costs three times as much, and every rule pays it.
    """

    def __init__(self, codes: Mapping[str, str], vocabulary: Vocabulary | None, depth: int = 0) -> None:
        self.codes = codes
        self.vocabulary = vocabulary
        self.depth = depth

    def rewrite(self, node: ast.AST) -> None:
        """Rewrite everything below ``node``, in place."""
        for field in node._fields:
            child = getattr(node, field, None)
            if isinstance(child, ast.AST):
                if child._fields:
                    setattr(node, field, self._rewritten(child))
            elif isinstance(child, list):
                children: list[Any] = []
                for item in child:
                    children.extend(self._statements(item) if isinstance(item, ast.Expr) else [self._rewritten(item)])
                child[:] = children

    def _rewritten(self, node: Any) -> Any:
        if isinstance(node, ast.Name):
            code = self.codes.get(node.id)
            if code is None or not isinstance(node.ctx, ast.Load):
                return node
            return self._in_place_of(node, ast.parse(code, mode="eval").body)
        if isinstance(node, ast.AST):
            self.rewrite(node)
            if self.vocabulary is not None and isinstance(node, ast.Call):
                self._name_device(node, self.vocabulary)
        return node

    def _statements(self, node: ast.Expr) -> list[Any]:
        """A name that stands alone may stand for statements."""
        code = self.codes.get(node.value.id) if isinstance(node.value, ast.Name) else None
        if code is None:
            return [self._rewritten(node)]
        return [self._in_place_of(node.value, statement) for statement in ast.parse(code).body]

    def _in_place_of(self, name: Any, tree: Any) -> Any:
        """``tree``, at the position of the name that it replaces, itself rewritten."""
        for inner in ast.walk(tree):
            if hasattr(inner, "lineno"):
                ast.copy_location(inner, name)
        others = {key: value for key, value in self.codes.items() if key != name.id and self.depth < _DEEPEST}
        return _Rewriter(others, self.vocabulary, self.depth + 1)._rewritten(tree)

    def _name_device(self, call: ast.Call, vocabulary: Vocabulary) -> None:
        name = dotted_name(call.func)
        if not name or not vocabulary.takes_device(name) or _names_device(call):
            return
        device: ast.expr = ast.Name(id="device", ctx=ast.Load())
        more = next((word for word in call.keywords if word.arg is None), None)
        if more is None:
            word = ast.keyword(arg="device", value=device)
            call.keywords.append(ast.fix_missing_locations(ast.copy_location(word, call)))
        else:  # f(**more), where more may name one: f(**{"device": device, **more})
            both = ast.Dict(keys=[ast.Constant("device"), None], values=[device, more.value])
            more.value = ast.fix_missing_locations(ast.copy_location(both, call))


def _names_device(call: ast.Call) -> bool:
    by_position = any(isinstance(argument, ast.Name) and argument.id == "device" for argument in call.args)
    return by_position or any(word.arg == "device" for word in call.keywords)


def _constant(template: Any) -> Any:
    """A literal as an array where it is one: converting it again in every case would cost more than the check."""
    if not isinstance(template, (list, tuple)):
        return template
    kinds = {type(leaf) for leaf in _leaves(template)}
    if kinds <= {int, float} or kinds == {bool}:
        try:
            return np.array(template, dtype=bool if kinds == {bool} else None)
        except ValueError:  # ragged: a list of tensors of different shapes
            return template
    return template


def _leaves(template: Any) -> Iterator[Any]:
    if isinstance(template, (list, tuple)):
        for item in template:
            yield from _leaves(item)
    else:
        yield template
