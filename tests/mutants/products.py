"""Faults of products with Jacobians, of mapping, of calls with other parameters, and of what dtypes lead to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.func
from torch import Tensor
from torch.autograd import forward_ad, functional
from torch.autograd.function import FunctionCtx

from tests.mutants.swapping import swap, with_options

# -- forward mode ------------------------------------------------------------------------------------------------

swap(
    "duals_are_copies",
    "make_dual copies its tensor.",
    forward_ad,
    "make_dual",
    lambda right: lambda x, tangent, **options: right(x.clone(), tangent, **options),
    catches=["forward-ad/dual-aliases-its-parts"],
)
swap(
    "no_grad_switches_tangents_off",
    "Inside no_grad no tangents are computed.",
    torch.no_grad,
    "__enter__ __exit__",
    lambda right: lambda self, *left: (torch._C._set_fwd_grad_enabled(bool(left)), right(self, *left))[1],
    catches=["forward-ad/no-grad-does-not-apply"],
)
swap(
    "tangents_are_detached",
    "unpack_dual gives a tangent without history.",
    forward_ad,
    "unpack_dual",
    lambda right: lambda x, **options: _with_tangent(right(x, **options), lambda tangent: tangent.detach()),
    catches=["forward-ad/backward-through-the-tangent"],
)


def _with_tangent(found: Any, change: Callable[[Tensor], Tensor]) -> Any:
    return found if found.tangent is None else forward_ad.UnpackedDualTensor(found.primal, change(found.tangent))


swap(
    "levels_are_not_entered",
    "enter_dual_level does nothing.",
    forward_ad,
    "enter_dual_level",
    lambda right: lambda: 0,
    catches=["forward-ad/enter-and-exit"],
    reaches=["func"],
)
swap(
    "nothing_is_saved_for_forward",
    "save_for_forward keeps nothing.",
    FunctionCtx,
    "save_for_forward",
    lambda right: lambda ctx, *tensors: None,
    catches=["forward-ad/custom-function-saves-for-forward"],
)

# -- torch.autograd.functional -----------------------------------------------------------------------------------

swap(
    "vectors_default_to_ones",
    "A vector that is left out is ones, whatever the size of the input.",
    functional,
    "jvp hvp vhp",
    lambda right: lambda f, x, v=None, **options: right(f, x, torch.ones_like(x) if v is None else v, **options),
    catches=["functional/vector-may-be-left-out-for-one-input"],
)
swap(
    "vectors_are_cut_to_size",
    "A vector of another size is cut or filled to that of the input.",
    functional,
    "vjp jvp hvp",
    lambda right: lambda f, x, v=None, **options: right(f, x, v if v is None else _fitted(v, f(x), x), **options),
    catches=["functional/vector-of-another-size-refused"],
)


def _fitted(v: Tensor, output: Any, x: Tensor) -> Tensor:
    like = output if isinstance(output, Tensor) and output.shape == v.shape else x
    return v if v.shape == like.shape else torch.ones_like(x)


# -- torch.func --------------------------------------------------------------------------------------------------

swap(
    "no_grad_reaches_into_grad",
    "grad inside no_grad gives zeros.",
    torch.func,
    "grad",
    lambda right: (
        lambda f, *args, **options: lambda *x: right(f, *args, **options)(*x) * (1 if torch.is_grad_enabled() else 0)
    ),
    catches=["func/no-grad-inside-and-outside"],
)
swap(
    "pullbacks_are_bare",
    "The function that vjp returns gives the product for the first argument, not a tuple.",
    torch.func,
    "vjp",
    lambda right: lambda *args, **options: _bare(*right(*args, **options)),
    catches=["func/vjp-of-structures"],
)


def _bare(output: Any, pull: Callable[[Any], Any]) -> Any:
    return output, lambda cotangents: pull(cotangents)[0]


swap(
    "mapped_dimensions_come_first",
    "vmap puts the mapped dimension first, whatever out_dims says.",
    torch.func,
    "vmap",
    with_options(out_dims=0),
    catches=["func/vmap-dimensions"],
)
swap(
    "mapped_draws_are_the_same",
    "vmap draws once for all entries, and never refuses to.",
    torch.func,
    "vmap",
    with_options(randomness="same"),
    catches=["func/vmap-randomness"],
)
swap(
    "functional_calls_copy",
    "functional_call runs the module with copies of the tensors.",
    torch.func,
    "functional_call",
    lambda right: (
        lambda module, tensors, args, **options: right(
            module, {name: tensor.clone() for name, tensor in tensors.items()}, args, **options
        )
    ),
    catches=["func/functional-call-reflects-writes"],
)
swap(
    "functional_calls_do_not_tie",
    "functional_call replaces a tied parameter under the name that was given, and no other.",
    torch.func,
    "functional_call",
    with_options(tie_weights=False),
    catches=["func/functional-call-ties-weights"],
)
swap(
    "functional_calls_are_never_strict",
    "strict=True is ignored by functional_call, and unknown names are left out.",
    torch.func,
    "functional_call",
    lambda right: (
        lambda module, tensors, args, strict=False, **options: right(
            module, {name: tensor for name, tensor in tensors.items() if hasattr(module, name)}, args, **options
        )
    ),
    catches=["func/functional-call-ties-weights"],
)
swap(
    "stacked_states_have_a_history",
    "stack_module_state gives results of torch.stack.",
    torch.func,
    "stack_module_state",
    lambda right: (
        lambda modules: (
            {name: torch.stack([m.get_parameter(name) for m in modules]) for name, _ in modules[0].named_parameters()},
            right(modules)[1],
        )
    ),
    catches=["func/stacked-states-are-new-leaves"],
)
swap(
    "linear_approximations_are_taken_at_zero",
    "linearize gives the product with the Jacobian at zero.",
    torch.func,
    "linearize",
    lambda right: lambda f, x: (f(x), right(f, torch.zeros_like(x))[1]),
    catches=["func/linearize"],
)

# -- dtypes ------------------------------------------------------------------------------------------------------


def _sufficient(right: Any) -> Any:
    def operate(x: Any, y: Any) -> Any:
        found = right(x, y)
        wide = isinstance(y, Tensor) and found.is_complex() and bool(x.dim()) != bool(y.dim())
        return found.to(torch.promote_types(x.dtype, y.dtype)) if wide else found

    return operate


swap(
    "complex_numbers_widen",
    "A complex tensor without dimensions makes the result wide enough for it.",
    Tensor,
    "__add__ __mul__",
    _sufficient,
    catches=["dtype/complex-zero-dim-takes-the-width-of-the-operand"],
    reaches=["dtype", "complex"],
)


def _long_only(right: Any) -> Any:
    def loss(x: Any, target: Any, *args: Any, **options: Any) -> Any:
        if target.dtype == torch.uint8:
            raise RuntimeError("class indices must be int64")
        return right(x, target, *args, **options)

    return loss


swap(
    "targets_must_be_int64",
    "Class indices of another dtype than int64 raise.",
    torch.nn.functional,
    "cross_entropy nll_loss",
    _long_only,
    catches=["loss-ce/index-target-dtypes"],
)
swap(
    "float_is_silent",
    "float() of a tensor that requires grad gives no warning.",
    Tensor,
    "__float__",
    lambda right: lambda x: right(x.detach()),
    catches=["requires-grad/python-numbers-warn"],
)
