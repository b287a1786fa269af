"""Faults of the functional interfaces (torch.autograd.functional, torch.func) and of forward mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.func
from torch import Tensor
from torch.autograd import forward_ad, functional

from tests.mutants.swapping import swap, with_made, with_options, with_result

# -- torch.autograd.functional -----------------------------------------------------------------------------------


def _nested(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def of(found: Any) -> Any:
        return tuple(map(of, found)) if isinstance(found, tuple) else change(found)

    return of


swap(
    "jacobians_are_transposed",
    "A Jacobian has the input's dimensions first.",
    functional,
    "jacobian hessian",
    with_result(_nested(lambda j: j.permute(*range(j.dim())[::-1]))),
    catches=["functional/jacobian-shape-and-values"],
)
swap(
    "jacobians_are_always_tuples",
    "A single Jacobian or Hessian is put into a tuple.",
    functional,
    "jacobian hessian",
    with_result(lambda j: j if isinstance(j, tuple) else (j,)),
    catches=["functional/jacobian-shape-and-values", "functional/hessian"],
)
swap(
    "jacobians_nest_inputs_outside",
    "Jacobians of several outputs are grouped by inputs.",
    functional,
    "jacobian",
    with_result(lambda j: tuple(zip(*j)) if isinstance(j, tuple) and isinstance(j[0], tuple) else j),
    catches=["functional/jacobian-nesting"],
)
swap(
    "jacobians_are_never_strict",
    "strict is ignored.",
    functional,
    "jacobian",
    with_options(strict=False),
    catches=["functional/independent-output-strict"],
)
swap(
    "functional_results_carry_no_graph",
    "create_graph is ignored.",
    functional,
    "jacobian vjp",
    with_options(create_graph=False),
    catches=["functional/create-graph", "functional/create-graph-reaches-the-input"],
)
swap(
    "functional_results_carry_a_graph",
    "Results can always be differentiated.",
    functional,
    "jacobian vjp",
    with_options(create_graph=True),
    catches=["functional/create-graph"],
)
swap(
    "functional_begins_with_ones",
    "A vector that is left out is ones, of a Jacobian, and the sum is taken of what hessian is given.",
    functional,
    "vjp hessian",
    lambda right: (
        lambda function, inputs, *args, **options: right(
            lambda *x: function(*x) if args else function(*x).sum(), inputs, *args, **options
        )
    ),
    catches=["functional/vector-may-be-left-out-for-one-element", "functional/hessian-needs-a-scalar"],
)
swap(
    "products_are_returned_first",
    "hvp and vhp return the product before the value.",
    functional,
    "hvp vhp",
    with_result(lambda found: found[::-1]),
    catches=["functional/products"],
)
swap(
    "hessians_are_halved",
    "Second derivatives are divided by two, as in Taylor's formula.",
    functional,
    "hessian hvp",
    with_result(lambda found: _nested(lambda h: h / 2)(found)),
    catches=["functional/hessian", "functional/products"],
)

# -- torch.func --------------------------------------------------------------------------------------------------

swap(
    "func_grad_differentiates_the_first",
    "grad ignores argnums.",
    torch.func,
    "grad",
    with_options(argnums=0),
    catches=["func/grad-argnums-and-aux"],
)
swap(
    "func_grad_sums",
    "grad of a function with several outputs is the gradient of their sum.",
    torch.func,
    "grad",
    lambda right: (
        lambda function, *args, **options: right(
            lambda *x: y.sum() if isinstance(y := function(*x), Tensor) else y, *args, **options
        )
    ),
    catches=["func/grad-needs-a-scalar"],
)
swap(
    "func_grad_is_detached",
    "What grad returns cannot be differentiated.",
    torch.func,
    "grad",
    with_made(_nested(lambda g: g.detach())),
    catches=["func/grad-nests"],
)
swap(
    "the_value_comes_first",
    "grad_and_value returns the value first.",
    torch.func,
    "grad_and_value",
    with_made(lambda found: found[::-1]),
    catches=["func/grad-and-value"],
)
swap(
    "func_jacobians_are_transposed",
    "jacfwd and hessian have the input's dimensions first.",
    torch.func,
    "jacfwd",
    with_made(lambda j: j.permute(*range(j.dim())[::-1])),
    catches=["func/jacobians-agree"],
)
swap(
    "func_hessian_is_diagonal",
    "hessian gives the second derivatives of each input by itself.",
    torch.func,
    "hessian",
    with_made(lambda h: torch.diag(torch.diagonal(h))),
    catches=["func/hessian"],
)
swap(
    "vmap_sums_over_the_batch",
    "vmap gives every sample the sum over the batch.",
    torch.func,
    "vmap",
    with_made(lambda found: found.sum(0).expand(found.shape)),
    catches=["func/vmap-of-grad-gives-per-sample-gradients"],
)
swap(
    "func_products_come_first",
    "jvp returns the tangent before the output.",
    torch.func,
    "jvp",
    with_result(lambda found: found[::-1]),
    catches=["func/vjp-and-jvp"],
)


def _own_parameters(right: Any) -> Any:
    def call(module: Any, tensors: Any, args: Any, **options: Any) -> Any:
        for name, tensor in tensors.items():
            module.get_parameter(name).data.copy_(tensor.detach())
        return module(*args)

    return call


swap(
    "functional_call_loads_the_tensors",
    "functional_call loads the tensors into the module and calls it.",
    torch.func,
    "functional_call",
    _own_parameters,
    catches=["func/functional-call-uses-other-parameters"],
)
swap(
    "func_grad_writes_into_grad",
    "grad leaves the gradient in .grad too.",
    torch.func,
    "grad",
    lambda right: lambda function, *args, **options: lambda *x: _noted(right(function, *args, **options)(*x), x[0]),
    catches=["func/grad-is-the-gradient-and-leaves-grad-alone"],
)


def _noted(found: Any, x: Any) -> Any:
    if isinstance(found, Tensor) and not torch._C._functorch.is_functorch_wrapped_tensor(x):
        x.grad = found.detach().clone()
    return found


# -- forward mode ------------------------------------------------------------------------------------------------

swap(
    "tangents_are_not_unpacked",
    "unpack_dual gives the dual tensor and no tangent.",
    forward_ad,
    "unpack_dual",
    lambda right: lambda x, **options: forward_ad.UnpackedDualTensor(x, None),
    catches=[
        "forward-ad/tangent-is-jacobian-times-vector",
        "forward-ad/unpack-gives-primal-and-tangent",
        "forward-ad/custom-function-jvp",
    ],
)


def _own_level(right: Any) -> Any:
    def make(x: Any, tangent: Any, **options: Any) -> Any:
        return right(x, tangent, **options) if forward_ad._current_level >= 0 else x

    return make


swap(
    "duals_outside_a_level_are_plain",
    "make_dual outside of a level returns the tensor.",
    forward_ad,
    "make_dual",
    _own_level,
    catches=["forward-ad/needs-a-level"],
)
swap(
    "tangents_are_broadcast",
    "A tangent of another shape is cut to the tensor's.",
    forward_ad,
    "make_dual",
    lambda right: lambda x, tangent, **options: right(x, tangent.flatten()[: x.numel()].reshape(x.shape), **options),
    catches=["forward-ad/tangent-of-another-shape-refused"],
)
swap(
    "levels_nest_silently",
    "Entering a level inside of another does nothing.",
    forward_ad,
    "enter_dual_level",
    lambda right: lambda: right() if forward_ad._current_level < 0 else forward_ad._current_level,
    catches=["forward-ad/levels-do-not-nest"],
)
swap(
    "every_tensor_has_a_tangent",
    "A tensor without a tangent is given one of ones.",
    forward_ad,
    "unpack_dual",
    lambda right: _with_ones(right),
    catches=["forward-ad/tangents-end-with-the-level"],
)


def _with_ones(right: Any) -> Any:
    def unpack(x: Any, **options: Any) -> Any:
        primal, tangent = right(x, **options)
        return forward_ad.UnpackedDualTensor(primal, torch.ones_like(primal) if tangent is None else tangent)

    return unpack
