"""From a case to its outcome: every status, and what decides which one it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.errors import SpecErrors
from conformance.implementations.contract import Implementation
from conformance.rules.model import Rule
from conformance.running.cases import Case, expand
from conformance.running.execute import Runner
from conformance.running.outcome import BAD, STATUSES, Finding, Outcome

torch = pytest.importorskip("torch")
from tests.rules.marked import loaded, rule  # noqa: E402 - imports torch
from tests.running.trials import TORCH, Plain, fake, finding, run, run_all  # noqa: E402


def test_a_pass_counts_its_checks(tmp_path: Path) -> None:
    """Every check of every observation, and both of each error."""
    outcome = run(tmp_path, "y = w * 2", "y: {values: 2 * w, is_leaf: false}\nx: x")
    assert (outcome.status, outcome.checks, outcome.findings, outcome.level) == ("pass", 3, (), None)
    assert outcome.seconds > 0


def test_an_error_in_when_is_a_finding_at_its_line(tmp_path: Path) -> None:
    """The statement that raised is named, observations are not made, and nothing is an 'error'."""
    found = finding(run(tmp_path, "y = 1\nfor _ in range(2):\n    x.backward()\nz = 2", "z: 2"))
    assert (found.kind, found.line, found.observation) == ("unexpected error", 13, "x.backward()")
    assert found.observed.startswith("RuntimeError: element 0 of tensors does not require grad")


def test_an_error_inside_a_function_is_at_the_innermost_line(tmp_path: Path) -> None:
    """Where code of the rule calls code of the rule, the line that raised counts."""
    found = finding(run(tmp_path, "def f():\n    x.backward()\n\nf()", "x: x"))
    assert (found.line, found.observation) == (12, "x.backward()")


def test_an_error_in_code_of_a_parameter_is_where_the_parameter_stands(tmp_path: Path) -> None:
    """Code of several lines put in place keeps to the line of its name."""
    more = "with:\n  op:\n    a: |\n      (x\n       .backward())\n"
    (outcome,) = run_all(tmp_path, rule(when="y = 1\ny = op", more=more)).values()
    found = finding(outcome)
    assert (found.line, found.observation) == (17, "y = op")


def test_an_error_of_an_observation_is_a_finding_of_its_own(tmp_path: Path) -> None:
    """The others are still made."""
    outcome = run(tmp_path, "y = x[0]", "y[3]: 1\nx: x\ny.item(): {data: 2}")
    assert [(one.kind, one.observation) for one in outcome.findings] == [
        ("unexpected error", "y[3]"),
        ("values", "y.item()"),
    ]


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ("y = torch.unheard(x)", None),
        ("y = x.sinc()", "no Tensor.sinc"),
        ("y = torch.sin(x)", "no torch.sin"),
        ("y = torch.exp(x)", "not implemented: later"),
    ],
)
def test_what_is_absent_is_unsupported(when: str, reason: str | None, tmp_path: Path) -> None:
    """A name of the vocabulary that is missing, a tensor's missing member, and NotImplementedError."""

    def exp(x: Any) -> Any:
        raise NotImplementedError("later")

    if reason is None:
        with pytest.raises(SpecErrors):
            run(tmp_path, when)
        return
    outcome = run(tmp_path, when, implementation=fake(exp=exp))
    assert (outcome.status, outcome.reason) == ("unsupported", reason)


def test_a_missing_member_of_something_else_is_a_failure(tmp_path: Path) -> None:
    """Only tensors are asked for the members of tensors: None has no .add because something returned None."""
    outcome = run(tmp_path, "y = torch.neg(x).add(1)", implementation=fake(neg=lambda x: None))
    assert finding(outcome).observed.startswith("AttributeError: 'NoneType' object has no attribute 'add'")


def test_a_module_that_cannot_be_built_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A given layer is the implementation's own work: an error of its constructor is a finding, not our error."""

    def broken(self: Any, *arguments: Any, **options: Any) -> None:
        raise ValueError("cannot be built")

    source = rule(then="y: none", when="y = None").replace(
        "given:\n", "given:\n      m: {module: 'nn.Identity()'}\n", 1
    )
    monkeypatch.setattr(torch.nn.Identity, "__init__", broken)
    (outcome,) = run_all(tmp_path, source, TORCH).values()
    found = finding(outcome)
    assert (outcome.status, found.kind, found.observation) == ("fail", "unexpected error", "m")
    assert found.observed.startswith("ValueError: cannot be built")


