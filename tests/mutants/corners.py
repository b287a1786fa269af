"""Faults at the corners that drawn data reaches: empty tensors, windows that leave gaps, targets that are all ignored.

Properties alone are asked to see them, so they stand outside the catalogue, whose rules have plain data.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, optim

from tests.mutants.mutant import MonkeyPatch, Mutant
from tests.mutants.swapping import Change, tampered

F = torch.nn.functional

CORNERS: dict[str, Mutant] = {}


def corner(name: str, wrong: str, owner: Any, attributes: str, change: Change) -> None:
    """A fault that puts ``change(right)`` in place of each of ``attributes``."""

    def patch(torch_: MonkeyPatch) -> None:
        for attribute in attributes.split():
            torch_.setattr(owner, attribute, change(getattr(owner, attribute)), raising=False)

    CORNERS[name] = Mutant(name, "corners", wrong, (), (), patch)


def _of_result(change: Callable[[Any], Any]) -> Change:
    return lambda right: lambda *args, **options: change(right(*args, **options))


def _averaged(x: Tensor, other: Any) -> Any:
    copies = math.prod(other.shape[: max(other.dim() - x.dim(), 0)]) if isinstance(other, Tensor) else 1
    return tampered(x, lambda grad: grad / max(copies, 1))


def _slope(y: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda dy: dy * y * (1 - y)


# -- views -------------------------------------------------------------------------------------------------------

corner(
    "expanding-to-nothing-leaves-ones",
    "A tensor that was expanded to no copies gets a gradient of ones.",
    Tensor,
    "expand",
    lambda right: (
        lambda x, n, *rest: (
            right(x, n, *rest) if n else right(tampered(x, torch.ones_like) if x.requires_grad else x, n, *rest)
        )
    ),
)
corner(
    "sums-to-a-size-are-means-backward",
    "The gradient of sum_to_size is divided by the elements that were summed.",
    Tensor,
    "sum_to_size",
    lambda right: lambda x, size: right(tampered(x, lambda g: g * (size.numel() / max(x.numel(), 1))), size),
)
corner(
    "permutations-come-back-forwards",
    "The gradient of permute is permuted once more, not back.",
    Tensor,
    "permute",
    lambda right: lambda x, order: right(tampered(x, lambda g: right(right(g, order), order).reshape(g.shape)), order),
)
corner(
    "transposing-copies",
    "transpose returns a contiguous copy.",
    Tensor,
    "transpose",
    _of_result(lambda y: y.contiguous() if not y.is_contiguous() else y),
)
corner(
    "gaps-between-windows-get-ones",
    "What lies in no window of unfold gets a gradient of ones.",
    Tensor,
    "unfold",
    lambda right: (
        lambda x, dim, size, step: right(
            tampered(x, lambda g: torch.where(g == 0, 1, g) if step > size else g), dim, size, step
        )
    ),
)
corner(
    "the-last-piece-is-a-copy",
    "The last piece of split has memory of its own where it is smaller than the others.",
    torch,
    "split",
    lambda right: lambda x, n: (*right(x, n)[:-1], right(x, n)[-1].clone()) if len(x) % n else right(x, n),
)
corner(
    "operands-of-fewer-dimensions-get-means",
    "An operand with fewer dimensions than the result gets the mean of its copies' gradients.",
    Tensor,
    "__add__ __mul__",
    lambda right: lambda x, y: right(_averaged(x, y) if x.requires_grad else x, y),
)
corner(
    "as-tensor-copies-numbers",
    "as_tensor of a tensor without dimensions returns its clone.",
    torch,
    "as_tensor",
    lambda right: lambda x, **options: right(x, **options) if x.dim() else right(x, **options).clone(),
)
corner(
    "columns-are-copied",
    "Writing into a column of a matrix writes into a copy.",
    Tensor,
    "__getitem__",
    lambda right: lambda x, at: right(x, at).clone() if isinstance(at, tuple) else right(x, at),
)
corner("flattening-copies", "view copies what has several dimensions.", Tensor, "view", _of_result(torch.clone))

corner(
    "saved-views-become-contiguous",
    "torch.save makes tensors contiguous.",
    torch,
    "save",
    lambda right: lambda tensors, f: right([t if t.is_contiguous() else t.contiguous() for t in tensors], f),
)
corner(
    "numbers-promote-what-is-empty",
    "Beside an empty tensor the dtype of an operand without dimensions counts in full.",
    Tensor,
    "__add__",
    lambda right: lambda x, y: right(x, y).to(torch.promote_types(x.dtype, y.dtype)) if x.numel() == 0 else right(x, y),
)

# -- history -----------------------------------------------------------------------------------------------------

corner(
    "zeroing-keeps-the-history",
    "zero_ clears the values and lets the gradient of before through.",
    Tensor,
    "zero_",
    lambda right: lambda x: (right(x.detach()), x)[1],
)
corner(
    "numbers-are-multiplied-unrecorded",
    "mul_ of a tensor without dimensions is not part of its history.",
    Tensor,
    "mul_",
    lambda right: lambda x, y: right(x, y) if x.dim() else (right(x.detach(), y.detach()), x)[1],
)
corner(
    "sums-of-numbers-forget-the-left",
    "The left operand of a sum gets no gradient where it has no dimensions.",
    Tensor,
    "__add__",
    lambda right: lambda x, y: right(x if x.dim() else x.detach(), y),
)
corner(
    "roots-count-once",
    "A root that is given twice is differentiated once.",
    torch.autograd,
    "backward",
    lambda right: lambda roots: right(list({id(root): root for root in roots}.values())),
)
corner(
    "parameters-without-dimensions-are-not-made",
    "nn.Parameter of a tensor without dimensions is that tensor, history and all.",
    torch.nn,
    "Parameter",
    lambda right: lambda data: right(data) if data.dim() else data,
)
corner(
    "nothing-has-no-gradient",
    "torch.autograd.grad returns None for an input without elements.",
    torch.autograd,
    "grad",
    _of_result(lambda grads: tuple(grad if grad.numel() else None for grad in grads)),
)
corner(
    "gradients-begin-as-zeros",
    "The gradient of a leaf reads as zeros before the first backward.",
    Tensor,
    "grad",
    lambda right: property(
        lambda x: torch.zeros_like(x.detach()) if x.is_leaf and right.__get__(x) is None else right.__get__(x),
        lambda x, grad: right.__set__(x, grad),
    ),
)
corner(
    "new-tensors-keep-their-history",
    "new_tensor and torch.tensor of a tensor return its clone, history and all.",
    Tensor,
    "new_tensor",
    lambda right: lambda x, data, **options: data.clone() if isinstance(data, Tensor) else right(x, data, **options),
)
corner(
    "jacobians-are-even",
    "Every element of a Jacobian is the sum of all of them.",
    torch.autograd.functional,
    "jacobian",
    _of_result(lambda j: torch.ones_like(j) * j.sum()),
)

# -- transforms --------------------------------------------------------------------------------------------------

corner(
    "batches-of-one-lose-their-dimension",
    "vmap over a single entry returns what the function does, without the mapped dimension.",
    torch.func,
    "vmap",
    lambda right: lambda f: lambda x: right(f)(x) if len(x) > 1 else f(x[0]),
)
corner(
    "tangents-of-numbers-are-dropped",
    "make_dual of a tensor without dimensions gives a tangent of zero.",
    torch.autograd.forward_ad,
    "make_dual",
    lambda right: lambda x, tangent: right(x, tangent if x.dim() else torch.zeros_like(tangent)),
)
corner(
    "products-with-numbers-are-elementwise",
    "The product of a Jacobian with a vector is elementwise where the input has no dimensions.",
    torch.func,
    "jvp",
    lambda right: (
        lambda f, primals, tangents: (
            right(f, primals, tangents)
            if primals[0].dim()
            else (f(*primals), tangents[0] * torch.func.vjp(f, *primals)[1](torch.ones_like(f(*primals)))[0])
        )
    ),
)

corner(
    "numbers-begin-with-ones",
    "vjp ignores its vector where the input has no dimensions.",
    torch.autograd.functional,
    "vjp",
    lambda right: lambda f, x, v: right(f, x, v if x.dim() else torch.ones_like(v)),
)

# -- layers, losses and optimizers -------------------------------------------------------------------------------

corner(
    "softmax-does-not-shift",
    "softmax exponentiates its input as it is, which overflows.",
    F,
    "softmax",
    lambda right: lambda x, dim: x.exp() / x.exp().sum(dim, keepdim=True),
)
corner(
    "log-softmax-is-the-logarithm-taken-last",
    "log_softmax takes the logarithm of a softmax that was rounded to 0.",
    F,
    "log_softmax",
    lambda right: lambda x, dim: x.softmax(dim).log(),
)
corner(
    "softmax-is-differentiated-elementwise",
    "What comes back through softmax is dy * y * (1 - y).",
    F,
    "softmax",
    lambda right: lambda x, dim: right(x.detach(), dim) + tampered(x, _slope(right(x.detach(), dim))) - x.detach(),
)
corner(
    "padding-rows-learn",
    "An embedding's row at padding_idx gets its gradient like any other.",
    F,
    "embedding",
    lambda right: lambda index, table, padding_idx=None: right(index, table),
)
corner(
    "evaluation-divides-its-gradient-twice",
    "In evaluation batch normalization divides its gradient by the deviation twice.",
    F,
    "batch_norm",
    lambda right: (
        lambda x, mean, var, *args: right(
            tampered(x, lambda g: g / var.reshape(-1, *[1] * (x.dim() - 2)).sqrt()), mean, var, *args
        )
    ),
)
corner(
    "what-strides-skip-gets-ones",
    "Where a convolution's stride is larger than its kernel, what it skips gets a gradient of ones.",
    F,
    "conv1d",
    lambda right: (
        lambda x, w, stride, **options: right(
            tampered(x, lambda g: torch.where(g == 0, 1, g)) if stride > w.shape[-1] else x, w, stride=stride, **options
        )
    ),
)
corner(
    "ignored-targets-count",
    "The mean of cross entropy divides by the weights of all targets, those of class 0 for the ignored.",
    F,
    "cross_entropy",
    lambda right: (
        lambda x, t, w, ignore_index, reduction="mean": (
            right(x, t, w, ignore_index=ignore_index, reduction="sum")
            / (w[t.clamp(min=0)].sum() if reduction == "mean" else 1)
        )
    ),
)
corner(
    "differences-of-numbers-keep-their-sign",
    "The mean absolute error of two tensors without dimensions is their difference.",
    F,
    "l1_loss",
    lambda right: lambda x, y, reduction: right(x, y, reduction=reduction) if x.dim() or reduction != "mean" else x - y,
)
corner(
    "numbers-are-not-loaded",
    "load_state_dict leaves tensors without dimensions as they were.",
    torch.nn.Module,
    "load_state_dict",
    lambda right: (
        lambda module, state: right(
            module, {name: value if value.dim() else module.state_dict()[name] for name, value in state.items()}
        )
    ),
)
corner(
    "adam-moves-on-zeros",
    "Adam takes a step of the learning rate where a gradient is zero.",
    optim.Adam,
    "step",
    lambda right: (
        lambda opt: (
            right(opt),
            [p.data.sub_((p.grad == 0) * opt.defaults["lr"]) for group in opt.param_groups for p in group["params"]],
        )
    ),
)
