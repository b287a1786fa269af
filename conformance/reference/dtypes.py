"""Element types, and the table that says which type two of them make together.

A dtype is a named wrapper of a NumPy dtype. What a *tensor* and a *number* make together depends on their dimensions
as well; that part, `result_type`, lies at the end and sees only (dtype, is-zero-dimensional) pairs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from conformance.reference.errors import NotSupported

BOOLEAN, INTEGER, FLOATING, COMPLEX = range(4)


class dtype:  # noqa: N801  torch names it so
    """An element type; there is one object for each, so `is` and `==` agree."""

    __slots__ = ("category", "is_complex", "is_floating_point", "is_signed", "itemsize", "name", "numpy_name")

    def __init__(self, name: str, category: int, itemsize: int) -> None:
        self.name = name
        self.numpy_name = name
        self.category = category
        self.itemsize = itemsize
        self.is_floating_point = category == FLOATING
        self.is_complex = category == COMPLEX
        self.is_signed = category >= FLOATING or name.startswith("int")

    @property
    def numpy(self) -> np.dtype[Any]:
        """The NumPy dtype; NotSupported for bfloat16 where `ml_dtypes` is not installed."""
        found = _NUMPY.get(self.name)
        if found is None:
            try:
                import ml_dtypes
            except ImportError:
                raise NotSupported("torch.bfloat16", "the package ml_dtypes is not installed") from None
            found = _NUMPY["bfloat16"] = np.dtype(ml_dtypes.bfloat16)
            _BY_NUMPY[found] = self
        return found

    def to_real(self) -> dtype:
        """The type of the real part."""
        return {"complex64": float32, "complex128": float64}.get(self.name, self)

    def to_complex(self) -> dtype:
        """The complex type whose parts have this type (float16 and bfloat16 have none here)."""
        if self.is_complex:
            return self
        return complex128 if self.name == "float64" else complex64

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return (by_name, (self.name,))

    def __deepcopy__(self, memo: dict[int, Any]) -> dtype:
        return self


uint8 = dtype("uint8", INTEGER, 1)
int8 = dtype("int8", INTEGER, 1)
int16 = short = dtype("int16", INTEGER, 2)
int32 = int_ = dtype("int32", INTEGER, 4)
int64 = long = dtype("int64", INTEGER, 8)
float16 = half = dtype("float16", FLOATING, 2)
bfloat16 = dtype("bfloat16", FLOATING, 2)
float32 = float_ = dtype("float32", FLOATING, 4)
float64 = double = dtype("float64", FLOATING, 8)
complex64 = cfloat = dtype("complex64", COMPLEX, 8)
complex128 = cdouble = dtype("complex128", COMPLEX, 16)
bool_ = dtype("bool", BOOLEAN, 1)

ALL = (uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64, complex64, complex128, bool_)
_BY_NAME = {each.name: each for each in ALL}
_NUMPY: dict[str, np.dtype[Any]] = {each.name: np.dtype(each.name) for each in ALL if each is not bfloat16}
_BY_NUMPY: dict[np.dtype[Any], dtype] = {found: _BY_NAME[name] for name, found in _NUMPY.items()}


def by_name(name: str) -> dtype:
    """The dtype called `name`, as in 'float32'."""
    return _BY_NAME[name]


def of_numpy(numpy_dtype: np.dtype[Any]) -> dtype:
    """The dtype of a NumPy dtype; TypeError for one that tensors do not have."""
    found = _BY_NUMPY.get(numpy_dtype)
    if found is None:
        if numpy_dtype.name == "bfloat16":
            assert bfloat16.numpy is not None
            return bfloat16
        native = _BY_NAME.get(numpy_dtype.name)
        if native is None:
            raise TypeError(f"can't convert np.ndarray of type {numpy_dtype}: tensors have {', '.join(_BY_NAME)}")
        return native
    return found


# Row and column in the order of the header; u1 is uint8, bf is bfloat16, c8 is complex64, b is bool.
_TABLE = """
     u1  i1  i2  i4  i8  f2  bf  f4  f8  c8  c16 b
