"""Faults of pooling: which windows there are, what padding allows, and where gradients and maxima go."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it

from tests.mutants.swapping import swap, tampered

# -- windows -----------------------------------------------------------------------------------------------------

swap(
    "pooling_has_no_ceil_mode",
    "Pooling leaves out what does not fill a window, whatever ceil_mode says.",
    F,
    "max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d",
    lambda right: lambda *args, ceil_mode=False, **options: right(*args, **options),
    catches=["pool/ceil-mode"],
)
swap(
    "pooling_takes_dimensions_in_reverse",
    "A tuple of kernel sizes is read from the last dimension on.",
    F,
    "max_pool2d max_pool3d avg_pool2d avg_pool3d",
    lambda right: (
        lambda x, kernel, *args, **options: right(
            x, kernel[::-1] if isinstance(kernel, tuple) else kernel, *args, **options
        )
    ),
    catches=["pool/one-number-for-each-dimension"],
    reaches=["*"],
)
swap(
    "max_pooling_ignores_dilation",
    "Max pooling ignores dilation.",
    F,
    "max_pool1d max_pool2d max_pool3d",
    lambda right: (
        lambda x, kernel, stride=None, padding=0, dilation=1, **options: right(x, kernel, stride, padding, **options)
    ),
    catches=["pool/max-dilation"],
)


def _padding_first(right: Any) -> Any:
    def pool(x: Any, kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, **options: Any) -> Any:
        if not isinstance(padding, int) or options.get("return_indices"):
            return right(x, kernel, stride, padding, dilation, **options)
        return right(F.pad(x, [padding] * 4, value=-torch.inf), kernel, stride, 0, dilation, **options)

    return pool


swap(
    "any_padding_will_do",
    "Max pooling takes padding wider than half its kernel.",
    F,
    "max_pool2d",
    _padding_first,
    catches=["pool/padding-at-most-half"],
)

# -- adaptive pooling --------------------------------------------------------------------------------------------

_ADAPTIVE_AVERAGES = "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d"
_ADAPTIVE_MAXIMA = "adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d"


def _even(right: Any) -> Any:
    def pooled(x: Any, size: Any) -> Any:
        if not isinstance(size, int) or size > x.shape[-1]:
            return right(x, size)
        strides = [whole // size for whole in x.shape[2:]]
        kernel = [whole - (size - 1) * step for whole, step in zip(x.shape[2:], strides)]
        return getattr(F, f"avg_pool{len(kernel)}d")(x, kernel, strides)

    return pooled


swap(
    "adaptive_averages_have_equal_windows",
    "Adaptive average pooling is pooling with one kernel and one stride.",
    F,
    _ADAPTIVE_AVERAGES,
    _even,
    catches=["pool/adaptive-windows"],
)
swap(
    "adaptive_sizes_of_none_are_one",
    "None as a size of adaptive pooling means one.",
    F,
    f"{_ADAPTIVE_AVERAGES} {_ADAPTIVE_MAXIMA}",
    lambda right: (
        lambda x, size, *args, **options: right(
            x, tuple(n or 1 for n in size) if isinstance(size, tuple) else size, *args, **options
        )
    ),
    catches=["pool/adaptive-output-size"],
)
swap(
    "global_pooling_drops_dimensions",
    "Adaptive pooling to size 1 leaves the dimensions of size 1 out.",
    F,
    _ADAPTIVE_AVERAGES,
    lambda right: lambda x, size: right(x, size).flatten(1) if size == 1 else right(x, size),
    catches=["pool/adaptive-size-one"],
    reaches=["*"],
)

# -- places and gradients ----------------------------------------------------------------------------------------


def _indices(change: Any) -> Any:
    """Max pooling whose indices are ``change(indices, x, pool)``, where ``pool(x)`` pools another tensor."""

    def build(right: Any) -> Any:
        def pool(x: Any, *args: Any, return_indices: bool = False, **options: Any) -> Any:
            if not return_indices:
                return right(x, *args, **options)
            values, indices = right(x, *args, return_indices=True, **options)
            return values, change(indices, x, lambda z: right(z, *args, return_indices=True, **options)[1])

        return pool

    return build


def _counted_through(indices: Any, x: Any, pool: Any) -> Any:
    places = x[0, 0].numel()
    offsets = torch.arange(x[..., :1].numel() * x.shape[-1] // places) * places
    return indices + offsets.reshape(*x.shape[:2], *[1] * (x.dim() - 2))


swap(
    "indices_count_through_channels",
    "The indices of maxima count through all samples and channels.",
    F,
    "max_pool1d max_pool2d",
    _indices(_counted_through),
    catches=["pool/max-gradient-and-indices"],
)
swap(
    "the_last_maximum_counts",
    "Of equal maxima the last is named.",
    F,
    "max_pool1d max_pool2d",
    _indices(lambda indices, x, pool: pool(x.detach() + 1e-5 * torch.arange(x.numel()).view(x.shape))),
    catches=["pool/max-tie-goes-to-the-first"],
)
swap(
    "unpooling_has_one_size",
    "Unpooling ignores output_size.",
    F,
    "max_unpool1d max_unpool2d",
    lambda right: (
        lambda y, indices, kernel, stride=None, padding=0, output_size=None: right(y, indices, kernel, stride, padding)
    ),
    catches=["pool/unpooling-puts-maxima-back"],
)
swap(
    "averages_hand_back_everything",
    "Each element of a window is given the whole gradient of the average.",
    F,
    "avg_pool1d",
    lambda right: (
        lambda x, kernel, *args, **options: right(tampered(x, lambda grad: grad * kernel[0]), kernel, *args, **options)
    ),
    catches=["pool/average-gradient"],
    reaches=["*"],
)
