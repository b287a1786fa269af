"""Losses. `reduction` is "none", "mean" or "sum"; the older `size_average` and `reduce` still decide it if given."""

from __future__ import annotations

import math
import warnings
from typing import Any

from conformance.reference import dtypes
from conformance.reference.dispatch import ops
from conformance.reference.nn.functional.linear import one_hot

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "margin_ranking_loss",
    "mse_loss",
    "multi_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "pairwise_distance",
    "poisson_nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
]


def _reduction(reduction: str, size_average: bool | None = None, reduce: bool | None = None) -> str:
    """One of the three names; ValueError for any other."""
    if size_average is not None or reduce is not None:
        average, reduced = size_average is not False, reduce is not False
        reduction = ("mean" if average else "sum") if reduced else "none"
        warnings.warn(
            f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.",
            UserWarning,
            stacklevel=4,
        )
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def _reduced(losses: Any, reduction: str) -> Any:
    if reduction == "none":
        return losses
    return losses.mean() if reduction == "mean" else losses.sum()


def _pair(input: Any, target: Any) -> tuple[Any, Any]:
    """The operands in their common shape and type, with a warning when the shapes differed."""
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will "
            "likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
            UserWarning,
            stacklevel=4,
        )
        input, target = (input + ops.zeros_of(target)).contiguous(), target + ops.zeros_of(input)
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
    return losses.sum() / weight.expand_as(losses).sum() if reduction == "mean" else _reduced(losses, reduction)


def mse_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """The squared difference."""
    return _pointwise("mse_loss", input, target, weight, _reduction(reduction, size_average, reduce))


def l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """The absolute difference; its gradient where both are equal is zero."""
    chosen = _reduction(reduction, size_average, reduce)
    input, target = _pair(input, target)
    losses = (input - target).abs()
    if weight is not None:
        losses = losses * weight
        if chosen == "mean":
            return losses.sum() / weight.expand_as(losses).sum()
    return _reduced(losses, chosen)


def smooth_l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Any:
    """Quadratic within a distance of beta, linear beyond; beta 0 is l1_loss."""
    chosen = _reduction(reduction, size_average, reduce)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return l1_loss(input, target, reduction=chosen)
    return _pointwise("smooth_l1_loss", input, target, None, chosen, beta)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Any:
    """Half the square within a distance of delta, delta times the distance (less delta / 2) beyond."""
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    return _pointwise("huber_loss", input, target, weight, _reduction(reduction), delta)


def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Minus the log-probability (N, C, *) or (C,) of the target classes (N, *) or ().

    The mean is weighted by the classes' weights, over targets other than `ignore_index`: nan where there is none.
    """
    chosen = _reduction(reduction, size_average, reduce)
    if target.dtype not in (dtypes.int64, dtypes.uint8):
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {target.dtype}")
    if input.dim() == 1 and target.dim() == 0:
        loss = nll_loss(input.unsqueeze(0), target.unsqueeze(0), weight, None, ignore_index, None, chosen)
        return loss.squeeze(0) if chosen == "none" else loss
    if input.dim() != target.dim() + 1 or input.dim() < 2:
        raise RuntimeError(
            f"Expected a target of one dimension less than the input, got {list(target.shape)} for {list(input.shape)}"
        )
    if input.shape[0] != target.shape[0]:
        raise ValueError(
            f"Expected input batch_size ({input.shape[0]}) to match target batch_size ({target.shape[0]})."
        )
    if input.shape[2:] != target.shape[1:]:
        raise RuntimeError(f"size mismatch (got input: {list(input.shape)}, target: {list(target.shape)})")
    _check_classes(input, target, weight, ignore_index)
    return ops.nll_loss(input, target.to(dtypes.int64), weight, chosen, ignore_index)


def _check_classes(input: Any, target: Any, weight: Any, ignore_index: int) -> None:
    classes = input.shape[1]
    if weight is not None:
        if weight.dim() != 1 or weight.numel() != classes:
            raise RuntimeError(
                f"weight tensor should be defined either for all {classes} classes or no classes but got weight "
                f"tensor of shape: {list(weight.shape)}"
            )
        if weight.dtype is not input.dtype:
            raise RuntimeError(f"expected scalar type {input.dtype} but found {weight.dtype}")
    wrong = target[((target < 0) | (target >= classes)) & (target != ignore_index)]
    if wrong.numel():
        raise IndexError(f"Target {int(wrong[0])} is out of bounds.")


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Of logits (N, C, *) or (C,) with classes (N, *) or (), or with probabilities in the logits' own shape."""
    chosen = _reduction(reduction, size_average, reduce)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    dim = 0 if input.dim() == 1 else 1
    logarithms = input.log_softmax(dim)
    if input.shape == target.shape:
        if not target.is_floating_point():
            raise RuntimeError(f"Expected floating point type for target with class probabilities, got {target.dtype}")
        if ignore_index >= 0:
            raise RuntimeError("ignore_index is not supported for floating point target")
        return _probability_loss(logarithms, target, weight, chosen, label_smoothing, dim)
    loss = nll_loss(logarithms, target, weight, ignore_index=ignore_index, reduction=chosen)
    if label_smoothing == 0.0:
        return loss
    return _smoothed(logarithms, target, weight, ignore_index, chosen, label_smoothing, dim, loss)


