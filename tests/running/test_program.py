"""What is compiled of a rule: code of parameters in its place, devices named, nothing shared that should not be."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from conformance.rules.model import Code
from conformance.rules.vocabulary import load_vocabulary
from conformance.running.program import code_in_place, compile_program, program_key, resolve

pytest.importorskip("torch")
from tests.rules.marked import loaded, rule
from tests.running.trials import TORCH, Plain, fake, run, run_all


def placed(source: str, mode: str = "exec", **codes: Any) -> str:
    bindings = {name: Code(code) if isinstance(code, str) else code for name, code in codes.items()}
    return ast.unparse(code_in_place(source, bindings, load_vocabulary(), mode))


@pytest.mark.parametrize(
    ("source", "codes", "expected"),
    [
        ("y = op", {"op": "a + b"}, "y = a + b"),
        ("y = op * 2", {"op": "a + b"}, "y = (a + b) * 2"),
        ("y = op(op)", {"op": "f"}, "y = f(f)"),
        ("y = m.op", {"op": "f"}, "y = m.op"),
        ("f(op=1)", {"op": "g"}, "f(op=1)"),
        ("y = n", {"n": 3}, "y = n"),
        ("y = outer", {"outer": "inner + 1", "inner": "a * 2"}, "y = a * 2 + 1"),
        ("change", {"change": "x += 1; y = x"}, "x += 1\ny = x"),
        (
            "for i in r:\n    change",
            {"change": "f(i)\ng(i)", "r": "range(3)"},
            "for i in range(3):\n    f(i)\n    g(i)",
        ),
        ("change", {"change": "y = op", "op": "x"}, "y = x"),
        ("y = op", {"op": "op + 1"}, "y = op + 1"),
        ("if op:\n    pass", {"op": "a and b"}, "if a and b:\n    pass"),
        ("with op:\n    pass", {"op": "torch.no_grad()"}, "with torch.no_grad():\n    pass"),
    ],
)
def test_code_is_put_where_its_name_is_read(source: str, codes: dict[str, Any], expected: str) -> None:
    """As a whole expression, or as statements where the name stands alone; code may use other code."""
    assert placed(source, **codes) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("torch.zeros(2)", "torch.zeros(2, device=device)"),
        ("nn.Linear(2, 1)", "nn.Linear(2, 1, device=device)"),
        ("torch.zeros(2, device='cpu')", "torch.zeros(2, device='cpu')"),
        ("torch.zeros(2, device=other)", "torch.zeros(2, device=other)"),
        ("nn.Linear(2, 1, True, device)", "nn.Linear(2, 1, True, device)"),
        ("torch.add(x, x)", "torch.add(x, x)"),
        ("x.zeros(2)", "x.zeros(2)"),
        ("f(torch.ones(1), [torch.ones(2)])", "f(torch.ones(1, device=device), [torch.ones(2, device=device)])"),
        ("torch.zeros(2, **more)", "torch.zeros(2, **{'device': device, **more})"),
        ("torch.zeros", "torch.zeros"),
    ],
)
def test_factories_and_layers_get_the_case_s_device(source: str, expected: str) -> None:
    """Where a call names no device itself, by keyword, by position, or within what ``**`` may hold."""
    assert placed(source) == expected


def test_devices_are_named_in_the_code_of_parameters() -> None:
    """Code that is put in place is treated like the rest."""
    assert placed("y = op", op="torch.ones(2)") == "y = torch.ones(2, device=device)"


def test_tensors_are_made_on_the_case_s_device(tmp_path: Path) -> None:
    """On meta, what a rule makes without a word about devices is on meta, and what it names is there."""
    when = """\
a = torch.zeros(2)
m = nn.Linear(2, 1)
b = torch.zeros(2, **{'device': 'cpu'})
c = torch.zeros(2, device='cpu')"""
    then = """\
a: {device: device}
m.weight: {device: device}
b: {device: "'cpu'"}
c: {device: "'cpu'"}
x: {device: device}"""
    outcome = run(tmp_path, when, then, device="meta")
    assert (outcome.status, outcome.checks) == ("pass", 5)


def test_rows_that_differ_in_data_share_a_program(tmp_path: Path) -> None:
    """Only code, and data that stands as a right side, tells programs apart."""
    axes = "with: {n: [1, 2], op: {a: x, b: x + x}, want: [[1, 2], [3, 4]]}\n"
    made = loaded(tmp_path, rule(when="y = op", then="y: {holds: it != n}\nx: want", more=axes))
    outcomes = list(run_all(tmp_path, rule(when="y = op", then="y: {holds: it != n}\nx: want", more=axes)))
    rows = [tuple(one) for one in _rows(made)]
    assert len(rows) == len(outcomes) == 8
    assert len({program_key(made, row) for row in rows}) == 4


def _rows(made: Any) -> list[Any]:
    from conformance.rules.parameters import rows

    return list(rows(made, "cpu", ()))


def test_programs_are_told_apart_by_axis(tmp_path: Path) -> None:
    """Two axes with the same labels, of which different ones are code, do not share a program."""
    axes = "with: {p: {a: {v: x}, b: {v: 3}}, q: {a: {u: w}, c: {u: 4}}}\n"
    made = loaded(tmp_path, rule(when="y = [v, u]", then="x: x", more=axes))
    keys = [program_key(made, row) for row in _rows(made)]
    assert len(set(keys)) == 4


def test_words_are_bound_where_they_are_used(tmp_path: Path) -> None:
    """A word in a parameter's code counts; a rule without words binds none."""
    made = loaded(tmp_path, rule(when="y = op", more="with: {op: {a: snapshot(x)}}\n"))
    (row,) = _rows(made)
    assert compile_program(made, row, load_vocabulary()).words == {"snapshot"}
    plain = loaded(tmp_path, rule(when="y = x"))
    assert compile_program(plain, (), load_vocabulary()).words == set()


def test_right_sides_resolve_through_parameters() -> None:
    """A name stands for its column; code can lead to another name, and never in circles."""
    bindings = {"a": Code("b"), "b": [1, 2], "c": None, "d": 3, "e": Code("e")}
    assert resolve("a", bindings) == [1, 2]
    assert resolve("c", bindings) is None
    assert resolve("d", bindings) == "d"
    assert resolve("2 * x", bindings) == "2 * x"
    assert resolve("e", bindings) == "e"


def test_statements_are_compiled_once_and_run_afresh(tmp_path: Path) -> None:
    """Functions, classes and names of one case are gone in the next."""
    when = "def f(a=[]):\n    a.append(1)\n    return len(a)\ny = f()"
    outcomes = run_all(tmp_path, rule(when=when, then="y: 1", more="with: {n: [1, 2, 3]}\n"), TORCH)
    assert {one.status for one in outcomes.values()} == {"pass"}


def test_names_of_torch_are_the_implementation_s(tmp_path: Path) -> None:
    """`torch` is what is under test and not the installed package."""
    assert (
        run(tmp_path, "y = torch.neg(x)", "y: 5 * x", implementation=fake(neg=lambda x: Plain(x.numpy() * 5))).status
        == "pass"
    )
