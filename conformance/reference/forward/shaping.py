"""Where a view looks: for each view operation, the new geometry from the old. No element is touched.

And, at the end, the three functions on arrays that gradients of views need: reading, adding into and replacing the
elements that a geometry names.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from conformance.reference.storages import Geometry, contiguous_stride, infer_size, view_stride

Array = Any


def wrap_dim(dim: int, ndim: int) -> int:
    """A dimension counted from the front; IndexError when out of range."""
    reach = max(ndim, 1)
    if not -reach <= dim < reach:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-reach}, {reach - 1}], but got {dim})")
    return dim % reach


def view(old: Geometry, shape: tuple[int, ...]) -> Geometry:
    """Another shape of the same elements in the same order."""
    shape = infer_size(shape, math.prod(old.size))
    stride = view_stride(old, shape)
    if stride is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            "contiguous subspaces). Use .reshape(...) instead."
        )
    return Geometry(shape, stride, old.offset)


def transpose(old: Geometry, dim0: int, dim1: int) -> Geometry:
    """Two dimensions exchanged."""
    order = list(range(len(old.size)))
    if order:
        dim0, dim1 = wrap_dim(dim0, len(order)), wrap_dim(dim1, len(order))
        order[dim0], order[dim1] = order[dim1], order[dim0]
    return permute(old, tuple(order))


def permute(old: Geometry, dims: tuple[int, ...]) -> Geometry:
    """Dimensions in another order."""
    if len(dims) != len(old.size):
        raise RuntimeError(
            f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {len(old.size)} is not equal to len(dims) = {len(dims)}"
        )
    order = [wrap_dim(each, len(dims)) for each in dims]
    if len(set(order)) != len(order):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return Geometry(tuple([old.size[d] for d in order]), tuple([old.stride[d] for d in order]), old.offset)


def expand(old: Geometry, sizes: tuple[int, ...]) -> Geometry:
    """Dimensions of size 1 repeated: their stride is 0."""
    missing = len(sizes) - len(old.size)
    if missing < 0:
        raise RuntimeError(
            f"expand(torch.Tensor{{{list(old.size)}}}, size={list(sizes)}): the number of sizes provided "
            f"({len(sizes)}) must be greater or equal to the number of dimensions in the tensor ({len(old.size)})"
        )
    size, stride = list(sizes), [0] * len(sizes)
    for position in range(len(sizes) - 1, -1, -1):
        if position < missing:
            if size[position] < 0:
                raise RuntimeError(
                    f"The expanded size of the tensor ({size[position]}) isn't allowed in a leading, non-existing "
                    f"dimension {position}"
                )
            continue
        n, step = old.size[position - missing], old.stride[position - missing]
        if size[position] in (-1, n):
            size[position], stride[position] = n, step
        elif n != 1:
            raise RuntimeError(
                f"The expanded size of the tensor ({size[position]}) must match the existing size ({n}) at "
                f"non-singleton dimension {position}.  Target sizes: {list(sizes)}.  Tensor sizes: {list(old.size)}"
            )
    return Geometry(tuple(size), tuple(stride), old.offset)


def select(old: Geometry, dim: int, position: int) -> Geometry:
    """One position along dim, which goes."""
    if not old.size:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim = wrap_dim(dim, len(old.size))
    n = old.size[dim]
    if not -n <= position < n:
        raise IndexError(f"index {position} is out of bounds for dimension {dim} with size {n}")
    offset = old.offset + (position % n) * old.stride[dim]
    return Geometry(old.size[:dim] + old.size[dim + 1 :], old.stride[:dim] + old.stride[dim + 1 :], offset)


def slice_(old: Geometry, dim: int, start: int | None, end: int | None, step: int) -> Geometry:
    """A range along dim."""
    if step <= 0:
        raise ValueError("slice step must be positive")
    dim = wrap_dim(dim, len(old.size))
    n = old.size[dim]
    start, end, step = slice(start, end, step).indices(n)
    length = len(range(start, end, step))
    size, stride = list(old.size), list(old.stride)
    size[dim], stride[dim] = length, stride[dim] * step
    return Geometry(tuple(size), tuple(stride), old.offset + min(start, n) * old.stride[dim])


def unsqueeze(old: Geometry, dim: int) -> Geometry:
    """A dimension of size 1 more."""
    dim = wrap_dim(dim, len(old.size) + 1)
    step = old.size[dim] * old.stride[dim] if dim < len(old.size) else 1
    return Geometry((*old.size[:dim], 1, *old.size[dim:]), (*old.stride[:dim], step, *old.stride[dim:]), old.offset)


def squeeze(old: Geometry, dims: tuple[int, ...] | None) -> Geometry:
    """Dimensions of size 1 gone: all, or the given ones."""
    chosen = range(len(old.size)) if dims is None else [wrap_dim(d, len(old.size)) for d in dims]
    kept = [d for d, n in enumerate(old.size) if n != 1 or d not in chosen]
    return Geometry(tuple([old.size[d] for d in kept]), tuple([old.stride[d] for d in kept]), old.offset)


def diagonal(old: Geometry, offset: int, dim1: int, dim2: int) -> Geometry:
    """The diagonal of two dimensions as a new last one."""
    dim1, dim2 = wrap_dim(dim1, len(old.size)), wrap_dim(dim2, len(old.size))
    if dim1 == dim2:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    rows, columns = old.size[dim1], old.size[dim2]
    length = max(min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns), 0)
    shift = (offset * old.stride[dim2] if offset >= 0 else -offset * old.stride[dim1]) if length else 0
    kept = [d for d in range(len(old.size)) if d not in (dim1, dim2)]
    return Geometry(
        (*[old.size[d] for d in kept], length),
        (*[old.stride[d] for d in kept], old.stride[dim1] + old.stride[dim2]),
        old.offset + shift,
    )


def unfold(old: Geometry, dim: int, size: int, step: int) -> Geometry:
    """Sliding windows along dim, their content as a new last dimension."""
    dim = wrap_dim(dim, len(old.size))
    n = old.size[dim] if old.size else 1
    if size > n:
        raise RuntimeError(f"maximum size for tensor at dimension {dim} is {n} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if not old.size:
        return Geometry((size,), (1,), old.offset)
    sizes, strides = list(old.size), list(old.stride)
    sizes[dim], strides[dim] = (n - size) // step + 1, strides[dim] * step
    return Geometry((*sizes, size), (*strides, old.stride[dim]), old.offset)


def as_strided(old: Geometry, size: tuple[int, ...], stride: tuple[int, ...], offset: int | None) -> Geometry:
    """Any geometry whatever."""
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    return Geometry(tuple(size), tuple(stride), old.offset if offset is None else offset)


def unbind(old: Geometry, dim: int) -> list[Geometry]:
    """Each position along dim."""
    if not old.size:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    dim = wrap_dim(dim, len(old.size))
    return [select(old, dim, index) for index in range(old.size[dim])]


def split_with_sizes(old: Geometry, sizes: tuple[int, ...], dim: int) -> list[Geometry]:
    """Consecutive ranges along dim."""
    dim = wrap_dim(dim, len(old.size))
    if sum(sizes) != old.size[dim]:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {old.size[dim]} (input tensor's size at "
            f"dimension {dim}), but got split_sizes={list(sizes)}"
        )
    parts, start = [], 0
    for each in sizes:
        parts.append(slice_(old, dim, start, start + each, 1))
        start += each
    return parts


def view_as_real(old: Geometry) -> Geometry:
    """Complex elements as pairs of reals."""
    return Geometry((*old.size, 2), (*[2 * step for step in old.stride], 1), 2 * old.offset)


def view_as_complex(old: Geometry) -> Geometry:
    """Pairs of reals as complex elements."""
    if not old.size or old.size[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    if old.stride[-1] != 1 or any(step % 2 for step in old.stride[:-1]) or old.offset % 2:
        raise RuntimeError("Tensor must have a stride divisible by 2 for all but last dimension")
    return Geometry(old.size[:-1], tuple(step // 2 for step in old.stride[:-1]), old.offset // 2)


def of_contiguous(shape: tuple[int, ...]) -> Geometry:
    """The geometry of a row-major tensor."""
    return Geometry(tuple(shape), contiguous_stride(tuple(shape)), 0)


def positions(geometry: Geometry) -> Array:
    """For each element that a geometry sees, its place in the storage."""
    found = np.full((1,) * len(geometry.size), geometry.offset)
    for dim, (n, step) in enumerate(zip(geometry.size, geometry.stride, strict=True)):
        shape = [1] * len(geometry.size)
        shape[dim] = n
        found = found + (np.arange(n) * step).reshape(shape)
    return np.broadcast_to(found, geometry.size)


def _flat(whole: Array, base: Geometry, part: Geometry) -> tuple[Array, Array, Array]:
    """A storage with `whole` in it, and the places of base and part in it."""
    of_base, of_part = positions(base), positions(part)
    reach = max(int(of_base.max(initial=-1)), int(of_part.max(initial=-1))) + 1
    flat = np.zeros(reach, whole.dtype)
    flat[of_base] = whole
    return flat, of_base, of_part


def as_strided_of(whole: Array, base: Geometry, part: Geometry) -> Array:
    """The elements that `part` names, copied, from an array that lies in its storage as `base`."""
    flat, _, of_part = _flat(whole, base, part)
    return flat[of_part]


def as_strided_backward(grad: Array, base: Geometry, part: Geometry) -> Array:
    """An array of the base's shape with `grad` added in where `part` lies."""
    flat, of_base, of_part = _flat(np.zeros(base.size, grad.dtype), base, part)
    np.add.at(flat, of_part, grad)
    return flat[of_base]


def as_strided_replaced(whole: Array, inner: Array, base: Geometry, part: Geometry) -> Array:
    """A copy of `whole` in which the elements that `part` names are those of `inner`."""
    flat, of_base, of_part = _flat(whole, base, part)
    flat[of_part] = inner
    return flat[of_base]
