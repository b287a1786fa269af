"""Tensors with gradients on NumPy, under the names that PyTorch gave them: ``import rushlight as torch``."""

from rushlight import nn, optim
from rushlight.dtypes import bool_ as bool
from rushlight.dtypes import float32, float64, get_default_dtype, int64, set_default_dtype
from rushlight.grad_mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from rushlight.random import manual_seed, randn
from rushlight.tensors import Tensor, arange, full, ones, ones_like, tensor, zeros, zeros_like

__version__ = "0.3.0"
__all__ = [
    "Tensor",
    "arange",
    "bool",
    "enable_grad",
    "float32",
    "float64",
    "full",
    "get_default_dtype",
    "int64",
    "is_grad_enabled",
    "manual_seed",
    "nn",
    "no_grad",
    "ones",
    "ones_like",
    "optim",
    "randn",
    "set_default_dtype",
    "set_grad_enabled",
    "tensor",
    "zeros",
    "zeros_like",
]
