"""Losses of regression, of distributions, of margins and of distances.

`reduction` is "none", "mean" or "sum"; the older `size_average` and `reduce` still decide it if given.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from conformance.reference import dtypes
from conformance.reference.dispatch import ops
from conformance.reference.nn.functional.reduction import reduced, reduction_name
from conformance.reference.operations.creation import zeros_like

__all__ = [
    "cosine_embedding_loss",
    "cosine_similarity",
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "margin_ranking_loss",
    "mse_loss",
    "pairwise_distance",
    "poisson_nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
]


def _pair(input: Any, target: Any) -> tuple[Any, Any]:
    """The operands in their common shape and type, with a warning when the shapes differed."""
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will "
            "likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
            UserWarning,
            stacklevel=4,
        )
        input, target = (input + zeros_like(target)).contiguous(), target + zeros_like(input)
    if input.dtype is not target.dtype:
        common = dtypes.promote_types(input.dtype, target.dtype)
        input, target = input.to(common), target.to(common)
    return input, target


def _pointwise(name: str, input: Any, target: Any, weight: Any, reduction: str, *parameters: Any) -> Any:
    operation = getattr(ops, name)
    input, target = _pair(input, target)
    if weight is None:
        return operation(input, target, reduction, *parameters)
    losses = operation(input, target, "none", *parameters) * weight
    return losses.sum() / weight.expand_as(losses).sum() if reduction == "mean" else reduced(losses, reduction)


def mse_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """The squared difference."""
    return _pointwise("mse_loss", input, target, weight, reduction_name(reduction, size_average, reduce))


def l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """The absolute difference; its gradient where both are equal is zero."""
    chosen = reduction_name(reduction, size_average, reduce)
    input, target = _pair(input, target)
    losses = (input - target).abs()
    if weight is not None:
        losses = losses * weight
        if chosen == "mean":
            return losses.sum() / weight.expand_as(losses).sum()
    return reduced(losses, chosen)


def smooth_l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Any:
    """Quadratic within a distance of beta, linear beyond; beta 0 is l1_loss."""
    chosen = reduction_name(reduction, size_average, reduce)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return l1_loss(input, target, reduction=chosen)
    return _pointwise("smooth_l1_loss", input, target, None, chosen, beta)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Any:
    """Half the square within a distance of delta, delta times the distance (less delta / 2) beyond."""
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    return _pointwise("huber_loss", input, target, weight, reduction_name(reduction), delta)


def kl_div(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Any:
    """`target` * (log target - input), `input` holding logarithms; "batchmean" divides the sum by the batch's size."""
    if reduction == "mean" and size_average is None and reduce is None:
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size. 'batchmean' divides "
            "only by the batch size, and aligns with the KL div math definition. 'mean' will be changed to behave the "
            "same as 'batchmean' in the next major release.",
            UserWarning,
            stacklevel=2,
        )
    losses = target.exp() * (target - input) if log_target else ops.xlogy(target, target) - target * input
    if reduction == "batchmean":
        return losses.sum() / input.shape[0] if input.dim() else losses.sum()
    return reduced(losses, reduction_name(reduction, size_average, reduce))


def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Of a Poisson rate, or of its logarithm; `full` adds Stirling's term for targets above one."""
    losses = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        losses = losses + ops.where(target <= 1, 0.0, stirling)
    return reduced(losses, reduction_name(reduction, size_average, reduce))


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    """Of a Gaussian with the given variances, which are held at eps or above, without a gradient there."""
    if isinstance(var, float):
        var = input.new_full(input.shape, var)
    if var.shape != input.shape and var.shape == input.shape[:-1]:
        var = var.unsqueeze(-1)
    if bool((var < 0).any()):
        raise ValueError("var has negative entry/entries")
    held = var + (var.detach().clamp(min=eps) - var.detach())
    losses = 0.5 * (held.log() + (input - target).square() / held)
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return reduced(losses, reduction_name(reduction))


def soft_margin_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """log(1 + e^(-target * input)) for targets of 1 and -1."""
    if target.requires_grad:
        raise RuntimeError("the function 'soft_margin_loss' is not differentiable with respect to argument 'target'")
    return reduced((-target * input).exp().log1p(), reduction_name(reduction, size_average, reduce))


def hinge_embedding_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """The input where the target is 1, max(0, margin - input) where it is -1."""
    zeros = zeros_like(input)
    losses = ops.where(target == 1, zeros, (margin - input).clamp(min=0))
    losses = losses + ops.where(target == -1, zeros, input)
    return reduced(losses, reduction_name(reduction, size_average, reduce))


def margin_ranking_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """max(0, margin - target * (input1 - input2))."""
    losses = (-target * (input1 - input2) + margin).clamp(min=0)
    return reduced(losses, reduction_name(reduction, size_average, reduce))


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of the angle along `dim`, each norm held at eps or above."""
    first = x1 / x1.norm(2, dim, keepdim=True).clamp(min=eps)
    second = x2 / x2.norm(2, dim, keepdim=True).clamp(min=eps)
    return (first * second).sum(dim)


def cosine_embedding_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """1 - cosine where the target is 1, max(0, cosine - margin) where it is -1."""
    cosine = cosine_similarity(input1, input2, -1)
    zeros = zeros_like(cosine)
    losses = ops.where(target == 1, 1 - cosine, zeros) + ops.where(target == -1, (cosine - margin).clamp(min=0), zeros)
    return reduced(losses, reduction_name(reduction, size_average, reduce))


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """The p-norm of x1 - x2 + eps along the last dimension."""
    return (x1 - x2 + eps).norm(p, -1, keepdim=keepdim)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin)."""
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = ops.minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduced((near - far + margin).clamp(min=0), reduction_name(reduction, size_average, reduce))
