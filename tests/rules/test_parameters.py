"""`with:`: which axes are refused, and which rows the others make on a device."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.errors import ConformanceError
from conformance.rules.model import Alternative, Code, DType, Rule
from conformance.rules.parameters import MAX_ROWS, all_pairs, bindings_of, row_label, rows
from tests.rules.marked import GIVENS, HEAD, loaded, problems, refused, rule

TELL_APART = "labels tell cases apart"
AXES = "known axes: {}; a list is data, a mapping is code"
BUILT_IN = "complex, devices, differentiable, floating, full_precision, half_precision, integral"
DTYPE_NAMES = (
    "dtypes: bfloat16, bool, complex128, complex64, float16, float32, float64, int16, int32, int64, int8, uint8"
)
DATA = "a condition sees dtype, device and the parameters that are data"

WRONG = {
    "empty list": ("n: ¤[]", "parameter 'n' has no values", "give at least one"),
    "empty mapping": ("n: ¤{}", "parameter 'n' has no alternatives", "give at least one"),
    "unknown axis": ("n: ¤floatng", "no axis is named 'floatng'", AXES.format(BUILT_IN)),
    "number": ("n: ¤3", "found 3", "expected a list (data), a mapping (labelled code) or the name of an axis"),
    "unknown dtype": ("dtype: ¤[float32, floot64]", "'floot64' is not a dtype", DTYPE_NAMES),
    "dtype that is a number": ("dtype: ¤[32]", "32 is not a dtype", DTYPE_NAMES),
    "different names": (
        "n: ¤{a: {p: x, q: 1}, b: {p: x, r: 1}}",
        "alternatives bind different names: q, r",
        "every alternative binds the same names",
    ),
    "labelled number": (
        "n: {a: x, b: ¤3}",
        "found 3",
        "a labelled alternative is code or a mapping of names; for data use a list",
    ),
    "values twice": ("n: ¤[1, 2, 1]", "alternatives share a label: n=1", TELL_APART),
    "labels alike": ("n: ¤{a b: x, a_b: x}", "alternatives share a label: a_b", TELL_APART),
    "label of signs": ("n: ¤{'é': x}", "a label of letters and digits is missing", "labels are part of a case's id"),
    "combinations alike": (
        "¤{n: {a-b: x, a: x}, m: {b-c: x, c: x}}",
        "two combinations are both called 'a-b-c'",
        "write a label without '-'",
    ),
    "too many": (
        "¤{n: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], m: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "
        "o: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}",
        f"1100 combinations, more than {MAX_ROWS}",
        "state fewer values, or 'combine: pairs'",
    ),
    "name of a word": ("spy: ¤[1]", "'spy' is a word of the language", "call the parameter something else"),
    "name of NumPy": ("np: ¤[1]", "'np' is a word of the language", "call the parameter something else"),
    "name of a constant": ("pi: ¤[1]", "'pi' is a word of the language", "call the parameter something else"),
    "no name": ("n-m: ¤[1]", "'n-m' cannot be a parameter", "a parameter is a name that code can use"),
    "Python's name": ("lambda: ¤[1]", "'lambda' cannot be a parameter", "a parameter is a name that code can use"),
    "column that is no name": ("n: {a: {p-q: ¤x}}", "'p-q' cannot be a name", "a column is a name that code can use"),
    "condition that is no text": ("n: {a: {p: x, if: ¤true}}", "found True", "a condition is text"),
    "condition on nothing known": ("n: {a: {p: x, if: ¤qqqq == 1}}", "unknown name 'qqqq'", DATA),
    "condition on code": ("n: {a: {p: x, if: ¤p == 1}}", "unknown name 'p'", DATA),
    "condition on a given": ("n: {a: {p: x, if: len(¤w) == 1}}", "unknown name 'w'", DATA),
    "condition on torch": ("n: {a: {p: x, if: ¤torch == 1}}", "unknown name 'torch'", DATA),
    "syntax of a condition": ("n: {a: {p: x, if: dtype == ¤)}}", "syntax error: unmatched ')'", ""),
    "syntax of code": ("n: {a: {p: x ¤)}}", "syntax error: unmatched ')'", ""),
    "refused code": ("n: {a: {p: '¤__import__'}}", "'__import__' is not part of the language", "see docs/rules.md"),
}


def test_a_comma_without_quotes(tmp_path: Path) -> None:
    """In braces YAML ends a value at its comma; both halves are reported with what to do."""
    found = problems(tmp_path, rule(when="y = p", more="with: {p: {a: torch.add(x, x)}}\n"))
    hint = "inside braces a value that holds a comma stands in quotes"
    assert [(one.column, one.message, one.hint) for one in found] == [
        (28, "syntax error: '(' was never closed", hint),
        (34, "found None", hint),
    ]


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_in_with(name: str, tmp_path: Path) -> None:
    """Each mistake in a parameter is one problem, at the axis or inside its code."""
    axis, message, hint = WRONG[name]
    mapping = f"with: {axis}\n" if axis.lstrip("¤").startswith("{") else f"with:\n  {axis}\n"
    use = "y = [p]" if "{p:" in axis else "y = x"
    refused(tmp_path, rule(when=use, more=mapping), message, hint)


def test_an_alternative_that_binds_nothing(tmp_path: Path) -> None:
    """A condition alone is no alternative."""
    found = problems(tmp_path, rule(more="with: {n: {a: {p: x}, b: {if: dtype == 'float32'}}}\n"))
    assert "alternative 'b' binds nothing" in [one.message for one in found]


def test_a_parameter_with_a_given_s_name(tmp_path: Path) -> None:
    """Names are distinct over parameters and givens."""
    (found,) = problems(tmp_path, rule(more="with: {x: [1]}\n"))
    assert (found.message, found.hint) == ("given 'x' is already a parameter", "names are distinct")


def test_code_of_a_shared_axis_is_reported_where_it_stands(tmp_path: Path) -> None:
    """The place is in the file's axes, once, however many rules use it."""
    text = HEAD.replace("rules:", "axes:\n  made: {a: {op: 'torch.zeross(2)'}}\nrules:")
    body = GIVENS + "    with: {kind: made}\n    when: y = op\n    then: {x: [1.5, -2.25]}\n"
    second = HEAD.partition("rules:\n")[2].replace("t/a", "t/b")
    (found,) = problems(tmp_path, text + body + second + body)
    assert (found.line, found.column, found.message) == (4, 19, "'torch.zeross' is not in the vocabulary")


