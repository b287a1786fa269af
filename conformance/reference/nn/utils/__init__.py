"""torch.nn.utils: gradient clipping, parameters as one vector, parametrizations."""

from __future__ import annotations

from typing import Any

from conformance.reference.nn.utils import parametrizations, parametrize
from conformance.reference.nn.utils.clip_grad import (
    clip_grad_norm,
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)
from conformance.reference.nn.utils.convert_parameters import parameters_to_vector, vector_to_parameters

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_total_norm",
    "parameters_to_vector",
    "parametrizations",
    "parametrize",
    "vector_to_parameters",
]


def __getattr__(name: str) -> Any:
    """One clear error for a name that PyTorch has and the reference lacks."""
    raise AttributeError(f"the reference does not support torch.nn.utils.{name}")
