"""Pooling in one, two and three spatial dimensions, with and without a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.reference.dispatch import ops
from conformance.reference.forward.pooling import adaptive_range, pooled_sizes
from conformance.reference.nn.functional.convolution import spread_out
from conformance.reference.operations.creation import from_numpy

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_with_indices",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
]


def _batched(input: Any, spatial: int, name: str) -> Any:
    if input.dim() not in (spatial + 1, spatial + 2) or 0 in input.shape[1:]:
        raise RuntimeError(
            f"non-empty {spatial + 1}D or {spatial + 2}D (batch mode) tensor expected for input to {name}, "
            f"but got {list(input.shape)}"
        )
    return input if input.dim() == spatial + 2 else input.unsqueeze(0)


def _as_given(result: Any, input: Any, spatial: int) -> Any:
    return result if input.dim() == spatial + 2 else result.squeeze(0)


def _geometry(
    input: Any, spatial: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[tuple[int, ...], ...]:
    """Window, stride, padding and dilation, one number for each dimension; RuntimeError where nothing fits."""
    window = spread_out(kernel_size, spatial, "kernel_size")
    steps = window if stride is None or stride == [] else spread_out(stride, spatial, "stride")
    margins = spread_out(padding, spatial, "padding")
    gaps = spread_out(dilation, spatial, "dilation")
    if min(steps) <= 0:
        raise RuntimeError("stride should not be zero")
    for margin, extent, gap in zip(margins, window, gaps, strict=True):
        if margin < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {margin}")
        if margin > ((extent - 1) * gap + 1) // 2:
            raise RuntimeError(
                "pad should be at most half of effective kernel size, "
                f"but got pad={margin}, kernel_size={extent} and dilation={gap}"
            )
    sizes = pooled_sizes(input.shape[2:], window, steps, margins, gaps, ceil_mode)
    if min(sizes) <= 0:
        raise RuntimeError(
            f"Given input size: ({'x'.join(map(str, input.shape[1:]))}). Calculated output size: "
            f"({'x'.join(map(str, (input.shape[1], *sizes)))}). Output size is too small"
        )
    return window, steps, margins, gaps


def _max_pool(spatial: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def with_indices(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> tuple[Any, Any]:
        batched = _batched(input, spatial, f"max_pool{spatial}d")
        geometry = _geometry(batched, spatial, kernel_size, stride, padding, dilation, ceil_mode)
        values, indices = ops.max_pool(batched, *geometry, ceil_mode)
        return _as_given(values, input, spatial), _as_given(indices, input, spatial)

    def max_pool(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        values, indices = with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
        return (values, indices) if return_indices else values

    return max_pool, with_indices


def _avg_pool(spatial: int) -> Callable[..., Any]:
    def avg_pool(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Any:
        if divisor_override == 0:
            raise RuntimeError("divisor must be not zero")
        batched = _batched(input, spatial, f"avg_pool{spatial}d")
        window, steps, margins, _ = _geometry(batched, spatial, kernel_size, stride, padding, 1, ceil_mode)
        pooled = ops.avg_pool(batched, window, steps, margins, ceil_mode, count_include_pad, divisor_override)
        return _as_given(pooled, input, spatial)

    return avg_pool


def _adaptive_sizes(batched: Any, spatial: int, output_size: Any) -> tuple[int, ...]:
    """One number for each dimension; None keeps the input's."""
    asked = (output_size,) * spatial if output_size is None or isinstance(output_size, int) else tuple(output_size)
    return tuple(size if want is None else int(want) for want, size in zip(asked, batched.shape[2:], strict=True))


def _adaptive_avg_pool(spatial: int) -> Callable[..., Any]:
    def adaptive_avg_pool(input: Any, output_size: Any) -> Any:
        batched = _batched(input, spatial, f"adaptive_avg_pool{spatial}d")
        result = batched
        for axis, count in enumerate(_adaptive_sizes(batched, spatial, output_size), 2):
            shares: Any = from_numpy(_shares(batched.shape[axis], count))
            matrix = shares.to(batched.device, batched.dtype)
            result = result.transpose(axis, -1).matmul(matrix).transpose(axis, -1)
        return _as_given(result.contiguous(), input, spatial)

    return adaptive_avg_pool