def test_a_missing_dtype_is_unsupported(tmp_path: Path) -> None:
    """Which dtypes there are is asked of the implementation."""
    namespace = fake()
    zeros = namespace.torch.zeros
    namespace.torch.zeros = lambda *shape, dtype, device: _refuse() if "bfloat" in dtype else zeros(*shape, dtype=dtype)
    outcomes = run_all(tmp_path, rule(then="x: x", more="with: {dtype: [float32, bfloat16]}\n"), namespace)
    assert {label: one.status for label, one in outcomes.items()} == {"float32": "pass", "bfloat16": "unsupported"}
    assert outcomes["bfloat16"].reason == "dtype bfloat16 on cpu"


def _refuse() -> Any:
    raise TypeError("no such dtype")


def test_a_missing_capability_is_unsupported(tmp_path: Path) -> None:
    """What an implementation openly lacks is not tried."""
    lacking = fake()
    lacking.lacks = lambda device: {"values": "nothing to read"}  # type: ignore[method-assign]
    outcome = run(tmp_path, then="x: x", more="needs: [values]\n", implementation=lacking)
    assert (outcome.status, outcome.reason) == ("unsupported", "capability 'values': nothing to read")


def test_a_given_parameter_is_unsupported_where_there_are_none(tmp_path: Path) -> None:
    """The harness makes it of nn.Parameter: a namespace without it lacks something, and nothing broke."""
    source = rule(then="x: x").replace("x: [1.5, -2.25]\n", "x: {values: [1.5, -2.25], as: parameter}\n", 1)
    (outcome,) = run_all(tmp_path, source, fake()).values()
    assert (outcome.status, outcome.reason) == ("unsupported", "no nn.Parameter")


def test_no_other_device_is_unsupported(tmp_path: Path) -> None:
    """A rule about two devices has one case where there is one device, and says why it did not run."""
    outcome = run(tmp_path, "y = x.to(other)", "y: x", "with: {other: devices}\n", implementation=fake())
    assert (outcome.status, outcome.reason) == ("unsupported", "there is no other device")


def test_what_failed_before_something_was_absent_stays_failed(tmp_path: Path) -> None:
    """A wrong value is not excused by a function that is missing later."""
    then = "y: x\nz: {shares_memory_with: x}"
    outcome = run(tmp_path, "y = torch.neg(x)\nz = y", then, implementation=fake(neg=lambda x: Plain(x.numpy() * 3)))
    assert [one.kind for one in outcome.findings] == ["values"]
    outcome = run(tmp_path, "y = x\nz = y", then, implementation=fake())
    assert (outcome.status, outcome.reason) == ("unsupported", "no Tensor.untyped_storage")


def test_a_condition_that_what_was_observed_cannot_meet_is_a_failure(tmp_path: Path) -> None:
    """``it`` is the implementation's: where it is None, or too short to be asked, the condition does not hold of it."""
    for observed in ("None", "x"):
        outcome = run(tmp_path, f"y = {observed}", "y: {holds: 'it[9] > 1'}")
        assert (outcome.status, finding(outcome).kind) == ("fail", "values")


@pytest.mark.parametrize(
    ("then", "more", "reason"),
    [
        ("y: np.reshape(x, (7,))", "", "the rule is wrong: 'np.reshape(x, (7,))' cannot be computed: ValueError"),
        ("y: {values: x, scale: 'x[9]'}", "", "the rule is wrong: 'x[9]' cannot be computed: IndexError"),
        ("y: {values: x, if: '[][0]'}", "", "the rule is wrong: '[][0]' cannot be computed: IndexError"),
        ("- if: n == 7\n  y: x", "with: {n: [1]}\n", "the rule is wrong: nothing of it was checked in this case"),
        ("y: x", "expect: |\n  z = x[9]\n", "IndexError: index 9 is out of bounds"),
    ],
)
def test_a_wrong_rule_is_an_error(then: str, more: str, reason: str, tmp_path: Path) -> None:
    """The implementation is not blamed for an expectation that cannot be computed or is not there."""
    outcome = run(tmp_path, "y = x", then, more)
    assert outcome.status == "error"
    assert outcome.reason.startswith(reason)


def test_a_name_used_before_it_is_made_is_the_rule_s_error(tmp_path: Path) -> None:
    """What the loader cannot see, that a name has no value yet, is no failure of the implementation."""
    outcome = run(tmp_path, "y = z\nz = 1", "x: x")
    assert (outcome.status, outcome.reason) == ("error", "the rule is wrong: NameError: name 'z' is not defined")


