"""Dropout: elements or whole channels set to zero at random, the rest scaled so that the mean stays.

The masks come from the default generator, in torch's order, so the same seed drops the same elements. A probability
of 0 or evaluation returns the input itself; a probability of 1 gives zeros.
"""

from __future__ import annotations

import warnings
from typing import Any

from conformance.reference.operations.creation import empty

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]

_ALPHA = 1.7580993408473766


def _check(p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _drop(input: Any, p: float, training: bool, inplace: bool, by_channel: bool, alpha: bool = False) -> Any:
    if p == 0 or not training or input.numel() == 0:
        return input
    if p == 1:
        zeros = input.new_zeros([])
        return input.mul_(zeros) if inplace else input * zeros
    if by_channel and input.dim() < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    sizes = [*input.shape[:2], *[1] * (input.dim() - 2)] if by_channel else input.shape
    noise: Any = empty(sizes, dtype=input.dtype, device=input.device)
    noise.bernoulli_(1 - p)
    if not alpha:
        noise.div_(1 - p)
        return input.mul_(noise) if inplace else input * noise
    scale = 1.0 / float((_ALPHA * _ALPHA * p + 1) * (1 - p)) ** 0.5
    shift = (noise - 1).mul_(_ALPHA * scale).add_(_ALPHA * scale * p)
    noise.mul_(scale)
    return input.mul_(noise).add_(shift) if inplace else input * noise + shift


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Each element becomes zero with probability p, or is divided by 1 - p."""
    _check(p)
    return _drop(input, p, training, inplace, by_channel=False)


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropout to SELU's negative limit, scaled and shifted so that mean and variance stay."""
    _check(p)
    return _drop(input, p, training, inplace, by_channel=False, alpha=True)


def feature_alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """alpha_dropout of whole channels."""
    _check(p)
    return _drop(input, p, training, inplace, by_channel=True, alpha=True)


def _drop_channels(input: Any, p: float, training: bool, inplace: bool, spatial: int) -> Any:
    """(N, C, *spatial), or (C, *spatial) without a batch."""
    _check(p)
    if input.dim() not in (spatial + 1, spatial + 2):
        warnings.warn(
            f"dropout{spatial}d: Received a {input.dim()}-D input to dropout{spatial}d, which is deprecated and will "
            f"result in an error in a future release. To retain the behavior and silence this warning, please use "
            "dropout instead.",
            UserWarning,
            stacklevel=4,
        )
    if input.dim() != spatial + 1 or (spatial == 2 and input.dim() == 3):
        return _drop(input, p, training, inplace, by_channel=True)
    batched = input.unsqueeze_(0) if inplace else input.unsqueeze(0)
    result = _drop(batched, p, training, inplace, by_channel=True)
    return result.squeeze_(0) if inplace else result.squeeze(0)


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Whole channels of (N, C, L) or (C, L)."""
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.dim()}D input. Note that dropout1d exists to "
            "provide channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and an optional "
            "batch dimension (i.e. 2D or 3D inputs)."
        )
    return _drop_channels(input, p, training, inplace, 1)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Whole channels of (N, C, H, W); of three dimensions the first is still taken for the batch."""
    if input.dim() == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is "
            "desired - input is interpreted as shape (N, C, L), where C is the channel dim. This behavior will change "
            "in a future release to interpret the input as one without a batch dimension, i.e. shape (C, H, W). To "
            "maintain the 1D channel-wise dropout behavior, please switch to using dropout1d instead.",
            UserWarning,
            stacklevel=3,
        )
    return _drop_channels(input, p, training, inplace, 2)


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Whole channels of (N, C, D, H, W) or (C, D, H, W)."""
    return _drop_channels(input, p, training, inplace, 3)
