"""Indexing: `x[key]` and `x[key] = value`, and the functions that read or write by index tensors.

A key is taken apart from left to right. Integers, slices, None and ... make views, one small view operation each, so
the graph shows them; what then remains, index tensors and masks, is one `index` (a copy) or one `index_put_`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.reference.dispatch import check_writable, declare, declare_view, ops, write
from conformance.reference.forward import indexing as forward
from conformance.reference.forward.shaping import wrap_dim
from conformance.reference.gradients.indexing import RULES
from conformance.reference.operations.conversion import copy_, fill_
from conformance.reference.operations.creation import array_of
from conformance.reference.tensors import Tensor, wrap

_index = declare("index", forward.index, RULES["index"])
_index_put = declare("index_put", forward.index_put, RULES["index_put"], ("self", "values"))
_index_select = declare("index_select", forward.index_select, RULES["index_select"])
_gather = declare("gather", forward.gather, RULES["gather"])
_scatter = declare("scatter", forward.scatter, RULES["scatter"], ("self", "src"))
_scatter_value = declare("scatter_value", forward.scatter_value, RULES["scatter_value"])
_scatter_add = declare("scatter_add", forward.scatter_add, RULES["scatter_add"], ("self", "src"))
_index_add = declare("index_add", forward.index_add, RULES["index_add"], ("self", "source"))
_index_copy = declare("index_copy", forward.index_copy, RULES["index_copy"], ("self", "source"))
_index_fill = declare("index_fill", forward.index_fill, RULES["index_fill"])
_masked_fill = declare("masked_fill", forward.masked_fill, RULES["masked_fill"], ("self", "value"))
_nonzero = declare("nonzero", forward.nonzero)
_alias = declare_view("alias", lambda old: old, {"self": lambda grad: grad})


def _taken_apart(self: Tensor, key: Any) -> tuple[Tensor, tuple[Any, ...] | None]:
    """The view that the basic parts of a key make, and the index arrays that remain for it (None if there are none)."""
    parts = list(key) if isinstance(key, tuple) else [key]
    parts = [_converted(each) for each in parts]
    taken = sum(_dimensions(each) for each in parts)
    if taken > self._array.ndim:
        if not self._array.ndim:
            raise IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to "
                "convert a 0-dim tensor to a number"
            )
        raise IndexError(f"too many indices for tensor of dimension {self._array.ndim}")
    result, dim = self, 0
    advanced: list[Any] = []
    for part in parts:
        if part is Ellipsis:
            skipped = self._array.ndim - taken
            advanced += [slice(None)] * skipped
            dim += skipped
        elif part is None:
            result = ops.unsqueeze(result, dim)
            advanced.append(slice(None))
            dim += 1
        elif isinstance(part, slice):
            if part != slice(None):
                start, stop = _bound(part.start), _bound(part.stop)
                step = 1 if part.step is None else _bound(part.step)
                result = ops.slice(result, dim, start, stop, step)
            advanced.append(slice(None))
            dim += 1
        elif isinstance(part, bool):
            result = ops.unsqueeze(result, dim)
            advanced.append(np.asarray([part]))
            dim += 1
        elif isinstance(part, np.ndarray):
            advanced.append(part)
            dim += part.ndim if part.dtype == bool else 1
        else:
            result = _selected(result, dim, part)
    return result, tuple(advanced) if any(isinstance(each, np.ndarray) for each in advanced) else None


def _selected(result: Tensor, dim: int, part: int) -> Tensor:
    n = result._array.shape[dim]
    if not -n <= part < n:
        raise IndexError(f"index {part} is out of bounds for dimension {dim} with size {n}")
    return ops.select(result, dim, part)  # type: ignore[no-any-return]


def _converted(part: Any) -> Any:
    """An index in one of the forms handled: int, bool, slice, None, ..., or an array."""
    if part is None or part is Ellipsis or isinstance(part, (bool, int, slice)):
        return part
    if isinstance(part, Tensor):
        array = part._array
        if not array.ndim and array.dtype.kind in "iu":
            return int(array)
        if not array.ndim and array.dtype == bool:
            return bool(array)
        if array.dtype.kind not in "iub":
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        return array.astype(bool) if array.dtype == np.uint8 else array.copy()
    if isinstance(part, (list, tuple, range, np.ndarray)):
        array = array_of(list(part) if isinstance(part, range) else part)
        return array.astype(np.int64) if not array.size else array
    if hasattr(part, "__index__"):
        return part.__index__()
    raise TypeError(f"only integers, slices, None, ... and tensors can be indices, got {type(part).__name__}")


def _dimensions(part: Any) -> int:
    """How many dimensions of the tensor an index uses up."""
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    return part.ndim if isinstance(part, np.ndarray) and part.dtype == bool else 1


def _bound(bound: Any) -> int | None:
    return None if bound is None else bound.__index__()


def getitem(self: Tensor, key: Any) -> Tensor:
    """`self[key]`: a view for integers, slices, None and ..., otherwise a copy."""
    if key.__class__ is int and self._array.ndim:
        return _selected(self, 0, key)
    result, indices = _taken_apart(self, key)
    if indices is not None:
        return _index(result, indices)  # type: ignore[no-any-return]
    return _alias(result) if result is self else result


def setitem(self: Tensor, key: Any, value: Any) -> None:
    """`self[key] = value`: a write in place through the view, or by index."""
    if value is None:
        raise TypeError(f"can't assign a NoneType to a {self.dtype!r} tensor")
    target, indices = _taken_apart(self, key)
    if indices is not None:
        if not isinstance(value, Tensor):
            value = wrap(np.asarray(value).astype(self._array.dtype), self._device)
        elif value._array.dtype != self._array.dtype:
            raise RuntimeError(
                f"Index put requires the source and destination dtypes match, got {self.dtype!r} for the destination "
                f"and {value.dtype!r} for the source."
            )
        write(target, _index_put.operation, (target, value), (indices, False))  # type: ignore[attr-defined]
    elif isinstance(value, Tensor):
        while value._array.ndim > target._array.ndim and value._array.shape[0] == 1:
            value = ops.select(value, 0, 0)
        if not value._array.ndim:
            check_writable(target)
        if value._array.shape != target._array.shape and value._array.ndim <= target._array.ndim:
            value = value.expand(target._array.shape)
        copy_(target, value)
    elif isinstance(value, (bool, int, float, complex)):
        check_writable(target)
        fill_(target, value)
    else:
        copy_(target, wrap(array_of(value, self.dtype), self._device))


def _indices(index: Tensor) -> Any:
    if index._array.dtype.kind not in "iu" or index._array.dtype == np.uint8:
        raise RuntimeError("index must be an int64 or int32 tensor")
    return index._array.copy()


def index_select(self: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices along dim that `index` names."""
    return _index_select(self, wrap_dim(dim, self._array.ndim), _indices(index))  # type: ignore[no-any-return]


