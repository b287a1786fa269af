"""PyTorch's semantics in NumPy, written to be read."""

from __future__ import annotations

from conformance.reference import autograd, methods, modes
from conformance.reference.devices import device
from conformance.reference.dtypes import (
    bfloat16, cdouble, cfloat, complex64, complex128, double, float16, float32, float64, half, int8, int16, int32,
    int64, long, short, uint8,
)
from conformance.reference.dtypes import bool_ as bool
from conformance.reference.dtypes import float_ as float
from conformance.reference.dtypes import int_ as int
from conformance.reference.modes import enable_grad, inference_mode, no_grad, set_grad_enabled
from conformance.reference.operations.creation import tensor, zeros, ones
from conformance.reference.tensors import Size, Tensor