def _channel_weight(weight: Any, rank: int, dim: int) -> Any:
    return weight.reshape([-1 if axis == dim else 1 for axis in range(rank)])


def _probability_loss(
    logarithms: Any, target: Any, weight: Any, reduction: str, label_smoothing: float, dim: int
) -> Any:
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / logarithms.shape[dim]
    losses = logarithms * target
    if weight is not None:
        losses = losses * _channel_weight(weight, losses.dim(), dim)
    losses = -losses.sum(dim)
    return losses.sum() / max(losses.numel(), 1) if reduction == "mean" else _reduced(losses, reduction)


def _smoothed(
    logarithms: Any,
    target: Any,
    weight: Any,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
    dim: int,
    loss: Any,
) -> Any:
    """The part of the loss that smoothing spreads evenly over all classes, mixed with the plain loss."""
    weighted = logarithms if weight is None else logarithms * _channel_weight(weight, logarithms.dim(), dim)
    kept = target != ignore_index
    even = ops.where(kept, -weighted.sum(dim), 0.0)
    if reduction == "mean":
        scale = kept.to(logarithms.dtype)
        if weight is not None:
            scale = ops.where(kept, weight[ops.where(kept, target, 0)], 0.0)
        even = even.sum() / scale.sum()
    else:
        even = _reduced(even, reduction)
    return loss * (1 - label_smoothing) + even * (label_smoothing / logarithms.shape[dim])


def binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Of probabilities; logarithms are held at -100 or above. ValueError for another shape of the target."""
    chosen = _reduction(reduction, size_average, reduce)
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is deprecated. "
            "Please ensure they have the same size."
        )
    if target.dtype is not input.dtype:
        raise RuntimeError(f"Found dtype {target.dtype} but expected {input.dtype}")
    if input.numel() and not bool(((input >= 0) & (input <= 1)).all()):
        raise RuntimeError("all elements of input should be between 0 and 1")
    if weight is not None:
        weight = weight.expand(input.shape)
    return ops.binary_cross_entropy(input, target, weight, chosen)


def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    """sigmoid and binary cross entropy in one, without overflow; `pos_weight` scales the loss of positives."""
    chosen = _reduction(reduction, size_average, reduce)
    if target.shape != input.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    logarithm = ops.log_sigmoid(input)
    if pos_weight is not None:
        losses = (1 - target) * input - ((pos_weight - 1) * target + 1) * logarithm
    else:
        losses = (1 - target) * input - logarithm
    return _reduced(losses if weight is None else losses * weight, chosen)


def kl_div(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Any:
    """target * (log target - input), `input` holding logarithms; "batchmean" divides the sum by the batch's size."""
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
    return _reduced(losses, _reduction(reduction, size_average, reduce))


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
    return _reduced(losses, _reduction(reduction, size_average, reduce))


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
    return _reduced(losses, _reduction(reduction))


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
    return _reduced((-target * input).exp().log1p(), _reduction(reduction, size_average, reduce))


def hinge_embedding_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """The input where the target is 1, max(0, margin - input) where it is -1."""
    zeros = ops.zeros_of(input)
    losses = ops.where(target == 1, zeros, (margin - input).clamp(min=0))
    losses = losses + ops.where(target == -1, zeros, input)
    return _reduced(losses, _reduction(reduction, size_average, reduce))


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
    return _reduced(losses, _reduction(reduction, size_average, reduce))


def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """How far each other class of (N, C) comes within `margin` of the target's, to the power p, over C."""
    if input.dim() == 1:
        input, target = input.unsqueeze(0), target.reshape([1])
    classes = input.shape[1]
    chosen = input.gather(1, target.unsqueeze(1))
    losses = (margin - chosen + input).clamp(min=0).pow(p)
    if weight is not None:
        losses = losses * weight[target].unsqueeze(1)
    others = one_hot(target, classes) == 0
    return _reduced(ops.where(others, losses, 0.0).sum(1) / classes, _reduction(reduction, size_average, reduce))


def multilabel_soft_margin_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """The mean over classes of each class's own binary cross entropy with logits."""
    losses = -(target * ops.log_sigmoid(input) + (1 - target) * ops.log_sigmoid(-input))
    losses = losses if weight is None else losses * weight
    return _reduced(losses.mean(-1), _reduction(reduction, size_average, reduce))


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
    zeros = ops.zeros_of(cosine)
    losses = ops.where(target == 1, 1 - cosine, zeros) + ops.where(target == -1, (cosine - margin).clamp(min=0), zeros)
    return _reduced(losses, _reduction(reduction, size_average, reduce))


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
    return _reduced((near - far + margin).clamp(min=0), _reduction(reduction, size_average, reduce))