u1   u1  i2  i2  i4  i8  f2  bf  f4  f8  c8  c16 u1
i1   i2  i1  i2  i4  i8  f2  bf  f4  f8  c8  c16 i1
i2   i2  i2  i2  i4  i8  f2  bf  f4  f8  c8  c16 i2
i4   i4  i4  i4  i4  i8  f2  bf  f4  f8  c8  c16 i4
i8   i8  i8  i8  i8  i8  f2  bf  f4  f8  c8  c16 i8
f2   f2  f2  f2  f2  f2  f2  f4  f4  f8  c8  c16 f2
bf   bf  bf  bf  bf  bf  f4  bf  f4  f8  c8  c16 bf
f4   f4  f4  f4  f4  f4  f4  f4  f4  f8  c8  c16 f4
f8   f8  f8  f8  f8  f8  f8  f8  f8  f8  c16 c16 f8
c8   c8  c8  c8  c8  c8  c8  c8  c8  c16 c8  c16 c8
c16  c16 c16 c16 c16 c16 c16 c16 c16 c16 c16 c16 c16
b    u1  i1  i2  i4  i8  f2  bf  f4  f8  c8  c16 b
"""


def _read_table(text: str) -> dict[tuple[dtype, dtype], dtype]:
    header, *rows = (line.split() for line in text.strip().splitlines())
    column = dict(zip(header, ALL, strict=True))
    return {
        (column[row[0]], column[name]): column[cell] for row in rows for name, cell in zip(header, row[1:], strict=True)
    }


_PROMOTION = _read_table(_TABLE)


def promote_types(first: dtype, second: dtype) -> dtype:
    """The smallest type that holds both, by the table above."""
    return _PROMOTION[first, second]


def can_cast(source: dtype, target: dtype) -> bool:
    """Whether a result of type `source` may be written into `target`: never down a category."""
    if target is bool_ or source.category > target.category:
        return source.category <= target.category
    # uint8 cannot take signed results in torch.can_cast's documentation, yet in place it may; both answer True there.
    return True


_default = [float32]


def get_default_dtype() -> dtype:
    """The floating type of tensors made from Python floats; one for the whole process."""
    return _default[0]


def set_default_dtype(d: dtype) -> None:
    """Make `d` the default; TypeError unless it is a floating type."""
    if not isinstance(d, dtype) or not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    _default[0] = d


def of_number(value: Any) -> dtype:
    """The type a Python number has by itself."""
    if isinstance(value, (bool, np.bool_)):
        return bool_
    if isinstance(value, (int, np.integer)):
        return int64
    if isinstance(value, (float, np.floating)):
        return _default[0]
    if isinstance(value, (complex, np.complexfloating)):
        return _default[0].to_complex()
    raise TypeError(f"expected a number or a Tensor, but got {type(value).__name__}")


def _combine(higher: dtype | None, lower: dtype | None) -> dtype | None:
    """What `higher` becomes beside operands of lower priority: those count only if their category is higher."""
    if higher is None or lower is None:
        return higher or lower
    if higher.is_complex:
        return higher
    if higher.is_floating_point:
        return higher.to_complex() if lower.is_complex else higher
    if higher is bool_ or lower.category >= FLOATING:
        return _PROMOTION[higher, lower]
    return higher


def result_type(dimensioned: Iterable[dtype], zero_dimensional: Iterable[dtype], numbers: Iterable[dtype]) -> dtype:
    """The common type of operands: tensors with dimensions first, then 0-d tensors, then Python numbers."""
    merged: list[dtype | None] = []
    for group in (dimensioned, zero_dimensional, numbers):
        found: dtype | None = None
        for each in group:
            found = each if found is None else _PROMOTION[found, each]
        merged.append(found)
    result = _combine(merged[0], _combine(merged[1], merged[2]))
    assert result is not None
    return result


class finfo:  # noqa: N801  torch names it so
    """Limits of a floating type: eps, max, min, tiny, smallest_normal, resolution, bits."""

    def __init__(self, type: dtype | None = None) -> None:
        type = type or _default[0]
        if type.category < FLOATING:
            raise TypeError(f"torch.finfo() requires a floating point input type; {type!r} has torch.iinfo")
        real = type.to_real()
        if real is bfloat16:
            assert real.numpy is not None
            import ml_dtypes

            find: Any = ml_dtypes.finfo
            limits: Any = find(real.numpy)
        else:
            limits = np.finfo(real.numpy)
        self.bits = real.itemsize * 8
        self.dtype = real.name
        self.eps, self.max, self.min = float(limits.eps), float(limits.max), float(limits.min)
        self.tiny = self.smallest_normal = float(limits.tiny)
        self.resolution = float(limits.resolution)


class iinfo:  # noqa: N801  torch names it so
    """Limits of an integer type: max, min, bits."""

    def __init__(self, type: dtype) -> None:
        if type.category != INTEGER:
            raise TypeError(f"torch.iinfo() requires an integer input type; {type!r} has none")
        limits = np.iinfo(type.numpy)
        self.bits, self.max, self.min, self.dtype = limits.bits, int(limits.max), int(limits.min), type.name
