"""The bare loop: what a case costs where nothing but its statements and comparisons runs.

For each case of torch on cpu a function is prepared beforehand: givens as arrays, compiled statements, compiled left
sides and expectations. Running it makes the tensors, runs the statements, evaluates both sides and compares, with
``np.allclose`` for values and ``==`` or ``is`` for facts. There is no record of checks, no state that is put back, no
tolerance that is derived, no outcome. Cases with aspects that a person would not check by hand in a line take no part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

from conformance.running.cases import Case
from conformance.running.data import Datum
from conformance.running.execute import SEED, Runner
from conformance.running.outcome import Outcome

SIMPLE = frozenset({"values", "requires_grad", "is_leaf", "grad_fn", "is", "version", "shape"})


def bare_loop(runner: Runner, cases: Iterable[Case]) -> list[tuple[Case, Callable[[], bool]]]:
    """The cases that the bare loop can do, each with its function; one whose function does not hold is refused."""
    prepared = []
    for case in cases:
        program = runner.program(case)
        checks = [check for observation in program.observations for check in observation.checks]
        if case.rule.is_property or any(check.aspect not in SIMPLE or check.condition for check in checks):
            continue
        if program.words - {"raises"} or any(observation.condition for observation in program.observations):
            continue
        function = _prepare(runner, case)
        if function is not None:
            prepared.append((case, function))
    return prepared


def _prepare(runner: Runner, case: Case) -> Callable[[], bool] | None:
    program, world = runner.prepare(case, {})
    runner.put_back(case)
    if any(not isinstance(datum, Datum) for datum in world.data.values()):
        return None
    names = {**world.made, "raises": _Raises}
    makers = [
        (name, datum.stored, getattr(torch, datum.dtype), names[name].requires_grad)
        for name, datum in world.data.items()
        if isinstance(names[name], torch.Tensor)
    ]
    if len(makers) != len(world.data):
        return None
    comparisons = []
    for observation in program.observations:
        for check in observation.checks:
            wanted = check.operand if callable(check.operand) else _constant(check.operand)
            example = wanted(world.oracle)
            observed = None if check.aspect != "values" else world.made.get(observation.left)
            if isinstance(observed, (list, tuple, dict)):
                return None
            if check.aspect == "values" and not isinstance(
                example, (type(None), str, int, float, np.ndarray, np.generic)
            ):
                return None
            comparisons.append((observation.code, _COMPARISONS[check.aspect], wanted))
    oracle = dict(world.oracle)
    when, seeds, dtype = program.when, case.rule.draws_random, torch.float32
    if world.dtype in ("float16", "bfloat16", "float32", "float64"):
        dtype = getattr(torch, world.dtype)

    def run() -> bool:
        made = dict(names)
        if seeds:
            torch.default_generator.manual_seed(SEED)
        torch.set_default_dtype(dtype)
        for name, array, kind, requires_grad in makers:
            made[name] = torch.tensor(array, dtype=kind, requires_grad=requires_grad)
        if when is not None:
            exec(when, made)
        held = True
        for code, compare, wanted in comparisons:
            held &= compare(eval(code, made), wanted(oracle), made)
        torch.set_grad_enabled(True)
        torch.set_default_dtype(torch.float32)
        return held

    return run


class _Raises:
    """What a person writes: the error comes, and is of the class."""

    def __init__(self, expected: type[BaseException] | None) -> None:
        self.expected = expected

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> bool:
        assert error is None if self.expected is None else isinstance(error, self.expected)
        return True


def _constant(value: Any) -> Callable[[Any], Any]:
    return lambda environment: value


def _values(value: Any, wanted: Any, names: dict[str, Any]) -> bool:
    if wanted is None or isinstance(wanted, (bool, str)):
        return bool(value == wanted)
    if not isinstance(value, torch.Tensor):
        return bool(np.allclose(value, wanted, rtol=1e-2, atol=1e-4))
    array = value.detach()
    array = array.float().numpy() if array.dtype is torch.bfloat16 else array.numpy()
    return array.shape == np.shape(wanted) and np.allclose(array, wanted, rtol=1e-2, atol=1e-4, equal_nan=True)


_COMPARISONS: dict[str, Callable[[Any, Any, dict[str, Any]], bool]] = {
    "values": _values,
    "requires_grad": lambda value, wanted, _: value.requires_grad is wanted,
    "is_leaf": lambda value, wanted, _: value.is_leaf is wanted,
    "is": lambda value, code, names: value is eval(code, names),
    "grad_fn": lambda value, wanted, _: (value.grad_fn is None) == (wanted == "none"),
    "version": lambda value, wanted, _: value._version == wanted,
    "shape": lambda value, wanted, _: tuple(value.shape) == tuple(np.atleast_1d(wanted)),
}


def harness_loop(runner: Runner, cases: Iterable[Case]) -> list[Outcome]:
    """The same cases, as the harness runs them."""
    return [runner.run(case) for case in cases]
