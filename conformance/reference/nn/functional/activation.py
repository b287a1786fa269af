"""Activation functions: those of one operation, in place where PyTorch has that, and those composed of others."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from conformance.reference import dtypes
from conformance.reference.dispatch import ops, write
from conformance.reference.tensors import Tensor

__all__ = [
    "celu",
    "celu_",
    "elu",
    "elu_",
    "gelu",
    "glu",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "leaky_relu",
    "leaky_relu_",
    "log_softmax",
    "logsigmoid",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "relu_",
    "rrelu",
    "rrelu_",
    "selu",
    "selu_",
    "sigmoid",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "threshold_",
]

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def _run(name: str, input: Tensor, inplace: bool, *parameters: Any) -> Any:
    operation: Callable[..., Any] = getattr(ops, name)
    if inplace:
        return write(input, operation.operation, (input,), parameters)  # type: ignore[attr-defined]
    return operation(input, *parameters)


def relu(input: Tensor, inplace: bool = False) -> Any:
    """max(0, x); the gradient at zero is zero."""
    return _run("relu", input, inplace)


def relu6(input: Tensor, inplace: bool = False) -> Any:
    """min(max(0, x), 6)."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """`x` held between two bounds."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return _run("hardtanh", input, inplace, min_val, max_val)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """`x` above zero, negative_slope * x below."""
    return _run("leaky_relu", input, inplace, negative_slope)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Any:
    """`x` above zero, alpha * (e^x - 1) below."""
    return _run("elu", input, inplace, alpha, 1.0, 1.0)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Any:
    """`x` above zero, alpha * (e^(x / alpha) - 1) below."""
    return _run("elu", input, inplace, alpha, 1.0, 1.0 / alpha)


def selu(input: Tensor, inplace: bool = False) -> Any:
    """`elu` scaled so that normal activations stay normal from layer to layer."""
    return _run("elu", input, inplace, _SELU_ALPHA, _SELU_SCALE, 1.0)


def gelu(input: Tensor, approximate: str = "none") -> Any:
    """`x` times the cumulative normal distribution; approximate="tanh" for its approximation."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return ops.gelu(input, approximate)


def silu(input: Tensor, inplace: bool = False) -> Any:
    """`x` * sigmoid(x)."""
    return _run("silu", input, inplace)


def mish(input: Tensor, inplace: bool = False) -> Any:
    """`x` * tanh(softplus(x))."""
    return _run("mish", input, inplace)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """log(1 + e^(beta x)) / beta, and x itself where beta x is above the threshold."""
    return ops.softplus(input, beta, threshold)


def logsigmoid(input: Tensor) -> Any:
    """log(sigmoid(x)), stable for large |x|."""
    return ops.log_sigmoid(input)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Any:
    """relu6(x + 3) / 6."""
    return _run("hardsigmoid", input, inplace)


def hardswish(input: Tensor, inplace: bool = False) -> Any:
    """`x` * relu6(x + 3) / 6."""
    return _run("hardswish", input, inplace)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Any:
    """Zero between -lambd and lambd, x elsewhere."""
    return ops.hardshrink(input, lambd)


def softshrink(input: Tensor, lambd: float = 0.5) -> Any:
    """`x` moved toward zero by lambd, and zero where that would cross it."""
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
    return ops.softshrink(input, lambd)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Any:
    """`x` above the threshold, `value` elsewhere."""
    return _run("threshold", input, inplace, threshold, value)


def tanhshrink(input: Any) -> Any:
    """`x` - tanh(x)."""
    return input - input.tanh()


def softsign(input: Any) -> Any:
    """`x` / (1 + |x|)."""
    return input / (input.abs() + 1)


def sigmoid(input: Any) -> Any:
    """1 / (1 + e^-x)."""
    return input.sigmoid()


def tanh(input: Any) -> Any:
    """The hyperbolic tangent."""
    return input.tanh()


def prelu(input: Any, weight: Any) -> Any:
    """leaky_relu with a slope that is learned: one for all, or one for each channel (dimension 1)."""
    if weight.numel() != 1:
        channels = input.shape[1] if input.dim() > 1 else 1
        if weight.numel() != channels:
            raise RuntimeError(
                f"Mismatch of parameter numbers and input channel size. Found parameter numbers = {weight.numel()}, "
                f"and channel size = {channels}."
            )
        weight = weight.reshape([-1 if axis == 1 else 1 for axis in range(input.dim())] if input.dim() > 1 else [-1])
    elif weight.dim():
        weight = weight.reshape([])
    return ops.where(input > 0, input, weight * input)


def rrelu(
    input: Any, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False
) -> Any:
    """leaky_relu with a slope drawn for each element in training, and the mean slope in evaluation."""
    if lower > upper:
        raise RuntimeError("lower bound should be less than or equal to the upper bound")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    below = input.detach() <= 0
    drawn = input.new_empty(int(below.sum()), dtype=dtypes.float64).uniform_(lower, upper)
    slope = input.new_ones(input.shape)
    slope[below] = drawn.to(input.dtype)
    return input.mul_(slope) if inplace else input * slope


def glu(input: Any, dim: int = -1) -> Any:
    """The first half along `dim` times the sigmoid of the second."""
    if input.dim() == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    if input.shape[dim] % 2:
        raise RuntimeError(
            f"Halving dimension must be even, but dimension {dim % input.dim()} is size {input.shape[dim]}"
        )
    first, second = input.chunk(2, dim)
    return first * second.sigmoid()


def _softmax_dim(name: str, dim: int | None, rank: int) -> int:
    if dim is not None:
        return dim
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        UserWarning,
        stacklevel=4,
    )
    return 0 if rank in (0, 1, 3) else 1


def softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """e^x divided by its sum along `dim`."""
    return input.softmax(_softmax_dim("softmax", dim, input.dim()), dtype=dtype)


def softmin(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """softmax(-x)."""
    return (-input).softmax(_softmax_dim("softmin", dim, input.dim()), dtype=dtype)


def log_softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """log(softmax(x)), computed without overflow."""
    return input.log_softmax(_softmax_dim("log_softmax", dim, input.dim()), dtype=dtype)


def gumbel_softmax(logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Any:
    """A sample of the Gumbel-softmax distribution; `hard` gives a one-hot sample whose gradient is the soft one's."""
    noise = -logits.detach().clone().exponential_().log()
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    winner = soft.max(dim, keepdim=True)[1]
    one_hot = ops.where(winner == _positions(soft, dim), 1.0, 0.0).to(soft.dtype)
    return one_hot - soft.detach() + soft


def _positions(input: Any, dim: int) -> Any:
    from conformance.reference.operations.creation import arange

    sizes = [1] * input.dim()
    sizes[dim] = -1
    positions: Any = arange(input.shape[dim], device=input.device)
    return positions.reshape(sizes)


def _inplace(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        return function(input, *args, **kwargs, inplace=True)

    call.__name__ = call.__qualname__ = f"{function.__name__}_"
    call.__doc__ = f"{function.__name__}, written into its input."
    return call


celu_, elu_, hardtanh_, leaky_relu_ = _inplace(celu), _inplace(elu), _inplace(hardtanh), _inplace(leaky_relu)
relu_, rrelu_, selu_, threshold_ = _inplace(relu), _inplace(rrelu), _inplace(selu), _inplace(threshold)
