"""Faults of embeddings, of torch.func and forward mode, and of the gradients of normalization."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.autograd.functional
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
from torch import nn
from torch.autograd import forward_ad

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase

# -- embeddings --------------------------------------------------------------------------------------------------


@mutant("Embeddings begin with uniform numbers.", catches=["embedding/initial-weight"])
def embeddings_begin_uniform(torch_: MonkeyPatch) -> None:
    torch_.setattr(nn.Embedding, "reset_parameters", lambda table: nn.init.uniform_(table.weight, -1.7, 1.7))


@mutant("The padding row of an embedding is learned like any other.", catches=["embedding/padding-row"])
def padding_rows_are_learned(torch_: MonkeyPatch) -> None:
    right = F.embedding
    torch_.setattr(
        F,
        "embedding",
        lambda index, weight, padding_idx=None, *args, **options: right(index, weight, None, *args, **options),
    )


@mutant("The padding row of an embedding begins like any other.", catches=["embedding/padding-row"])
def padding_rows_begin_drawn(torch_: MonkeyPatch) -> None:
    torch_.setattr(nn.Embedding, "_fill_padding_idx_with_zero", lambda table: None)


@mutant("A pretrained embedding is trained unless freeze=True is passed.", catches=["embedding/from-pretrained"])
def pretrained_embeddings_are_trained(torch_: MonkeyPatch) -> None:
    right = nn.Embedding.from_pretrained
    torch_.setattr(
        nn.Embedding, "from_pretrained", lambda rows, freeze=False, **options: right(rows, freeze=freeze, **options)
    )


@mutant(
    "max_norm shrinks what is returned and leaves the table as it is.",
    catches=["embedding/max-norm-shrinks-rows"],
)
def max_norm_leaves_the_table(torch_: MonkeyPatch) -> None:
    right = F.embedding
    torch_.setattr(
        F, "embedding", lambda index, weight, *args, **options: right(index, weight.clone(), *args, **options)
    )


@mutant("one_hot gives a column for every index it was given.", catches=["embedding/one-hot"])
def one_hot_counts_indices(torch_: MonkeyPatch) -> None:
    right = F.one_hot
    torch_.setattr(
        F, "one_hot", lambda index, num_classes=-1: right(index, max(num_classes, index.numel(), int(index.max()) + 1))
    )


# -- forward mode and torch.func ---------------------------------------------------------------------------------


@mutant("Forward mode stops under no_grad.", catches=["forward-ad/no-grad-does-not-apply"])
def forward_mode_stops_under_no_grad(torch_: MonkeyPatch) -> None:
    right = TensorBase.__mul__

    def mul(x: Any, other: Any) -> Any:
        if torch.is_grad_enabled() or forward_ad._current_level < 0:
            return right(x, other)
        return right(
            *(forward_ad.unpack_dual(one).primal if isinstance(one, torch.Tensor) else one for one in (x, other))
        )

    torch_.setattr(torch.Tensor, "__mul__", mul, raising=False)


@mutant(
    "The tangent of a product has the part of the first factor alone.",
    catches=["forward-ad/tangents-of-several-inputs-add-up"],
)
def tangents_of_second_factors_are_lost(torch_: MonkeyPatch) -> None:
    right = TensorBase.__mul__

    def mul(x: Any, other: Any) -> Any:
        if forward_ad._current_level < 0 or not isinstance(other, torch.Tensor) or x is other:
            return right(x, other)
        return right(x, forward_ad.unpack_dual(other).primal)

    torch_.setattr(torch.Tensor, "__mul__", mul, raising=False)


def _replace_vmap(torch_: MonkeyPatch, change: Callable[[Any, Any], tuple[Any, Any]]) -> None:
    right = torch.func.vmap

    def vmap(function: Any, in_dims: Any = 0, out_dims: Any = 0, **options: Any) -> Any:
        return right(function, *change(in_dims, out_dims), **options)

    torch_.setattr(torch.func, "vmap", vmap)


@mutant("vmap stacks its results along dimension 0.", catches=["func/vmap-dimensions"])
def vmap_ignores_out_dims(torch_: MonkeyPatch) -> None:
    _replace_vmap(torch_, lambda into, out: (into, 0))


@mutant("vmap maps over dimension 0 unless each argument has its own.", catches=["func/vmap-dimensions"])
def vmap_ignores_a_single_in_dim(torch_: MonkeyPatch) -> None:
    _replace_vmap(torch_, lambda into, out: (0 if isinstance(into, int) else into, out))


@mutant(
    "torch.func.grad differentiates through what its function computes under no_grad.",
    catches=["func/no-grad-inside-and-outside"],
)
def func_grad_overrules_no_grad(torch_: MonkeyPatch) -> None:
    right = torch.func.grad

    def grad(function: Any, *args: Any, **options: Any) -> Any:
        inner = right(function, *args, **options)

        def call(*inputs: Any, **named: Any) -> Any:
            with MonkeyPatch.context() as inside:
                inside.setattr(torch, "no_grad", torch.enable_grad)
                return inner(*inputs, **named)

        return call

    torch_.setattr(torch.func, "grad", grad)


@mutant(
    "functional_call wants all parameters and heeds no buffers.",
    catches=["func/functional-call-takes-some-names"],
)
def functional_call_heeds_no_buffers(torch_: MonkeyPatch) -> None:
    right = torch.func.functional_call

    def functional_call(module: Any, given: Any, *args: Any, **options: Any) -> Any:
        names = {name for name, _ in module.named_parameters()}
        return right(module, {name: one for name, one in given.items() if name in names}, *args, **options)

    torch_.setattr(torch.func, "functional_call", functional_call)


# -- torch.autograd.functional -----------------------------------------------------------------------------------


def _without(torch_: MonkeyPatch, option: str) -> None:
    def ignoring(right: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **options: right(*args, **{name: one for name, one in options.items() if name != option})

    for name in ("jvp", "hvp", "vhp"):
        torch_.setattr(torch.autograd.functional, name, ignoring(getattr(torch.autograd.functional, name)))


@mutant("jvp, hvp and vhp never create a graph.", catches=["functional/create-graph"])
def products_create_no_graph(torch_: MonkeyPatch) -> None:
    _without(torch_, "create_graph")


@mutant(
    "jvp, hvp and vhp are never strict.",
    catches=["functional/independent-output-strict", "functional/strict-products"],
)
def products_are_never_strict(torch_: MonkeyPatch) -> None:
    _without(torch_, "strict")


# -- gradcheck ---------------------------------------------------------------------------------------------------


@mutant("gradcheck compares the gradients of the first input alone.", catches=["gradcheck/every-pair-is-compared"])
def gradcheck_tries_one_input(torch_: MonkeyPatch) -> None:
    right = torch.autograd.gradcheck

    def gradcheck(function: Any, inputs: Any, *args: Any, **options: Any) -> Any:
        if not isinstance(inputs, tuple) or not inputs[0].requires_grad:
            return right(function, inputs, *args, **options)
        others = [one.detach() for one in inputs[1:]]
        return right(lambda first: function(first, *others), inputs[:1], *args, **options)

    torch_.setattr(torch.autograd, "gradcheck", gradcheck)


@mutant("gradcheck compares the gradients of the first output alone.", catches=["gradcheck/every-pair-is-compared"])
def gradcheck_tries_one_output(torch_: MonkeyPatch) -> None:
    right = torch.autograd.gradcheck

    def gradcheck(function: Any, *args: Any, **options: Any) -> Any:
        def first(*inputs: Any) -> Any:
            outputs = function(*inputs)
            return outputs[0] if isinstance(outputs, tuple) else outputs

        return right(first, *args, **options)

    torch_.setattr(torch.autograd, "gradcheck", gradcheck)


@mutant("make_dual copies the tensor and its tangent.", catches=["forward-ad/unpack-gives-primal-and-tangent"])
def duals_copy_both_parts(torch_: MonkeyPatch) -> None:
    right = forward_ad.make_dual
    torch_.setattr(
        forward_ad, "make_dual", lambda value, tangent, **options: right(value.clone(), tangent.clone(), **options)
    )


# -- gradients of normalization ----------------------------------------------------------------------------------


@mutant(
    "Group and instance normalization take mean and variance for constants in backward.",
    catches=["groupnorm/gradients", "instancenorm/gradients"],
)
def statistics_are_constants_in_backward(torch_: MonkeyPatch) -> None:
    group_norm, instance_norm = F.group_norm, F.instance_norm

    def through(x: torch.Tensor, groups: int, weight: Any) -> torch.Tensor:
        """Zeros, whose gradient is weight over the deviation of the groups."""
        flat = x.detach().reshape(x.shape[0], groups, -1)
        deviation = (flat.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt().expand_as(flat).reshape(x.shape)
        scale = 1 if weight is None else weight.detach().reshape([1, -1] + [1] * (x.dim() - 2))
        return (x - x.detach()) * scale / deviation

    def groups_of(x: Any, num_groups: int, weight: Any = None, *args: Any, **options: Any) -> Any:
        return group_norm(x.detach(), num_groups, weight, *args, **options) + through(x, num_groups, weight)

    def instances_of(x: Any, mean: Any = None, var: Any = None, weight: Any = None, *args: Any) -> Any:
        return instance_norm(x.detach(), mean, var, weight, *args) + through(x, x.shape[1], weight)

    torch_.setattr(F, "group_norm", groups_of)
    torch_.setattr(F, "instance_norm", instances_of)
