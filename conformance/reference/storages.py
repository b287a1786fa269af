"""Storage apart from tensor: one flat buffer of bytes, and the arithmetic of what a tensor sees of it.

A tensor's geometry is its size, its stride and its storage offset, all counted in elements. NumPy's strided arrays
are the window through which the elements are read and written; `window` opens one.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from conformance.reference.devices import device


class Geometry(NamedTuple):
    """What of its storage a tensor sees, counted in elements."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int


class Storage:
    """A flat buffer on a device, shared by a tensor and all its views."""

    __slots__ = ("__weakref__", "buffer", "device")

    def __init__(self, buffer: np.ndarray[Any, Any], device: device) -> None:
        self.buffer = buffer
        self.device = device

    def data_ptr(self) -> int:
        """The address of the first byte."""
        return int(self.buffer.__array_interface__["data"][0])

    def nbytes(self) -> int:
        """The length of the buffer."""
        return int(self.buffer.size)

    size = __len__ = nbytes

    @classmethod
    def spanning(cls, array: np.ndarray[Any, Any], device: device) -> Storage:
        """The storage of an array that is nobody's view: the bytes from its first to its last element."""
        itemsize = array.itemsize
        if not array.size:
            return cls(np.empty(0, np.uint8), device)
        if not array.flags.c_contiguous:
            span = sum((n - 1) * step for n, step in zip(array.shape, array.strides, strict=True)) // itemsize + 1
            array = np.lib.stride_tricks.as_strided(array, (span,), (itemsize,))
        return cls(array.reshape(-1).view(np.uint8), device)


def window(storage: Storage, dtype: np.dtype[Any], geometry: Geometry) -> Any:
    """The strided array through which a tensor of this geometry sees the storage; RuntimeError when it is too small."""
    size, stride, offset = geometry
    itemsize = dtype.itemsize
    if 0 in size:
        # No element is seen, so the offset may even lie behind the end; it is kept as far as NumPy can say it.
        start = min(offset * itemsize, storage.buffer.size)
        try:
            return np.ndarray(size, dtype, storage.buffer, start, tuple([step * itemsize for step in stride]))
        except ValueError:
            return np.ndarray(size, dtype, storage.buffer, start)
    try:
        if not storage.buffer.size:
            raise ValueError("empty storage")
        return np.ndarray(size, dtype, storage.buffer, offset * itemsize, tuple([step * itemsize for step in stride]))
    except (ValueError, TypeError) as error:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset} and itemsize {itemsize} "
            f"are out of bounds for storage of size {storage.nbytes()}"
        ) from error


def contiguous_stride(size: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a row-major tensor."""
    strides, step = [], 1
    for n in reversed(size):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def is_contiguous(size: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether the elements lie in row-major order without gaps; the stride of a dimension of size 1 is free."""
    step = 1
    for n, found in zip(reversed(size), reversed(stride), strict=True):
        if n != 1:
            if found != step:
                return n == 0 or 0 in size
            step *= n
    return True


def is_non_overlapping_and_dense(size: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether the elements fill their span exactly, in whatever order of dimensions."""
    step = 1
    for found, n in sorted((s, n) for n, s in zip(size, stride, strict=True) if n != 1):
        if found != step:
            return False
        step *= n
    return True


def may_overlap(size: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether two indices may name one element, as after expand."""
    if 0 in size:
        return False
    reach = 0
    for found, n in sorted((s, n) for n, s in zip(size, stride, strict=True) if n > 1):
        if found <= reach:
            return True
        reach += found * (n - 1)
    return False


def overlaps_partially(first: Geometry, second: Geometry) -> bool:
    """Whether two dense tensors of one storage share some elements but are not the same window."""
    if first.size == second.size and first.stride == second.stride and first.offset == second.offset:
        return False
    dense = is_non_overlapping_and_dense(first.size, first.stride) and is_non_overlapping_and_dense(
        second.size, second.stride
    )
    ends = first.offset + math.prod(first.size), second.offset + math.prod(second.size)
    return dense and first.offset < ends[1] and second.offset < ends[0]


def infer_size(shape: tuple[int, ...], elements: int) -> tuple[int, ...]:
    """`shape` with its one -1 replaced so that the elements fit; RuntimeError when none does."""
    known, hole = 1, -1
    for position, n in enumerate(shape):
        if n == -1:
            if hole >= 0:
                raise RuntimeError("only one dimension can be inferred")
            hole = position
        elif n < 0:
            raise RuntimeError(f"invalid shape dimension {n}")
        else:
            known *= n
    if hole >= 0:
        if known == 0 and elements == 0:
            raise RuntimeError(f"cannot reshape tensor of 0 elements into shape {list(shape)}: -1 is ambiguous")
        if known and elements % known == 0:
            return (*shape[:hole], elements // known, *shape[hole + 1 :])
    elif known == elements:
        return shape
    raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {elements}")


def view_stride(geometry: Geometry, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The strides with which `shape` sees the same elements in the same order, or None when it needs a copy."""
    size, stride, _ = geometry
    if math.prod(size) == 0:
        return stride if size == shape else contiguous_stride(shape)
    result = [0] * len(shape)
    target = len(shape) - 1
    # Runs of dimensions that lie one in another like a single long one; each must be filled by whole new dimensions.
    run_elements, run_stride = 1, stride[-1] if size else 1
    for position in range(len(size) - 1, -1, -1):
        run_elements *= size[position]
        ends = position == 0 or (size[position - 1] != 1 and stride[position - 1] != run_elements * run_stride)
        if ends:
            seen = 1
            while target >= 0 and (seen < run_elements or shape[target] == 1):
                result[target] = seen * run_stride
                seen *= shape[target]
                target -= 1
            if seen != run_elements:
                return None
            if position > 0:
                run_elements, run_stride = 1, stride[position - 1]
    if not size:
        return contiguous_stride(shape)
    return tuple(result) if target == -1 else None
