"""Expectations -> the lines of a script that check them, with every NumPy operand computed beforehand.

Each aspect has a *test*, a Python expression over the name of an observed value, which combinators nest. Those that
people would write by hand (values, plain facts) have a line of their own; the rest of the lines are ``check_that``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from conformance.errors import ConformanceError
from conformance.repro.literals import Source, call, literal
from conformance.repro.pieces import is_piece
from conformance.repro.widening import widening
from conformance.rules import expectations as expect
from conformance.running.program import CompiledCheck
from conformance.running.world import World

_PLAIN = ("requires_grad", "is_leaf", "version", "shape", "strides", "dtype", "device", "grad_fn")
_CLASSES = ("tuple", "list", "dict", "set")


class Expectations:
    """Renders the checks of one case.

    ``used`` collects the helpers that the lines need; ``nested`` says whether some expectation is a mapping, or closer
    in one part than in another.

    Args:
        world: the case with its data made.
        place: an expression in the language of `when` -> its source with the row's code in place.
        taken: the names that the rule binds; a helper of the same name is called with an underscore after it.
        adapted: whether facts are asked of an adapter.

    """

    def __init__(self, world: World, place: Callable[[str], str], taken: frozenset[str], adapted: bool) -> None:
        self.world = world
        self.place = place
        self.taken = taken
        self.adapted = adapted
        self.it = "this" if "it" in taken else "it"
        self.used: set[str] = set()
        self.nested = False

    def helper(self, name: str) -> str:
        """The name under which the script has a helper."""
        self.used.add(name)
        return f"{name}_" if name in self.taken else name

    def line(self, left: str, compiled: CompiledCheck, check: expect.Check) -> str:
        """The line that makes one check of what ``left`` shows."""
        aspect = check.aspect
        looked = self.place(left)
        look = Source(f"lambda: {looked}")
        if aspect == "values":
            return call(self.helper("check"), [left, look, *self._expected(compiled)])
        if aspect == "unchanged" and left in self.world.data:
            return call(self.helper("check"), [left, look, *self._as_made(left)])
        if aspect == "close_to":
            self.nested = True
            other = Source(f"lambda: {self.place(check.operand.source)}")
            return call(self.helper("check_close"), [left, look, other, *self._options(compiled, check)])
        if aspect == "unspecified":
            return call(self.helper("show_open"), [left, look])
        if aspect == "text":
            return call(self.helper("check_fact"), [left, look, self._wanted(compiled)])
        plain = self._plain(looked, compiled, check) if aspect in _PLAIN else None
        if plain is not None:
            asked, wanted = plain
            what = f"{left}.{aspect}"
            return call(self.helper("check_fact"), [what, Source(f"lambda: {asked}"), wanted])
        test = Source(f"lambda {self.it}: {self.test(self.it, compiled, check)}")
        return call(self.helper("check_that"), [left, look, self.words(compiled, check), test])

    # -- facts as people write them ------------------------------------------------------------------------------

    def _plain(self, looked: str, compiled: CompiledCheck, check: expect.Check) -> tuple[str, Any] | None:
        """What to ask and the answer expected; None where only a test says it exactly."""
        aspect, wanted = check.aspect, self._fact(compiled, check)
        value = _operand(looked)
        if aspect == "grad_fn" and wanted is not None:
            return None
        if self.adapted:
            return None if aspect == "device" else (f'{self.helper("fact")}({looked}, "{aspect}")', wanted)
        if aspect == "dtype":
            return f"{self.helper('name_of')}({value}.dtype)", wanted
        if aspect == "device":
            return None if ":" in wanted else (f'str({value}.device).partition(":")[0]', wanted)
        asked = {
            "version": f"{value}._version",
            "shape": f"tuple({value}.shape)",
            "strides": f'{self.helper("fact")}({looked}, "strides")' if aspect == "strides" else "",
        }
        return asked.get(aspect, f"{value}.{aspect}"), wanted

    def _fact(self, compiled: CompiledCheck, check: expect.Check) -> Any:
        wanted = self._wanted(compiled)
        if check.aspect in ("requires_grad", "is_leaf"):
            return bool(wanted)
        if check.aspect in ("shape", "strides"):
            return tuple(int(side) for side in np.atleast_1d(np.asarray(wanted, dtype=int)))
        if check.aspect in ("dtype", "device"):
            return str(wanted)
        if check.aspect == "grad_fn":
            return None if wanted in (None, "none") else wanted
        return wanted.item() if isinstance(wanted, np.generic) else wanted

    def _wanted(self, compiled: CompiledCheck) -> Any:
        operand = compiled.operand
        return operand(self.world.oracle) if callable(operand) else operand

    # -- tests: expressions that are true, false, or None where values cannot be read ------------------------------

    def test(self, it: str, compiled: CompiledCheck, check: expect.Check) -> str:
        """The expression that tests one aspect of the value called ``it``."""
        aspect = check.aspect
        if aspect in _PLAIN:
            return self._fact_test(it, self._fact(compiled, check), aspect)
        method = getattr(self, f"_test_{aspect}", None)
        if method is None:
            raise ConformanceError(f"a script cannot check '{aspect}' inside another expectation")
        return str(method(it, compiled, check))

    def _fact_test(self, it: str, wanted: Any, aspect: str) -> str:
        if aspect == "grad_fn":
            return f"{self.helper('made_by')}({it}, {literal(wanted)})"
        if aspect == "device":
            return f"{self.helper('on_device')}({it}, {literal(wanted)})"
        sign = "is" if isinstance(wanted, bool) else "=="
        return f'{self.helper("fact")}({it}, "{aspect}") {sign} {literal(wanted)}'

    def _test_values(self, it: str, compiled: CompiledCheck, check: expect.Check) -> str:
        return call(self.helper("close"), [Source(it), *self._expected(compiled)])

    def _test_filled(self, it: str, compiled: CompiledCheck, check: expect.Check) -> str:
        return call(self.helper("filled"), [Source(it), *self._expected(compiled)])

    def _test_close_to(self, it: str, compiled: CompiledCheck, check: expect.Check) -> str:
        self.nested = True
        other = f"{self.helper('numbers_of')}({self.helper('listed')}({self.place(check.operand.source)}))"
        return call(self.helper("close"), [Source(it), Source(other), *self._options(compiled, check)])

    def _test_same_as(self, it: str, compiled: CompiledCheck, check: expect.Check) -> str:
        other = f"{self.helper('listed')}({self.place(check.operand.source)})"
        return f"{self.helper('same')}({it}, {other})"

    def _test_is(self, it: str, compiled: CompiledCheck, check: expect.Check) -> str:
        return f"{self.helper('is_same')}({it}, {self._others(check)})"

    def _test_shares_memory_with(self, it: str, compiled: CompiledCheck, check: expect.Check) -> str:
        spread = "*" if _several(check) else ""
        return f"{self.helper('share_memory')}({it}, {spread}{self._others(check)})"

    def _others(self, check: expect.Check) -> str:
        if not _several(check):
            return self.place(check.operand.source)
        return f"[{', '.join(self.place(one.source) for one in check.operand)}]"

    def _test_unchanged(self, it: str, compiled: CompiledCheck, check: expect.Check) -> str:
        tests = [
            f"({it} is {name} and {call(self.helper('close'), [Source(it), *self._as_made(name)])})"
            for name in self.world.data
        ]
        return " or ".join(tests)

    def _test_length(self, it: str, compiled: CompiledCheck, check: expect.Check) -> str:
        return f"len({it}) == {int(self._wanted(compiled))}"

    def _test_keys(self, it: str, compiled: CompiledCheck, check: expect.Check) -> str:
        return f"{self.helper('keys_of')}({it}) == {literal(list(self._wanted(compiled)))}"

    def _test_data(self, it: str, compiled: CompiledCheck, check: expect.Check) -> str:
        wanted = self._wanted(compiled)
        plain = wanted.tolist() if isinstance(wanted, np.ndarray) else wanted
        return f"{self.helper('same_data')}({it}, {literal(plain)})"

    def _test_text(self, it: str, compiled: CompiledCheck, check: expect.Check) -> str:
        return f"isinstance({it}, str) and {it} == {literal(self._wanted(compiled))}"

    def _test_type(self, it: str, compiled: CompiledCheck, check: expect.Check) -> str:
        wanted = self.place(check.operand.source)
        return f"isinstance({it}, {wanted})" if wanted in _CLASSES else f"type({it}) is {wanted}"

    def _test_not(self, it: str, compiled: CompiledCheck, check: expect.Check) -> str:
        tests = [self.test(it, *pair) for pair in zip(compiled.operand, check.operand)]
        return f"not {_operand(tests[0])}" if len(tests) == 1 else f"True not in ({', '.join(tests)})"

    def _test_each(self, it: str, compiled: CompiledCheck, check: expect.Check) -> str:
        tests = [f"lambda {self.it}: {self.test(self.it, *pair)}" for pair in zip(compiled.operand, check.operand)]
        return f"{self.helper('each')}({', '.join([it, *tests])})"

    def _test_one_of(self, it: str, compiled: CompiledCheck, check: expect.Check) -> str:
        return f"{self.helper('one_of')}({', '.join([it, *self._groups(compiled, check)])})"

    def _test_any_order(self, it: str, compiled: CompiledCheck, check: expect.Check) -> str:
        if isinstance(compiled.operand, tuple):
            tests = self._groups(compiled, check)
        else:
            close = self.helper("close")
            tests = [f"lambda {self.it}: {call(close, [Source(self.it), one])}" for one in self._wanted(compiled)]
        return f"{self.helper('any_order')}({', '.join([it, *tests])})"

    def _groups(self, compiled: CompiledCheck, check: expect.Check) -> list[str]:
        """A test for each group, which is met where all inside it are."""
        made = []
        for group, parsed in zip(compiled.operand, check.operand):
            tests = [self.test(self.it, *pair) for pair in zip(group, parsed)]
            both = f"{self.helper('every')}([{', '.join(tests)}])" if len(tests) > 1 else tests[0]
            made.append(f"lambda {self.it}: {both}")
        return made

    def _test_elements_from(self, it: str, compiled: CompiledCheck, check: expect.Check) -> str:
        return call(self.helper("elements_from"), [Source(it), *self._arrays(self._wanted(compiled))])

    def _test_holds(self, it: str, compiled: CompiledCheck, check: expect.Check) -> str:
        conditions = [Source(f"lambda it: {self._condition(one.template)}") for one in check.operand]
        return call(self.helper("holds"), [Source(it), *conditions])

    # -- operands ------------------------------------------------------------------------------------------------

    def _arrays(self, values: Any) -> list[Any]:
        made = list(values)
        self._note_empty(made)
        return made

    def _note_empty(self, value: Any) -> None:
        if "empty(" in literal(value):
            self.used.add("empty")
            if "empty" in self.taken:
                raise ConformanceError("a script cannot say what is empty where the rule binds the name 'empty'")

    def _expected(self, compiled: CompiledCheck) -> Iterator[Any]:
        """The numbers that are expected, and how closely."""
        wanted = self._wanted(compiled)
        self._note_empty(wanted)
        self.nested |= isinstance(wanted, Mapping)
        yield wanted
        yield from self._options(compiled, None)
        if not compiled.exact:
            widened = widening(self.world, compiled.operand, wanted)
            if widened:
                self.nested |= not isinstance(widened, float)
                yield Source(f"widened={literal(widened)}")

    def _options(self, compiled: CompiledCheck, check: expect.Check | None) -> Iterator[Any]:
        if compiled.exact:
            yield Source("exact=True")
        if compiled.scale is not None:
            scale = float(np.abs(np.asarray(compiled.scale(self.world.oracle))).max(initial=0))
            yield Source(f"scale={literal(scale)}")
        if compiled.within:
            yield Source(f"within={literal(float(compiled.within))}")

    def _as_made(self, name: str) -> tuple[Any, ...]:
        made = self.world.oracle[name]
        self.nested |= isinstance(made, Mapping)
        self._note_empty(made)
        return made, Source("exact=True")

    def _condition(self, source: str) -> str:
        """A NumPy condition on ``it``, with everything else computed."""
        tree = ast.parse(self.place(source), mode="eval")
        folded = ast.fix_missing_locations(_Fold(self.world.oracle).visit(tree))
        for node in ast.walk(folded):
            if isinstance(node, ast.Name) and is_piece(node.id) and node.id not in self.taken:
                self.used.add(node.id)
            elif isinstance(node, ast.Name) and node.id == "np":
                self.used.add("np")
        return ast.unparse(folded)

    # -- words ---------------------------------------------------------------------------------------------------

    def words(self, compiled: CompiledCheck, check: expect.Check) -> str:
        """What is expected, for the line that says it is not so."""
        aspect, operand = check.aspect, check.operand
        if aspect in ("not", "each"):
            inner = [self.words(*pair) for pair in zip(compiled.operand, operand)]
            return f"{aspect} {' or '.join(inner) if aspect == 'not' else ' and '.join(inner)}"
        if aspect in ("one_of", "any_order") and isinstance(operand, tuple):
            pairs = [zip(group, parsed) for group, parsed in zip(compiled.operand, operand)]
            joined = " or " if aspect == "one_of" else ", "
            start = "" if aspect == "one_of" else "in any order: "
            return start + joined.join(" and ".join(self.words(*pair) for pair in group) for group in pairs)
        if aspect in ("is", "shares_memory_with", "same_as", "close_to", "type"):
            phrase = {"is": "the object", "shares_memory_with": "memory of", "same_as": "the bits of"}
            names = self._others(check)
            return f"{phrase.get(aspect, {'close_to': 'values of', 'type': 'type'}.get(aspect, ''))} {names}"
        if aspect == "holds":
            return " and ".join(one.template for one in operand)
        return _short(f"{aspect.replace('_', ' ')} {literal(self._wanted(compiled))}")


class _Fold(ast.NodeTransformer):
    """Puts the value where an expression does not depend on ``it``."""

    def __init__(self, environment: Mapping[str, Any]) -> None:
        self.environment = dict(environment)

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr) and not isinstance(node, ast.Constant) and not _mentions(node, "it"):
            found = self._value(node)
            if found is not None:
                return ast.copy_location(ast.parse(found, mode="eval").body, node)
        return self.generic_visit(node)

    def _value(self, node: ast.expr) -> str | None:
        try:
            value = eval(compile(ast.Expression(node), "<condition>", "eval"), self.environment)
        except Exception:
            return None  # it depends on a name that the expression binds
        if isinstance(value, np.ndarray):
            shape = "" if value.size else f".reshape({literal(value.shape)})"
            return f"np.array({literal(value.tolist())}){shape}"
        return literal(value) if isinstance(value, (bool, int, float, complex, str, np.generic)) else None


def _mentions(node: ast.AST, name: str) -> bool:
    return any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(node))


def _several(check: expect.Check) -> bool:
    return isinstance(check.operand, tuple)


def _operand(source: str) -> str:
    """An expression that an attribute or ``not`` can follow."""
    kind = ast.parse(source, mode="eval").body
    simple = isinstance(kind, (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.List, ast.Dict))
    return source if simple else f"({source})"


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