def gather(self: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """Along dim, the elements that `index` names at each position."""
    return _gather(self, wrap_dim(dim, self._array.ndim), _indices_of(index))  # type: ignore[no-any-return]


def _indices_of(index: Any) -> Any:
    return index._array.copy() if isinstance(index, Tensor) else index


def take_along_dim(self: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """gather, of the flattened tensor without dim."""
    if dim is None:
        return gather(self.reshape(-1), 0, indices.reshape(-1))
    return gather(self, dim, indices)


def scatter(self: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None) -> Tensor:
    """A copy with `src`, a tensor or number, written along dim where `index` says."""
    dim, src = wrap_dim(dim, self._array.ndim), value if src is None else src
    if isinstance(src, Tensor):
        return _scatter(self, src, dim, _indices_of(index))  # type: ignore[no-any-return]
    return _scatter_value(self, dim, _indices_of(index), src)  # type: ignore[no-any-return]


def scatter_(self: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None) -> Tensor:
    """scatter, in place."""
    dim, src = wrap_dim(dim, self._array.ndim), value if src is None else src
    if isinstance(src, Tensor):
        return write(self, ops.scatter.operation, (self, src), (dim, _indices_of(index)))
    return write(self, ops.scatter_value.operation, (self,), (dim, _indices_of(index), src))


def scatter_add(self: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy with `src` added along dim where `index` says."""
    return _scatter_add(self, src, wrap_dim(dim, self._array.ndim), _indices_of(index))  # type: ignore[no-any-return]


def scatter_add_(self: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """scatter_add, in place."""
    return write(self, ops.scatter_add.operation, (self, src), (wrap_dim(dim, self._array.ndim), _indices_of(index)))


def index_add(self: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """A copy with the slices of `source` added where `index` says."""
    return _index_add(self, source, wrap_dim(dim, self._array.ndim), _indices_of(index), alpha)  # type: ignore


def index_add_(self: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """index_add, in place."""
    params = (wrap_dim(dim, self._array.ndim), _indices_of(index), alpha)
    return write(self, ops.index_add.operation, (self, source), params)


def index_copy(self: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """A copy with the slices of `source` written where `index` says."""
    return _index_copy(self, source, wrap_dim(dim, self._array.ndim), _indices_of(index))  # type: ignore


def index_copy_(self: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """index_copy, in place."""
    return write(self, ops.index_copy.operation, (self, source), (wrap_dim(dim, self._array.ndim), _indices_of(index)))


def index_fill(self: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """A copy with a number in the slices that `index` names."""
    return _index_fill(self, wrap_dim(dim, self._array.ndim), _indices_of(index), value)  # type: ignore


def index_fill_(self: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """index_fill, in place."""
    return write(self, ops.index_fill.operation, (self,), (wrap_dim(dim, self._array.ndim), _indices_of(index), value))


def index_put(self: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """A copy with `values` written (or added) at the index tensors."""
    return _index_put(self, values, tuple(_converted(each) for each in indices), accumulate)  # type: ignore


def index_put_(self: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """index_put, in place."""
    params = (tuple(_converted(each) for each in indices), accumulate)
    return write(self, ops.index_put.operation, (self, values), params)


def _mask(mask: Tensor) -> Any:
    if mask._array.dtype != bool:
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype!r}")
    return mask._array.copy()


def masked_fill(self: Tensor, mask: Tensor, value: Any) -> Tensor:
    """A copy with `value` where the mask is true."""
    return _masked_fill(self, value, _mask(mask))  # type: ignore[no-any-return]


def masked_fill_(self: Tensor, mask: Tensor, value: Any) -> Tensor:
    """masked_fill, in place."""
    return write(self, ops.masked_fill.operation, (self, value), (_mask(mask),))


def masked_select(self: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is true, in one dimension."""
    shape = np.broadcast_shapes(self._array.shape, mask._array.shape)
    return _index(self.expand(shape), (np.broadcast_to(_mask(mask), shape),))  # type: ignore


def nonzero(self: Tensor, *, as_tuple: bool = False) -> Any:
    """The indices of the elements that are not zero: rows, or one tensor for each dimension."""
    found = _nonzero(self)
    return tuple(ops.unbind(found, 1)) if as_tuple else found


def take(self: Tensor, index: Tensor) -> Tensor:
    """The elements that `index` names in the flattened tensor."""
    flat = self.reshape(-1)
    return index_select(flat, 0, index.reshape(-1)).reshape(index._array.shape)  # type: ignore