def test_the_file_s_axes_are_suggested(tmp_path: Path) -> None:
    """A misspelt axis is answered with the names there are, the file's own first among equals."""
    text = rule(more="with: {kind: mad}\n").replace("rules:\n", "axes: {made: [1, 2]}\nrules:\n")
    (found,) = problems(tmp_path, text)
    assert found.hint.startswith(
        "known axes: complex, devices, differentiable, floating, full_precision, half_precision"
    )
    assert "made" in found.hint


def with_axes(folder: Path, axes: str, combine: str = "product") -> Rule:
    return loaded(folder, rule(when="y = x", more=f"combine: {combine}\nwith: {axes}\n"))


def labels(rule: Rule, device: str = "cpu", others: tuple[str, ...] = ()) -> list[str]:
    return [row_label(row) for row in rows(rule, device, others)]


def test_the_product_is_taken_in_order(tmp_path: Path) -> None:
    """Every combination is a row, the last parameter moving fastest."""
    found = labels(with_axes(tmp_path, "{n: [1, 2], m: {a: x, b: x + x}}"))
    assert found == ["n=1-a", "n=1-b", "n=2-a", "n=2-b"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("[0.1, null, true, 1e-5]", ["n=0.1", "n=none", "n=true", "n=1e-05"]),
        ("[[4, 3], [], [2, [1, 2]]]", ["n=4x3", "n=", "n=2,_1,_2"]),
        ("[sum, mean of all]", ["sum", "mean_of_all"]),
        ("[-1, '']", ["n=-1", "n="]),
    ],
)
def test_labels_of_data(values: str, expected: list[str], tmp_path: Path) -> None:
    """Data is labelled by its parameter and value, without brackets, colons or spaces."""
    found = labels(with_axes(tmp_path, f"{{n: {values}}}"))
    assert found == expected


def test_dtypes_are_dtypes_whatever_the_parameter_is_called(tmp_path: Path) -> None:
    """A list of dtype names binds DType; a list in which one is none binds text."""
    rule = with_axes(tmp_path, "{to: [float16, int64], words: [float32, other]}")
    (first, *_) = [bindings_of(row) for row in rows(rule, "cpu", ())]
    assert type(first["to"]) is DType
    assert type(first["words"]) is str


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        ("floating", ["float16", "bfloat16", "float32", "float64"]),
        ("full_precision", ["float32", "float64"]),
        ("half_precision", ["float16", "bfloat16"]),
        ("complex", ["complex64", "complex128"]),
        ("integral", ["uint8", "int8", "int16", "int32", "int64"]),
        ("differentiable", ["float16", "bfloat16", "float32", "float64", "complex64", "complex128"]),
    ],
)
def test_built_in_axes(axis: str, expected: list[str], tmp_path: Path) -> None:
    """The named axes are the dtypes that docs/rules.md lists."""
    assert labels(with_axes(tmp_path, f"{{dtype: {axis}}}")) == expected


