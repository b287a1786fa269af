"""The refusals of `when`, each with its exact position, message and advice."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.rules.marked import loaded, problems, refused, rule, unmarked

DOCS = "see docs/rules.md"
MEANING = "givens, parameters and words keep their meaning"
EVERYTHING_IS_THERE = "everything a rule needs is there already: torch, nn, F, optim and the language's words"
PART = "is not part of the language"
INSIDES = "it reaches into Python itself"
DUNDER = "dunder attributes reach into Python itself"
IMPLEMENTATION = "a rule changes what it made itself, and global state through the functions for it"
NO_NAME = "it is no given, parameter, word or name made above"

#: What is refused -> the code with its place marked, the message and the hint.
REFUSALS = {
    "import": ("¤import os", f"import {PART}", EVERYTHING_IS_THERE),
    "from import": ("y = x\n¤from os import path", f"import {PART}", EVERYTHING_IS_THERE),
    "import inside": ("def f():\n    ¤import os", f"import {PART}", EVERYTHING_IS_THERE),
    "while": ("¤while True:\n    pass", f"while {PART}", "loop over a range"),
    "try": ("¤try:\n    y = x\nfinally:\n    pass", f"try {PART}", "state the error with 'with raises(...)'"),
    "assert": ("¤assert True", f"assert {PART}", "state what is expected under 'then:'"),
    "f-string": ("y = ¤f'{x}'", f"an f-string {PART}", "a rule has no text to format"),
    "walrus": ("y = [(¤z := x)]", f"':=' {PART}", "assign on a line of its own"),
    "global": ("def f():\n    ¤global g", f"global {PART}", DOCS),
    "async def": ("¤async def f():\n    pass", f"async {PART}", DOCS),
    "annotation": ("¤y: int = 1", f"an annotation {PART}", DOCS),
    "annotated argument": ("def f(¤a: int):\n    pass", f"an annotation {PART}", ""),
    "annotated result": ("def f() -> ¤int:\n    pass", f"an annotation {PART}", ""),
    "match": ("¤match x:\n    case 1:\n        pass", f"match {PART}", DOCS),
    "yield from": ("def f():\n    ¤yield from [x]", f"yield from {PART}", DOCS),
    "getattr": ("y = ¤getattr(x, 'grad')", f"'getattr' {PART}", "write the attribute, as in x.grad"),
    "setattr": ("¤setattr(w, 'grad', None)", f"'setattr' {PART}", "assign the attribute, as in x.grad = None"),
    "exec": ("¤exec('y = 1')", f"'exec' {PART}", DOCS),
    "eval": ("y = ¤eval('1')", f"'eval' {PART}", DOCS),
    "open": ("y = ¤open('f')", f"'open' {PART}", "a file in memory is buffer()"),
    "__import__": ("y = ¤__import__('os')", f"'__import__' {PART}", DOCS),
    "__builtins__": ("y = ¤__builtins__", f"'__builtins__' {PART}", DOCS),
    "globals": ("y = ¤globals()", f"'globals' {PART}", DOCS),
    "SystemExit": ("raise ¤SystemExit", f"'SystemExit' {PART}", DOCS),
    "KeyboardInterrupt": ("raise ¤KeyboardInterrupt", f"'KeyboardInterrupt' {PART}", DOCS),
    "dunder attribute": ("y = ¤x.__class__", f"'__class__' {PART}", DUNDER),
    "dunder of a function": ("y = ¤torch.add.__globals__", f"'__globals__' {PART}", DUNDER),
    "dunder method": ("class A:\n    ¤def __reduce__(self):\n        return x", f"'__reduce__' {PART}", ""),
    "dunder name": ("¤__all__ = [x]", f"'__all__' {PART}", ""),
    "frame": ("y = (a for a in [1])\nz = ¤y.gi_frame", f"'gi_frame' {PART}", INSIDES),
    "frame named by a string": ("s = 'gi_frame'\ny = (a for a in [1])\nz = ¤y.gi_frame", f"'gi_frame' {PART}", INSIDES),
    "format": ("y = ¤'{0.__class__}'.format(x)", f"'format' {PART}", INSIDES),
    "format named by a string": ("s = 'format'\ny = ¤'{0.__class__}'.format(x)", f"'format' {PART}", INSIDES),
    "format named by a keyword": ("d = dict(format_map=1)\ny = ¤'{}'.format_map(d)", f"'format_map' {PART}", INSIDES),
    "file named by a string": ("s = 'tofile'\n¤x.numpy().tofile('f')", f"'tofile' {PART}", INSIDES),
    "underscore": ("y = ¤x._cdata", "member '_cdata' is not in the vocabulary", "did you mean 'data'?"),
    "underscore of one's own": (
        "class A:\n    pass\na = A()\n¤a._mine = x",
        "member '_mine' is not in the vocabulary",
        "did you mean 'min'?",
    ),
    "torch.os": ("y = ¤torch.os", "'torch.os' is not in the vocabulary", "did you mean 'torch.cos'?"),
    "torch.hub": (
        "y = ¤torch.hub.load('a')",
        "'torch.hub.load' is not in the vocabulary",
        "did you mean 'torch.load'?",
    ),
    "misspelt function": (
        "y = ¤torch.zeross(2)",
        "'torch.zeross' is not in the vocabulary",
        "did you mean 'torch.zeros'?",
    ),
    "misspelt layer": ("m = ¤nn.Linaer(2, 1)", "'nn.Linaer' is not in the vocabulary", "did you mean 'nn.Linear'?"),
    "misspelt member": ("¤w.sum().bakward()", "member 'bakward' is not in the vocabulary", "did you mean 'backward'?"),
    "unheard-of member": (
        "¤w.qqqq()",
        "member 'qqqq' is not in the vocabulary",
        "names come from specs/vocabulary.yaml",
    ),
    "unknown name": ("y = ¤qqqq", "unknown name 'qqqq'", NO_NAME),
    "misspelt name": ("result = x\ny = ¤resutl", "unknown name 'resutl'", "did you mean 'result'?"),
    "YAML's true": ("w.requires_grad_(¤true)", "unknown name 'true'", "did you mean 'True'?"),
    "YAML's null": ("w.grad = ¤null", "unknown name 'null'", "did you mean 'None'?"),
    "NumPy": (
        "y = ¤np.ones(2)",
        "unknown name 'np'",
        "NumPy stands on the right of 'then'; in 'when' say it with torch",
    ),
    "torch alone": ("y = ¤torch", "'torch' alone is a namespace, not a value", "name something in it, as in torch.…"),
    "given bound again": ("¤x = 3", "'x' cannot be bound again", MEANING),
    "given bound by a loop": ("for ¤x in [1, 2]:\n    pass", "'x' cannot be bound again", MEANING),
    "given bound in a comprehension": ("y = [1 for ¤x in [2]]", "'x' cannot be bound again", MEANING),
    "given added to": ("¤x += 1", "'x' cannot be bound again", MEANING),
    "word bound again": ("¤spy = 3", "'spy' cannot be bound again", MEANING),
    "word as a function": ("¤def raises():\n    pass", "'raises' cannot be bound again", MEANING),
    "namespace as a class": ("¤class nn:\n    pass", "'nn' cannot be bound again", MEANING),
    "word as an argument": (
        "f = lambda ¤spy: 1",
        "'spy' cannot be bound again",
        "words of the language keep their meaning",
    ),
    "patched function": ("¤torch.add = spy(torch.add)", "'torch.add' belongs to the implementation", IMPLEMENTATION),
    "patched method": (
        "¤nn.Linear.forward = None",
        "'nn.Linear.forward' belongs to the implementation",
        IMPLEMENTATION,
    ),
    "deleted function": ("del ¤torch.add", "'torch.add' belongs to the implementation", IMPLEMENTATION),
    "load of a path": ("y = ¤torch.load('f')", "'torch.load' of something that is no buffer", "name one: f = buffer()"),
    "save to a path": ("¤torch.save(x, 'f')", "'torch.save' of something that is no buffer", "name one: f = buffer()"),
    "buffer that became a path": (
        "f = buffer()\nf = 'path'\n¤torch.save(x, f)",
        "'torch.save' of something that is no buffer",
        "name one: f = buffer()",
    ),
    "buffer with bytes of one's own": (
        "f = buffer(b'data')\ny = ¤torch.load(f)",
        "'torch.load' of something that is no buffer",
        "name one: f = buffer()",
    ),
    "load under another name": (
        "l = ¤torch.load",
        "'torch.load' is only called",
        "it reaches memory only: f = buffer()",
    ),
    "two statements in raises": (
        "with raises(RuntimeError):\n    y = 1\n    ¤z = 2",
        "'raises' takes exactly one statement",
        "move the others out of it",
    ),
    "raises of nothing": (
        "with ¤raises():\n    y = 1",
        "'raises' takes one error class, or None",
        "as in raises(RuntimeError)",
    ),
    "raises of two": (
        "with ¤raises(TypeError, ValueError):\n    y = 1",
        "'raises' takes one error class, or None",
        "as in raises(RuntimeError)",
    ),
    "raises of text": (
        "with raises(¤'RuntimeError'):\n    y = 1",
        "''RuntimeError'' is no error class",
        "as in raises(RuntimeError)",
    ),
    "raises of no error": ("with raises(¤int):\n    y = 1", "'int' is no error class", "as in raises(RuntimeError)"),
    "raises without with": ("¤raises(RuntimeError)", "'raises' is only used as 'with raises(...):'", ""),
    "raises uncalled": ("with ¤raises:\n    y = 1", "'raises' is only used as 'with raises(...):'", ""),
    "raises as": (
        "with raises(RuntimeError) as ¤e:\n    y = 1",
        "'raises' gives nothing to name",
        "messages are not compared; name the class of the error",
    ),
    "warns of a number": ("with warns(¤3):\n    y = 1", "'3' is no warning class", "as in warns(UserWarning)"),
    "return outside": ("¤return x", "syntax error: 'return' outside function", ""),
    "break outside": ("¤break", "syntax error: 'break' outside loop", ""),
    "syntax error": ("y = 1\nfor i in range(3):\n    z = ¤)", "syntax error: unmatched ')'", ""),
    "behind letters of many bytes": ("y = 'é→'; z = ¤qqqq", "unknown name 'qqqq'", NO_NAME),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_refused_is_named_where_it_stands(name: str, tmp_path: Path) -> None:
    """Each refusal of the language is one problem at the very character, with advice where there is some."""
    code, message, hint = REFUSALS[name]
    refused(tmp_path, rule(when=code), message, hint)


ACCEPTED = [
    "y = [a * 2 for a in [1, 2] if a]",
    "f = lambda *a, **k: a",
    "class M(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.own = 3\ny = M().own",
    "m = nn.Linear(2, 1)\nm.register_buffer('total', torch.zeros(1))\ny = m.total",
    "f = buffer()\ntorch.save(x, f)\nf.seek(0)\ny = torch.load(f)",
    "with raises(RuntimeError), torch.no_grad():\n    w.backward()",
    "with raises((TypeError, ValueError)):\n    torch.add(x, 'a')",
    "with raises(ValueError if False else None):\n    y = 1",
    "with warns(None):\n    y = 1",
    "y = hasattr(w, 'grad')",
    "del x",
    "def outer():\n    n = 0\n    def inner():\n        nonlocal n\n        n += 1\n    return inner\ny = outer()",
    "y = x if True else w\nfor i, (a, b) in enumerate(zip([1], [2])):\n    continue",
    "@torch.no_grad()\ndef f():\n    return w * 2\ny = f()",
    "y = w[0:1, ..., None]\ny @ y.T",
]


@pytest.mark.parametrize("code", ACCEPTED)
def test_what_users_write_is_accepted(code: str, tmp_path: Path) -> None:
    """Ordinary PyTorch loads without a problem."""
    assert loaded(tmp_path, rule(when=code)).when == code + "\n"


DEEP = {
    "brackets": "y = " + "(" * 100_000,
    "signs": "y = " + "-" * 100_000 + "1",
    "sum": "y = " + "+".join("1" * 20_000),
    "attributes": "y = x" + ".T" * 20_000,
    "just too deep": "y = x" + ".T" * 400,
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_nesting_is_refused_and_breaks_nothing(name: str, tmp_path: Path) -> None:
    """Code nested a hundred thousand deep is one problem on its line."""
    (found,) = problems(tmp_path, rule(when="z = 1\n" + DEEP[name]))
    assert found.line in (11, 12), "Python cannot always say in which line of the block it gave up"
    assert "nested" in found.message


def test_several_mistakes_in_one_block_are_all_reported(tmp_path: Path) -> None:
    """Checking goes on behind a refusal, in the order of the lines."""
    text, places = unmarked(rule(when="¤import os\ny = ¤qqqq + ¤torch.qqqq\n¤assert y"))
    assert [(one.line, one.column) for one in problems(tmp_path, text)] == places


def test_a_broken_block_does_not_make_its_names_unknown_elsewhere(tmp_path: Path) -> None:
    """Where `when` does not parse, what it would have made is not reported as unknown in `then`."""
    text, places = unmarked(rule(when="y = x *¤* * 2", then="y: 3\ny.grad: none"))
    (found,) = problems(tmp_path, text)
    assert (found.line, found.message) == (places[0][0], "syntax error: invalid syntax")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="except* came with Python 3.11")
def test_new_syntax_is_refused_by_name(tmp_path: Path) -> None:
    """Syntax that only newer Pythons have is refused like the rest."""
    refused(tmp_path, rule(when="¤try:\n    y = 1\nexcept* ValueError:\n    pass"), f"try {PART}", DOCS)
