"""Averaging of weights over training, its schedule, and fresh BatchNorm statistics for averaged weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

from conformance.reference.modes import no_grad
from conformance.reference.nn.modules.batchnorm import _BatchNorm
from conformance.reference.nn.modules.module import Module
from conformance.reference.operations.creation import tensor
from conformance.reference.optim.optimizer import Optimizer
from conformance.reference.optim.schedules import LRScheduler

__all__ = ["SWALR", "AveragedModel", "get_ema_avg_fn", "get_swa_avg_fn", "update_bn"]


def get_ema_avg_fn(decay: float = 0.999) -> Callable[[Any, Any, Any], Any]:
    """An exponential moving average for AveragedModel's `avg_fn`."""
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")

    def average(averaged: Any, current: Any, count: Any) -> Any:
        return decay * averaged + (1 - decay) * current

    return average


def _mean(averaged: Any, current: Any, count: Any) -> Any:
    return averaged + (current - averaged) / (count + 1)


def get_swa_avg_fn() -> Callable[[Any, Any, Any], Any]:
    """The plain average for AveragedModel's `avg_fn`."""
    return _mean


class SWALR(LRScheduler):
    """From the present rate to `swa_lr` in `anneal_epochs`, along a line or half a cosine; constant after that."""

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: Any,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        targets = swa_lr if isinstance(swa_lr, (list, tuple)) else [swa_lr] * len(optimizer.param_groups)
        for target, group in zip(targets, optimizer.param_groups, strict=True):
            group["swa_lr"] = target
        self._anneal_strategy, self.anneal_epochs = anneal_strategy, anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, epoch: int) -> float:
        """How much of the way is done at an epoch."""
        done = max(0.0, min(1.0, epoch / max(1, self.anneal_epochs)))
        return (1 - math.cos(math.pi * done)) / 2 if self._anneal_strategy == "cos" else done

    def get_lr(self) -> list[Any]:
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            target = group["swa_lr"]
            first = target if before == 1 else (group["lr"] - before * target) / (1 - before)
            rates.append(target * now + first * (1 - now))
        return rates


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
