"""Losses of classification: of classes, of probabilities and of binary labels.

`reduction` is "none", "mean" or "sum"; the older `size_average` and `reduce` still decide it if given.
"""

from __future__ import annotations

from typing import Any

from conformance.reference import dtypes
from conformance.reference.dispatch import ops
from conformance.reference.nn.functional.linear import one_hot
from conformance.reference.nn.functional.reduction import reduced, reduction_name

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "multi_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
]


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
    chosen = reduction_name(reduction, size_average, reduce)
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
    _check_weight(input, weight)
    return ops.nll_loss(input, target.to(dtypes.int64), weight, chosen, ignore_index)


def _check_weight(input: Any, weight: Any) -> None:
    """One weight for each class, of the input's type."""
    classes = input.shape[1]
    if weight is not None:
        if weight.dim() != 1 or weight.numel() != classes:
            raise RuntimeError(
                f"weight tensor should be defined either for all {classes} classes or no classes but got weight "
                f"tensor of shape: {list(weight.shape)}"
            )
        if weight.dtype is not input.dtype:
            raise RuntimeError(f"expected scalar type {input.dtype} but found {weight.dtype}")


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
    chosen = reduction_name(reduction, size_average, reduce)
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
    return losses.sum() / max(losses.numel(), 1) if reduction == "mean" else reduced(losses, reduction)


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
        even = reduced(even, reduction)
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
    chosen = reduction_name(reduction, size_average, reduce)
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
    """`sigmoid` and binary cross entropy in one, without overflow; `pos_weight` scales the loss of positives."""
    chosen = reduction_name(reduction, size_average, reduce)
    if target.shape != input.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    logarithm = ops.log_sigmoid(input)
    if pos_weight is not None:
        losses = (1 - target) * input - ((pos_weight - 1) * target + 1) * logarithm
    else:
        losses = (1 - target) * input - logarithm
    return reduced(losses if weight is None else losses * weight, chosen)


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
    return reduced(ops.where(others, losses, 0.0).sum(1) / classes, reduction_name(reduction, size_average, reduce))


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
    return reduced(losses.mean(-1), reduction_name(reduction, size_average, reduce))
