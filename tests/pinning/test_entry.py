"""A property and an example become a rule that has this very data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.errors import ConformanceError
from conformance.implementations.reference import ReferenceImplementation
from conformance.pinning import append, pinned
from conformance.pinning.file import rule_in
from conformance.rules.loading import load
from conformance.rules.model import Rule
from conformance.running.cases import Case, expand
from conformance.running.execute import Runner
from conformance.running.outcome import Outcome
from conformance.running.properties import example
from tests.rules.marked import write

REFERENCE = ReferenceImplementation()

HEAD = """\
topic: t
title: T
axes:
  steps: [3, 5]
oracle: |
  def twice(v):
      return 2 * v
rules:
  - id: t/a
    says: "Anything: 'quoted', 1e-5 or #5."
    source: [torch.Tensor, notes/autograd]
"""


def cases(folder: Path, rest: str, device: str = "cpu") -> list[Case]:
    (rule,) = load([write(folder, HEAD + rest)])
    return list(expand([rule], REFERENCE, device))


def written(folder: Path, case: Case, drawn: dict[str, Any]) -> tuple[Rule, Outcome]:
    """The pinned rule, read back from a file of its own, and what comes of its only case."""
    path = folder / "pins.conformance.yaml"
    entry = pinned(case, drawn, "pins")
    rule = rule_in(append(path, entry, ""), path, entry["id"])
    (again,) = expand([rule], REFERENCE, case.device)
    return rule, Runner(REFERENCE).run(again)


def holds(folder: Path, case: Case, drawn: dict[str, Any]) -> Rule:
    """The pinned rule, which passes with at least one check."""
    rule, outcome = written(folder, case, drawn)
    assert (outcome.status, outcome.findings, outcome.reason) == ("pass", (), "")
    assert outcome.checks
    return rule


TENSORS = {
    "0-d": np.asarray(0.25),
    "empty": np.zeros(0),
    "empty with sides": np.zeros((2, 0, 3)),
    "nested": np.array([[0.25, -3.0], [1.5, 0.0]]),
    "not finite": np.array([np.inf, -np.inf, np.nan]),
}


@pytest.mark.parametrize("name", TENSORS)
def test_a_tensor_keeps_values_shape_and_flags(tmp_path: Path, name: str) -> None:
    """Numbers, zero sides and requires_grad are those that were drawn."""
    rest = """\
    given:
      x: {any: tensor, requires_grad: true}
      p: {any: {shape: [2]}, as: parameter}
      q: {any: {shape: [2]}, as: parameter, requires_grad: false}
      n: {any: {shape: [2]}, as: numpy}
      l: {any: {shape: [2]}, as: list}
    when: |
      seen = [x.requires_grad, p.requires_grad, q.requires_grad, isinstance(p, nn.Parameter), isinstance(l, list)]
      y = x.clone()
    then:
      y: {values: twice(x) / 2, dtype: float32}
      seen: {data: [true, true, false, true, true]}
"""
    (case,) = cases(tmp_path, rest)
    small = np.array([0.5, -1.25])
    rule = holds(tmp_path, case, {"x": TENSORS[name], "p": small, "q": small, "n": small, "l": small})
    assert not rule.is_property
    (again,) = expand([rule], REFERENCE, "cpu")
    _, world = Runner(REFERENCE).prepare(again, {})
    np.testing.assert_array_equal(world.data["x"].stored, TENSORS[name].astype(np.float32), strict=True)


def test_a_tensor_keeps_its_dtype(tmp_path: Path) -> None:
    """Its own, or that of the case; complex numbers in both parts, bfloat16 as rounded."""
    rest = """\
    with: {dtype: [float64, complex64, bfloat16]}
    given:
      x: {any: {shape: [2]}}
      y: {any: {shape: [2]}, dtype: float16}
      z: {any: {shape: [2]}, dtype: "'int64' if dtype == 'float64' else 'float32'"}
    when: w = x
    then: {w: {values: x, dtype: dtype}, y: {dtype: float16}, z.dtype == torch.int64: "dtype == 'float64'"}
"""
    drawn = {"y": np.array([0.25, 1.0]), "z": np.array([3.0, -1.0])}
    for case, value in zip(cases(tmp_path, rest), ([0.25, 1.0], [1 + 0.5j, -2j], [0.25, 1.0])):
        rule = holds(tmp_path, case, {"x": np.array(value), **drawn})
        assert [axis.name for axis in rule.axes] == ["dtype"]


@pytest.mark.parametrize("chosen", ["a", "float32", "1e-5", "x + n", "", [1, 2], ["a", None], True])
def test_plain_data_becomes_parameters(tmp_path: Path, chosen: Any) -> None:
    """Whole numbers and choices, those included that would be something else in a list of parameters."""
    rest = """\
    given:
      n: {any: {integer: [0, 9]}}
      c: {any: {choice: [a, float32, "1e-5", x + n, "", [1, 2], [a, null], true]}}
      x: {any: {shape: "[n]"}}
    when: |
      y = [n, c]
      z = x + n
    then:
      y[0]: n
      y[1]: c
      z: x + n
      z.shape[0] == 3: true
