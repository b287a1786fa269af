# ruff: noqa: F403
"""torch.nn.functional: the layers as functions of tensors, parameters given as arguments.

Checks, defaults and names are here; the operations below them are declared in `conformance.reference.operations`.
"""

from __future__ import annotations

from typing import Any

from conformance.reference.nn.functional.activation import *
from conformance.reference.nn.functional.classification import *
from conformance.reference.nn.functional.convolution import *
from conformance.reference.nn.functional.dropout import *
from conformance.reference.nn.functional.linear import *
from conformance.reference.nn.functional.loss import *
from conformance.reference.nn.functional.normalization import *
from conformance.reference.nn.functional.padding import *
from conformance.reference.nn.functional.pooling import *
from conformance.reference.nn.functional.rearranging import *

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


def __getattr__(name: str) -> Any:
    """One clear error for a name that PyTorch has and the reference lacks."""
    raise AttributeError(f"the reference does not support torch.nn.functional.{name}")
