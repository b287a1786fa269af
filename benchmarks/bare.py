"""The bare loop: what a case costs where nothing but its statements and comparisons runs.

For each case of torch on cpu a function is prepared beforehand: givens as arrays, compiled statements, compiled left
sides and expectations, as the harness compiled them. Running it makes the tensors, runs the statements, evaluates both
sides and compares with one flat tolerance. There is no record of checks, no global state that is watched, no tolerance
that is derived, no outcome. Cases whose words or aspects nobody checks by hand in a line take no part, and so the
harness runs the same selection when the two are compared.
"""

from __future__ import annotations

import ast
import copy
import io
import keyword
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from conformance.rules.parameters import bindings_of
from conformance.rules.vocabulary import Vocabulary
from conformance.running.cases import Case
from conformance.running.data import Datum
from conformance.running.execute import SEED, Runner
from conformance.running.program import CompiledCheck, CompiledObservation, Program, code_in_place, resolve

Names = dict[str, Any]
Compare = Callable[[Any, Names, Names], bool]
_DTYPES = ("float16", "bfloat16", "float32", "float64")


@dataclass(frozen=True, slots=True)
class BareCase:
    """A case, and the function that is True where it holds."""

    case: Case
    run: Callable[[], bool]


def bare_cases(runner: Runner, cases: Iterable[Case]) -> list[BareCase]:
    """The cases that the bare loop can do, each of them seen to hold under its flat tolerance."""
    return [one for case in cases if not case.rule.is_property and (one := _tried(runner, case)) is not None]


def _tried(runner: Runner, case: Case) -> BareCase | None:
    try:
        one = _prepared(runner, case)
        return one if one is not None and one.run() else None
    except (AttributeError, TypeError, ValueError, RuntimeError):  # a comparison that the bare loop has no words for
        return None


def bare_loop(cases: Iterable[BareCase]) -> int:
    """Run all of them; how many hold."""
    return sum(one.run() for one in cases)


def bare_sources(cases: Iterable[BareCase], vocabulary: Vocabulary) -> list[tuple[str, str]]:
    """The texts, each once, that Python compiles where the loop is a file of its own, with the mode of each."""
    found: dict[tuple[str, str], None] = {}
    for one in cases:
        rule, bindings = one.case.rule, bindings_of(one.case.row)
        texts = [(rule.when, "exec"), *((observation.left, "eval") for observation in rule.observations)]
        for text, mode in texts:
            found[ast.unparse(code_in_place(text, bindings, vocabulary, mode)), mode] = None
        found[rule.expect, "exec"] = None
        for observation in rule.observations:
            right = resolve(observation.right, bindings)
            for value in right.values() if isinstance(right, dict) else [right]:
                if isinstance(value, str) and not keyword.iskeyword(value):
                    found[value, "eval"] = None
    return list(found)


def compile_bare(sources: Iterable[tuple[str, str]]) -> None:
    """Compile the texts of the loop, as Python does when it first sees its file."""
    for text, mode in sources:
        compile(text, "<bare>", mode)


def _prepared(runner: Runner, case: Case) -> BareCase | None:
    program = runner.program(case)
    if not program.words <= _WORDS.keys():
        return None
    program, world = runner.prepare(case, {})
    runner.put_back(case)
    makers = _makers(world.made, world.data)
    if makers is None:
        return None
    oracle = dict(world.oracle)
    comparisons = []
    for observation in program.observations:
        if observation.condition is None or observation.condition(oracle):
            comparison = _of_observation(observation, oracle, dict(world.data))
            if comparison is None:
                return None
            comparisons.append((observation.code, comparison))
    names = {**world.made, **{word: _WORDS[word] for word in program.words}}
    dtype = getattr(torch, world.dtype) if world.dtype in _DTYPES else torch.float32
    seeds = case.rule.draws_random
    return BareCase(case, _function(program, names, oracle, makers, comparisons, dtype, seeds))


_Maker = tuple[str, Any, torch.dtype, bool]


def _makers(made: Names, data: Names) -> list[_Maker] | None:
    """How the givens are made again; None where one is more than a tensor."""
    if any(not isinstance(datum, Datum) or type(made[name]) is not torch.Tensor for name, datum in data.items()):
        return None
    return [(name, datum.stored, made[name].dtype, made[name].requires_grad) for name, datum in data.items()]


def _function(
    program: Program,
    names: Names,
    oracle: Names,
    makers: list[_Maker],
    comparisons: list[tuple[Any, list[Compare]]],
    dtype: torch.dtype,
    seeds: bool,
) -> Callable[[], bool]:
    when, expect = program.when, program.expect

    def run() -> bool:
        made = dict(names)
        if seeds:
            torch.default_generator.manual_seed(SEED)
        if dtype is not torch.float32:
            torch.set_default_dtype(dtype)
        for name, array, kind, requires_grad in makers:
            made[name] = torch.tensor(array, dtype=kind, requires_grad=requires_grad)
        if expect is not None:
            exec(expect, oracle)
        if when is not None:
            exec(when, made)
        held = True
        for code, compares in comparisons:
            value = eval(code, made)
            for compare in compares:
                held &= compare(value, made, oracle)
        if dtype is not torch.float32:
            torch.set_default_dtype(torch.float32)
        return held

    return run


