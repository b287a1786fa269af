"""What an expectation can use while it is evaluated: NumPy in float64, and helpers named after what they compute.

No helper computes a claim: there is no ``batch_norm``, ``sgd`` or ``cross_entropy`` here, for a rule must show its
formula. Each helper takes and returns float64 (or complex128) arrays.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from conformance.rules.parameters import DTYPES

Array = npt.NDArray[Any]


def channels(x: Array) -> Array:
    """(N, C, *) -> (C, N * prod(*)): one row per channel."""
    return np.asarray(np.moveaxis(x, 1, 0).reshape(x.shape[1], -1))


def per_channel(values: Any, x: Array) -> Array:
    """(C,) -> (C, 1, ...): shaped to broadcast against axis 1 of ``x``; a number is returned as it is."""
    values = np.asarray(values)
    return np.asarray(values if values.ndim == 0 else values.reshape(-1, *(1,) * (x.ndim - 2)))


def normalise(x: Array, axes: int | tuple[int, ...], eps: float = 1e-5) -> Array:
    """Subtract the mean over ``axes`` and divide by the root of the biased variance plus ``eps``."""
    centred = x - x.mean(axis=axes, keepdims=True)
    spread = (np.abs(centred) ** 2).mean(axis=axes, keepdims=True)
    return np.asarray(centred / np.sqrt(spread + eps))


def softmax(x: Array, axis: int = -1) -> Array:
    """Exponentials divided by their sum along ``axis``."""
    return np.exp(log_softmax(x, axis))


def log_softmax(x: Array, axis: int = -1) -> Array:
    """The logarithm of :func:`softmax`, computed without overflow."""
    shifted = x - np.max(x.real, axis=axis, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True)))


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x))."""
    return np.asarray(1 / (1 + np.exp(-x)))


def reduced(values: Array, reduction: str) -> Array:
    """A loss's reduction: 'none', 'mean' or 'sum'."""
    if reduction == "none":
        return values
    reductions: dict[str, Callable[[], Any]] = {"mean": values.mean, "sum": values.sum}
    return np.asarray(reductions[reduction]())


def conv(x: Array, weight: Array, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Array:
    """Cross-correlation of (N, C, *) with (O, C / groups, *): (N, O, *), in any number of spatial dimensions."""
    dims = x.ndim - 2
    stride, padding, dilation = (tuple(np.broadcast_to(value, dims)) for value in (stride, padding, dilation))
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, weight.shape[2:])]
    windows = np.lib.stride_tricks.sliding_window_view(x, reach, axis=tuple(range(2, x.ndim)))
    steps = [slice(None, None, step) for step in (1, 1, *stride, *dilation)]
    windows = windows[tuple(steps)]
    batch, _, *space = windows.shape[: 2 + dims]
    split = windows.reshape(batch, groups, -1, *windows.shape[2:])
    kernels = weight.reshape(groups, -1, *weight.shape[1:])
    inner = [2, *range(3 + dims, 3 + 2 * dims)]
    parts = [
        np.tensordot(split[:, g], kernels[g], axes=([axis - 1 for axis in inner], [1, *range(2, 2 + dims)]))
        for g in range(groups)
    ]
    out = np.concatenate(parts, axis=-1)
    return np.moveaxis(out, -1, 1).reshape(batch, -1, *space)


def grad(function: Callable[[Array], Any], x: Array) -> Array:
    """The gradient of a real scalar function at ``x``, by a complex step checked against central differences.

    Raises:
        ArithmeticError: the two disagree, so that the function is not differentiable there or not analytic.

    """
    x = np.asarray(x, dtype=float)
    steps, differences = np.empty(x.shape), np.empty(x.shape)
    for index in np.ndindex(x.shape):
        probe = x.astype(complex)
        probe[index] += 1e-30j
        steps[index] = np.imag(function(probe)) * 1e30
        width = 1e-6 * max(1.0, abs(float(x[index])))
        above, below = x.copy(), x.copy()
        above[index] += width
        below[index] -= width
        differences[index] = np.real(function(above) - function(below)) / (2 * width)
    scale = max(1.0, float(np.abs(differences).max(initial=0)))
    if not np.allclose(steps, differences, rtol=1e-5, atol=1e-5 * scale):
        raise ArithmeticError("the complex step and the differences disagree: is the function analytic at this point?")
    return steps


_HELPERS: Mapping[str, Any] = {
    function.__name__: function
    for function in (channels, per_channel, normalise, softmax, log_softmax, sigmoid, reduced, conv, grad)
}
#: The names every expectation sees, besides givens and parameters.
ENVIRONMENT: Mapping[str, Any] = {
    "__builtins__": builtins,  # NumPy imports lazily from inside the frame that called it
    "np": np,
    "nan": np.nan,
    "inf": np.inf,
    "pi": np.pi,
    "none": None,
    **{dtype: dtype for dtype in DTYPES - {"bool"}},  # a dtype is its name
    **_HELPERS,
}
