"""Losses on arrays that are one operation in torch; the others are composed in `nn.functional`.

`reduction` is "none", "mean" or "sum". Two operands have the same shape by the time they come here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.reference.forward.elementwise import quiet

Array = Any

__all__ = ["POINTWISE", "binary_cross_entropy", "nll", "nll_adjoint"]


def reduced(losses: Array, reduction: str) -> Array:
    """The losses themselves, their mean or their sum."""
    if reduction == "none":
        return losses
    wide = np.float32 if losses.dtype.itemsize == 2 else losses.dtype
    total = losses.sum(dtype=wide)
    return np.asarray(total / losses.size if reduction == "mean" else total).astype(losses.dtype)


@quiet
def mse_loss(self: Array, target: Array, reduction: str) -> Array:
    """The square of the difference."""
    return reduced(np.square(self - target), reduction)


@quiet
def smooth_l1_loss(self: Array, target: Array, reduction: str, beta: float) -> Array:
    """Quadratic, d**2 / (2 beta), where the distance d is below beta; d - beta / 2 beyond."""
    distance = np.abs(self - target)
    near = distance < beta
    losses = np.where(near, distance * distance * (0.5 / beta if beta else 0.0), distance - 0.5 * beta)
    return reduced(losses.astype(self.dtype), reduction)


@quiet
def huber_loss(self: Array, target: Array, reduction: str, delta: float) -> Array:
    """Half the square where the distance is at most delta; delta times (distance - delta / 2) beyond."""
    distance = np.abs(self - target)
    losses = np.where(distance <= delta, 0.5 * distance * distance, delta * (distance - 0.5 * delta))
    return reduced(losses.astype(self.dtype), reduction)


@quiet
def binary_cross_entropy(self: Array, target: Array, weight: Array | None, reduction: str) -> Array:
    """Of probabilities; their logarithms are held at -100 or above, so no loss is infinite."""
    logarithm, complement = np.maximum(np.log(self), -100), np.maximum(np.log1p(-self), -100)
    losses = (target - 1) * complement - target * logarithm
    return reduced((losses if weight is None else losses * weight).astype(self.dtype), reduction)


def nll(self: Array, target: Array, weight: Array | None, reduction: str, ignore_index: int) -> tuple[Array, Array]:
    """Minus the log-probability (N, C, ...) of each target class (N, ...), weighted by class, and the weights' sum.

    The mean is over the weights of the targets that are not ignored, so it is nan where all are.
    """
    kept = target != ignore_index
    index = np.where(kept, target, 0)
    outside = (index < 0) | (index >= self.shape[1])
    if outside.any():
        raise IndexError(f"Target {index[outside][0]} is out of bounds.")
    scale = np.ones(index.shape, self.dtype) if weight is None else weight[index]
    scale = np.where(kept, scale, 0).astype(self.dtype)
    losses = np.where(kept, -np.take_along_axis(self, index[:, None], 1)[:, 0] * scale, 0).astype(self.dtype)
    total = np.asarray(scale.sum()).astype(self.dtype)
    if reduction == "none":
        return losses, total
    with np.errstate(all="ignore"):
        loss = np.asarray(losses.sum() / total if reduction == "mean" else losses.sum()).astype(self.dtype)
    return loss, total


def nll_adjoint(losses: Array, target: Array, weight: Array | None, shape: tuple[int, ...], ignore_index: int) -> Array:
    """The transpose of `nll` without reduction: (N, ...) -> (N, C, ...), zero except at the targets."""
    kept = target != ignore_index
    index = np.where(kept, target, 0)
    scaled = losses if weight is None else losses * weight[index]
    result = np.zeros(shape, losses.dtype)
    np.put_along_axis(result, index[:, None], np.where(kept, -scaled, 0)[:, None].astype(losses.dtype), 1)
    return result


POINTWISE: dict[str, Callable[..., Array]] = {
    "mse_loss": mse_loss,
    "smooth_l1_loss": smooth_l1_loss,
    "huber_loss": huber_loss,
}
