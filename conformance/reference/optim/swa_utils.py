"""Averaging of weights over training, and fresh BatchNorm statistics for averaged weights."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

from conformance.reference.modes import no_grad
from conformance.reference.nn.modules.batchnorm import _BatchNorm
from conformance.reference.nn.modules.module import Module
from conformance.reference.operations.creation import tensor

__all__ = ["AveragedModel", "get_ema_avg_fn", "update_bn"]


def get_ema_avg_fn(decay: float = 0.999) -> Callable[[Any, Any, Any], Any]:
    """An exponential moving average for AveragedModel's `avg_fn`."""
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")

    def average(averaged: Any, current: Any, count: Any) -> Any:
        return decay * averaged + (1 - decay) * current

    return average


def _mean(averaged: Any, current: Any, count: Any) -> Any:
    return averaged + (current - averaged) / (count + 1)


class AveragedModel(Module):
    """A copy of a model whose parameters are an average of the model's at each `update_parameters`."""

    n_averaged: Any

    def __init__(
        self,
        model: Any,
        device: Any = None,
        avg_fn: Callable[[Any, Any, Any], Any] | None = None,
        multi_avg_fn: Any = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, device=device))
        self.avg_fn, self.use_buffers = avg_fn or _mean, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def _tensors(self, module: Any) -> Iterable[Any]:
        return [*module.parameters(), *(module.buffers() if self.use_buffers else ())]

    def update_parameters(self, model: Any) -> None:
        """Take the model's present parameters into the average; the first time they are copied."""
        with no_grad():
            for averaged, current in zip(self._tensors(self.module), self._tensors(model), strict=True):
                current = current.detach().to(averaged.device)
                first = int(self.n_averaged) == 0
                averaged.copy_(current if first else self.avg_fn(averaged, current, self.n_averaged))
            if not self.use_buffers:
                for own, current in zip(self.module.buffers(), model.buffers(), strict=True):
                    own.copy_(current.detach())
            self.n_averaged += 1


def update_bn(loader: Iterable[Any], model: Any, device: Any = None) -> None:
    """Compute every BatchNorm's running statistics anew as plain averages over one pass through `loader`."""
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    if not norms:
        return
    momenta = {module: module.momentum for module in norms}
    was_training = model.training
    for module in norms:
        module.reset_running_stats()
        module.momentum = None
    model.train()
    with no_grad():
        for batch in loader:
            inputs = batch[0] if isinstance(batch, (list, tuple)) else batch
            model(inputs if device is None else inputs.to(device))
    for module, momentum in momenta.items():
        module.momentum = momentum
    model.train(was_training)
