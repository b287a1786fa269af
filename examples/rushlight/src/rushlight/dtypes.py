"""Element types: NumPy's own, and the one that floating-point data has by default."""

from __future__ import annotations

import numpy as np

float32, float64, int64, bool_ = map(np.dtype, ("float32", "float64", "int64", "bool"))
_default = float32


def get_default_dtype() -> np.dtype:
    """The dtype of tensors made from Python floats."""
    return _default


def set_default_dtype(dtype: np.dtype) -> None:
    """Make ``dtype`` the one of tensors made from Python floats."""
    global _default
    if dtype not in (float32, float64):
        raise TypeError(f"the default dtype is float32 or float64, not {dtype}")
    _default = dtype
