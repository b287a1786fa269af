"""Helpers become text that stands by itself."""

from __future__ import annotations

import ast

import pytest

from conformance.repro import pieces

FLAVOURED = {
    "absent": "absent__torch",
    "reading_of": "reading_of__torch",
    "have_one_storage": "have_one_storage__torch",
    "recording_warnings": "recording_warnings__torch",
}
NAMES = [
    "run",
    "check",
    "check_close",
    "check_fact",
    "raises",
    "warns",
    "spy",
    "in_thread",
    "lifetimes",
    "each",
    "empty",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_helper_brings_what_it_needs_and_no_annotation(name: str) -> None:
    """Every name that a helper reads is defined, imported, or one of those that every script has."""
    chosen = pieces.closure([name], FLAVOURED)
    source = "\n\n".join([*{line for piece in chosen for line in piece.imports.values()}, *map(pieces.text, chosen)])
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    assert not [node for node in nodes if getattr(node, "annotation", None) or getattr(node, "returns", None)]
    assert "Any" not in source
    assert "noqa" not in source
    made = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    made |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    made |= {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    made |= {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    made |= {node.name for node in nodes if isinstance(node, ast.ExceptHandler) and node.name}
    read = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    assert read - made - set(dir(__builtins__) if not isinstance(__builtins__, dict) else __builtins__) <= {
        "torch",
        "nn",
        "dtype",
        "device",
    }


def test_a_small_script_takes_few_helpers() -> None:
    """Checking a fact needs no code that compares numbers inside lists and mappings."""
    names = {piece.name for piece in pieces.closure(["run", "check_fact"], FLAVOURED)}
    assert "close_numbers" not in names
    assert "holds" not in names


def test_flavours_stand_under_the_plain_name() -> None:
    """One of several texts is defined under the name that the others call."""
    (piece,) = (one for one in pieces.closure(["absent"], FLAVOURED) if one.name == "absent")
    assert pieces.text(piece).startswith("def absent(error):\n")


def test_what_is_absent_is_told_as_the_suite_tells_it() -> None:
    """The words by which torch says that it has no kernel are those of its adapter."""
    pytest.importorskip("torch")
    from conformance.implementations import find

    environment: dict[str, object] = {}
    for device, flavour in (("cpu", "absent__torch"), ("meta", "absent__meta")):
        exec("import re\n" + "\n".join(map(pieces.text, pieces.closure(["absent"], {"absent": flavour}))), environment)
        absent = environment["absent"]
        assert callable(absent)
        for error in (
            RuntimeError("\"add\" not implemented for 'Half'"),
            RuntimeError("x is not yet supported on cpu"),
            RuntimeError("cannot be called on meta tensors"),
            RuntimeError("shapes differ"),
            NotImplementedError(),
            ValueError("not implemented for 'Half'"),
        ):
            assert absent(error) == (find("torch").unsupported(error, device) is not None), error
