"""Functions that layers are made of."""

from __future__ import annotations

from rushlight.tensors import Tensor, _recorded


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input @ weight.T + bias``, over rows."""
    if input.ndim != 2:
        raise NotImplementedError("linear of other than matrices")
    product = input @ _recorded("TBackward0", weight.array.T, (weight, lambda grad: grad.T))
    return product if bias is None else product + bias


def relu(input: Tensor) -> Tensor:
    """What is positive, and zero in place of the rest."""
    return input.relu()


def mse_loss(input: Tensor, target: Tensor) -> Tensor:
    """The mean squared difference."""
    return ((input - target) ** 2).mean()
