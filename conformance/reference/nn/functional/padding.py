"""Padding of the last dimensions, and up-sampling to their nearest neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from conformance.reference.dispatch import ops
from conformance.reference.errors import NotSupported
from conformance.reference.operations.creation import from_numpy

__all__ = ["interpolate", "pad"]


def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    """Pad by pairs (before, after), the last dimension's first; negative amounts crop.

    Modes: constant, reflect, replicate and circular.
    """
    if len(pad) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(pad) // 2 > input.dim():
        raise RuntimeError("Padding length should be less than or equal to two times the input dimension")
    pairs = [(int(pad[at]), int(pad[at + 1])) for at in range(0, len(pad), 2)]
    if mode == "constant":
        return _pad_constant(input, pairs, 0.0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value is not None:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if mode == "circular":
        # What is cropped is gone before the rest wraps around.
        input = _pad_constant(input, [(min(before, 0), min(after, 0)) for before, after in pairs], 0.0)
        pairs = [(max(before, 0), max(after, 0)) for before, after in pairs]
    for back, (before, after) in enumerate(pairs, 1):
        if (before, after) != (0, 0):
            if input.shape[-back] + before + after <= 0:
                raise RuntimeError(f"padding ({before}, {after}) leaves nothing of a dimension of {input.shape[-back]}")
            places = _places(input.shape[-back], before, after, mode)
            index: Any = from_numpy(places)
            input = input.index_select(input.dim() - back, index.to(input.device))
    return input


def _places(size: int, before: int, after: int, mode: str) -> Any:
    """Which element stands at each place of the padded dimension."""
    places = np.arange(-before, size + after)
    if mode == "replicate":
        return places.clip(0, size - 1)
    if mode == "circular":
        if max(before, after) > size:
            raise RuntimeError("Padding value causes wrapping around more than once.")
        return places % size
    if max(before, after) >= size:
        raise RuntimeError(
            f"Argument #4: Padding size should be less than the corresponding input dimension, but got: padding "
            f"({before}, {after}) at dimension of size {size}"
        )
    folded = np.abs(places) if size > 1 else places * 0
    return np.where(folded >= size, 2 * (size - 1) - folded, folded)


def _pad_constant(input: Any, pairs: list[tuple[int, int]], value: float) -> Any:
    for back, (before, after) in enumerate(pairs, 1):
        if input.shape[-back] + before + after < 0:
            raise RuntimeError(
                f"The input size {input.shape[-back]}, plus negative padding {before} and {after}, "
                f"resulted in a negative output size, which is invalid."
            )
        axis = input.dim() - back
        start, stop = max(-before, 0), input.shape[-back] - max(-after, 0)
        if (start, stop) != (0, input.shape[-back]):
            input = input.narrow(axis, start, max(stop - start, 0))
    margins = tuple((max(before, 0), max(after, 0)) for before, after in reversed(pairs))
    return ops.constant_pad_nd(input, ((0, 0),) * (input.dim() - len(pairs)) + margins, value)


def interpolate(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Any:
    """Spatial dimensions of (N, C, *) in another size, each element the nearest one; other modes are lacking."""
    if mode != "nearest":
        raise NotSupported(f"interpolate with mode={mode!r}")
    spatial = input.dim() - 2
    if (size is None) == (scale_factor is None):
        raise ValueError("only one of size or scale_factor should be defined")
    for axis in range(spatial):
        old = input.shape[axis + 2]
        if size is not None:
            new = size if isinstance(size, int) else size[axis]
            ratio = old / new
        else:
            factor = scale_factor if isinstance(scale_factor, (int, float)) else scale_factor[axis]
            new, ratio = int(old * factor), 1 / factor
        places = np.minimum((np.arange(new) * ratio).astype(np.int64), old - 1)
        index: Any = from_numpy(places)
        input = input.index_select(axis + 2, index.to(input.device))
    return input
