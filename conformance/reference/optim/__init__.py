"""torch.optim: optimizers and learning-rate schedulers.

optimizer: what all share. sgd, adam, adaptive, signs, lbfgs: the algorithms. schedules,
combined_schedules: what lr_scheduler assembles. swa_utils: averaging.
"""

from __future__ import annotations

from typing import Any

from conformance.reference.optim import lr_scheduler, swa_utils
from conformance.reference.optim.adam import Adam, Adamax, AdamW, NAdam, RAdam
from conformance.reference.optim.adaptive import Adadelta, Adagrad, RMSprop
from conformance.reference.optim.lbfgs import LBFGS
from conformance.reference.optim.optimizer import Optimizer
from conformance.reference.optim.sgd import SGD
from conformance.reference.optim.signs import Rprop

__all__ = [
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "lr_scheduler",
    "swa_utils",
]


def __getattr__(name: str) -> Any:
    """One clear error for a name that PyTorch has and the reference lacks."""
    raise AttributeError(f"the reference does not support torch.optim.{name}")
