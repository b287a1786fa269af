"""Types: promotion, defaults, limits."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import conformance.reference as reference
from conformance.reference import dtypes

NAMES = [each.name for each in dtypes.ALL]
NUMBERS = [True, 3, 2.5, 1j]


def describe(lib: Any, make: Any) -> str:
    """The dtype of a result, or that it raises."""
    try:
        return str(make(lib).dtype)
    except (RuntimeError, TypeError):
        return "raises"


@pytest.mark.parametrize("first", NAMES)
def test_promotion_table_is_torchs(first: str) -> None:
    """promote_types answers as torch for every pair."""
    torch = pytest.importorskip("torch")
    for second in NAMES:
        found = reference.promote_types(getattr(reference, first), getattr(reference, second))
        assert str(found) == str(torch.promote_types(getattr(torch, first), getattr(torch, second)))


@pytest.mark.parametrize("operation", ["add", "sub", "mul", "div", "pow", "eq", "maximum", "floor_divide", "remainder"])
def test_operand_types_promote_as_in_torch(operation: str) -> None:
    """Dimensions beat 0-d tensors, and those beat numbers, for every operation and pair of types."""
    torch = pytest.importorskip("torch")
    for first, second in itertools.product(NAMES, NAMES):
        if {first, second} & {"float16", "bfloat16"} and {first, second} & {"complex64", "complex128"}:
            continue  # torch makes complex32 of some of these, which the reference lacks
        for shapes in (((2,), (2,)), ((2,), ()), ((), (2,))):

            def call(lib: Any, shapes: Any = shapes, first: str = first, second: str = second) -> Any:
                a, b = (lib.ones(s, dtype=getattr(lib, n)) for s, n in zip(shapes, (first, second), strict=True))
                return getattr(lib, operation)(a, b)

            assert describe(reference, call) == describe(torch, call), (first, second, shapes)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_promote_as_in_torch(name: str) -> None:
    """A Python number counts only if its category is higher, on either side."""
    torch = pytest.importorskip("torch")
    for number, shape in itertools.product(NUMBERS, ((2,), ())):
        if isinstance(number, complex) and name in ("float16", "bfloat16"):
            continue
        for left in (True, False):

            def call(lib: Any, number: Any = number, shape: Any = shape, left: bool = left) -> Any:
                x = lib.ones(shape, dtype=getattr(lib, name))
                return x * number if left else number + x

            assert describe(reference, call) == describe(torch, call), (number, shape, left)


@pytest.mark.parametrize("name", NAMES)
def test_functions_of_integers_are_floating(name: str) -> None:
    """exp, sqrt and the like turn integers into the default type; abs and neg do not."""
    torch = pytest.importorskip("torch")
    for function in (
        "exp",
        "sqrt",
        "sigmoid",
        "abs",
        "neg",
        "sum",
        "mean",
        "prod",
        "cumsum",
        "square",
        "reciprocal",
        "sign",
    ):

        def call(lib: Any, function: str = function) -> Any:
            x = lib.ones(2, dtype=getattr(lib, name))
            return lib.cumsum(x, 0) if function == "cumsum" else getattr(lib, function)(x)

        assert describe(reference, call) == describe(torch, call), function


def test_in_place_results_stay_in_their_category() -> None:
    """A floating result cannot be written into integers; a double one can be into floats."""
    with pytest.raises(RuntimeError, match="can't be cast"):
        reference.ones(2, dtype=reference.int64).add_(1.5)
    x = reference.ones(2).mul_(reference.full((2,), 3.0, dtype=reference.float64))
    assert x.dtype is reference.float32
    assert x.tolist() == [3.0, 3.0]


def test_default_type_rules_floats() -> None:
    """Python floats and integer divisions take the default type, which may be changed."""
    assert reference.tensor([1.5]).dtype is reference.float32
    reference.set_default_dtype(reference.float64)
    try:
        assert reference.tensor([1.5]).dtype is reference.float64
        assert (reference.tensor([1]) / 2).dtype is reference.float64
    finally:
        reference.set_default_dtype(reference.float32)
    with pytest.raises(TypeError):
        reference.set_default_dtype(reference.int64)


def test_limits_are_torchs() -> None:
    """The limits say what torch's say."""
    torch = pytest.importorskip("torch")
    for name in ("float16", "bfloat16", "float32", "float64"):
        ours, theirs = reference.finfo(getattr(reference, name)), torch.finfo(getattr(torch, name))
        assert (ours.eps, ours.max, ours.min, ours.tiny, ours.bits) == (
            theirs.eps, theirs.max, theirs.min, theirs.tiny, theirs.bits,
        )  # fmt: skip
    for name in ("uint8", "int8", "int16", "int32", "int64"):
        ours, theirs = reference.iinfo(getattr(reference, name)), torch.iinfo(getattr(torch, name))
        assert (ours.max, ours.min, ours.bits) == (theirs.max, theirs.min, theirs.bits)


def test_bfloat16_rounds_as_in_torch() -> None:
    """bfloat16 keeps eight bits, and sums are rounded once."""
    torch = pytest.importorskip("torch")
    values = [1.0009765625, 3.14159, 1e-3, 257.0]
    found, expected = (lib.tensor(values, dtype=lib.bfloat16) for lib in (reference, torch))
    assert found.tolist() == expected.tolist()
    assert found.sum().item() == expected.sum().item()
    assert (found * 3).tolist() == (expected * 3).tolist()
