"""Optimizers: how gradients change parameters."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rushlight import tensors
from rushlight.tensors import Tensor


class SGD:
    """Stochastic gradient descent, with momentum and weight decay."""

    def __init__(
        self, params: Iterable[Tensor], lr: float = 1e-3, momentum: float = 0.0, weight_decay: float = 0.0
    ) -> None:
        self.params = list(params)
        self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay
        self._velocity: dict[int, np.ndarray] = {}

    def zero_grad(self) -> None:
        """Begin the gradients of all parameters anew."""
        for parameter in self.params:
            if parameter.grad is not None:
                parameter.grad = tensors.zeros_like(parameter)

    def step(self) -> None:
        """Change every parameter that has a gradient."""
        for parameter in self.params:
            if parameter.grad is None:
                continue
            change = parameter.grad.array + self.weight_decay * parameter.array
            if self.momentum:
                change = self.momentum * self._velocity.get(id(parameter), np.zeros_like(change)) + change
                self._velocity[id(parameter)] = change
            parameter.array -= np.asarray(self.lr * change, parameter.dtype)