def test_data_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """An adapter that cannot make a tensor has broken; there was nothing to behave wrongly yet."""
    broken = fake()
    broken.tensor = _refuse  # type: ignore[method-assign, assignment]
    outcome = run(tmp_path, then="x: x", implementation=broken)
    assert outcome.status == "error"
    assert outcome.reason.startswith("TypeError: ")


def test_a_broken_adapter_is_an_error(tmp_path: Path) -> None:
    """What raises inside the harness's own code is an error, with the place."""

    class Broken(Implementation):
        def synchronize(self, device: str) -> None:
            raise OSError("device lost")

    outcome = run(tmp_path, then="x: x", implementation=Broken(fake().torch, "broken"))
    assert outcome.status == "error"
    assert outcome.reason.startswith("OSError: device lost (test_outcomes.py:")


@pytest.mark.parametrize("method", ["state", "reset", "before_case", "after_case"])
def test_adapters_may_break_around_a_case(method: str, tmp_path: Path) -> None:
    """Looking at and putting back global state is part of the case; its failure is an error and no crash."""
    adapter = fake()
    adapter.torch.is_grad_enabled = lambda: next(modes)
    modes = iter([True, False, False, False])
    runner = Runner(adapter)
    setattr(adapter, method, _refuse)
    (case,) = expand([loaded(tmp_path, rule(then="x: x"))], adapter, "cpu")
    outcome = runner.run(case)
    assert outcome.status == "error"
    assert outcome.reason.startswith("around the case: TypeError: no such dtype")


def test_a_fatal_error_is_a_crash(tmp_path: Path) -> None:
    """Where the adapter says that nothing later can be trusted, the outcome says so too."""

    class Fatal(Implementation):
        def fatal(self, error: BaseException) -> bool:
            return "device-side" in str(error)

    def neg(x: Any) -> Any:
        raise RuntimeError("device-side assert")

    namespace = fake(neg=neg).torch
    for when in ("y = torch.neg(x)", "with raises(RuntimeError):\n    torch.neg(x)"):
        outcome = run(tmp_path, when, implementation=Fatal(namespace, "fatal"))
        assert (outcome.status, outcome.reason) == ("crash", "RuntimeError: device-side assert")


def test_meta_checks_what_can_be_known(tmp_path: Path) -> None:
    """Where values cannot be read, shapes and flags are checked and values counted as unread."""
    outcome = run(tmp_path, "y = w * 2", "y: {values: 3 * w, requires_grad: true}", device="meta")
    assert (outcome.status, outcome.checks, outcome.unread) == ("pass", 2, 1)
    found = finding(run(tmp_path, "y = w * 2", "y: [1]\ny.T: {requires_grad: true}", device="meta"))
    assert found.kind == "shape"
    outcome = run(tmp_path, "y = x.clone()", "y: {same_as: x, values: x, not: {shares_memory_with: x}}", device="meta")
    assert (outcome.status, outcome.unread) == ("pass", 3)
    assert run(tmp_path, "y = x.sum().item()", "y: 1", device="meta").status == "unsupported"


def test_statuses_are_disjoint_and_known() -> None:
    """Eight statuses, four of which say that something went wrong."""
    assert len(set(STATUSES)) == len(STATUSES) == 8
    assert set(STATUSES) >= BAD
    assert "unsupported" not in BAD


def test_the_level_of_an_outcome_is_its_strongest_finding() -> None:
    """A must among shoulds makes the case a must."""

    def found(level: Any) -> Finding:
        return Finding("values", "y", "values", "1", "2", level, 3)

    assert Outcome("fail", 2, (found("de-facto"), found("should"))).level == "should"
    assert Outcome("fail", 2, (found("should"), found("must"))).level == "must"
    assert str(found("must")) == "y: expected 1, observed 2 [values]"


def test_cases_have_ids(tmp_path: Path) -> None:
    """topic/slug, parameters, implementation and device."""
    made: Rule = loaded(tmp_path, rule(more="with: {n: [1], m: [2]}\n"))
    (case,) = expand([made], fake(), "cpu")
    assert (case.id, case.parameters) == ("t/a[n=1-m=2-fake-cpu]", "n=1-m=2")
    assert Case(made, (), "fake", "cpu:1").id == "t/a[fake-cpu:1]"


def test_rules_of_another_release_have_no_cases(tmp_path: Path) -> None:
    """The keys since and until are compared with the release that the implementation follows."""
    old = fake()
    old.torch.torch_release = "1.13"
    assert list(expand([loaded(tmp_path, rule(more="since: '2.0'\n"))], old, "cpu")) == []
    assert len(list(expand([loaded(tmp_path, rule(more="until: '2.0'\n"))], old, "cpu"))) == 1
