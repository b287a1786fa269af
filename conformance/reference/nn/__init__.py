# ruff: noqa: F401, F403
"""torch.nn: modules, parameters, layers, losses.

functional: layers as functions. parameter: Parameter and Buffer. modules: Module and the layers built on it.
init: first values. utils: clipping gradients, parameters as a vector, parametrizations.

Openly lacking: attention and transformers, packed sequences, EmbeddingBag and sparse gradients, CTC and a few other
losses, fractional pooling, sampling by a grid, every mode of interpolation but the nearest, spectral normalisation,
and what needs several processes.
"""

from __future__ import annotations

from typing import Any

import conformance.reference.operations.neural
from conformance.reference.nn import functional, init, modules, parameter, utils
from conformance.reference.nn.modules import *
from conformance.reference.nn.modules.module import Module
from conformance.reference.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter


def __getattr__(name: str) -> Any:
    """One clear error for a name that PyTorch has and the reference lacks."""
    raise AttributeError(f"the reference does not support torch.nn.{name}")
