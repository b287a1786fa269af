"""Faults of convolution layers: what is checked when they are built, and transposed ones."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F  # noqa: N812 - as everybody writes it
from torch.nn import Module, Parameter
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from tests.mutants.swapping import swap


def _unchecked(right: Any) -> Any:
    def build(layer: Any, *args: Any, **options: Any) -> None:
        try:
            right(layer, *args, **options)
        except ValueError:
            Module.__init__(layer)

    return build


swap(
    "convolutions_check_nothing",
    "Convolution layers check nothing when they are built.",
    _ConvNd,
    "__init__",
    _unchecked,
    catches=["conv/groups-must-divide", "conv/padding-mode-unknown", "conv/padding-same-needs-stride-one"],
)


def _rounding(right: Any) -> Any:
    def build(layer: Any, inputs: int, outputs: int, *args: Any, **options: Any) -> None:
        groups = args[6]
        right(layer, inputs, outputs - outputs % groups, *args, **options)

    return build


swap(
    "output_channels_are_rounded_to_groups",
    "Output channels that groups does not divide are rounded down.",
    _ConvNd,
    "__init__",
    _rounding,
    catches=["conv/groups-must-divide"],
)


def _shrinking(right: Any) -> Any:
    def convolve(x: Any, weight: Any, *args: Any, **options: Any) -> Any:
        dims = weight.dim() - 2
        padding = args[2] if len(args) > 2 else options.get("padding", 0)
        if isinstance(padding, str):
            return right(x, weight, *args, **options)
        margins = (padding,) * dims if isinstance(padding, int) else tuple(padding)
        for axis, margin in zip(range(2, 2 + dims), margins * dims):
            weight = weight.narrow(axis, 0, min(weight.shape[axis], x.shape[axis - 2 - dims] + 2 * margin))
        return right(x, weight, *args, **options)

    return convolve


swap(
    "kernels_are_cut_to_the_input",
    "A kernel that is larger than the padded input is cut to its size.",
    F,
    "conv1d conv2d conv3d",
    _shrinking,
    catches=["conv/kernel-larger-than-input"],
)


def _with_zero_bias(right: Any) -> Any:
    def build(layer: Any, *args: Any, **options: Any) -> None:
        right(layer, *args, **options)
        if layer.bias is None:
            layer.bias = Parameter(layer.weight.new_zeros(layer.out_channels))

    return build


swap(
    "bias_false_is_a_bias_of_zeros",
    "Convolution layers with bias=False have a bias of zeros.",
    _ConvNd,
    "__init__",
    _with_zero_bias,
    catches=["conv/is-cross-correlation"],
    reaches=["*"],
)


def _unreversed(right: Any) -> Any:
    def build(layer: Any, *args: Any, **options: Any) -> None:
        right(layer, *args, **options)
        if not isinstance(layer.padding, str):
            layer._reversed_padding_repeated_twice = [width for width in layer.padding for _ in range(2)]

    return build


swap(
    "borders_are_swapped",
    "A padding_mode other than zeros takes the paddings of the dimensions in reverse order.",
    _ConvNd,
    "__init__",
    _unreversed,
    catches=["conv/padding-mode"],
)


def _any_mode(right: Any) -> Any:
    def build(layer: Any, *args: Any, **options: Any) -> None:
        mode = args[10]
        right(layer, *args[:10], "zeros", *args[11:], **options)
        layer.padding_mode = mode

    return build


swap(
    "transposed_convolutions_take_any_mode",
    "Transposed convolutions accept every padding_mode when they are built.",
    _ConvTransposeNd,
    "__init__",
    _any_mode,
    catches=["conv/transposed-padding-mode"],
)
swap(
    "output_size_is_ignored",
    "Transposed convolutions ignore output_size.",
    _ConvTransposeNd,
    "_output_padding",
    lambda right: lambda layer, x, output_size, *args, **options: right(layer, x, None, *args, **options),
    catches=["conv/transposed-output-size"],
)


def _wrapping(right: Any) -> Any:
    def padding(layer: Any, *args: Any, **options: Any) -> Any:
        try:
            return right(layer, *args, **options)
        except ValueError:
            return layer.output_padding

    return padding


swap(
    "output_size_is_not_checked",
    "An output_size out of reach is ignored.",
    _ConvTransposeNd,
    "_output_padding",
    _wrapping,
    catches=["conv/transposed-output-size"],
)
swap(
    "transposed_convolutions_ignore_output_padding",
    "Transposed convolutions ignore output_padding.",
    F,
    "conv_transpose1d conv_transpose2d conv_transpose3d",
    lambda right: (
        lambda x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1: right(
            x, weight, bias, stride, padding, 0, groups, dilation
        )
    ),
    catches=["conv/transposed-shapes", "conv/transposed-output-size"],
)
swap(
    "transposed_convolutions_flip_their_kernel",
    "Transposed convolutions flip their kernel.",
    F,
    "conv_transpose1d conv_transpose2d conv_transpose3d",
    lambda right: lambda x, weight, *args, **options: right(x, weight.flip(*range(2, weight.dim())), *args, **options),
    catches=["conv/transposed-shapes", "conv/input-gradient-is-transposed-conv"],
)
