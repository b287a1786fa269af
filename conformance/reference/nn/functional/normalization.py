"""Normalisation: by the batch, by instance, by layer, by groups of channels, and by vectors' norms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conformance.reference import dtypes
from conformance.reference.dispatch import ops
from conformance.reference.errors import NotSupported
from conformance.reference.modes import no_grad

__all__ = [
    "batch_norm",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "local_response_norm",
    "normalize",
    "rms_norm",
]


def _check_types(name: str, input: Any, *others: Any) -> None:
    """Parameters have the input's type, or float32 beside a 16-bit input."""
    if input.dtype.category < dtypes.FLOATING:
        raise NotImplementedError(f"\"{name}\" not implemented for '{input.dtype.name.capitalize()}'")
    for other in others:
        if other is None or other.dtype is input.dtype:
            continue
        if not (input.dtype.itemsize == 2 and other.dtype is dtypes.float32):
            raise RuntimeError("mixed dtype (CPU): all inputs must share same datatype.")


def _by_channel(parameter: Any, rank: int) -> Any:
    """(C,) -> (C, 1, ...), which broadcasts against (N, C, *)."""
    return parameter if parameter is None or rank < 3 else parameter.reshape([-1, *[1] * (rank - 2)])


def _check_channels(channels: int, **vectors: Any) -> None:
    for name, vector in vectors.items():
        if vector is not None and vector.numel() != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not {vector.numel()}")


def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Each channel of (N, C, *) by the batch's statistics in training, by the running ones otherwise.

    In training the running statistics, where given, move by `momentum` toward the batch's mean and unbiased variance.
    """
    rank, channels = input.dim(), input.shape[1]
    if training and input.numel() // max(channels, 1) == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.shape}")
    if eps <= 0:
        raise ValueError(f"batch_norm eps must be positive, but got {eps}")
    _check_channels(channels, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    _check_types("batch_norm", input, weight, bias, running_mean, running_var)
    scale, shift = _by_channel(weight, rank), _by_channel(bias, rank)
    if not training:
        for name, statistic in (("running_mean", running_mean), ("running_var", running_var)):
            if statistic is None:
                raise RuntimeError(f"{name} must be defined in evaluation mode")
        mean, variance = _by_channel(running_mean, rank), _by_channel(running_var, rank)
        return ops.native_norm_by(input, scale, shift, mean, variance, eps)
    axes = (0, *range(2, rank))
    output, mean, variance = ops.native_norm(input, scale, shift, axes, eps)
    if input.numel():
        count = input.numel() // channels
        _move(running_mean, mean, momentum)
        _move(running_var, variance, momentum, count / (count - 1))
    return output


def _move(running: Any, batch: Any, momentum: float, correction: float = 1.0) -> None:
    if running is not None:
        with no_grad():
            new = batch.detach().reshape([-1]).to(running.dtype) * correction
            running.copy_(running * (1 - momentum) + new * momentum)


def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Each channel of each instance of (N, C, *) by its own statistics, or by running ones.

    Running statistics move toward the mean, over the batch, of the instances' statistics.
    """
    rank = input.dim()
    if use_input_stats and input.shape[2:].numel() == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape}")
    _check_types("batch_norm", input, weight, bias, running_mean, running_var)
    scale, shift = _by_channel(weight, rank), _by_channel(bias, rank)
    if not use_input_stats:
        mean, variance = _by_channel(running_mean, rank), _by_channel(running_var, rank)
        return ops.native_norm_by(input, scale, shift, mean, variance, eps)
    axes = tuple(range(2, rank))
    output, mean, variance = ops.native_norm(input, scale, shift, axes, eps)
    count = input.shape[2:].numel()
    _move(running_mean, mean.detach().mean(0), momentum)
    _move(running_var, variance.detach().mean(0), momentum, count / max(count - 1, 1))
    return output


def layer_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """By the statistics over the last dimensions, whose sizes are `normalized_shape`."""
    axes = _last_axes(input, tuple(normalized_shape), weight, bias)
    _check_types("LayerNormKernelImpl", input, weight, bias)
    return ops.native_norm(input, weight, bias, axes, eps)[0]


def rms_norm(input: Any, normalized_shape: Sequence[int], weight: Any = None, eps: float | None = None) -> Any:
    """By the root of the mean square over the last dimensions; eps defaults to that of the input's type."""
    axes = _last_axes(input, tuple(normalized_shape), weight, None, compact=True)
    eps = dtypes.finfo(input.dtype if input.dtype.itemsize > 2 else dtypes.float32).eps if eps is None else eps
    return ops.native_rms_norm(input, weight, axes, eps)[0]


def _last_axes(input: Any, shape: tuple[int, ...], weight: Any, bias: Any, compact: bool = False) -> tuple[int, ...]:
    sizes = list(shape)
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None and tuple(parameter.shape) != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(parameter.shape)} and normalized_shape = {sizes}"
            )
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element"
        )
    if tuple(input.shape[-len(shape) :]) != shape:
        raise RuntimeError(
            f"Given normalized_shape={sizes}, expected input with shape [*{'' if compact else ', '}"
            f"{', '.join(map(str, sizes))}], but got input of size{list(input.shape)}"
        )
    return tuple(range(input.dim() - len(shape), input.dim()))


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Each group of channels of each instance of (N, C, *) by its own statistics."""
    rank, channels = input.dim(), input.shape[1]
    if num_groups <= 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    per_group = input.numel() // max(input.shape[0] * num_groups, 1)
    if input.numel() and per_group * input.shape[0] == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {[1, num_groups, *input.shape[2:]]}"
        )
    if channels % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(input.shape)} and num_groups={num_groups}"
        )
    _check_types("GroupNormKernelImpl", input, weight, bias)
    grouped = input.reshape(input.shape[0], num_groups, channels // num_groups * input.shape[2:].numel())
    output = ops.native_norm(grouped, None, None, (2,), eps)[0].reshape(input.shape)
    if weight is not None:
        output = output * _by_channel(weight, rank)
    return output if bias is None else output + _by_channel(bias, rank)


def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """Divided by a power of the mean square over neighbouring channels."""
    from conformance.reference.nn.functional.padding import pad

    if input.dim() < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {input.dim()} dimensions)")
    squares = pad(input.square(), [0, 0] * (input.dim() - 2) + [size // 2, (size - 1) // 2])
    channels = input.shape[1]
    total = sum(squares.narrow(1, at, channels) for at in range(size))
    return input / (total / size * alpha + k).pow(beta)


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None) -> Any:
    """Divided by the p-norm along `dim`, or by eps where the norm is smaller."""
    if out is not None:
        raise NotSupported("normalize with out=")
    return input / input.norm(p, dim, keepdim=True).clamp(min=eps).expand_as(input)
