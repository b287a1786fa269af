"""Functions that move elements between channels and space: pixel and channel shuffles, unfold and fold.

All of them are views, permutations and, for fold, a sum; their gradients come from those operations.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

from conformance.reference.forward.convolution import output_sizes
from conformance.reference.nn.functional.convolution import spread_out
from conformance.reference.nn.functional.padding import pad
from conformance.reference.operations.combining import stack

__all__ = ["channel_shuffle", "fold", "pixel_shuffle", "pixel_unshuffle", "unfold"]


def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """(*, C r r, H, W) -> (*, C, H r, W r)."""
    *lead, channels, height, width = input.shape
    r = upscale_factor
    if r <= 0 or channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, "
            f"but input.size(-3)={channels} is not divisible by {r * r}"
        )
    parts = input.reshape(-1, channels // (r * r), r, r, height, width).permute(0, 1, 4, 2, 5, 3)
    return parts.reshape(*lead, channels // (r * r), height * r, width * r)


def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """(*, C, H r, W r) -> (*, C r r, H, W)."""
    *lead, channels, height, width = input.shape
    r = downscale_factor
    if r <= 0 or height % r or width % r:
        raise RuntimeError(
            f"pixel_unshuffle expects height and width to be divisible by downscale_factor, but got {height}, {width} "
            f"and {r}"
        )
    parts = input.reshape(-1, channels, height // r, r, width // r, r).permute(0, 1, 3, 5, 2, 4)
    return parts.reshape(*lead, channels * r * r, height // r, width // r)


def channel_shuffle(input: Any, groups: int) -> Any:
    """The channels of (N, C, *), seen as (groups, C / groups), transposed."""
    count, channels, *spatial = input.shape
    if groups <= 0 or channels % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {channels} channels and {groups} groups."
        )
    return input.reshape(count, groups, channels // groups, *spatial).transpose(1, 2).reshape(input.shape)


def unfold(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """What a window sees at each position: (N, C, H, W) -> (N, C * window, positions)."""
    window, gaps, margins, steps = (
        spread_out(value, 2, name)
        for value, name in (
            (kernel_size, "kernel_size"),
            (dilation, "dilation"),
            (padding, "padding"),
            (stride, "stride"),
        )
    )
    if input.dim() not in (3, 4):
        raise (IndexError if input.dim() < 3 else RuntimeError)(
            f"unfold: expected an input (N, C, H, W) or (C, H, W), but got {list(input.shape)}"
        )
    batched = input if input.dim() == 4 else input.unsqueeze(0)
    rows, columns = output_sizes(batched.shape[2:], window, steps, margins, gaps)
    if min(rows, columns) <= 0:
        raise RuntimeError(f"unfold: the window does not fit into an input of size {list(input.shape)}")
    padded = pad(batched, (margins[1], margins[1], margins[0], margins[0]))
    seen = []
    for down, right in itertools.product(*map(range, window)):
        top, left = down * gaps[0], right * gaps[1]
        bottom, end = top + (rows - 1) * steps[0] + 1, left + (columns - 1) * steps[1] + 1
        seen.append(padded[:, :, top : bottom : steps[0], left : end : steps[1]])
    result = stack(seen, 2).reshape(batched.shape[0], batched.shape[1] * len(seen), rows * columns)
    return result if input.dim() == 4 else result.squeeze(0)


def fold(input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The adjoint of unfold: what several windows see of one element is added up."""
    window, gaps, margins, steps = (
        spread_out(value, 2, name)
        for value, name in (
            (kernel_size, "kernel_size"),
            (dilation, "dilation"),
            (padding, "padding"),
            (stride, "stride"),
        )
    )
    sizes = spread_out(output_size, 2, "output_size")
    batched = input if input.dim() == 3 else input.unsqueeze(0)
    rows, columns = output_sizes(sizes, window, steps, margins, gaps)
    count, entries, positions = batched.shape
    if entries % math.prod(window) or positions != rows * columns:
        raise RuntimeError(
            f"fold: expected an input (N, C * {math.prod(window)}, {rows * columns}), but got {list(input.shape)}"
        )
    parts = batched.reshape(count, entries // math.prod(window), math.prod(window), rows, columns)
    padded = batched.new_zeros(count, parts.shape[1], sizes[0] + 2 * margins[0], sizes[1] + 2 * margins[1])
    for number, (down, right) in enumerate(itertools.product(*map(range, window))):
        top, left = down * gaps[0], right * gaps[1]
        bottom, end = top + (rows - 1) * steps[0] + 1, left + (columns - 1) * steps[1] + 1
        padded[:, :, top : bottom : steps[0], left : end : steps[1]] += parts[:, :, number]
    result = padded[:, :, margins[0] : margins[0] + sizes[0], margins[1] : margins[1] + sizes[1]]
    return result if input.dim() == 3 else result.squeeze(0)
