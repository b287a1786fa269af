"""Code put in place as text means what it means when it is put into the syntax tree."""

from __future__ import annotations

import ast

import pytest

from conformance.rules.loading import load
from conformance.rules.model import Code
from conformance.rules.parameters import bindings_of, rows
from conformance.rules.vocabulary import load_vocabulary
from conformance.running.program import code_in_place
from conformance.running.splicing import spliced


def agrees(source: str, codes: dict[str, str], mode: str = "exec") -> bool | None:
    """Whether text and tree say the same; None where text cannot say it."""
    vocabulary = load_vocabulary()
    text = spliced(source, mode, codes, vocabulary)
    if text is None:
        return None
    tree = code_in_place(source, {name: Code(code) for name, code in codes.items()}, vocabulary, mode)
    return ast.dump(tree) == ast.dump(ast.parse(text, mode=mode))


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        ("y = x * 2", {}),
        ("y = torch.zeros(3)", {}),
        ("y = torch.zeros((3))", {}),
        ("y = torch.zeros(3, dtype=dtype)", {}),
        ("y = torch.zeros(\n    3\n)", {}),
        ("y = torch.zeros(3, device=device)", {}),
        ("layer = nn.Linear(torch.ones(2).numel(), 3)", {}),
        ("layer = make(3)", {"make": "nn.BatchNorm1d"}),
        ("y = make(3)", {"make": "lambda n: torch.ones(n)"}),
        ("y = space.ones(3)", {"space": "torch"}),
        ("y = space.ones(3)", {"space": "x"}),
        ("y = x * change", {"change": "a + b"}),
        ("y = x[change]", {"change": "1, 2"}),
        ("y = f(*change, key=change)", {"change": "a if b else c"}),
        ("change\nz = y", {"change": "y = x.sum(); y.backward()"}),
        ("change\nz = y", {"change": "with torch.no_grad(): y = torch.ones(2)"}),
        ("y = outer(2)", {"outer": "lambda n: inner * n", "inner": "x + 1"}),
        ("change = 1\ny = x.change(change=2)", {"change": "a"}),
        ("y = change + change", {"change": "'change'"}),
        ("y = f(**words)", {"f": "torch.optim.SGD"}),
    ],
)
def test_text_says_what_the_tree_says(source: str, codes: dict[str, str]) -> None:
    """The parsed text is the very tree that putting code into the tree gives."""
    assert agrees(source, codes) is True


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        ("change", {"change": "y = 1\nz = 2"}),
        ("y = change", {"change": "x  # why"}),
        ("y = f'{change}'", {"change": "x"}),
        ("y = torch.zeros(n for n in x)", {}),
        ("y = torch.zeros(3,)", {}),
        ("y = torch.zeros(3, **words)", {}),
        ("y = make(2, **words)", {"make": "torch.zeros"}),
        ("y = make(2)", {"make": "(torch.zeros)"}),
        ("y = outer(2)", {"outer": "inner", "inner": "torch.zeros"}),
        ("y = torch.zeros(3, place)", {"place": "device"}),
        ("y = torch.zeros('é')", {}),
        ("if x: change", {"change": "y"}),
    ],
)
def test_what_is_not_certain_is_left_to_the_tree(source: str, codes: dict[str, str]) -> None:
    """Where joining text could change the meaning, or positions are unknown, there is no text."""
    assert agrees(source, codes) is None


def test_every_rule_of_the_suite() -> None:
    """For each row of each rule, `when` and what is observed come out the same in both ways, and mostly as text."""
    seen: dict[tuple[str, tuple[tuple[str, str], ...]], bool | None] = {}
    for rule in load():
        texts = [(rule.when, "exec"), *((observation.left, "eval") for observation in rule.observations)]
        for row in rows(rule, "cpu", ()):
            codes = {name: value.source for name, value in bindings_of(row).items() if isinstance(value, Code)}
            for text, mode in texts:
                key = (text, tuple(sorted(codes.items())))
                if key not in seen:
                    seen[key] = agrees(text, codes, mode)
    assert False not in seen.values()
    assert sum(found is True for found in seen.values()) > 0.9 * len(seen)
