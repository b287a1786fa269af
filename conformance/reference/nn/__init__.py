# ruff: noqa: F401, F403
"""torch.nn: modules, parameters, layers, losses.

functional: layers as functions. parameter: Parameter and Buffer. modules: Module and the layers built on it.
init: first values. utils: clipping gradients, parameters as a vector.
"""

from __future__ import annotations

import conformance.reference.operations.neural
from conformance.reference.nn import functional, init, modules, parameter, utils
from conformance.reference.nn.modules import *
from conformance.reference.nn.modules.module import Module
from conformance.reference.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

TORCH_NAMES = (
    "alpha_dropout",
    "avg_pool1d",
    "batch_norm",
    "bilinear",
    "binary_cross_entropy_with_logits",
    "celu",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cosine_similarity",
    "dropout",
    "embedding",
    "group_norm",
    "hardshrink",
    "instance_norm",
    "layer_norm",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "pairwise_distance",
    "prelu",
    "rms_norm",
    "rrelu",
    "selu",
    "threshold",
)
"""The functions that the torch namespace has too."""
for _name in TORCH_NAMES:
    globals()[_name] = getattr(functional, _name)
