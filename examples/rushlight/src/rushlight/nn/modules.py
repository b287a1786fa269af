"""Modules: parameters, buffers and other modules, found by assignment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from rushlight import random, tensors
from rushlight.nn import functional as F  # noqa: N812 - as PyTorch's users write it
from rushlight.tensors import Tensor


class Parameter(Tensor):
    """A leaf that belongs to a module."""

    def __init__(self, data: Tensor, requires_grad: bool = True) -> None:
        super().__init__(data.array, requires_grad)


class Module:
    """A layer, or layers made into one."""

    def __init__(self) -> None:
        self.training = True
        self._buffers: list[str] = []

    def register_buffer(self, name: str, tensor: Tensor) -> None:
        """Keep a tensor that is part of the state and not trained."""
        setattr(self, name, tensor)
        self._buffers.append(name)

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """Every parameter, with the path that leads to it."""
        for name, value in vars(self).items():
            if isinstance(value, Parameter):
                yield prefix + name, value
        for name, child in self.named_children():
            yield from child.named_parameters(f"{prefix}{name}.")

    def named_buffers(self, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
        """Every buffer, with the path that leads to it."""
        for name in self._buffers:
            yield prefix + name, getattr(self, name)
        for name, child in self.named_children():
            yield from child.named_buffers(f"{prefix}{name}.")

    def buffers(self) -> Iterator[Tensor]:
        """Every buffer."""
        return (buffer for _, buffer in self.named_buffers())

    def parameters(self) -> Iterator[Parameter]:
        """Every parameter."""
        return (parameter for _, parameter in self.named_parameters())

    def add_module(self, name: str, module: Module) -> None:
        """Hold a module under a name."""
        setattr(self, name, module)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules that it holds, with their names."""
        return ((name, value) for name, value in vars(self).items() if isinstance(value, Module))

    def children(self) -> Iterator[Module]:
        """The modules that it holds."""
        return (child for _, child in self.named_children())

    def train(self, mode: bool = True) -> Module:
        """Behave as in training."""
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self) -> Module:
        """Behave as in use."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Begin the gradients of all parameters anew."""
        for parameter in self.parameters():
            if parameter.grad is not None:
                parameter.grad = tensors.zeros_like(parameter)

    def forward(self, *inputs: Any) -> Any:
        """What the module computes."""
        raise NotImplementedError(f"{type(self).__name__}.forward")

    def __call__(self, *inputs: Any) -> Any:
        """What ``forward`` gives."""
        return self.forward(*inputs)


class Linear(Module):
    """``x @ weight.T + bias``."""

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: str = "cpu", dtype: Any = None
    ) -> None:
        super().__init__()
        bound = in_features**-0.5
        shape = (out_features, in_features)
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(tensors.tensor(random.uniform(-bound, bound, shape), dtype, device))
        values = random.uniform(-bound, bound, (out_features,))
        self.bias = Parameter(tensors.tensor(values, dtype, device)) if bias else None

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer to rows."""
        return F.linear(input, self.weight, self.bias)


class ReLU(Module):
    """What is positive."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.relu(input)


class Sequential(Module):
    """Modules one after another."""

    def __init__(self, *modules: Module) -> None:
        super().__init__()
        for i, module in enumerate(modules):
            setattr(self, str(i), module)

    def forward(self, input: Any) -> Any:
        """Apply one after another."""
        for module in self.children():
            input = module(input)
        return input


class _BatchNorm(Module):
    """Each channel brought to mean 0 and variance 1: of the batch in training, of what was seen in use."""

    ranks: tuple[int, ...]

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, device: str = "cpu", dtype: Any = None
    ) -> None:
        super().__init__()
        if momentum is None:
            raise NotImplementedError("cumulative averages")
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = Parameter(tensors.ones(num_features, dtype=dtype, device=device))
        self.bias = Parameter(tensors.zeros(num_features, dtype=dtype, device=device))
        self.register_buffer("running_mean", tensors.zeros(num_features, dtype=dtype, device=device))
        self.register_buffer("running_var", tensors.ones(num_features, dtype=dtype, device=device))
        self.register_buffer("num_batches_tracked", tensors.tensor(np.int64(0), device=device))

    def forward(self, input: Tensor) -> Tensor:
        """Normalise dimension 1."""
        if input.ndim not in self.ranks:
            raise ValueError(f"{type(self).__name__} takes {self.ranks} dimensions, not {input.ndim}")
        if self.training and input.numel() == input.shape[1]:
            raise ValueError("a variance needs more than one value per channel")
        others = tuple(i for i in range(input.ndim) if i != 1)
        shape = tuple(-1 if i == 1 else 1 for i in range(input.ndim))
        if self.training:
            mean = input.mean(others, keepdim=True)
            variance = ((input - mean) ** 2).mean(others, keepdim=True)
            self._track(mean.array.reshape(-1), variance.array.reshape(-1))
        else:
            mean, variance = self.running_mean.reshape(*shape), self.running_var.reshape(*shape)
        normal = (input - mean) / (variance + self.eps) ** 0.5
        return normal * self.weight.reshape(*shape) + self.bias.reshape(*shape)

    def _track(self, mean: np.ndarray, variance: np.ndarray) -> None:
        for buffer, seen in ((self.running_mean, mean), (self.running_var, variance)):
            buffer.array += self.momentum * (seen - buffer.array)
        self.num_batches_tracked.array += 1


class BatchNorm1d(_BatchNorm):
    """For batches of vectors or of sequences."""

    ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """For batches of images."""

    ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """For batches of volumes."""

    ranks = (5,)
