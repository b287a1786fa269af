"""Every aspect of `then`, holding and failing on torch: each failure is of the right kind and says what it saw."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.rules.marked import rule
from tests.running.trials import fails, holds, run, run_all

MODEL = "m = nn.Linear(2, 1)\ny = m(x)\n"
NESTED = "pair = (w * 2, [x, w])\nnamed = {'a': x, 'b': [w, None]}\n"

#: aspect -> statements, what holds, what fails, and the kind of the failure.
ASPECTS = {
    "values": ("y = x * 2", "y: 2 * x", "y: 3 * x", "values"),
    "values of a number": ("y = 3", "y: 3", "y: 4", "values"),
    "values of a list of tensors": ("y = [x, w]", "y: [x, w]", "y: [x, 2 * w]", "values"),
    "values of a mapping": ("y = {'k': x, 'l': w}", "y: dict(k=x, l=w)", "y: dict(k=x, l=x)", "values"),
    "values by other keys": ("y = {'k': x}", "y: dict(k=x)", "y: dict(l=x)", "values"),
    "values of text": ("y = 'abc'", "y: \"'abc'\"", "y: \"'abd'\"", "values"),
    "values and nothing": ("y = x.grad", "y: none", "w: none", "values"),
    "nothing and values": ("y = x", "y: x", "y.grad: x", "values"),
    "fewer elements": ("y = [x, w]", "y: [x, w]", "y: [x]", "shape"),
    "shape of values": ("y = x", "y: [1.5, -2.25]", "y: [[1.5, -2.25]]", "shape"),
    "0-d and one element": ("y = w.sum()", "y: 8", "y: [8]", "shape"),
    "bool and number": ("y = x > 0", "y: [true, false]", "y: [1, 0]", "dtype"),
    "number and bool": ("y = x.new_ones(2)", "y: [1, 1]", "y: [true, true]", "dtype"),
    "Python's bool": ("y = True", "y: true", "y: 1", "dtype"),
    "exact": ("y = x / 7", "y: {values: x / 7}", "y: {values: x / 7, exact: true}", "values"),
    "within": ("y = x", "y: {values: [1.4, -2.2], within: 0.11}", "y: {values: [1.4, -2.2], within: 0.01}", "values"),
    "scale": ("y = x * 1e-8", "y: {values: [0, 0], scale: 1}", "y: {values: [0, 0]}", "values"),
    "filled": ("y = x.new_full((2, 3), 5)", "y: {filled: 5}", "y: {filled: 6}", "values"),
    "filled by something else": ("y = [5]", "y: [5]", "y: {filled: 5}", "values"),
    "dtype": ("y = x.double()", "y: {dtype: float64}", "y: {dtype: float32}", "dtype"),
    "shape": ("y = x[None]", "y: {shape: [1, 2]}", "y: {shape: [2]}", "shape"),
    "shape of 0-d": ("y = x.sum()", "y: {shape: []}", "y: {shape: [1]}", "shape"),
    "strides": ("y = x.new_zeros(2, 3).T", "y: {strides: [1, 3]}", "y: {strides: [3, 1]}", "shape"),
    "strides of an array": ("y = x.new_zeros(2, 3).numpy()", "y: {strides: [3, 1]}", "y: {strides: [12, 4]}", "shape"),
    "device": ("y = x", "y: {device: \"'cpu'\"}", "y: {device: \"'meta'\"}", "flag"),
    "requires_grad": ("y = w * 2", "y: {requires_grad: true}", "y: {requires_grad: false}", "flag"),
    "is_leaf": ("y = w * 2", "y: {is_leaf: false}", "y: {is_leaf: true}", "flag"),
    "version": ("y = x.clone()\ny += 1", "y: {version: 1}", "y: {version: 0}", "flag"),
    "grad_fn none": ("y = x * 2", "y: {grad_fn: none}", "y: {grad_fn: present}", "flag"),
    "grad_fn present": ("y = w * 2", "y: {grad_fn: present}", "y: {grad_fn: none}", "flag"),
    "grad_fn by name": ("y = w * 2", "y: {grad_fn: MulBackward0}", "y: {grad_fn: AddBackward0}", "flag"),
    "length": ("y = [1, 2]", "y: {length: 2}", "y: {length: 3}", "shape"),
    "length of what has none": ("y = 3", "y: 3", "y: {length: 1}", "shape"),
    "length of 0-d": ("y = x.sum()", "y: -0.75", "y: {length: 1}", "shape"),
    "keys": (MODEL, "m.state_dict(): {keys: [weight, bias]}", "m.state_dict(): {keys: [bias, weight]}", "identity"),
    "keys of pairs": (
        MODEL,
        "m.named_parameters(): {keys: [weight, bias]}",
        "m.named_parameters(): {keys: [w]}",
        "identity",
    ),
    "keys of what has none": ("y = 3", "y: 3", "y: {keys: [a]}", "identity"),
    "keys of tensors": ("y = [x, w]", "y: [x, w]", "y: {keys: [a]}", "identity"),
    "data": ("y = [1, ('a', {'k': None})]", "y: {data: [1, [a, {k: null}]]}", "y: {data: [1, [a, {k: 0}]]}", "values"),
    "data with bools": ("y = [True]", "y: {data: [true]}", "y: {data: [1]}", "values"),
    "data and tensors": ("y = [x.sum()]", "y: [-0.75]", "y: {data: [-0.75]}", "values"),
    "data of a set": ("y = {2, 1}", "y: {data: [1, 2]}", "y: {data: [1]}", "values"),
    "text": ("y = 'a b'", "y: {text: a b}", "y: {text: a c}", "values"),
    "text and other things": ("y = x", "y: x", "y: {text: x}", "values"),
    "type": (MODEL, "m.weight: {type: nn.Parameter}", "m.weight: {type: Tensor}", "flag"),
    "type of a tuple": ("y = x.max(0)", "y: {type: tuple}", "y: {type: torch.Size}", "flag"),
    "is": ("y = x", "y: {is: x}", "y: {is: w}", "identity"),
    "is a list of objects": (
        MODEL,
        "m.parameters(): {is: '[m.weight, m.bias]'}",
        "m.parameters(): {is: '[m.bias]'}",
        "identity",
    ),
    "is other objects": ("y = [x, w]", "y: {is: '[x, w]'}", "y: {is: '[w, x]'}", "identity"),
    "is a list, one by one": ("y = [x, w]", "y: {is: [x, w]}", "y: {is: [x, x]}", "identity"),
    "is a list where there is none": ("y = 3", "y: 3", "y: {is: '[x]'}", "identity"),
    "shares memory": ("y = x[1:]", "y: {shares_memory_with: x}", "y: {shares_memory_with: w}", "identity"),
    "shares memory with each": (
        "y = x[1:]",
        "y: {shares_memory_with: [x, y]}",
        "y: {shares_memory_with: [x, w]}",
        "identity",
    ),
    "shares memory with an array": (
        "y = x.numpy()",
        "y: {shares_memory_with: x}",
        "y: {shares_memory_with: w.detach()}",
        "identity",
    ),
    "shares memory with no tensor": ("y = 3", "y: 3", "y: {shares_memory_with: x}", "identity"),
    "same_as": ("y = x.clone()", "y: {same_as: x, values: x}", "y: {same_as: w, values: x}", "values"),
    "same_as of another dtype": ("y = x.double()", "x: {same_as: x, values: x}", "y: {same_as: x, values: x}", "dtype"),
    "same_as of another shape": (
        "y = x[None]",
        "x: {same_as: x, values: x}",
        "y: {same_as: x, values: '[x]'}",
        "shape",
    ),
    "same_as nested": (
        NESTED,
        "pair: {same_as: pair, length: 2}\nx: x",
        "pair: {same_as: '(w, [x, w])', length: 2}\nx: x",
        "values",
    ),
    "same_as mapping": (NESTED, "named: {same_as: named}\nx: x", "named: {same_as: \"{'a': x}\"}\nx: x", "values"),
    "close_to": ("y = x * 3 / 3", "y: {close_to: x, values: x}", "y: {close_to: w, values: x}", "values"),
    "close_to with a scale": (
        "y = x * 1e-8\nz = x * 0",
        "y: {close_to: z, scale: 1}\nx: x",
        "y: {close_to: z}\nx: x",
        "values",
    ),
    "unchanged": ("y = x + 1", "x: {unchanged: true}", "y: {unchanged: true}", "identity"),
    "changed": ("y = x.add_(1)", "w: {unchanged: true}", "x: {unchanged: true}", "values"),
    "not is": ("y = x", "y: {not: {is: w}}", "y: {not: {is: x}}", "identity"),
    "not a fact": ("y = w * 2", "y: {not: {is_leaf: true}}", "y: {not: {is_leaf: false}}", "flag"),
    "not a dtype": ("y = x", "y: {not: {dtype: float64}}", "y: {not: {dtype: float32}}", "dtype"),
    "none of several": ("y = x", "y: {not: {is: w, dtype: int64}}", "y: {not: {is: w, dtype: float32}}", "dtype"),
    "each": ("y = [w * 2, w * 3]", "y: {each: {requires_grad: true}}", "y: {each: {is_leaf: true}}", "flag"),
    "each of a mapping": ("y = {'a': w}", "y: {each: w}", "y: {each: x}", "values"),
    "each of nothing": ("y = []", "y: []", "y: {each: x}", "shape"),
    "each of no collection": ("y = 3", "y: 3", "y: {each: 3}", "shape"),
    "any_order": ("y = [w, x]", "y: {any_order: [x, w]}", "y: {any_order: [x, x]}", "values"),
    "any_order by facts": (
        "y = [w, x]",
        "y: {any_order: [{requires_grad: false}, w]}",
        "y: {any_order: [{is_leaf: false}, w]}",
        "values",
    ),
    "any_order as an expression": (
        "y = [2, 1]",
        "y: {any_order: 'range(1, 3)'}",
        "y: {any_order: 'range(2)'}",
        "values",
    ),
    "any_order of fewer": ("y = [w, x]", "y: {length: 2}\nx: x", "y: {any_order: [w]}", "shape"),
    "any_order of no collection": ("y = 3", "y: 3", "y: {any_order: [3]}", "shape"),
    "elements_from": ("y = x * 2", "y: {elements_from: [0, 2 * x]}", "y: {elements_from: [0, 3 * x]}", "values"),
    "elements_from of no tensor": ("y = [x]", "y: [x]", "y: {elements_from: [0]}", "values"),
    "one_of": ("y = x", "y: {one_of: [2 * x, x]}", "y: {one_of: [2 * x, {dtype: int64}]}", "values"),
    "one_of several checks": (
        "y = x",
        "y: {one_of: [{values: x, is_leaf: true}]}",
        "y: {one_of: [{values: x, is_leaf: false}]}",
        "flag",
    ),
    "holds": ("y = x", "y: {holds: abs(it).max() < 3}", "y: {holds: abs(it).max() < 2}", "values"),
    "holds of all conditions": ("y = x", "y: {holds: [it > -3, it < 2]}", "y: {holds: [it > -3, it < 1]}", "values"),
    "holds of data": ("y = [1, 2]", "y: {holds: sum(it) == 3}", "y: {holds: sum(it) == 4}", "values"),
}


@pytest.mark.parametrize("name", ASPECTS)
def test_an_aspect_holds(name: str, tmp_path: Path) -> None:
    """Where torch behaves as stated, the rule passes."""
    when, right, _, _ = ASPECTS[name]
    holds(tmp_path, when, right)


@pytest.mark.parametrize("name", ASPECTS)
def test_an_aspect_fails(name: str, tmp_path: Path) -> None:
    """Where torch behaves otherwise, that one check fails, with its kind, its line and both sides."""
    when, _, wrong, kind = ASPECTS[name]
    found = fails(tmp_path, when, wrong, kind)
    assert found.expected
    assert found.observed
    assert found.expected != found.observed or found.aspect == "not"
    assert found.line == 13 + when.count("\n")


def test_every_observation_is_checked(tmp_path: Path) -> None:
    """One that fails does not keep the others from failing, and each is counted."""
    outcome = run(tmp_path, "y = w * 2", "y: {values: x, is_leaf: true, requires_grad: true}\nw.grad: x\nx: x")
    assert [(one.observation, one.aspect, one.kind) for one in outcome.findings] == [
        ("y", "values", "values"),
        ("y", "is_leaf", "flag"),
        ("w.grad", "values", "values"),
    ]
    assert outcome.checks == 5


def test_the_place_inside_nested_values_is_named(tmp_path: Path) -> None:
    """A finding in a list of mappings says which element and key differ."""
    found = fails(tmp_path, "y = [{'a': x}, {'a': w}]", "y: '[dict(a=x), dict(a=x)]'", "values")
    assert found.observation == "y[1]['a']"
    found = fails(tmp_path, "y = [x, w]", "y: {each: {requires_grad: false}}", "flag")
    assert found.observation == "y[1]"


def test_what_is_left_open_is_recorded(tmp_path: Path) -> None:
    """A rule that specifies nothing else is 'unspecified', with what it saw; beside checks it changes nothing."""
    outcome = run(tmp_path, "y = x * 2", "y: {unspecified: nobody says}")
    assert (outcome.status, outcome.reason, outcome.checks) == ("unspecified", "y = [ 3. , -4.5]", 1)
    assert run(tmp_path, "y = x * 2", "y: unspecified\nx: x").status == "pass"
    assert run(tmp_path, "y = x * 2", "y: unspecified\nx: w").status == "fail"


@pytest.mark.parametrize(("condition", "status"), [("n == 1", "fail"), ("n == 2", "pass")])
def test_conditions_choose_checks(condition: str, status: str, tmp_path: Path) -> None:
    """A check or a group whose condition does not hold is not made."""
    more = "with: {n: [1]}\n"
    assert run(tmp_path, "y = x", f"y: {{values: w, if: {condition}}}\nx: x", more).status == status
    assert run(tmp_path, "y = x", f"- if: {condition}\n  y: w\n- x: x", more).status == status


def test_a_right_side_may_be_a_parameter(tmp_path: Path) -> None:
    """A parameter that stands alone on the right is what its row binds: code, data, a mapping of checks, or None."""
    more = """\
with:
  k:
    code: {op: x * 2, want: 2 * x}
    data: {op: x, want: [1.5, -2.25]}
    checks: {op: w, want: {values: w, requires_grad: true}}
    none: {op: x.grad, want: null}
"""
    outcomes = run_all(tmp_path, rule(when="y = op", then="y: want", more=more))
    assert {label: one.status for label, one in outcomes.items()} == dict.fromkeys(
        ("code", "data", "checks", "none"), "pass"
    )
    assert outcomes["checks"].checks == 2


def test_iterators_are_observed_once_for_all_checks(tmp_path: Path) -> None:
    """What can be walked through only once serves several checks of one observation."""
    holds(tmp_path, MODEL, "m.parameters(): {length: 2, each: {requires_grad: true}, is: '[m.weight, m.bias]'}")


def test_observing_changes_nothing(tmp_path: Path) -> None:
    """Grad mode, versions and graphs are after the observations as before them."""
    then = """\
y: {values: 2 * w, version: 0, is_leaf: false}
y.grad_fn: {grad_fn: present}
w: {version: 0}
torch.is_grad_enabled(): true"""
    holds(tmp_path, "y = w * 2", then)