# -- comparisons -----------------------------------------------------------------------------------------------------


def _of_observation(observation: CompiledObservation, oracle: Names, data: Names) -> list[Compare] | None:
    made = []
    for check in observation.checks:
        if check.condition is None or check.condition(oracle):
            compare = _of_check(check, oracle, data)
            if compare is None:
                return None
            made.append(compare)
    return made


def _of_check(check: CompiledCheck, oracle: Names, data: Names) -> Compare | None:
    operand = check.operand
    if check.aspect == "values":
        return _of_values(operand, oracle)
    if check.aspect == "unchanged":
        originals = [datum.stored for datum in data.values()]
        return lambda value, made, oracle: any(np.array_equal(_array(value), one) for one in originals)
    if check.aspect == "not":
        nested = [_of_check(one, oracle, data) for one in operand]
        if None in nested:
            return None
        return lambda value, made, oracle: not any(one(value, made, oracle) for one in nested if one)
    if check.aspect == "each":
        nested = [_of_check(one, oracle, data) for one in operand]
        if None in nested:
            return None
        return lambda value, made, oracle: all(one(item, made, oracle) for item in value for one in nested if one)
    factory = _FACTORIES.get(check.aspect)
    return None if factory is None or isinstance(operand, tuple) else factory(operand)


def _of_values(operand: Any, oracle: Names) -> Compare | None:
    example = operand(oracle)
    if example is None or isinstance(example, (bool, str)):
        return lambda value, made, oracle: bool(value == operand(oracle))
    if not isinstance(example, (int, float, np.ndarray, np.generic)):
        return None
    return lambda value, made, oracle: _close(value, operand(oracle))


def _array(value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    array = value.detach()
    return array.float().numpy() if array.dtype is torch.bfloat16 else array.numpy()


def _close(value: Any, wanted: Any) -> bool:
    array = _array(value)
    return np.shape(array) == np.shape(wanted) and np.allclose(array, wanted, rtol=2e-2, atol=2e-2, equal_nan=True)


def _evaluated(operand: Any) -> Callable[[Names], Any]:
    return operand if callable(operand) else lambda oracle: operand


def _of_fact(aspect: str) -> Callable[[Any], Compare]:
    def factory(operand: Any) -> Compare:
        wanted = _evaluated(operand)
        return lambda value, made, oracle: bool(getattr(value, aspect) == wanted(oracle))

    return factory


def _of_shape(operand: Any) -> Compare:
    wanted = _evaluated(operand)
    return lambda value, made, oracle: tuple(value.shape) == tuple(np.atleast_1d(wanted(oracle)))


def _of_dtype(operand: Any) -> Compare:
    wanted = _evaluated(operand)
    return lambda value, made, oracle: value.dtype is getattr(torch, str(wanted(oracle)))


def _of_grad_fn(operand: Any) -> Compare:
    if operand not in ("none", "present"):
        return lambda value, made, oracle: type(value.grad_fn).__name__ == operand
    return lambda value, made, oracle: (value.grad_fn is None) == (operand == "none")


def _of_holds(operand: Any) -> Compare:
    def compare(value: Any, made: Names, oracle: Names) -> bool:
        environment = {**oracle, "it": _array(value)}
        return all(bool(np.all(condition(environment))) for _, condition in operand)

    return compare


_FACTORIES: dict[str, Callable[[Any], Compare]] = {
    "requires_grad": _of_fact("requires_grad"),
    "is_leaf": _of_fact("is_leaf"),
    "version": _of_fact("_version"),
    "shape": _of_shape,
    "dtype": _of_dtype,
    "grad_fn": _of_grad_fn,
    "filled": lambda operand: lambda value, made, oracle: bool(np.all(_array(value) == operand(oracle))),
    "length": lambda operand: lambda value, made, oracle: len(value) == operand(oracle),
    "is": lambda operand: lambda value, made, oracle: value is eval(operand, made),
    "type": lambda operand: lambda value, made, oracle: type(value) is eval(operand, made),
    "same_as": lambda operand: (
        lambda value, made, oracle: bool(np.array_equal(_array(value), _array(eval(operand, made)), equal_nan=True))
    ),
    "close_to": lambda operand: lambda value, made, oracle: _close(value, _array(eval(operand, made))),
    "shares_memory_with": lambda operand: (
        lambda value, made, oracle: (
            value.untyped_storage().data_ptr() == eval(operand, made).untyped_storage().data_ptr()
        )
    ),
    "holds": _of_holds,
}


# -- words -----------------------------------------------------------------------------------------------------------


class _Raises:
    """What a person writes: the error comes, and is of the class."""

    def __init__(self, expected: type[BaseException] | None) -> None:
        self.expected = expected

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> bool:
        assert error is None if self.expected is None else isinstance(error, self.expected)
        return True


_WORDS: dict[str, Any] = {
    "raises": _Raises,
    "snapshot": lambda value: value.detach().clone(),
    "deepcopy": copy.deepcopy,
    "buffer": io.BytesIO,
}
