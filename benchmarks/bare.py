"""The bare loop: what a case costs where nothing but its statements and comparisons runs.

For each case of torch on cpu a function is prepared beforehand: givens as arrays, compiled statements, compiled left sides,
expected values as tensors. Running it makes the tensors, runs the statements, evaluates the left sides and compares, with
``torch.allclose`` for values and ``==`` or ``is`` for facts. There is no record of checks, no state that is put back, no
tolerance that is derived, no outcome. Aspects that a person would not check by hand in a line are left out on both
sides: such cases do not take part.
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
            wanted = check.operand
            if callable(wanted):
                wanted = wanted(world.oracle)
            comparisons.append((observation.code, *_comparison(check.aspect, wanted, world.made)))
    if any(compare is None for _, compare, _ in comparisons):
        return None
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
            held &= compare(eval(code, made), wanted, made)
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


def _comparison(aspect: str, wanted: Any, made: dict[str, Any]) -> tuple[Any, Any]:
    if aspect == "values":
        if wanted is None:
            return (lambda value, _, __: value is None), None
        if isinstance(wanted, (bool, int, str)):
            return (lambda value, want, _: bool(value == want)), wanted
        if isinstance(wanted, (float, np.ndarray, np.generic)):
            tensor = torch.as_tensor(np.asarray(wanted))
            return _close, tensor
        return None, None
    if aspect == "is":
        return (lambda value, code, names: value is eval(code, names)), wanted
    if aspect == "grad_fn":
        return (lambda value, want, _: (value.grad_fn is None) == (want == "none")), wanted
    if aspect == "version":
        return (lambda value, want, _: value._version == want), int(wanted)
    if aspect == "shape":
        return (lambda value, want, _: tuple(value.shape) == want), tuple(int(side) for side in np.atleast_1d(wanted))
    return (lambda value, want, _, name=aspect: getattr(value, name) is want), bool(wanted)


def _close(value: Any, wanted: torch.Tensor, _: Any) -> bool:
    if not isinstance(value, torch.Tensor):
        value = torch.as_tensor(value)
    value = value.detach()
    return value.shape == wanted.shape and torch.allclose(value.to(wanted.dtype), wanted, rtol=1e-2, atol=1e-4, equal_nan=True)


def harness_loop(runner: Runner, cases: Iterable[Case]) -> list[Outcome]:
    """The same cases, as the harness runs them."""
    return [runner.run(case) for case in cases]