def _shares(size: int, count: int) -> Any:
    """The matrix (size, count) that takes the mean of each adaptive range."""
    matrix = np.zeros((size, count))
    for place, (start, stop) in enumerate(adaptive_range(size, count)):
        matrix[start:stop, place] = 1 / (stop - start)
    return matrix


def _adaptive_max_pool(spatial: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def with_indices(input: Any, output_size: Any, return_indices: bool = False) -> tuple[Any, Any]:
        batched = _batched(input, spatial, f"adaptive_max_pool{spatial}d")
        values, indices = ops.adaptive_max_pool(batched, _adaptive_sizes(batched, spatial, output_size))
        return _as_given(values, input, spatial), _as_given(indices, input, spatial)

    def adaptive_max_pool(input: Any, output_size: Any, return_indices: bool = False) -> Any:
        values, indices = with_indices(input, output_size)
        return (values, indices) if return_indices else values

    return adaptive_max_pool, with_indices


def _lp_pool(spatial: int) -> Callable[..., Any]:
    def lp_pool(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
        window = spread_out(kernel_size, spatial, "kernel_size")
        mean = _avg_pool(spatial)(input.pow(norm_type), window, stride, 0, ceil_mode)
        return (mean.sign() * mean.abs().relu()).mul(int(np.prod(window))).pow(1.0 / norm_type)

    return lp_pool


def _max_unpool(spatial: int) -> Callable[..., Any]:
    def max_unpool(
        input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
    ) -> Any:
        window = spread_out(kernel_size, spatial, "kernel_size")
        steps = window if stride is None else spread_out(stride, spatial, "stride")
        margins = spread_out(padding, spatial, "padding")
        sizes = tuple(
            (size - 1) * step + extent - 2 * margin
            for size, step, extent, margin in zip(input.shape[-spatial:], steps, window, margins, strict=True)
        )
        if output_size is not None:
            sizes = tuple(output_size[-spatial:])
        batched = input if input.dim() == spatial + 2 else input.unsqueeze(0)
        places = indices if indices.dim() == spatial + 2 else indices.unsqueeze(0)
        return _as_given(ops.pool_put(batched, places, sizes), input, spatial)

    return max_unpool


def _named(function: Callable[..., Any], name: str, says: str, spatial: int) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{says} (N, C, *) or (C, *) with {spatial} spatial dimension(s)."
    return function


def _pair(
    functions: tuple[Callable[..., Any], Callable[..., Any]], name: str, says: str, spatial: int
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    plain, with_indices = functions
    return (
        _named(plain, name, f"{says} of", spatial),
        _named(with_indices, f"{name}_with_indices", f"{says}, and its index in the flattened space, of", spatial),
    )


avg_pool1d, avg_pool2d, avg_pool3d = (
    _named(_avg_pool(n), f"avg_pool{n}d", "The mean of each window of", n) for n in (1, 2, 3)
)
(
    (max_pool1d, max_pool1d_with_indices),
    (max_pool2d, max_pool2d_with_indices),
    (max_pool3d, max_pool3d_with_indices),
) = (_pair(_max_pool(n), f"max_pool{n}d", "The largest value of each window", n) for n in (1, 2, 3))
lp_pool1d, lp_pool2d, lp_pool3d = (
    _named(_lp_pool(n), f"lp_pool{n}d", "The p-norm of each window of", n) for n in (1, 2, 3)
)
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = (
    _named(_adaptive_avg_pool(n), f"adaptive_avg_pool{n}d", "The means of a given number of windows over", n)
    for n in (1, 2, 3)
)
(
    (adaptive_max_pool1d, adaptive_max_pool1d_with_indices),
    (adaptive_max_pool2d, adaptive_max_pool2d_with_indices),
    (adaptive_max_pool3d, adaptive_max_pool3d_with_indices),
) = (
    _pair(_adaptive_max_pool(n), f"adaptive_max_pool{n}d", "The largest value of a given number of windows", n)
    for n in (1, 2, 3)
)
max_unpool1d, max_unpool2d, max_unpool3d = (
    _named(_max_unpool(n), f"max_unpool{n}d", "Maxima put back where they came from, zeros elsewhere, in", n)
    for n in (1, 2, 3)
)
