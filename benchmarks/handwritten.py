"""Cases -> the plain pytest functions that a person would write for them: literals, statements, bare asserts.

Only rules that read well that way take part: their data are tensors, and what they observe are numbers and flags.
Expected numbers stay the NumPy expressions of the rule. Nothing of the suite is imported by the module that is made.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from conformance.rules import oracle as oracle_language
from conformance.rules.model import Code, DType, Rule
from conformance.rules.parameters import bindings_of
from conformance.running import oracle
from conformance.running.cases import Case
from conformance.running.data import Datum
from conformance.running.execute import SEED, Runner
from conformance.running.program import code_in_place, resolve

_FACTS = frozenset({"values", "requires_grad", "is_leaf", "grad_fn", "shape", "dtype", "version", "is"})
_WORDS = frozenset({"raises"})
_HEADER = '''\
"""Written by hand, as it were."""

import math

import numpy as np
import pytest
import torch
import torch.nn as nn
import torch.nn.functional as F
from numpy import inf, nan, pi
from torch import optim

none = None
raises = pytest.raises


def array(tensor):
    """A tensor's values; what is no tensor as it is."""
    if not isinstance(tensor, torch.Tensor):
        return tensor
    return tensor.detach().float().numpy() if tensor.dtype is torch.bfloat16 else tensor.detach().numpy()
