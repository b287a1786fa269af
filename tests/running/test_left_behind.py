"""What a case leaves behind is named and put back; the next case finds the world as the last one did."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from conformance.running.cases import expand
from conformance.running.execute import Runner

torch = pytest.importorskip("torch")
from tests.rules.marked import loaded, rule  # noqa: E402 - imports torch
from tests.running.trials import TORCH, Plain, fake, run, run_all  # noqa: E402

LEFT = {
    "grad mode": "torch.set_grad_enabled(False)",
    "default dtype": "torch.set_default_dtype(torch.float64)",
    "anomaly mode": "torch.autograd.set_detect_anomaly(True)",
    "deterministic algorithms": "torch.use_deterministic_algorithms(True)",
}


@pytest.mark.parametrize("name", LEFT)
def test_state_left_behind_is_named_and_put_back(name: str, tmp_path: Path) -> None:
    """The case's own outcome names it; the next case starts from a clean state."""
    runner = Runner(TORCH)
    (dirty,) = expand([loaded(tmp_path, rule(when=LEFT[name]))], TORCH, "cpu")
    (clean,) = expand([loaded(tmp_path, rule())], TORCH, "cpu")
    assert runner.run(dirty).left_behind == (name,)
    assert runner.run(clean).left_behind == ()
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() is torch.float32


def test_state_is_put_back_after_a_failure_too(tmp_path: Path) -> None:
    """An error in the middle leaves the mode that was set before it, and that is found."""
    outcome = run(tmp_path, "torch.set_grad_enabled(False)\nx.backward()")
    assert (outcome.status, outcome.left_behind) == ("fail", ("grad mode",))
    assert torch.is_grad_enabled()


def test_the_default_dtype_of_a_case_is_no_rest_of_it(tmp_path: Path) -> None:
    """The harness sets it for the case and takes it back without a word."""
    outcomes = run_all(
        tmp_path, rule(when="y = torch.ones(1)", then="y: {dtype: dtype}", more="with: {dtype: floating}\n")
    )
    assert {one.status for one in outcomes.values()} == {"pass"}
    assert {one.left_behind for one in outcomes.values()} == {()}
    assert torch.get_default_dtype() is torch.float32


def test_parameters_are_the_case_s_own(tmp_path: Path) -> None:
    """Statements that change a list of `with:` change it for no other case, and not for the expectation."""
    text = rule(
        when="n.append(3)\ny = len(n)", then="y: 3\nx: {values: x, if: len(n) == 2}", more="with: {n: [[1, 2]]}\n"
    )
    runner = Runner(TORCH)
    (case,) = expand([loaded(tmp_path, text)], TORCH, "cpu")
    assert [(runner.run(case).status, runner.run(case).checks) for _ in range(2)] == [("pass", 2)] * 2


def test_givens_are_the_case_s_own(tmp_path: Path) -> None:
    """An adapter that keeps the harness's array corrupts its own case, and no later one."""
    aliasing = fake()
    aliasing.tensor = lambda array, dtype, device, requires_grad=False: Plain(array)  # type: ignore[method-assign]
    aliasing.torch.neg_ = lambda x: np.negative(x.numpy(), out=x.numpy()) is None
    aliasing.torch.sgn = aliasing.torch.neg_
    (case,) = expand([loaded(tmp_path, rule(when="torch.sgn(x)", then="x: -x"))], aliasing, "cpu")
    runner = Runner(aliasing)
    assert [runner.run(case).status for _ in range(3)] == ["pass"] * 3


def test_a_case_is_repeatable(tmp_path: Path) -> None:
    """Random numbers follow from the rule, not from what ran before."""
    rule_ = loaded(tmp_path, rule(when="m = nn.Linear(3, 1)\ny = m.weight.sum().item()", then="y: unspecified"))
    runner = Runner(TORCH)
    (case,) = expand([rule_], TORCH, "cpu")
    reasons = set()
    for _ in range(3):
        reasons.add(runner.run(case).reason)
        torch.rand(5)
    assert len(reasons) == 1


def test_observing_prints_no_warnings(tmp_path: Path) -> None:
    """Warnings of statements and of looking are nobody's business unless the rule says so."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        outcome = run(tmp_path, "nn.Softmax()(x)\ny = (w * 2).sum()", "y.grad: none\nx: x")
    assert outcome.status == "pass"
    assert [str(one.message) for one in caught] == []
