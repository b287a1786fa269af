"""torch.testing: assert_close, with the tolerances of each type."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from conformance.reference import dtypes
from conformance.reference.operations.creation import as_tensor
from conformance.reference.tensors import Tensor

__all__ = ["assert_close"]

# (rtol, atol); exact for integers and booleans.
_TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "complex64": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex128": (1e-7, 1e-7),
}


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: Any = None,
) -> None:
    """AssertionError unless |actual - expected| <= atol + rtol |expected| everywhere.

    Numbers, tensors, and sequences and mappings of these; the tolerances are both given or both those of the type.
    """
    if (rtol is None) != (atol is None):
        raise ValueError("rtol and atol must both be specified or both be unspecified")
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        _check(actual.keys() == expected.keys(), f"The keys differ: {list(actual)} and {list(expected)}", msg)
        pairs = [(actual[key], expected[key]) for key in expected]
    elif isinstance(expected, Sequence) and isinstance(actual, Sequence):
        _check(len(actual) == len(expected), f"The lengths differ: {len(actual)} and {len(expected)}", msg)
        pairs = list(zip(actual, expected, strict=True))
    else:
        one, other = (each if isinstance(each, Tensor) else as_tensor(_wide(each)) for each in (actual, expected))
        compared = isinstance(actual, Tensor) and isinstance(expected, Tensor)
        if compared and check_device:
            _check(one.device == other.device, f"The devices differ: {one.device} and {other.device}", msg)
        if compared and check_dtype:
            _check(one.dtype is other.dtype, f"The dtypes differ: {one.dtype} and {other.dtype}", msg)
        _compare(one, other, rtol, atol, equal_nan, msg)
        return
    for one, other in pairs:
        assert_close(
            one,
            other,
            rtol=rtol,
            atol=atol,
            equal_nan=equal_nan,
            check_device=check_device,
            check_dtype=check_dtype,
            msg=msg,
        )


def _wide(value: Any) -> Any:
    return np.asarray(value)


def _check(holds: bool, text: str, msg: Any) -> None:
    if not holds:
        raise AssertionError((msg(text) if callable(msg) else msg) or text)


def _tolerances(*types: dtypes.dtype) -> tuple[float, float]:
    found = [_TOLERANCES.get(each.name.removeprefix("torch."), (0.0, 0.0)) for each in types]
    return max(rtol for rtol, _ in found), max(atol for _, atol in found)


def _compare(one: Tensor, other: Tensor, rtol: float | None, atol: float | None, equal_nan: bool, msg: Any) -> None:
    _check(one.shape == other.shape, f"The shapes differ: {tuple(one.shape)} and {tuple(other.shape)}", msg)
    if rtol is None or atol is None:
        rtol, atol = _tolerances(one.dtype, other.dtype)
    kind = np.result_type(
        *(each._array.dtype if each._array.dtype.kind != "V" else np.float64 for each in (one, other))
    )
    wide = np.complex128 if kind.kind == "c" else np.float64 if kind.kind == "f" else np.int64
    found, wanted = one._array.astype(wide), other._array.astype(wide)
    with np.errstate(all="ignore"):
        close = (found == wanted) | (np.abs(found - wanted) <= atol + rtol * np.abs(wanted)) & np.isfinite(wanted)
    if equal_nan:
        close |= np.isnan(found) & np.isnan(wanted)
    wrong = int(close.size - close.sum())
    if wrong:
        with np.errstate(all="ignore"):
            farthest = float(np.nanmax(np.abs(found - wanted)[~close])) if wrong else math.nan
        text = (
            f"Tensor-likes are not close: {wrong} of {close.size} elements differ, by up to {farthest} "
            f"(allowed: {atol} + {rtol} * |expected|)"
        )
        _check(False, text, msg)
