"""Convolution in one, two and three dimensions, with and without a batch, and its transpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.dispatch import ops
from conformance.reference.forward.convolution import output_sizes, transposed_sizes
from conformance.reference.nn.functional.padding import pad

__all__ = [
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
]

Sizes = tuple[int, ...]


def spread_out(value: int | tuple[int, ...] | list[int], count: int, name: str) -> Sizes:
    """One number for all dimensions, or one for each; RuntimeError for another count."""
    if isinstance(value, int):
        return (value,) * count
    values = tuple(int(each) for each in value)
    if len(values) == 1:
        return values * count
    if len(values) != count:
        raise RuntimeError(f"expected {name} to be a single integer value or a list of {count} values, but got {value}")
    return values


def _check(input: Any, weight: Any, bias: Any, spatial: int, groups: int, transposed: bool) -> Any:
    """The input with a batch dimension; RuntimeError where shapes or types do not fit."""
    name = f"conv{'_transpose' if transposed else ''}{spatial}d"
    if weight.dim() != spatial + 2:
        raise RuntimeError(f"weight should have {spatial + 2} dimensions for {name}, but got {weight.dim()}")
    if input.dim() not in (spatial + 1, spatial + 2):
        raise RuntimeError(
            f"Expected {spatial + 1}D (unbatched) or {spatial + 2}D (batched) input to {name}, "
            f"but got input of size: {list(input.shape)}"
        )
    if input.dtype is not weight.dtype or (bias is not None and bias.dtype is not input.dtype):
        other = weight if input.dtype is not weight.dtype else bias
        raise RuntimeError(
            f"Input type ({input.dtype}) and {'weight' if other is weight else 'bias'} type ({other.dtype}) "
            "should be the same"
        )
    batched = input if input.dim() == spatial + 2 else input.unsqueeze(0)
    channels = weight.shape[0] if transposed else weight.shape[1] * groups
    if batched.shape[1] != channels:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(weight.shape)}, expected input{list(batched.shape)} to have "
            f"{channels} channels, but got {batched.shape[1]} channels instead"
        )
    if weight.shape[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of "
            f"size {list(weight.shape)} instead"
        )
    outputs = weight.shape[1] * groups if transposed else weight.shape[0]
    if bias is not None and (bias.dim() != 1 or bias.shape[0] != outputs):
        raise RuntimeError(
            f"Given weight of size {list(weight.shape)}, expected bias to be 1-dimensional with {outputs} elements, "
            f"but got bias of size {list(bias.shape)} instead"
        )
    return batched


def _convolve(
    spatial: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    batched = _check(input, weight, bias, spatial, groups, transposed=False)
    steps = spread_out(stride, spatial, "stride")
    gaps = spread_out(dilation, spatial, "dilation")
    window = weight.shape[2:]
    if min(steps) <= 0:
        raise RuntimeError("non-positive stride is not supported")
    if isinstance(padding, str):
        batched, margins = _named_padding(batched, padding, window, steps, gaps)
    else:
        margins = spread_out(padding, spatial, "padding")
    if min(margins) < 0:
        raise RuntimeError("negative padding is not supported")
    padded = tuple(size + 2 * margin for size, margin in zip(batched.shape[2:], margins, strict=True))
    if min(output_sizes(batched.shape[2:], window, steps, margins, gaps)) <= 0:
        raise RuntimeError(
            f"Calculated padded input size per channel: {padded}. Kernel size: {tuple(window)}. "
            "Kernel size can't be greater than actual input size"
        )
    result = ops.convolution(batched, weight, bias, steps, margins, gaps, groups)
    return result if input.dim() == spatial + 2 else result.squeeze(0)


def _named_padding(input: Any, name: str, window: Sizes, steps: Sizes, gaps: Sizes) -> tuple[Any, Sizes]:
    """padding="valid" is none; "same" keeps the sizes, with the odd element at the end."""
    if name == "valid":
        return input, (0,) * len(window)
    if name != "same":
        raise RuntimeError(f"Invalid padding string: '{name}'")
    if any(step != 1 for step in steps):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    totals = [gap * (extent - 1) for gap, extent in zip(gaps, window, strict=True)]
    if any(total % 2 for total in totals):
        margins = [side for total in reversed(totals) for side in (0, total % 2)]
        input = pad(input, margins)
    return input, tuple(total // 2 for total in totals)


def _convolve_transposed(
    spatial: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Any:
    batched = _check(input, weight, bias, spatial, groups, transposed=True)
    steps, margins, extra, gaps = (
        spread_out(value, spatial, name)
        for value, name in (
            (stride, "stride"),
            (padding, "padding"),
            (output_padding, "output_padding"),
            (dilation, "dilation"),
        )
    )
    for more, step, gap in zip(extra, steps, gaps, strict=True):
        if more >= max(step, gap):
            raise RuntimeError(
                "output padding must be smaller than either stride or dilation, "
                f"but got output_padding: {extra} stride: {steps} dilation: {gaps}"
            )
    sizes = transposed_sizes(batched.shape[2:], weight.shape[2:], steps, margins, gaps, extra)
    if min(sizes) < 0:
        raise RuntimeError(f"Given input size per channel: {tuple(batched.shape[2:])}. Calculated output size: {sizes}")
    result = ops.convolution_transpose(batched, weight, bias, sizes, steps, margins, gaps, groups)
    return result if input.dim() == spatial + 2 else result.squeeze(0)


def _forward(spatial: int) -> Callable[..., Any]:
    def conv(
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Any:
        return _convolve(spatial, input, weight, bias, stride, padding, dilation, groups)

    conv.__name__ = f"conv{spatial}d"
    conv.__doc__ = (
        f"Input (N, C, *) or (C, *) with {spatial} spatial dimension(s), weight (K, C / groups, *) -> (N, K, *); "
        'padding may be "same" or "valid".'
    )
    return conv


def _transposed(spatial: int) -> Callable[..., Any]:
    def conv_transpose(
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Any:
        return _convolve_transposed(spatial, input, weight, bias, stride, padding, output_padding, groups, dilation)

    conv_transpose.__name__ = f"conv_transpose{spatial}d"
    conv_transpose.__doc__ = f"The adjoint of conv{spatial}d: input (N, C, *), weight (C, K / groups, *) -> (N, K, *)."
    return conv_transpose


conv1d, conv2d, conv3d = (_forward(spatial) for spatial in (1, 2, 3))
conv_transpose1d, conv_transpose2d, conv_transpose3d = (_transposed(spatial) for spatial in (1, 2, 3))