'''


def written_rules(runner: Runner, cases: Iterable[Case]) -> dict[str, str]:
    """The test functions of each rule all of whose cases can be written, by the rule's id."""
    by_rule: dict[str, list[Case]] = {}
    for case in cases:
        by_rule.setdefault(case.rule.id, []).append(case)
    found = {}
    for rule_id, members in by_rule.items():
        texts = [_function(runner, case, f"{index}") for index, case in enumerate(members)]
        if all(texts):
            found[rule_id] = "\n\n".join(text for text in texts if text)
    return {rule_id: text for rule_id, text in found.items() if _holds(text)}


def module_text(functions: Iterable[str]) -> str:
    """A test module of these functions."""
    helpers = [inspect.getsource(getattr(oracle, name)) for name in sorted(oracle_language.HELPERS)]
    helpers = ["from collections.abc import Callable\nfrom typing import Any\n\nArray = np.ndarray\n", *helpers]
    return "\n\n".join([_HEADER, *helpers, *functions]) + "\n"


def _holds(text: str) -> bool:
    """Whether the functions pass; a rule whose tolerance is not the flat one here is left out."""
    names: dict[str, Any] = {}
    try:
        exec(compile(module_text([text]), "<handwritten>", "exec"), names)
        for name in [name for name in names if name.startswith("test_")]:
            names[name]()
    except Exception:
        return False
    return True


def _function(runner: Runner, case: Case, label: str) -> str | None:
    """One test function; None where the case does not read well as one."""
    rule, bindings = case.rule, bindings_of(case.row)
    program = runner.program(case)
    checks = [check for observation in program.observations for check in observation.checks]
    conditions = [*(one.condition for one in program.observations), *(check.condition for check in checks)]
    if rule.is_property or program.words - _WORDS or any(conditions):
        return None
    if any(check.aspect not in _FACTS or isinstance(check.operand, tuple) for check in checks):
        return None
    _, world = runner.prepare(case, {})
    runner.put_back(case)
    body = [*_parameters(bindings, world.dtype)]
    for name, datum in world.data.items():
        if not isinstance(datum, Datum) or not runner.implementation.is_tensor(world.made[name]):
            return None
        body += _given(name, datum, world.made[name])
    if rule.draws_random:
        body.append(f"torch.manual_seed({SEED})")
    if rule.topic.oracle.strip():
        body += rule.topic.oracle.splitlines()
    if rule.when.strip():
        body += ast.unparse(code_in_place(rule.when, bindings, None, "exec")).splitlines()
    body += _asserts(rule, bindings, world.data)
    name = "".join(character if character.isalnum() else "_" for character in rule.id)
    return f"def test_{name}_{label}():\n" + "\n".join(f"    {line}" for line in body)


def _parameters(bindings: dict[str, Any], dtype: str) -> list[str]:
    lines = ["device = 'cpu'"]
    if "dtype" not in bindings:
        lines.append(f"dtype = torch.{dtype}")
    for name, value in bindings.items():
        if isinstance(value, DType):
            lines.append(f"{name} = torch.{value}")
        elif not isinstance(value, Code):
            lines.append(f"{name} = {value!r}")
    return lines


def _given(name: str, datum: Datum, tensor: Any) -> list[str]:
    """The tensor, and its values for the expectations (``_name`` beside ``name``)."""
    literal = _literal(datum.shown)
    flag = ", requires_grad=True" if tensor.requires_grad else ""
    return [
        f"{name} = torch.tensor({literal}, dtype=torch.{datum.dtype}{flag})",
        f"_{name} = np.array({literal})",
    ]


def _literal(array: Any) -> str:
    if array.dtype.kind == "c" or not np.isfinite(array).all():
        return np.array2string(array, separator=", ", threshold=10**6, floatmode="unique").replace("\n", "")
    return json.dumps(array.tolist()).replace("true", "True").replace("false", "False")


class _Shown(ast.NodeTransformer):
    """Names of givens in an expectation -> the arrays beside the tensors; dtypes are text there."""

    def __init__(self, names: Iterable[str], dtypes: Iterable[str]) -> None:
        self.names = frozenset(names)
        self.dtypes = frozenset(dtypes)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.names:
            return ast.Name(f"_{node.id}", node.ctx)
        if node.id in self.dtypes:
            return ast.parse(f"str({node.id})[6:]", mode="eval").body
        return node


def _asserts(rule: Rule, bindings: dict[str, Any], data: dict[str, Any]) -> list[str]:
    dtypes = ["dtype", *(name for name, value in bindings.items() if isinstance(value, DType))]

    def computed(text: Any, mode: str = "eval") -> str:
        source = text if isinstance(text, str) else _text(text)
        tree = code_in_place(source, bindings, None, mode)
        return ast.unparse(_Shown(data, dtypes).visit(tree))

    lines = computed(rule.expect, "exec").splitlines() if rule.expect.strip() else []
    for observation in rule.observations:
        left = ast.unparse(code_in_place(observation.left, bindings, None))
        right = resolve(observation.right, bindings)
        for aspect, value in right.items() if isinstance(right, dict) else [("values", right)]:
            if aspect in ("exact", "scale", "within"):
                continue
            lines.append(f"assert {_assertion(aspect, left, value, computed, bindings)}")
    return lines


def _text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(item if isinstance(item, str) else _text(item) for item in value)}]"
    return repr(value)


def _assertion(aspect: str, left: str, value: Any, computed: Any, bindings: dict[str, Any]) -> str:
    if aspect == "values":
        right = computed(value)
        if right in ("none", "None", "True", "False"):
            return f"{left} is {right}"
        return f"np.allclose(array({left}), {right}, rtol=1e-2, atol=1e-2, equal_nan=True)"
    if aspect in ("requires_grad", "is_leaf"):
        return f"{left}.{aspect} is {computed(value)}"
    if aspect == "grad_fn":
        fixed = {"none": f"{left}.grad_fn is None", "present": f"{left}.grad_fn is not None"}
        return fixed.get(value, f"type({left}.grad_fn).__name__ == {value!r}")
    if aspect == "shape":
        return f"tuple({left}.shape) == tuple({computed(value)})"
    if aspect == "dtype":
        is_name = isinstance(value, str) and value.isidentifier() and value not in bindings and value != "dtype"
        return f"{left}.dtype is torch.{value}" if is_name else f"str({left}.dtype)[6:] == {computed(value)}"
    if aspect == "version":
        return f"{left}._version == {computed(value)}"
    return f"{left} is {value}"