def test_code_and_columns_are_bound(tmp_path: Path) -> None:
    """A string of a mapping is code with its place, anything else data; columns are bound together."""
    rule = with_axes(tmp_path, "{n: {a: {op: x, k: [1, 2], z: null}, b: {op: x, k: 3, z: 4}}}")
    first, second = [bindings_of(row) for row in rows(rule, "cpu", ())]
    assert first["op"] == Code("x", ("rules", 0, "with", "n", "a", "op"))
    assert (first["k"], first["z"], second["k"]) == ([1, 2], None, 3)


def test_conditions_drop_alternatives(tmp_path: Path) -> None:
    """A condition sees other parameters, dtype (float32 where there is none) and device."""
    rule = with_axes(
        tmp_path, "{n: [1, 2], m: {a: {p: x, if: n > 1 and dtype == 'float32'}, b: {p: x, if: device != 'cpu'}}}"
    )
    assert labels(rule) == ["n=2-a"]
    assert labels(rule, "cuda") == ["n=1-b", "n=2-a", "n=2-b"]


def test_conditions_may_call_builtins(tmp_path: Path) -> None:
    """Builtins like len are there when the condition is evaluated."""
    rule = with_axes(tmp_path, "{shape: [[2], [2, 3]], m: {a: {p: x, if: len(shape) == 2}}}")
    assert labels(rule) == ["shape=2x3-a"]


def test_a_condition_that_fails_is_one_clear_error(tmp_path: Path) -> None:
    """What only evaluating shows names the rule and the condition's fault, without a traceback of ours."""
    rule = with_axes(tmp_path, "{shape: [[2], [2, 3]], m: {a: {p: x, if: 'shape[1] == 3'}}}")
    with pytest.raises(ConformanceError) as caught:
        list(rows(rule, "cpu", ()))
    assert str(caught.value).startswith(f"{rule.position}: a condition of 't/a' fails: list index out of range")


def test_devices_are_those_besides_the_one_under_test(tmp_path: Path) -> None:
    """'devices' makes a row for each other device, and none where there is no other."""
    rule = with_axes(tmp_path, "{n: [1], other: devices}")
    assert labels(rule, "cpu", ("cuda:0", "meta")) == ["n=1-cuda_0", "n=1-meta"]
    assert [bindings_of(row)["other"] for row in rows(rule, "cpu", ("cuda:0", "meta"))] == ["cuda:0", "meta"]
    assert labels(rule, "cpu", ()) == []
    assert rule.axes[1].names == ("other",)


def test_pairs_may_exceed_the_limit_of_a_product(tmp_path: Path) -> None:
    """The limit is on rows: eleven hundred combinations in pairs are about a hundred rows."""
    axes = "{n: [1,2,3,4,5,6,7,8,9,10,11], m: [1,2,3,4,5,6,7,8,9,10], o: [1,2,3,4,5,6,7,8,9,10]}"
    assert 110 <= len(labels(with_axes(tmp_path, axes, "pairs"))) < 200


SIZES = st.lists(st.integers(1, 5), min_size=1, max_size=5)


def pools(sizes: list[int]) -> list[list[Alternative]]:
    return [[Alternative(f"{axis}.{value}", ()) for value in range(size)] for axis, size in enumerate(sizes)]


@given(sizes=SIZES)
def test_every_pair_is_covered(sizes: list[int]) -> None:
    """Any two values of two different axes meet in some row, and each row has a value of each axis."""
    made = list(all_pairs(pools(sizes)))
    assert all([one.label.partition(".")[0] for one in row] == [str(n) for n in range(len(sizes))] for row in made)
    met = {pair for row in made for pair in itertools.combinations([one.label for one in row], 2)}
    for (i, a), (j, b) in itertools.combinations(enumerate(sizes), 2):
        assert {(f"{i}.{p}", f"{j}.{q}") for p in range(a) for q in range(b)} <= met


@given(sizes=SIZES)
def test_pairs_are_deterministic_and_never_more_than_the_product(sizes: list[int]) -> None:
    """The same axes give the same rows, without repetition."""
    made = [row_label(row) for row in all_pairs(pools(sizes))]
    assert made == [row_label(row) for row in all_pairs(pools(sizes))]
    assert max(Counter(made).values()) == 1
    product = 1
    for size in sizes:
        product *= size
    assert len(made) <= product


def test_no_values_give_no_rows() -> None:
    """An axis without alternatives on this device leaves nothing to combine."""
    assert list(all_pairs(pools([2, 0, 3]))) == []
