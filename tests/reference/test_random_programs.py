"""Random programs come out the same on torch and on the reference, and the comparison would notice if not."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from programs import difference, programs, run

import conformance.reference as reference
from conformance.reference import dispatch

torch = pytest.importorskip("torch")

EXAMPLES = int(os.environ.get("CONFORMANCE_PROGRAMS", "300"))

# Where torch itself fails, or answers by an accident of its own making: message -> what it is.
ACCIDENTS = {
    "INTERNAL ASSERT": "torch trips over its own invariant (retain_grad, then detach_, then a write)",
}


@settings(
    max_examples=EXAMPLES,
    derandomize=EXAMPLES == 300,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(programs())
def test_a_random_program_comes_out_as_on_torch(program: tuple[str, ...]) -> None:
    """Errors, values, gradients, flags, versions, aliasing and hooks agree after every line."""
    expected = run(torch, program)
    assume(not any(word in step.message for step in expected for word in ACCIDENTS))
    assert difference(expected, run(reference, program)) == "", "\n".join(program)


DAMAGED: dict[str, tuple[str, str, Any]] = {
    "wrong gradient": ("v0.sin().sum().backward()", "sin", lambda grad, self: grad * self.cos() * 1.001),
    "lost dependency": ("(v0 * v0).sum().backward()", "mul", lambda grad, other: grad * 0),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_the_comparison_notices_damage(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one rule of the reference damaged the same program differs."""
    line, operation, rule = DAMAGED[name]
    program = ("v0 = make((3,), 1, True)", line)
    assert difference(run(torch, program), run(reference, program)) == ""
    declared = dispatch.operations[operation]
    monkeypatch.setattr(declared, "plans", {})
    monkeypatch.setitem(declared.rules, "self", rule)
    assert "v0 grad" in difference(run(torch, program), run(reference, program))
