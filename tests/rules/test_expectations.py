"""What may stand in `then`, `expect` and `oracle`: refusals with their places, and the checks that come of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.rules.expectations import Check, Observed, Oracle, flatten, oracle_sources, parse_expectation
from tests.rules.marked import GIVENS, HEAD, loaded, problems, refused, rule, unmarked

SEES = "an expectation sees givens, parameters, np and the helpers"
NUMPY = "a NumPy expression is expected"
NOTHING = "state 'values', a fact or a relation"
ALONE = "two wrong values can be equal: add an expected value, or 'holds' with a guard"
MAY_LOOK = "a call on the left of 'then' may only look; call it in 'when' and observe the result"
NO_NAME = "it is no given, parameter, word or name made above"

#: What is wrong in `then` after `y = x * 2` -> its entries with the place marked, the message and the hint.
WRONG = {
    "unknown name on the right": ("y: 2 * ¤qqqq", "unknown name 'qqqq'", SEES),
    "misspelt helper": ("y: ¤sigmiod(x)", "unknown name 'sigmiod'", "did you mean 'sigmoid'?"),
    "misspelt NumPy": ("y: ¤np.sqart(x)", "'np.sqart' is not part of an expectation", "did you mean 'np.sqrt'?"),
    "torch's method on the right": (
        "y: ¤x.detach()",
        "'.detach' is not part of an expectation",
        "expectations are NumPy, not torch",
    ),
    "made in when": (
        "y: ¤y",
        "'y' is made in 'when', and an expectation sees only givens and parameters",
        "to relate two observations write 'same_as: y' or 'close_to: y'",
    ),
    "made in when, deep inside": (
        "x: {one_of: [1, {values: 2 * ¤y}]}",
        "'y' is made in 'when', and an expectation sees only givens and parameters",
        "to relate two observations write 'same_as: y' or 'close_to: y'",
    ),
    "in a nested list": ("y: [1, [2, '¤qqqq']]", "unknown name 'qqqq'", SEES),
    "in quotes": ('y: "2 * ¤qqqq"', "unknown name 'qqqq'", SEES),
    "in a folded block": ("y: >-\n  2 *\n  x +\n  ¤qqqq", "unknown name 'qqqq'", SEES),
    "syntax on the right": ("y: 2 * ¤)", "syntax error: unmatched ')'", ""),
    "lambda walrus": ("y: (¤a := 3)", "NamedExpr is not part of an expectation", NUMPY),
    "f-string": ("y: {text: a, values: \"¤f'{x}'\"}", "JoinedStr is not part of an expectation", NUMPY),
    "dunder on the right": (
        "y: ¤x.__class__",
        "'.__class__' is not part of an expectation",
        "expectations are NumPy, not torch",
    ),
    "a way to a file": ("y: ¤np.load('f')", "'np.load' is not part of an expectation", "did you mean 'np.logaddexp'?"),
    "it outside holds": ("y: 2 * ¤it", "'it' stands only in 'holds'", "it is the observed value there"),
    "misspelt dtype": ("y: {dtype: ¤flaot64}", "'flaot64' is not a dtype", "did you mean 'float64'?"),
    "unknown name in shape": ("y: {shape: '[¤qqqq]'}", "unknown name 'qqqq'", SEES),
    "unknown name in scale": ("y: {values: 0, scale: ¤qqqq}", "unknown name 'qqqq'", SEES),
    "unknown name in holds": ("y: {holds: it > ¤qqqq}", "unknown name 'qqqq'", SEES),
    "unknown name in a condition": ("y: {values: 2 * x, if: ¤qqqq > 1}", "unknown name 'qqqq'", SEES),
    "unknown name on the left": ("¤qqqq: 1", "unknown name 'qqqq'", NO_NAME),
    "misspelt name on the left": ("¤yy: 1", "unknown name 'yy'", "did you mean 'y'?"),
    "inside the left": ("y + ¤qqqq: 1", "unknown name 'qqqq'", NO_NAME),
    "inside a quoted left": ("'y + ¤qqqq': 1", "unknown name 'qqqq'", NO_NAME),
    "syntax on the left": ("'y + ¤)': 1", "syntax error: unmatched ')'", ""),
    "misspelt member on the left": (
        "¤w.gard: none",
        "member 'gard' is not in the vocabulary",
        "did you mean 'grad'?",
    ),
    "misspelt API on the left": (
        "¤torch.is_grad_enabld(): true",
        "'torch.is_grad_enabld' is not in the vocabulary",
        "did you mean 'torch.is_grad_enabled'?",
    ),
    "a call that acts": ("¤y.zero_(): 0", "'y.zero_(...)' is not an observer", MAY_LOOK),
    "an API call that acts": ("¤torch.manual_seed(1): 0", "'torch.manual_seed(...)' is not an observer", MAY_LOOK),
    "unknown name in a relation": ("x: 1\ny: {is: ¤z}", "unknown name 'z'", NO_NAME),
    "unknown name in a list of relations": ("x: 1\ny: {is: [x, ¤z]}", "unknown name 'z'", NO_NAME),
    "a call in a relation": ("x: 1\ny: {same_as: ¤x.clone()}", "'x.clone(...)' is not an observer", MAY_LOOK),
    "nothing to check": ("y: ¤{exact: true}", "nothing is checked here", NOTHING),
    "nothing inside not": ("y: {not: ¤{}}", "nothing is checked here", NOTHING),
    "nothing inside each": ("y: {each: ¤{}}", "nothing is checked here", NOTHING),
    "nothing in an alternative": ("y: {one_of: [1, ¤{}]}", "nothing is checked here", NOTHING),
    "no alternative": ("y: {one_of: ¤[]}", "'one_of' of nothing", "name at least one"),
    "no condition": ("y: {holds: ¤[]}", "'holds' of nothing", "name at least one"),
    "no choice": ("y: {elements_from: ¤[]}", "'elements_from' of nothing", "name at least one"),
    "no partner": ("y: {shares_memory_with: ¤[]}", "'shares_memory_with' of nothing", "name at least one"),
    "not of values": (
        "y: {not: {values: ¤3}}",
        "'values' inside 'not'",
        "state the wrong value's right counterpart; 'not' takes relations and facts",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_in_then(name: str, tmp_path: Path) -> None:
    """Each mistake is one problem at the character where it stands, on whichever side."""
    then, message, hint = WRONG[name]
    refused(tmp_path, rule(when="y = x * 2", then=then), message, hint)


def test_a_statement_where_an_expression_belongs(tmp_path: Path) -> None:
    """An assignment on the right is a syntax error on its line."""
    (found,) = problems(tmp_path, rule(when="y = x * 2", then="y: x = 3"))
    assert (found.line, found.message.partition(":")[0]) == (13, "syntax error")


@pytest.mark.parametrize("relation", ["same_as", "close_to"])
def test_a_relation_that_stands_alone(relation: str, tmp_path: Path) -> None:
    """Two wrong values can be equal, so that a relation alone proves nothing."""
    text = HEAD + GIVENS + f"    when: y = x * 2\n    then: ¤{{y: {{{relation}: x, dtype: float32}}}}\n"
    refused(tmp_path, text, f"'{relation}' stands alone", ALONE)


@pytest.mark.parametrize("guard", ["y: 2 * x", "y: {holds: it > 0}", "w: {filled: 3}", "len([y]): {data: 1}"])
def test_a_relation_with_a_value_beside_it(guard: str, tmp_path: Path) -> None:
    """An expected value of any kind is enough beside a relation."""
    assert loaded(tmp_path, rule(when="y = x * 2", then="x: {same_as: y}\n" + guard)).observations


@pytest.mark.parametrize("text", ["", "    when: y = x\n", "    then: {}\n", "    when: y = x\n    then: []\n"])
def test_a_rule_that_observes_nothing(text: str, tmp_path: Path) -> None:
    """Without `then`, and without an error or a warning in `when`, nothing can fail."""
    (found,) = problems(tmp_path, HEAD + GIVENS + text)
    assert (found.line, found.column, found.message) == (4, 9, "the rule observes nothing")
    assert found.hint == "add 'then:', or 'with raises(...)' in 'when'"


def test_an_error_is_an_observation(tmp_path: Path) -> None:
    """A rule whose only observation is that an error comes needs no `then`."""
    text = HEAD + GIVENS + "    when: |\n      with raises(RuntimeError):\n          x.backward()\n"
    assert loaded(tmp_path, text).observations == ()


def test_the_condition_of_a_group_is_text(tmp_path: Path) -> None:
    """A bool as the condition of a group would be ignored, and is refused."""
    text = HEAD + GIVENS + "    then:\n      - if: ¤true\n        x: [1.5, -2.25]\n"
    refused(tmp_path, text, "found True", "a condition is text, as in dtype == 'float32'")


def test_a_wrong_condition_of_a_group(tmp_path: Path) -> None:
    """Conditions of groups see what expectations see."""
    refused(tmp_path, HEAD + GIVENS + "    then:\n      - if: ¤qqqq == 1\n        x: 1\n", "unknown name 'qqqq'", SEES)


BLOCKS = {
    "unknown name": ("a = x\nb = ¤qqqq + a", "unknown name 'qqqq'", SEES),
    "made in when": ("a = ¤y", "unknown name 'y'", SEES),
    "import": ("¤import os", "Import is not part of an expectation", NUMPY),
    "while": ("¤while True:\n    pass", "While is not part of an expectation", NUMPY),
    "with": ("¤with x:\n    pass", "With is not part of an expectation", NUMPY),
    "syntax": ("a = 1\nb = ¤)", "syntax error: unmatched ')'", ""),
    "return outside": ("¤return 3", "syntax error: 'return' outside function", ""),
    "given bound again": ("¤x = 3", "'x' cannot be bound again", "choose another name"),
    "np bound again": ("for ¤np in [1]:\n    pass", "'np' cannot be bound again", "choose another name"),
    "helper bound again": ("¤softmax = 3", "'softmax' cannot be bound again", "choose another name"),
    "open": ("a = ¤open('f')", "unknown name 'open'", SEES),
    "file": ("¤np.ones(2).tofile('f')", "'.tofile' is not part of an expectation", None),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_what_is_wrong_in_expect(name: str, tmp_path: Path) -> None:
    """The block that prepares expectations is checked like them, to the character."""
    code, message, hint = BLOCKS[name]
    block = "expect: |\n" + "".join(f"  {line}\n" for line in code.split("\n"))
    text = rule(when="y = x * 2", then="y: 2 * x", more=block)
    plain, ((line, column),) = unmarked(text)
    (found,) = problems(tmp_path, plain)
    assert (found.line, found.column, found.message) == (line, column, message)
    assert hint is None or found.hint == hint


@pytest.mark.parametrize("name", ["unknown name", "import", "syntax", "np bound again", "file"])
def test_what_is_wrong_in_the_oracle_of_a_file(name: str, tmp_path: Path) -> None:
    """The file's shared functions see no rule's data, and are checked once."""
    code, message, _ = BLOCKS[name]
    code = code.replace("a = x", "a = 1")
    block = "oracle: |\n" + "".join(f"  {line}\n" for line in code.split("\n"))
    plain, ((line, column),) = unmarked(rule(then="x: [1.5, -2.25]").replace("rules:\n", block + "rules:\n"))
    found = [(one.line, one.column, one.message) for one in problems(tmp_path, plain)]
    assert found == [(line, column, message)]


def test_names_inside_functions_of_the_oracle_stay_there(tmp_path: Path) -> None:
    """An expectation sees the functions of `oracle:`, and not their arguments."""
    block = "oracle: |\n  def double(v):\n      inner = 2 * v\n      return inner\nrules:\n"
    assert loaded(tmp_path, rule(then="x + x: double(x)").replace("rules:\n", block)).topic.oracle
    for hidden in ("v", "inner"):
        (found,) = problems(tmp_path, rule(then=f"x: {hidden}").replace("rules:\n", block))
        assert found.message == f"unknown name '{hidden}'"


def test_a_broken_expect_block_does_not_make_its_names_unknown(tmp_path: Path) -> None:
    """What a block would have made is not reported as unknown where it is used."""
    (found,) = problems(tmp_path, rule(then="x: want", more="expect: |\n  want = x +* 3\n"))
    assert found.message == "syntax error: invalid syntax"


def test_aspects_become_checks_of_their_own() -> None:
    """Each key is a check; exact, scale, within and the condition belong to all of them."""
    right = {"values": "2 * x", "dtype": "float32", "exact": True, "within": 0.5, "scale": 3, "if": "n > 1"}
    checks = parse_expectation(right, ("p",))
    assert [check.aspect for check in checks] == ["values", "dtype"]
    assert checks[0].operand == Oracle("2 * x", ("p", "values"))
    assert {(check.exact, check.within, check.condition) for check in checks} == {(True, 0.5, "n > 1")}
    assert checks[1].scale == Oracle(3, ("p", "scale"))


@pytest.mark.parametrize(
    ("right", "operand"),
    [
        ({"is": "b"}, Observed("b", ("is",))),
        ({"is": ["b", "c"]}, (Observed("b", ("is", 0)), Observed("c", ("is", 1)))),
        ({"type": "Tensor"}, Observed("torch.Tensor", ("type",))),
        ({"type": "nn.Parameter"}, Observed("nn.Parameter", ("type",))),
        ({"grad_fn": "none"}, "none"),
        ({"grad_fn": "AddBackward0"}, "AddBackward0"),
        ({"grad_fn": "name"}, Oracle("name", ("grad_fn",))),
        ({"dtype": "bool"}, "bool"),
        ({"keys": ["a", "b"]}, ("a", "b")),
        ({"text": "words"}, "words"),
        ({"data": [1, {"a": "b"}]}, [1, {"a": "b"}]),
        ({"unspecified": "why"}, "why"),
    ],
)
def test_operands_have_the_kind_of_their_aspect(right: object, operand: object) -> None:
    """Relations hold code over what `when` made, values NumPy, facts literals where they are some."""
    assert parse_expectation(right, ())[0].operand == operand


def test_nested_checks_are_found() -> None:
    """Combinators hold checks of their own, at every depth."""
    right = {"each": {"one_of": [1, {"not": {"is": "b"}}]}, "any_order": [{"shape": [2]}, 3]}
    found = [check.aspect for check in flatten(parse_expectation(right, ()))]
    assert found == ["each", "one_of", "values", "not", "is", "any_order", "shape", "values"]


def test_expressions_in_lists_are_found_with_their_place() -> None:
    """Every string of a nested template is an expression."""
    assert list(oracle_sources([1, ["a", 2], "b"], ("p",))) == [("a", ("p", 1, 0)), ("b", ("p", 2))]
    assert isinstance(parse_expectation("unspecified", ())[0], Check)
