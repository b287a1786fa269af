"""Gradient rules of convolution: of the three arrays that it ties together, each is computed from the other two.

`convolution` makes the smaller array, `convolution_transpose` the larger one, `convolution_weight` the kernel; see
`conformance.reference.forward.convolution`.
"""

from __future__ import annotations

from typing import Any

from conformance.reference.dispatch import Rules, ops

__all__ = ["CONVOLUTION", "CONVOLUTION_TRANSPOSE", "CONVOLUTION_WEIGHT"]


def _sum_of_channels(grad: Any) -> Any:
    return grad.sum([0, *range(2, grad.dim())])


def _smaller(larger: Any, weight: Any, shape: Any, *geometry: Any) -> Any:
    """The smaller array, without positions beyond `shape` that output_padding has opened."""
    found = ops.convolution(larger, weight, None, *geometry)
    for axis in range(2, len(shape)):
        if found.shape[axis] != shape[axis]:
            found = found.narrow(axis, 0, shape[axis])
    return found


CONVOLUTION: Rules = {
    "input": lambda grad, input_shape, weight, stride, padding, dilation, groups: ops.convolution_transpose(
        grad, weight, None, input_shape[2:], stride, padding, dilation, groups
    ),
    "weight": lambda grad, input, weight_shape, stride, padding, dilation, groups: ops.convolution_weight(
        input, grad, weight_shape[2:], stride, padding, dilation, groups
    ),
    "bias": _sum_of_channels,
}

CONVOLUTION_TRANSPOSE: Rules = {
    "input": lambda grad, input_shape, weight, stride, padding, dilation, groups: _smaller(
        grad, weight, input_shape, stride, padding, dilation, groups
    ),
    "weight": lambda grad, input, weight_shape, stride, padding, dilation, groups: ops.convolution_weight(
        grad, input, weight_shape[2:], stride, padding, dilation, groups
    ),
    "bias": _sum_of_channels,
}

CONVOLUTION_WEIGHT: Rules = {
    "larger": lambda grad, larger_shape, smaller, stride, padding, dilation, groups: ops.convolution_transpose(
        smaller, grad, None, larger_shape[2:], stride, padding, dilation, groups
    ),
    "smaller": lambda grad, larger, smaller_shape, stride, padding, dilation, groups: _smaller(
        larger, grad, smaller_shape, stride, padding, dilation, groups
    ),
}
