"""Every operation against torch, and its gradients against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from operation_cases import CASES, Case

import conformance.reference as reference
from conformance.reference import dispatch
from conformance.reference.autograd import gradcheck, gradgradcheck
from conformance.reference.autograd.gradcheck import GradcheckError

# The gradient modules of the tensor half; those of nn have tests of their own.
MODULES = ("elementwise", "shaping", "reductions", "indexing", "combining", "linear_algebra", "conversion")


def leaves(lib: Any, case: Case) -> list[Any]:
    """The case's data as leaves of torch or of the reference."""
    types = [lib.complex128 if np.iscomplexobj(each) else lib.float64 for each in case.inputs]
    return [
        lib.tensor(np.asarray(each).tolist(), dtype=dtype, requires_grad=True)
        for each, dtype in zip(case.inputs, types, strict=True)
    ]


def outcome(lib: Any, case: Case) -> tuple[Any, str, list[Any]]:
    """Value, dtype and the gradients of a weighted sum."""
    inputs = leaves(lib, case)
    result = case.call(lib, *inputs)
    weights = np.cos(np.arange(result.numel())).reshape(tuple(result.shape))
    result.backward(lib.tensor(weights.tolist(), dtype=result.dtype))
    grads = [None if each.grad is None else np.array((each.grad + 0).tolist()) for each in inputs]
    return np.array(result.detach().tolist()), str(result.dtype), grads


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_agrees_with_torch(case: Case) -> None:
    """Value, dtype and gradients are torch's."""
    torch = pytest.importorskip("torch")
    value, dtype, grads = outcome(reference, case)
    expected_value, expected_dtype, expected_grads = outcome(torch, case)
    np.testing.assert_allclose(value, expected_value, rtol=1e-12, atol=1e-12)
    assert dtype == expected_dtype
    for found, expected in zip(grads, expected_grads, strict=True):
        assert (found is None) == (expected is None)
        if found is not None:
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_gradients_agree_with_differences(case: Case) -> None:
    """First and second derivatives are those that finite differences find."""
    inputs = leaves(reference, case)
    assert gradcheck(lambda *args: case.call(reference, *args), inputs)
    assert gradgradcheck(lambda *args: case.call(reference, *args), inputs)


def test_every_differentiable_operation_has_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """No operation with a gradient rule of the tensor half is left out of the cases."""
    reached = set()

    def recording(name: str) -> Any:
        original = getattr(dispatch.Operation, name)

        def plan(self: Any, mask: int) -> Any:
            reached.add(self.name)
            return original(self, mask)

        return plan

    monkeypatch.setattr(dispatch.Operation, "plan", recording("plan"))
    for each in dispatch.operations.values():
        monkeypatch.setattr(each, "plans", {})
    for case in CASES:
        inputs = leaves(reference, case)
        result = case.call(reference, *inputs)
        reference.autograd.grad(result, inputs, reference.ones_like(result) * 2, create_graph=True, allow_unused=True)
    reference.ones(2, requires_grad=True).to("accel")
    owned = {
        name
        for name, operation in dispatch.operations.items()
        if any(rule.__module__.rpartition(".")[2] in MODULES for rule in operation.rules.values())
    }
    assert len(owned) > 100
    assert owned - reached == set()


def test_gradcheck_fails_for_a_rule_slightly_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check finds a rule that is off by 0.05 %, gradgradcheck a rule whose own gradient is."""
    x = reference.tensor([0.3, 0.7], dtype=reference.float64, requires_grad=True)
    sine = dispatch.operations["sin"]
    monkeypatch.setattr(sine, "plans", {})
    monkeypatch.setitem(sine.rules, "self", lambda grad, self: grad * self.cos() * 1.0005)
    with pytest.raises(GradcheckError):
        gradcheck(reference.sin, x, rtol=1e-4)
    monkeypatch.setattr(sine, "plans", {})
    monkeypatch.setitem(
        sine.rules, "self", lambda grad, self: grad * (self.cos() * 1.0005 - self.detach().cos() * 0.0005)
    )
    assert gradcheck(reference.sin, x, rtol=1e-4)
    with pytest.raises(GradcheckError):
        gradgradcheck(reference.sin, x, rtol=1e-4)


JOINED: dict[str, Callable[[Any, Any], Any]] = {
    "cat": lambda lib, x: lib.cat([x, x]),
    "cat of one": lambda lib, x: lib.cat([x]),
    "stack": lambda lib, x: lib.stack([x, x], 1),
    "tril": lambda lib, x: lib.tril(x),
    "triu": lambda lib, x: lib.triu(x, 1),
    "repeat": lambda lib, x: x.repeat(2, *[1] * (x.dim() - 1)),
}
LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "transposed": lambda lib: lib.arange(6.0).reshape(2, 3).t(),
    "expanded": lambda lib: lib.arange(3.0).expand(2, 3),
    "permuted": lambda lib: lib.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", JOINED)
def test_what_is_put_together_is_laid_out_anew(name: str, layout: str) -> None:
    """With torch's strides, whatever those of the operands: a view of the result works where torch's does."""
    torch = pytest.importorskip("torch")
    made, wanted = (JOINED[name](lib, LAYOUTS[layout](lib)) for lib in (reference, torch))
    assert made.stride() == wanted.stride()
    assert made.tolist() == wanted.tolist()
