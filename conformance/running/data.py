"""Givens -> arrays: the same bits for every implementation.

Values are rounded to the dtype in which they will be stored first, and only then shown to the expectation, as float64,
complex128, int64 or bool: what both sides compute from is the same number.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_STORED: Mapping[str, Any] = {
    "float16": np.float16,
    "bfloat16": np.float32,
    "float32": np.float32,
    "float64": np.float64,
    "complex64": np.complex64,
    "complex128": np.complex128,
    "uint8": np.uint8,
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "bool": np.bool_,
}
EPS: Mapping[str, float] = {
    "float16": 2.0**-10,
    "bfloat16": 2.0**-7,
    "float32": 2.0**-23,
    "float64": 2.0**-52,
    "complex64": 2.0**-23,
    "complex128": 2.0**-52,
}


@dataclass(frozen=True, slots=True)
class Datum:
    """One given's data: as it is stored, and as the expectation sees it (read-only)."""

    stored: Array
    shown: Array
    dtype: str


def round_to(values: Array, dtype: str) -> Datum:
    """``values`` in ``dtype``, ties to even; bfloat16 is kept in float32."""
    if dtype == "uint8" and np.asarray(values).dtype.kind == "f":
        values = np.asarray(values).astype(np.int64)  # C does not say what a negative float is as an unsigned number
    stored = np.asarray(values, dtype=_STORED.get(dtype))
    if dtype == "bfloat16":
        bits = np.ascontiguousarray(stored).view(np.uint32).astype(np.uint64)
        rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
        stored = np.where(np.isfinite(stored), rounded.astype(np.uint32).view(np.float32).reshape(stored.shape), stored)
    if stored.dtype.kind == "f":
        shown: Array = stored.astype(np.float64)
    elif stored.dtype.kind == "c":
        shown = stored.astype(np.complex128)
    elif stored.dtype.kind in "iu":
        shown = stored.astype(np.int64)
    else:
        shown = stored.copy()
    shown.flags.writeable = False
    return Datum(stored, shown, dtype)


def draw(form: str, shape: Any, options: Mapping[str, Any], key: str) -> Array:
    """Random data of ``shape``, seeded by ``key`` alone: the same on every machine and for every implementation."""
    return _drawn(form, _size(shape), _bounds(options), key)


def draw_rounded(
    form: str, shape: Any, options: Mapping[str, Any], key: str, dtype: str | None, case_dtype: str
) -> Datum:
    """What :func:`draw` gives in ``dtype``, or in the one that a given without a dtype has; complex in both parts."""
    return _drawn_rounded(form, _size(shape), _bounds(options), key, dtype, case_dtype)


def _size(shape: Any) -> tuple[int, ...]:
    return (int(shape),) if np.ndim(shape) == 0 else tuple(int(side) for side in shape)


def _bounds(options: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    return tuple((name, float(value)) for name, value in options.items())


@lru_cache(maxsize=1024)  # rows that differ in code have the same data
def _drawn_rounded(
    form: str,
    size: tuple[int, ...],
    options: tuple[tuple[str, float], ...],
    key: str,
    dtype: str | None,
    case_dtype: str,
) -> Datum:
    values = _drawn(form, size, options, key)
    if form == "normal" and (dtype or case_dtype).startswith("complex"):
        values = values + 1j * _drawn(form, size, options, f"{key}:imaginary")
    datum = round_to(values, dtype or default_dtype(form, values, case_dtype))
    datum.stored.flags.writeable = False
    return datum


@lru_cache(maxsize=1024)  # a rule's cases on other devices and in other dtypes begin with the same draw
def _drawn(form: str, size: tuple[int, ...], options: tuple[tuple[str, float], ...], key: str) -> Array:
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    bounds = dict(options)
    if form == "normal":
        drawn = np.asarray(bounds.get("mean", 0.0) + bounds.get("std", 1.0) * generator.standard_normal(size))
    elif form == "uniform":
        drawn = np.asarray(generator.uniform(bounds.get("low", 0.0), bounds.get("high", 1.0), size))
    else:
        drawn = np.asarray(generator.integers(int(bounds.get("low", 0)), int(bounds.get("high", 10)), size))
    drawn.flags.writeable = False
    return drawn


def default_dtype(form: str, values: Array, case_dtype: str) -> str:
    """The dtype of a given that names none: the case's, but booleans stay booleans and draws of integers are int64."""
    if values.dtype.kind == "b":
        return "bool"
    if form == "integers":
        return "int64"
    if values.dtype.kind == "c" and not case_dtype.startswith("complex"):
        return "complex128" if case_dtype == "float64" else "complex64"
    return case_dtype
