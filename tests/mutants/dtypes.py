"""Faults of dtypes: of data, of the default, of results, and of what may be written in place; and of making tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase
from tests.mutants.swapping import swap

# -- data --------------------------------------------------------------------------------------------------------


def _made(change: Callable[[Any, Tensor], Tensor]) -> Callable[[Any], Any]:
    """Where no dtype is asked for, ``change(data, tensor)`` of what is made of data."""

    def build(right: Any) -> Any:
        def make(data: Any, *args: Any, **options: Any) -> Any:
            made = right(data, *args, **options)
            return made if args or options.get("dtype") else change(data, made)

        return make

    return build


def _is_python(data: Any) -> bool:
    return isinstance(data, (bool, int, float, complex, list, tuple))


swap(
    "python_floats_are_double",
    "Python numbers with a point become float64, as in NumPy.",
    torch,
    "tensor as_tensor",
    _made(lambda data, made: made.double() if _is_python(data) and made.is_floating_point() else made),
    catches=["dtype/inference-from-python-data", "construct/lists-are-copied"],
    reaches=["*"],
)
swap(
    "complex_numbers_are_single",
    "Complex numbers become complex64, whatever the default dtype.",
    torch,
    "tensor",
    _made(lambda data, made: made.to(torch.complex64) if _is_python(data) and made.is_complex() else made),
    catches=["dtype/set-default-dtype-complex"],
)
swap(
    "arrays_take_the_default_dtype",
    "Floating-point arrays become tensors of the default dtype.",
    torch,
    "tensor as_tensor",
    _made(
        lambda data, made: (
            made.to(torch.get_default_dtype()) if isinstance(data, np.ndarray) and made.is_floating_point() else made
        )
    ),
    catches=["dtype/inference-from-numpy", "construct/tensor-copies-as-tensor-shares"],
    reaches=["host", "numpy"],
)


def _taking(kind: type, take: Callable[[Any], Tensor]) -> Callable[[Any], Any]:
    """Data of this kind is taken by ``take``, unless a dtype or a flag is asked for."""

    def build(right: Any) -> Any:
        def make(data: Any, *, device: Any = None, **options: Any) -> Any:
            return take(data) if isinstance(data, kind) and not options else right(data, device=device, **options)

        return make

    return build


swap(
    "tensor_shares_arrays",
    "torch.tensor uses the memory of an array.",
    torch,
    "tensor",
    _taking(np.ndarray, torch.from_numpy),
    catches=["construct/tensor-copies-as-tensor-shares"],
    reaches=["host", "numpy"],
)
swap(
    "as_tensor_copies_arrays",
    "as_tensor copies an array.",
    torch,
    "as_tensor",
    _made(lambda data, made: made.clone() if isinstance(data, np.ndarray) else made),
    catches=["construct/tensor-copies-as-tensor-shares"],
    reaches=["host", "numpy"],
)
swap(
    "tensor_of_a_tensor_is_a_clone",
    "torch.tensor of a tensor is a copy with history, and warns of nothing.",
    torch,
    "tensor",
    _taking(Tensor, lambda data: data.clone()),
    catches=["construct/tensor-of-tensor-detaches"],
    reaches=["leaf", "requires-grad"],
)
swap(
    "factories_make_floats",
    "arange and full make the default dtype whatever numbers they are given.",
    torch,
    "arange full",
    lambda right: (
        lambda *args, dtype=None, **options: right(*args, dtype=dtype or torch.get_default_dtype(), **options)
    ),
    catches=["dtype/inference-in-factories"],
    reaches=["*"],
)

# -- the default -------------------------------------------------------------------------------------------------


def _lenient(right: Any) -> Any:
    def set_default_dtype(dtype: Any) -> None:
        if dtype.is_floating_point:
            right(dtype)

    return set_default_dtype


swap(
    "other_default_dtypes_are_ignored",
    "set_default_dtype ignores dtypes that are not floating.",
    torch,
    "set_default_dtype",
    _lenient,
    catches=["dtype/default-dtype-must-be-floating"],
)

# -- operands ----------------------------------------------------------------------------------------------------


def _number(change: Callable[[Tensor, Any, Tensor], Tensor]) -> Callable[[Any], Any]:
    """``change(tensor, number, result)`` where an operand is a Python number."""

    def build(right: Any) -> Any:
        def operate(x: Tensor, other: Any) -> Any:
            made = right(x, other)
            return made if isinstance(other, Tensor) or made is NotImplemented else change(x, other, made)

        return operate

    return build


def _as_in_numpy(x: Tensor, number: Any, made: Tensor) -> Tensor:
    if x.is_floating_point() or x.is_complex() or not isinstance(number, float):
        return made
    return made.double()


swap(
    "integers_times_floats_are_double",
    "Integers and a Python number with a point give float64, as in NumPy.",
    Tensor,
    "__mul__ __rmul__ __add__ __radd__",
    _number(_as_in_numpy),
    catches=["dtype/higher-category-scalar-promotes-to-default", "dtype/set-default-dtype"],
    reaches=["scalar"],
)
swap(
    "the_left_operand_decides",
    "The sum of two floating tensors has the dtype of the first.",
    Tensor,
    "__add__",
    lambda right: (
        lambda x, other: (
            right(x, other).to(x.dtype)
            if isinstance(other, Tensor) and other.dim() and x.is_floating_point() and other.is_floating_point()
            else right(x, other)
        )
    ),
    catches=["dtype/dimensioned-operands-promote-to-common-type"],
    reaches=["complex", "scalar"],
)


@mutant(
    "What does not fit is cast and written in place all the same.",
    catches=["dtype/in-place-result-must-be-castable", "dtype/in-place-result-must-be-castable-complex"],
    reaches=["complex", "inplace"],
)
def in_place_results_are_cast(torch_: MonkeyPatch) -> None:
    right = TensorBase.add_

    def add_(x: Tensor, other: Any, **options: Any) -> Tensor:
        if isinstance(other, Tensor) and not torch.can_cast(torch.result_type(x, other), x.dtype):
            x.copy_(torch.add(x, other, **options))
            return x
        return right(x, other, **options)

    torch_.setattr(Tensor, "add_", add_)


swap(
    "sums_keep_the_dtype",
    "The sum of integers has their dtype.",
    Tensor,
    "sum",
    lambda right: (
        lambda x, *args, **options: (
            right(x, *args, **options)
            if x.is_floating_point() or x.is_complex() or x.dtype == torch.bool or options
            else right(x, *args, dtype=x.dtype)
        )
    ),
    catches=["dtype/true-division-and-integer-reductions"],
)
swap(
    "means_of_integers_are_floating",
    "The mean of integers has the default dtype.",
    Tensor,
    "mean",
    lambda right: (
        lambda x, *args, **options: (
            right(x, *args, **options)
            if x.is_floating_point() or x.is_complex() or options
            else right(x, *args, dtype=torch.get_default_dtype())
        )
    ),
    catches=["dtype/true-division-and-integer-reductions"],
)


def _casting_numbers(right: Any) -> Any:
    def write(x: Tensor, number: Any, *args: Any, **options: Any) -> Any:
        if isinstance(number, float) and not (x.is_floating_point() or x.is_complex()):
            number = int(number)
        return right(x, number, *args, **options)

    return write


swap(
    "numbers_are_cut_in_place",
    "A Python number with a point is cut to an integer where it changes integers in place.",
    Tensor,
    "add_ mul_",
    _casting_numbers,
    catches=["dtype/in-place-number-must-be-castable"],
    reaches=["inplace"],
)
swap(
    "floor_division_truncates",
    "// rounds toward zero.",
    Tensor,
    "__floordiv__",
    lambda right: lambda x, other: torch.div(x, other, rounding_mode="trunc"),
    catches=["dtype/floor-division-rounds-down"],
)
swap(
    "conversions_round",
    "long() rounds.",
    Tensor,
    "long",
    lambda right: lambda x: right(x.round() if x.is_floating_point() else x),
    catches=["dtype/floats-become-integers-by-truncation"],
)
swap(
    "comparisons_count",
    "Comparisons give uint8.",
    Tensor,
    "__lt__ __eq__",
    lambda right: lambda x, other: made.to(torch.uint8) if isinstance(made := right(x, other), Tensor) else made,
    catches=["dtype/comparisons-give-bool"],
    reaches=["*"],
)
swap(
    "the_first_part_decides",
    "cat gives the dtype of its first operand.",
    torch,
    "cat",
    lambda right: lambda tensors, *args, **options: right([t.to(tensors[0].dtype) for t in tensors], *args, **options),
    catches=["dtype/cat-and-where-promote"],
)
