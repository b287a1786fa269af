"""Faults of the derivatives of broadcast and empty operands, of mixed dtypes, and of higher order."""

from __future__ import annotations

from typing import Any

import torch
import torch.utils.checkpoint
from torch import Tensor

from tests.mutants.swapping import swap, tampered

# -- shapes ------------------------------------------------------------------------------------------------------


def _averaged(right: Any) -> Any:
    def operate(a: Any, b: Any) -> Any:
        y = right(a, b)
        if not isinstance(b, Tensor) or not isinstance(y, Tensor) or not b.requires_grad or b.numel() in (0, y.numel()):
            return y
        return right(a, tampered(b, lambda grad: grad * (b.numel() / y.numel())))

    return operate


swap(
    "stretched_operands_get_means",
    "The gradient of a broadcast operand is a mean over its copies.",
    Tensor,
    "__add__ __mul__",
    _averaged,
    catches=["broadcast/gradient-reduced-to-input-shape"],
    reaches=["*"],
)
swap(
    "batched_matmul_averages",
    "The gradient of a matrix or vector that is shared by a batch is a mean over the batch.",
    Tensor,
    "__matmul__",
    lambda right: (
        lambda a, b: right(a, tampered(b, lambda grad: grad / a.shape[0]) if a.dim() > 2 and b.dim() < a.dim() else b)
    ),
    catches=["broadcast/batched-matmul", "broadcast/matrix-times-vector"],
)
swap(
    "writes_do_not_reach_their_operand",
    "The operand of += and *= gets no gradient.",
    Tensor,
    "__iadd__ __imul__",
    lambda right: lambda x, other: right(x, other.detach() if isinstance(other, Tensor) else other),
    catches=["broadcast/inplace-operand"],
    reaches=["inplace"],
)


def _first_where_refused(right: Any) -> Any:
    def add(a: Any, b: Any) -> Any:
        try:
            return right(a, b)
        except RuntimeError:
            return a

    return add


swap(
    "sizes_that_differ_are_ignored",
    "A sum of tensors that cannot be broadcast is the first.",
    Tensor,
    "__add__",
    _first_where_refused,
    catches=["broadcast/incompatible-shapes-refused"],
    reaches=["device", "inference-mode"],
)
swap(
    "empty_leaves_get_no_gradient",
    "Products without elements are not recorded.",
    Tensor,
    "__mul__",
    lambda right: lambda a, b: right(a, b) if a.numel() else right(a.detach(), b),
    catches=["zero-element/gradient-shape"],
)
swap(
    "empty_products_are_undefined",
    "A matrix product over nothing is NaN.",
    Tensor,
    "__matmul__",
    lambda right: lambda a, b: right(a, b) if a.numel() else right(a, b) * float("nan"),
    catches=["zero-element/empty-inner-dimension"],
)
swap(
    "the_mean_of_nothing_is_zero",
    "The mean of no elements is zero.",
    Tensor,
    "mean",
    lambda right: lambda x, *args, **options: right(x, *args, **options) if x.numel() else x.sum(),
    catches=["zero-element/reductions"],
)
swap(
    "empty_pieces_are_left_out",
    "cat cuts the history where one of its pieces is empty.",
    torch,
    "cat",
    lambda right: (
        lambda pieces, *args: (
            right(pieces, *args) if all(p.numel() for p in pieces) else right(pieces, *args).detach().requires_grad_()
        )
    ),
    catches=["zero-element/mixed-with-nonempty"],
)

# -- dtypes ------------------------------------------------------------------------------------------------------


def _tensors(right: Any, change: Any) -> Any:
    """``change`` of both operands where both are tensors."""
    return lambda a, b: right(*change(a, b)) if isinstance(b, Tensor) else right(a, b)


swap(
    "the_first_dtype_wins",
    "A product has the dtype of its first operand.",
    Tensor,
    "__mul__",
    lambda right: _tensors(right, lambda a, b: (a, b.to(a.dtype))),
    catches=["dtype/gradient-follows-each-input", "dtype/promotion-table"],
    reaches=["*"],
)
swap(
    "zero_dim_operands_promote",
    "An operand of no dimension takes part in the promotion of dtypes like any other.",
    Tensor,
    "__mul__",
    lambda right: _tensors(right, lambda a, b: (a, b.reshape(1) if a.dim() and not b.dim() else b)),
    catches=["dtype/zero-dim-operand-keeps-dtype"],
    reaches=["device"],
)
swap(
    "numbers_promote",
    "A Python number takes part in the promotion of dtypes like a tensor of its kind.",
    Tensor,
    "__mul__",
    lambda right: (
        lambda a, b: right(a, b if isinstance(b, Tensor) or not a.dim() else torch.tensor([b], device=a.device))
    ),
    catches=["dtype/python-numbers-keep-the-dtype"],
    reaches=["*"],
)
swap(
    "integers_divide_to_integers",
    "The quotient of integers is an integer.",
    Tensor,
    "__truediv__",
    lambda right: lambda a, b: right(a, b) if a.is_floating_point() or a.is_complex() else right(a, b).to(a.dtype),
    catches=["dtype/true-division-of-integers"],
)
swap(
    "integer_operands_cut_the_history",
    "A product with integers or booleans is not recorded.",
    Tensor,
    "__mul__",
    lambda right: _tensors(right, lambda a, b: (a if b.is_floating_point() or b.is_complex() else a.detach(), b)),
    catches=["dtype/integer-operand-is-constant"],
)
swap(
    "conversions_scale_gradients",
    "The gradient of a conversion to half precision is not converted back but lost.",
    Tensor,
    "half bfloat16",
    lambda right: lambda x: right(x.detach()).requires_grad_(x.requires_grad),
    catches=["dtype/cast-round-trip"],
    reaches=["requires-grad", "leaf"],
)

# -- higher order ------------------------------------------------------------------------------------------------

swap(
    "powers_have_one_derivative",
    "The derivative of a power has no history.",
    Tensor,
    "__pow__",
    lambda right: lambda x, e: right(tampered(x, lambda grad: grad.detach()), e),
    catches=["higher-order/nth-derivative", "higher-order/mixed-partials-and-hvp"],
    reaches=["autograd-grad", "backward", "custom-function", "func", "functional", "grad-attr"],
)
swap(
    "products_have_one_derivative",
    "The derivative of a product has no history.",
    Tensor,
    "__mul__",
    lambda right: lambda x, y: right(tampered(x, lambda grad: grad.detach()), y),
    catches=["higher-order/gradient-penalty", "higher-order/through-inplace-views-and-indexing"],
    reaches=["*"],
)


def _recording(right: Any) -> Any:
    def grad(*args: Any, create_graph: bool = False, **options: Any) -> Any:
        found = right(*args, create_graph=create_graph, **options)
        return tuple(one if one is None else one.requires_grad_() for one in found) if create_graph else found

    return grad


swap(
    "gradients_always_require_grad",
    "Gradients made with create_graph=True require grad even where they are constant.",
    torch.autograd,
    "grad",
    _recording,
    catches=["higher-order/linear-function-first-derivative-is-constant"],
    reaches=["autograd-grad"],
)