"""
    (case,) = cases(tmp_path, rest)
    rule = holds(tmp_path, case, {"n": 3, "c": chosen, "x": np.ones(3)})
    assert [axis.name for axis in rule.axes] == ["n", "c"]
    _, outcome = written(tmp_path, case, {"n": 4, "c": chosen, "x": np.ones(4)})
    assert [finding.observation for finding in outcome.findings] == ["z.shape[0] == 3"]


def test_parameters_keep_the_row_of_the_case(tmp_path: Path) -> None:
    """Data, code, columns, conditions, an axis of the file's and one of the suite's."""
    rest = """\
    with:
      k: steps
      dtype: floating
      op: {plus: x + k, times: x * k}
      more:
        few: {got: "[op, k]", want: "[x + k if plus else x * k, k]", plus: true, if: device == 'cpu'}
        odd: {got: "[op, 7]", want: "[x + k if plus else x * k, 7]", plus: false}
    given: {x: {any: {shape: [2]}}}
    when: y = got
    then: {y: want}
"""
    found = {case.parameters: case for case in cases(tmp_path, rest)}
    rule = holds(tmp_path, found["3-float64-plus-few".replace("3-", "k=3-")], {"x": np.array([0.5, 2.0])})
    assert [[one.label for one in axis.alternatives] for axis in rule.axes] == [["k=3"], ["float64"], ["plus"], ["few"]]
    assert rule.axes[3].alternatives[0].condition is not None
    _, outcome = written(tmp_path, found["k=5-float32-plus-odd"], {"x": np.array([0.5, 2.0])})
    assert outcome.status == "fail"  # the property is wrong there, and so is what is pinned of it


def test_other_devices_stay_all_of_them(tmp_path: Path) -> None:
    """Which devices there are is the implementation's to say, wherever the rule runs next."""
    rest = """\
    with: {other: devices}
    given: {x: {any: {shape: [2]}}}
    when: y = x.to(other)
    then: {y: {device: other}}
"""
    case = cases(tmp_path, rest)[0]
    path = tmp_path / "pins.conformance.yaml"
    entry = pinned(case, {"x": np.ones(2)}, "pins")
    assert rule_in(append(path, entry, ""), path, entry["id"]).axes[0].other_devices


def test_other_data_is_written_out(tmp_path: Path) -> None:
    """Seeded by the rule's id it would be different under another; so would what is like it or computed from it."""
    rest = """\
    given:
      x: {any: {shape: [2]}}
      a: {normal: [2, 3], requires_grad: true}
      b: {uniform: [3], low: 1, high: 2, dtype: float64}
      i: {integers: [4], high: 9}
      l: {like: b}
      v: {values: twice(a)}
      e: [true, false]
      s: [{normal: [2]}, [1, 2]]
      m: {w: {normal: [2], requires_grad: true}, b: [1, 2]}
    when: y = x + 1
    then: {y: x + 1}
"""
    (case,) = cases(tmp_path, rest)
    drawn = {"x": np.ones(2)}
    rule = holds(tmp_path, case, drawn)
    (again,) = expand([rule], REFERENCE, "cpu")
    (_, before), (_, after) = (Runner(REFERENCE).prepare(one, drawn) for one in (case, again))

    def flat(data: Any) -> Any:
        if isinstance(data, (list, dict)):
            return [flat(item) for item in (data.values() if isinstance(data, dict) else data)]
        return data.dtype, data.stored.tolist()

    for name in ("a", "b", "i", "l", "v", "e", "s", "m"):
        assert flat(after.data[name]) == flat(before.data[name]), name
    assert after.made["a"].requires_grad
    assert after.made["m"]["w"].requires_grad


def test_what_describes_the_property_is_kept(tmp_path: Path) -> None:
    """Its sentence, source, level, releases and needs; not what belongs to the suite's own inventory."""
    rest = """\
    level: de-facto
    since: "2.0"
    until: "2.99"
    needs: [values]
    myth: It is false.
    covers: [other]
    disagreement: {says: Something else.}
    given: {x: {any: tensor}}
    then: {x: x}
"""
    (case,) = cases(tmp_path, rest)
    rule = holds(tmp_path, case, {"x": np.ones(1)})
    kept = ("says", "sources", "level", "since", "until", "disagreement", "capabilities")
    assert [getattr(rule, name) for name in kept] == [getattr(case.rule, name) for name in kept]
    assert (rule.myth, rule.covers) == (None, ())


def test_an_example_has_one_id(tmp_path: Path) -> None:
    """The same example the same, and any other another."""
    (case,) = cases(tmp_path, "    given: {x: {any: tensor}}\n    then: {x: x}\n")
    ids = [pinned(case, {"x": np.array(values)}, "pins")["id"] for values in ([0.5], [0.5], [[0.5]], [0.25])]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    assert ids[0].startswith("pins/t-a-pinned-")


def test_a_layer_cannot_be_written_down(tmp_path: Path) -> None:
    """No rule can state the numbers of a layer's parameters."""
    (case,) = cases(tmp_path, "    given: {x: {any: tensor}, m: {module: 'nn.Linear(2, 1)'}}\n    then: {x: x}\n")
    with pytest.raises(ConformanceError, match="'m' is a layer"):
        pinned(case, {"x": np.ones(1)}, "pins")


PROPERTIES = [rule for rule in load() if rule.is_property and all(given.form != "module" for given in rule.givens)]


@pytest.mark.parametrize("rule", PROPERTIES, ids=lambda rule: rule.id)
def test_every_property_of_the_suite_can_be_pinned(tmp_path: Path, rule: Rule) -> None:
    """An example of its first case, written to a file and read again, comes to what the property comes to."""
    runner = Runner(REFERENCE, examples=1)
    case = next(iter(expand([rule], REFERENCE, "cpu")))
    _, outcome = written(tmp_path, case, example(runner, case))
    assert (outcome.status, outcome.findings) == (runner.run(case).status, ())
