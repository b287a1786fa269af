"""Rules over all tensors: Hypothesis draws what a given leaves open, and shrinks what fails.

Only rules with an ``any`` given come here, so that a run without such rules never imports Hypothesis. Draws are
derandomised: the same release of Hypothesis gives the same examples everywhere.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from conformance.rules.model import DType, Given, Rule
from conformance.rules.parameters import bindings_of
from conformance.running.cases import Case
from conformance.running.outcome import Outcome
from conformance.running.program import CompiledGiven

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

    from conformance.running.execute import Runner


#: What stands in an outcome's reason before the data that failed.
_SMALLEST = "smallest example: "


class _Failed(Exception):
    """An example whose outcome is not a pass."""


def run_property(runner: Runner, case: Case) -> Outcome:
    """Run ``case`` on many examples: the outcome of the smallest that fails, or the last, with all checks counted."""
    smallest, passed, checks = _search(runner, case)
    if smallest is None:
        return Outcome(passed.status, checks, passed.findings, passed.reason, unread=passed.unread)
    outcome, drawn = smallest
    return Outcome(outcome.status, checks, outcome.findings, reason_of(drawn), unread=outcome.unread)


def example(runner: Runner, case: Case) -> dict[str, Any]:
    """The drawn values of the smallest failing example, or of the first one where none fails."""
    smallest, _, _ = _search(runner, case)
    if smallest is not None:
        return dict(smallest[1])
    first: list[dict[str, Any]] = []
    _explore(runner, case, first.append, 1)
    return first[0]


def _search(runner: Runner, case: Case) -> tuple[tuple[Outcome, Mapping[str, Any]] | None, Outcome, int]:
    failing: list[tuple[Outcome, Mapping[str, Any]]] = []
    passing: list[Outcome] = []
    checks = 0

    def one(drawn: dict[str, Any]) -> None:
        nonlocal checks
        outcome = runner.run_once(case, drawn)
        checks += outcome.checks
        if outcome.status == "fail":
            failing.append((outcome, drawn))
            raise _Failed
        passing.append(outcome)

    import hypothesis

    try:
        _explore(runner, case, one, runner.examples)
    except _Failed:
        return failing[-1], failing[-1][0], checks  # Hypothesis ends by replaying the smallest example
    except hypothesis.errors.Flaky:
        return failing[-1], failing[-1][0], checks  # the same data failed once and passed another time
    return None, passing[-1], checks


def _explore(runner: Runner, case: Case, body: Any, examples: int) -> None:
    import hypothesis

    program = runner.program(case)
    drawing = [compiled for compiled in program.givens if compiled.given.form == "any"]
    settings = hypothesis.settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        print_blob=False,
        verbosity=hypothesis.Verbosity.quiet,
        report_multiple_bugs=False,
    )

    @settings
    @hypothesis.given(hypothesis.strategies.data())
    def explore(data: Any) -> None:
        body(_draw_all(data.draw, drawing, case))

    explore()


def _draw_all(draw: DrawFn, givens: list[CompiledGiven], case: Case) -> dict[str, Any]:
    bindings = bindings_of(case.row)
    drawn: dict[str, Any] = {}
    for compiled in givens:
        environment: dict[str, Any] = {"np": np, **bindings, **drawn}
        drawn[compiled.given.name] = _draw(draw, compiled, environment)
    return drawn


def _draw(draw: DrawFn, compiled: CompiledGiven, environment: dict[str, Any]) -> Any:
    from hypothesis import strategies as st

    wanted = compiled.given.value
    if "integer" in wanted:
        low, high = wanted["integer"]
        return draw(st.integers(low, high))
    if "choice" in wanted:
        return draw(st.sampled_from(wanted["choice"]))
    shape = _shape(draw, compiled, environment)
    step = wanted.get("step", 0.25)
    low, high = wanted.get("low", -4), wanted.get("high", 4)
    units = st.integers(int(np.ceil(low / step)), int(np.floor(high / step)))
    if wanted.get("nonzero"):
        units = units.filter(bool)
    size = int(np.prod(shape, dtype=int))
    values = draw(st.lists(units, min_size=size, max_size=size))
    array = _scaled(values, shape, step)
    if str(_dtype(compiled.given, environment)).startswith("complex"):
        array = array + 1j * _scaled(draw(st.lists(units, min_size=size, max_size=size)), shape, step)
    return np.asarray(array)


def _scaled(units: list[int], shape: tuple[int, ...], step: float) -> Any:
    return np.asarray(np.array(units, dtype=float).reshape(shape) * step)


def _dtype(given: Given, environment: Mapping[str, Any]) -> str:
    own = given.dtype if isinstance(given.dtype, str) else None
    case = environment.get("dtype")
    return own or (case if isinstance(case, DType) else "float32")


def _shape(draw: DrawFn, compiled: CompiledGiven, environment: dict[str, Any]) -> tuple[int, ...]:
    from hypothesis import strategies as st

    wanted = compiled.given.value
    if compiled.value is not None:
        return tuple(int(side) for side in np.atleast_1d(compiled.value(environment)))
    least, most = wanted.get("dims", (0, 3))
    short, long = wanted.get("sides", (0, 4))
    if "broadcasts_with" not in wanted:
        return tuple(draw(st.lists(st.integers(short, long), min_size=least, max_size=most)))
    base = np.shape(environment[wanted["broadcasts_with"]])
    kept = base[draw(st.integers(0, len(base))) :]
    inner = tuple(1 if side == 1 or draw(st.booleans()) else side for side in kept)
    if len(kept) == len(base) and len(base) < most and draw(st.booleans()):
        return (draw(st.integers(1, 3)), *inner)
    return inner


def reason_of(drawn: Mapping[str, Any]) -> str:
    """What an outcome says of the drawn values that failed; :func:`read_example` reads it."""
    parts = []
    for name, value in drawn.items():
        shown = value.tolist() if isinstance(value, np.ndarray) else value
        shape = f" (shape {list(value.shape)})" if isinstance(value, np.ndarray) and value.size == 0 else ""
        parts.append(f"{name} = {shown!r}{shape}")
    return _SMALLEST + ", ".join(parts)


def read_example(rule: Rule, reason: str) -> dict[str, Any]:
    """The drawn values of ``rule`` that the reason of a failed outcome names.

    Raises:
        ValueError: it names none, or not those that the rule draws.

    """
    drawn = {given.name: given for given in rule.givens if given.form == "any"}
    named = re.fullmatch(_SMALLEST + ", ".join(f"{name} = (.*?)" for name in drawn), reason, re.DOTALL)
    try:
        texts = named.groups() if named is not None else ()
        return {name: _read(text, given) for (name, given), text in zip(drawn.items(), texts, strict=True)}
    except (ValueError, SyntaxError) as error:
        raise ValueError(f"no example of {rule.id} in '{reason}'") from error


def _read(text: str, given: Given) -> Any:
    shown, _, shape = text.removesuffix(")").partition(" (shape ") if text.endswith("])") else (text, "", "")
    value = ast.literal_eval(shown)
    if "integer" in given.value or "choice" in given.value:
        return value
    array = np.array(value, dtype=complex if "j" in shown else float)
    return array.reshape(ast.literal_eval(shape)) if shape else array
