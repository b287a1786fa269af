"""Joining, splitting, repeating and choosing, with PyTorch's signatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from conformance.reference import dtypes
from conformance.reference.dispatch import by_dimension, declare, declare_variadic, ops
from conformance.reference.elementwise import as_type, raise_mismatch
from conformance.reference.forward import combining as forward
from conformance.reference.forward.shaping import wrap_dim
from conformance.reference.gradients.combining import CAT, RULES, STACK
from conformance.reference.operations.shaping import sizes_of
from conformance.reference.tensors import Tensor, wrap

_cat = declare_variadic("cat", forward.cat, CAT)
_stack = declare_variadic("stack", forward.stack, STACK)
_flip = declare("flip", forward.flip, RULES["flip"])
_roll = declare("roll", forward.roll, RULES["roll"])
_repeat = declare("repeat", forward.repeat, RULES["repeat"])
_tril = declare("tril", forward.tril, RULES["tril"])
_triu = declare("triu", forward.triu, RULES["triu"])
constant_pad_nd = declare("constant_pad_nd", forward.constant_pad, RULES["constant_pad_nd"])
complex = declare("complex", forward.complex_, RULES["complex"], ("real", "imag"))


def _where(condition: Any, x: Any, y: Any) -> Any:
    try:
        return np.where(condition, x, y)
    except ValueError:
        raise_mismatch(np.shape(x), np.shape(y))


_where_op = declare("where", _where, RULES["where"], ("condition", "self", "other"))


def _where_arrays(inputs: Sequence[Any]) -> list[Any]:
    """The condition, and the other two in their common type."""
    condition, self, other = inputs
    common = dtypes.result_type(*by_dimension((self, other))).numpy
    return [condition._array.astype(bool, copy=False), as_type(self, common), as_type(other, common)]


_where_op.operation.arrays = _where_arrays  # type: ignore[attr-defined]


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """`input` where the condition holds, `other` elsewhere; with the condition alone the indices where it holds."""
    if input is None:
        return ops.nonzero(condition).unbind(1)
    return _where_op(condition, input, other)


def cat(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Joined along a dimension they have."""
    tensors = tuple(tensors)
    if not tensors:
        raise RuntimeError("torch.cat(): expected a non-empty list of Tensors")
    ndim = max(each._array.ndim for each in tensors)
    return _cat(tensors, wrap_dim(dim, ndim))  # type: ignore[no-any-return]


concat = concatenate = cat


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Joined along a new dimension."""
    tensors = tuple(tensors)
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    return _stack(tensors, wrap_dim(dim, tensors[0]._array.ndim + 1))  # type: ignore[no-any-return]


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined horizontally: along dimension 1, or 0 for vectors."""
    raised = [each.reshape(1) if not each._array.ndim else each for each in tensors]
    return cat(raised, 0 if raised[0]._array.ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined vertically, each at least a row."""
    return cat([each if each._array.ndim > 1 else each.reshape(1, -1) for each in tensors], 0)


def flip(self: Tensor, *dims: Any) -> Tensor:
    """Reversed along dimensions; a copy."""
    return _flip(self, tuple(wrap_dim(each, self._array.ndim) for each in sizes_of(dims)))  # type: ignore


def fliplr(self: Tensor) -> Tensor:
    """Reversed along dimension 1."""
    return flip(self, 1)


def flipud(self: Tensor) -> Tensor:
    """Reversed along dimension 0."""
    return flip(self, 0)


def roll(self: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Shifted, what leaves at one end entering at the other."""
    shifts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    dims = None if dims is None or dims == () else (dims,) if isinstance(dims, int) else tuple(dims)
    return _roll(self, shifts, dims)  # type: ignore[no-any-return]


def repeat(self: Tensor, *repeats: Any) -> Tensor:
    """Copies side by side along each dimension."""
    return _repeat(self, sizes_of(repeats))  # type: ignore[no-any-return]


def tile(self: Tensor, *dims: Any) -> Tensor:
    """As repeat, missing leading dimensions counting 1."""
    sizes = sizes_of(dims)
    return _repeat(self, (1,) * (self._array.ndim - len(sizes)) + sizes)  # type: ignore[no-any-return]


def repeat_interleave(self: Tensor, repeats: Any, dim: int | None = None) -> Tensor:
    """Each element repeated in place, along dim or flattened."""
    if dim is None:
        self, dim = self.reshape(-1), 0
    times = repeats._array if isinstance(repeats, Tensor) else repeats
    index = np.repeat(np.arange(self._array.shape[dim]), times)
    return ops.index_select(self, wrap_dim(dim, self._array.ndim), index)  # type: ignore[no-any-return]


def tril(self: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle, zero above."""
    return _tril(self, diagonal)  # type: ignore[no-any-return]


def triu(self: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle, zero below."""
    return _triu(self, diagonal)  # type: ignore[no-any-return]


def diag(self: Tensor, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix (a copy), or a matrix with a vector on its diagonal."""
    if self._array.ndim == 2:
        return ops.diagonal(self, diagonal, 0, 1).clone()  # type: ignore[no-any-return]
    return diag_embed(self, diagonal)


def diag_embed(self: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices with the last dimension on their diagonal."""
    n = self._array.shape[-1] + abs(offset)
    made = self.new_zeros((*self._array.shape[:-1], n, n))
    ops.diagonal(made, offset, -2, -1).copy_(self)
    return made.movedim((-2, -1), (dim1, dim2)) if (dim1, dim2) != (-2, -1) else made  # type: ignore


def unique(
    self: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The distinct values, sorted; with inverse indices and counts if asked."""
    found = [wrap(each, self._device) for each in forward.unique(self._array, dim)]
    wanted = (found[0], *([found[1]] if return_inverse else []), *([found[2]] if return_counts else []))
    return wanted[0] if len(wanted) == 1 else wanted


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Each vector expanded along the dimensions of all the others."""
    vectors = list(tensors[0]) if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else list(tensors)
    if indexing == "xy" and len(vectors) > 1:
        made = meshgrid(vectors[1], vectors[0], *vectors[2:])
        return (made[1], made[0], *made[2:])
    shape = tuple(len(each) for each in vectors)
    return tuple(
        each.reshape(tuple(n if d == position else 1 for d, n in enumerate(shape))).expand(shape)
        for position, each in enumerate(vectors)
    )


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Each expanded to the common shape."""
    shape = np.broadcast_shapes(*[each._array.shape for each in tensors])
    return tuple(each.expand(shape) for each in tensors)
