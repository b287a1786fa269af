"""`given:`: which data rules ask for, and what is wrong with how they ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.rules.model import Code, Given
from tests.rules.marked import HEAD, loaded, problems, refused

FORMS = "values, normal, uniform, integers, like, module, any"
SEES = "an expectation sees givens, parameters, np and the helpers"


def file(givens: str, more: str = "") -> str:
    return HEAD + more + f"    given:\n      {givens}\n    then: {{torch.is_grad_enabled(): true}}\n"


WRONG = {
    "no form": ("x: ¤{requires_grad: true}", "a given has no data", f"exactly one of {FORMS}"),
    "two forms": ("x: ¤{values: [1], normal: [2]}", "a given has 'values' and 'normal'", f"exactly one of {FORMS}"),
    "misspelt form": ("x: {¤valeus: [1], dtype: float32}", "unknown key 'valeus'", "did you mean 'values'?"),
    "nothing": ("x:¤", "nothing stands here", f"one of {FORMS}, or a list of numbers"),
    "no name": ("¤x-y: [1]", "'x-y' cannot be a given", "a given is a name that code can use"),
    "Python's name": ("¤class: [1]", "'class' cannot be a given", "a given is a name that code can use"),
    "name of a word": ("device: ¤[1]", "'device' is a word of the language", "call the given something else"),
    "dtype as a given": ("dtype: ¤[1]", "'dtype' is a word of the language", "call the given something else"),
    "name of a helper": ("softmax: ¤[1]", "'softmax' is a word of the language", "call the given something else"),
    "misspelt dtype": ("x: {values: [1], dtype: ¤floot32}", "'floot32' is not a dtype", "did you mean 'float32'?"),
    "no such kind": (
        "x: {values: [1], as: ¤array}",
        "found 'array'",
        "expected one of 'tensor', 'parameter', 'numpy' or 'list'",
    ),
    "unknown name": ("x: {normal: ¤shape}", "unknown name 'shape'", SEES),
    "unknown name in a list": ("x: [1, ¤n]", "unknown name 'n'", "did you mean 'np'?"),
    "unknown name in an option": ("x: {normal: [2], mean: ¤mu}", "unknown name 'mu'", SEES),
    "unknown name in requires_grad": ("x: {values: [1], requires_grad: ¤qqqq}", "unknown name 'qqqq'", SEES),
    "unknown name in what is drawn": ("x: {any: {shape: '[¤qqqq]'}}", "unknown name 'qqqq'", SEES),
    "like nothing": ("x: {like: ¤w}", "no given 'w' above", "it names a given that stands above"),
    "like one below": ("x: {like: ¤w}\n      w: [1]", "no given 'w' above", "it names a given that stands above"),
    "like a misspelt one": ("data: [1]\n      x: {like: ¤dta}", "no given 'dta' above", "did you mean 'data'?"),
    "data below": ("x: {values: ¤w + 1}\n      w: [1]", "unknown name 'w'", SEES),
    "broadcasting with nothing": (
        "x: {any: {broadcasts_with: ¤w}}",
        "no given 'w' above",
        "it names a given that stands above",
    ),
    "no such draw": (
        "x: {any: ¤tensors}",
        "found 'tensors'",
        "'tensor', or a mapping of shape, dims, sides, broadcasts_with, low, high, step, integer or choice",
    ),
    "drawn inside a list": ("x: [{any: ¤tensor}, 3]", "'any' inside a list or mapping", "let it be a given of its own"),
    "drawn inside a mapping": (
        "x: {a: {any: ¤tensor}}",
        "'any' inside a list or mapping",
        "let it be a given of its own",
    ),
    "misspelt layer": (
        "m: {module: '¤nn.Linaer(2, 1)'}",
        "'nn.Linaer' is not in the vocabulary",
        "did you mean 'nn.Linear'?",
    ),
    "wrong inside a mapping": (
        "sd: {a: {normal: [2], ¤men: 3}}",
        "unknown key 'men'",
        "did you mean 'mean'?",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_in_given(name: str, tmp_path: Path) -> None:
    """Each mistake is one problem where it stands."""
    givens, message, hint = WRONG[name]
    refused(tmp_path, file(givens), message, hint)


def test_a_layer_with_a_syntax_error(tmp_path: Path) -> None:
    """The code of a module is parsed like any other, and its place is inside the quotes."""
    (found,) = problems(tmp_path, file("m: {module: 'nn.Linear(2, 1])'}"))
    assert (found.line, found.column) == (8, 34)
    assert found.message.startswith("syntax error")


def test_a_given_with_a_problem_is_still_known(tmp_path: Path) -> None:
    """What is wrong with a given is said once, and not again wherever it is used."""
    (found,) = problems(tmp_path, file("x: {valeus: [1], dtype: float32}", "    when: y = x + 1\n    expect: z = x\n"))
    assert found.message == "unknown key 'valeus'"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("[1, 2]", Given("x", "values", [1, 2], ("p", "x"))),
        ("3", Given("x", "values", 3, ("p", "x"))),
        ("np.ones(2)", Given("x", "values", "np.ones(2)", ("p", "x"))),
        (
            "{values: 1, as: parameter}",
            Given("x", "values", 1, ("p", "x", "values"), requires_grad=True, kind="parameter"),
        ),
        (
            "{values: 1, as: parameter, requires_grad: false}",
            Given("x", "values", 1, ("p", "x", "values"), requires_grad=False, kind="parameter"),
        ),
        (
            "{normal: [2], mean: 1, std: s, dtype: float64}",
            Given("x", "normal", [2], ("p", "x", "normal"), {"mean": 1, "std": "s"}, "float64"),
        ),
        (
            "{values: 1, dtype: d, requires_grad: r}",
            Given(
                "x",
                "values",
                1,
                ("p", "x", "values"),
                dtype=Code("d", ("p", "x", "dtype")),
                requires_grad=Code("r", ("p", "x", "requires_grad")),
            ),
        ),
        ("{any: tensor}", Given("x", "any", {}, ("p", "x", "any"))),
        ("{module: nn.ReLU()}", Given("x", "module", "nn.ReLU()", ("p", "x"))),
    ],
)
def test_entries_become_givens(entry: str, expected: Given, tmp_path: Path) -> None:
    """A bare value is 'values'; a dtype or a flag that is no literal is code with its place."""
    rule = loaded(tmp_path, file(f"x: {entry}", "    with: {s: [1], d: [float16], r: [true]}\n"))
    (given,) = rule.givens
    moved = ("p", *given.path[3:])
    assert given.path[:3] == ("rules", 0, "given")
    assert (given.name, given.form, given.value, moved) == (expected.name, expected.form, expected.value, expected.path)
    assert given.options == expected.options
    assert given.kind == expected.kind
    for found, wanted in ((given.dtype, expected.dtype), (given.requires_grad, expected.requires_grad)):
        assert getattr(found, "source", found) == getattr(wanted, "source", wanted)


def test_lists_and_mappings_of_givens_nest(tmp_path: Path) -> None:
    """A list or mapping that holds entries is a given of givens, each with a name of its own."""
    rule = loaded(tmp_path, file("sd: {weight: {normal: [2, 2]}, rest: [[1, 2], {integers: [3]}]}"))
    (given,) = rule.givens
    assert given.form == "mapping"
    assert given.value["weight"].form == "normal"
    assert given.value["weight"].name == "sd.weight"
    assert [part.form for part in given.value["rest"].value] == ["values", "integers"]


def test_a_rule_with_drawn_data_is_a_property(tmp_path: Path) -> None:
    """Hypothesis runs a rule when one of its givens says 'any'."""
    assert loaded(tmp_path, file("x: {any: tensor}")).is_property
    assert not loaded(tmp_path, file("x: [1]")).is_property
