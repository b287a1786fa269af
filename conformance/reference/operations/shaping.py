"""Views and reshaping with PyTorch's signatures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from conformance.reference import dtypes, storages
from conformance.reference.dispatch import check_version, declare, declare_view, ops
from conformance.reference.errors import NotSupported
from conformance.reference.forward import shaping
from conformance.reference.forward.shaping import wrap_dim
from conformance.reference.gradients.shaping import RULES
from conformance.reference.storages import infer_size, view_stride
from conformance.reference.tensors import Tensor, geometry_of
from conformance.reference.views import check_inplace, set_history

_view = declare_view("view", shaping.view, RULES["view"])
_transpose = declare_view("transpose", shaping.transpose, RULES["transpose"])
_permute = declare_view("permute", shaping.permute, RULES["permute"])
_expand = declare_view("expand", shaping.expand, RULES["expand"])
_select = declare_view("select", shaping.select, RULES["select"])
_slice = declare_view("slice", shaping.slice_, RULES["slice"])
_unsqueeze = declare_view("unsqueeze", shaping.unsqueeze, RULES["unsqueeze"])
_squeeze = declare_view("squeeze", shaping.squeeze, RULES["squeeze"])
_diagonal = declare_view("diagonal", shaping.diagonal, RULES["diagonal"])
_unfold = declare_view("unfold", shaping.unfold, RULES["unfold"])
_unbind = declare_view("unbind", shaping.unbind, RULES["unbind"], several=True)
_split = declare_view("split_with_sizes", shaping.split_with_sizes, RULES["split_with_sizes"], several=True)
_t = declare_view("t", lambda old: shaping.transpose(old, 0, 1) if len(old.size) == 2 else old, RULES["t"])
_unsafe_view = declare("_unsafe_view", lambda x, shape: x.reshape(shape), RULES["view"])
_as_strided = declare_view("as_strided", shaping.as_strided, RULES["as_strided"])
_view_as_real = declare_view("view_as_real", shaping.view_as_real, RULES["view_as_real"], dtype=dtypes.dtype.to_real)
_view_as_complex = declare_view(
    "view_as_complex", shaping.view_as_complex, RULES["view_as_complex"], dtype=dtypes.dtype.to_complex
)
declare("as_strided_of", shaping.as_strided_of, RULES["as_strided_of"])
declare("as_strided_backward", shaping.as_strided_backward, RULES["as_strided_backward"])
declare("as_strided_replaced", shaping.as_strided_replaced, RULES["as_strided_replaced"], ("self", "inner"))


def sizes_of(arguments: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given one by one, or as one sequence."""
    if len(arguments) == 1 and isinstance(arguments[0], (tuple, list)):
        arguments = tuple(arguments[0])
    return tuple([each if each.__class__ is int else each.__index__() for each in arguments])


def view(self: Tensor, *shape: Any) -> Tensor:
    """The same elements in another shape; RuntimeError when that needs a copy."""
    if len(shape) == 1 and not isinstance(shape[0], (int, tuple, list, Tensor)):
        raise NotSupported("Tensor.view(dtype)")
    return _view(self, sizes_of(shape))  # type: ignore[no-any-return]


def reshape(self: Tensor, *shape: Any) -> Tensor:
    """A view in another shape, or a copy where no view can show it."""
    geometry = geometry_of(self)
    sizes = infer_size(sizes_of(shape), math.prod(geometry.size))
    if view_stride(geometry, sizes) is not None:
        return _view(self, sizes)  # type: ignore[no-any-return]
    return _unsafe_view(ops.contiguous_copy(self), sizes)  # type: ignore[no-any-return]


def expand(self: Tensor, *sizes: Any) -> Tensor:
    """A view in which dimensions of size 1 appear repeated."""
    return _expand(self, sizes_of(sizes))  # type: ignore[no-any-return]


def permute(self: Tensor, *dims: Any) -> Tensor:
    """A view with the dimensions in another order."""
    return _permute(self, sizes_of(dims))  # type: ignore[no-any-return]


def transpose(self: Tensor, dim0: int, dim1: int) -> Tensor:
    """A view with two dimensions exchanged."""
    return _transpose(self, dim0, dim1)  # type: ignore[no-any-return]


def unsqueeze(self: Tensor, dim: int) -> Tensor:
    """A view with a dimension of size 1 put in at `dim`."""
    return _unsqueeze(self, dim)  # type: ignore[no-any-return]


def squeeze(self: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """A view without dimensions of size 1: all of them, or those in `dim`."""
    return _squeeze(self, (dim,) if isinstance(dim, int) else dim if dim is None else tuple(dim))  # type: ignore


def flatten(self: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dimensions from start_dim to end_dim as one; a 0-d tensor becomes a vector."""
    shape = self._array.shape
    if not shape:
        return reshape(self, 1)
    start, end = wrap_dim(start_dim, len(shape)), wrap_dim(end_dim, len(shape))
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    return (
        self if start == end else reshape(self, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))
    )


def ravel(self: Tensor) -> Tensor:
    """Everything in one dimension."""
    return reshape(self, -1)


def unflatten(self: Tensor, dim: int, sizes: Any) -> Tensor:
    """One dimension as several; one of the sizes may be -1."""
    shape = self._array.shape
    dim = wrap_dim(dim, len(shape))
    return _view(self, (*shape[:dim], *infer_size(tuple(sizes), shape[dim]), *shape[dim + 1 :]))  # type: ignore


def view_as(self: Tensor, other: Tensor) -> Tensor:
    """A view in the shape of another tensor."""
    return view(self, other._array.shape)


def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """Reshaped to the shape of another tensor."""
    return reshape(self, other._array.shape)


def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """Expanded to the shape of another tensor."""
    return _expand(self, other._array.shape)  # type: ignore[no-any-return]


def broadcast_to(self: Tensor, size: Any) -> Tensor:
    """Expanded to a shape."""
    return _expand(self, sizes_of((size,)))  # type: ignore[no-any-return]


def movedim(self: Tensor, source: Any, destination: Any) -> Tensor:
    """A view with dimensions moved to other places, the rest in their order."""
    ndim = self._array.ndim
    sources = [wrap_dim(each, ndim) for each in ((source,) if isinstance(source, int) else source)]
    targets = [wrap_dim(each, ndim) for each in ((destination,) if isinstance(destination, int) else destination)]
    rest = iter(d for d in range(ndim) if d not in sources)
    return _permute(self, tuple(sources[targets.index(d)] if d in targets else next(rest) for d in range(ndim)))  # type: ignore


def _length(self: Tensor, dim: int, refusal: str) -> int:
    """The size along dim; RuntimeError for a 0-d tensor."""
    if not self._array.ndim:
        raise RuntimeError(refusal)
    return int(self._array.shape[wrap_dim(dim, self._array.ndim)])


def narrow(self: Tensor, dim: int, start: int, length: int) -> Tensor:
    """A view of `length` positions along dim from `start`."""
    n = _length(self, dim, "narrow() cannot be applied to a 0-dim tensor.")
    start = int(start)
    if not -n <= start <= n:
        raise IndexError(f"start out of range (expected to be in range of [{-n}, {n}], but got {start})")
    start += n if start < 0 else 0
    if length < 0 or start + length > n:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return ops.slice(self, dim, start, start + length, 1)  # type: ignore[no-any-return]


def select(self: Tensor, dim: int, index: int) -> Tensor:
    """A view of one position along dim, which goes."""
    return _select(self, dim, index)  # type: ignore[no-any-return]


def t(self: Tensor) -> Tensor:
    """A matrix transposed; vectors stay."""
    if self._array.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {self._array.ndim}D")
    return _t(self)  # type: ignore[no-any-return]


def adjoint(self: Tensor) -> Tensor:
    """The last two dimensions exchanged, complex numbers conjugated."""
    return conj(_transpose(self, -2, -1))


def conj(self: Tensor) -> Tensor:
    """The complex conjugate (a copy here; PyTorch's is a lazy view); a real tensor itself."""
    return ops.conj_physical(self) if self._array.dtype.kind == "c" else self


def real(self: Tensor) -> Tensor:
    """A view of the real parts; a real tensor itself."""
    return ops.select(view_as_real(self), -1, 0) if self._array.dtype.kind == "c" else self


def imag(self: Tensor) -> Tensor:
    """A view of the imaginary parts; RuntimeError for real tensors."""
    if self._array.dtype.kind != "c":
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return ops.select(view_as_real(self), -1, 1)  # type: ignore[no-any-return]


def view_as_real(self: Tensor) -> Tensor:
    """A complex tensor's parts as a last dimension of size 2."""
    return _view_as_real(self)  # type: ignore[no-any-return]


def view_as_complex(self: Tensor) -> Tensor:
    """A last dimension of size 2 as the parts of complex numbers."""
    return _view_as_complex(self)  # type: ignore[no-any-return]


def diagonal(self: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A view of the diagonal, as a new last dimension."""
    return _diagonal(self, offset, dim1, dim2)  # type: ignore[no-any-return]


def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """A view of sliding windows along a dimension, their content as a new last dimension."""
    return _unfold(self, dimension, size, step)  # type: ignore[no-any-return]


def as_strided(self: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """A view with any geometry of the storage."""
    return _as_strided(self, tuple(size), tuple(stride), storage_offset)  # type: ignore[no-any-return]


def unbind(self: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of all slices along dim."""
    return _unbind(self, dim)  # type: ignore[no-any-return]


def _even(n: int, size: int) -> tuple[int, ...]:
    return tuple([min(size, n - start) for start in range(0, n, size)]) or (0,)


def _parts(self: Tensor, split_size: Any, dim: int) -> tuple[int, ...]:
    n = _length(self, dim, "split expects at least a 1-dimensional tensor")
    if not isinstance(split_size, int):
        return tuple(split_size)
    if split_size <= 0 and n:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={split_size}")
    return _even(n, split_size)


def split(self: Tensor, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts: of one size, or of the sizes in a list."""
    return _split(self, _parts(self, split_size, dim), dim)  # type: ignore[no-any-return]


def unsafe_split(self: Tensor, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """As split, but the parts may be written in place: they are not tracked as views."""
    return _untracked(split(self, split_size, dim))


def chunk(self: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of equal parts; the last may be smaller."""
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = _length(self, dim, "chunk expects at least a 1-dimensional tensor")
    return split(self, max(-(-n // chunks), 1), dim)


def unsafe_chunk(self: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """As chunk, but the parts may be written in place: they are not tracked as views."""
    return _untracked(chunk(self, chunks, dim))


def _untracked(parts: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    for each in parts:
        each._base, each._view, each._counter = None, None, [0]
    return parts


def tensor_split(self: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of parts cut at indices, or into a number of nearly equal ones."""
    n = _length(self, dim, "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    if isinstance(indices_or_sections, int):
        small, extra = divmod(n, indices_or_sections)
        sizes = [small + 1] * extra + [small] * (indices_or_sections - extra)
        cuts = [sum(sizes[:position]) for position in range(1, len(sizes))]
    else:
        cuts = list(indices_or_sections)
    edges = [0, *cuts, n]
    return tuple(ops.slice(self, dim, start, end, 1) for start, end in itertools.pairwise(edges))


def sum_to_size(self: Tensor, *size: Any) -> Tensor:
    """Summed over the dimensions in which a tensor of that size would be broadcast."""
    sizes, shape = sizes_of(size), self._array.shape
    leading = len(shape) - len(sizes)
    if leading:
        self = ops.sum(self, tuple(range(leading)), False)
    dims = tuple([d for d, n in enumerate(sizes) if n == 1 and shape[leading + d] != 1])
    return ops.sum(self, dims, True) if dims else self


def _reshaped_in_place(self: Tensor, made: Tensor) -> Tensor:
    """Give a tensor the geometry and the history of a view of it; its version goes up."""
    check_inplace(self, self.requires_grad)
    self._array, self._storage, self._geometry = made._array, made._storage, made._geometry
    check_version(self)
    self._counter[0] += 1
    # A view's history is refreshed from its base, where no element has changed.
    if self._base is None and made._grad_fn is not None:
        set_history(self, made._grad_fn, made._output_nr)
    return self


def squeeze_(self: Tensor, dim: Any = None) -> Tensor:
    """squeeze, in place."""
    return _reshaped_in_place(self, squeeze(self, dim))


def unsqueeze_(self: Tensor, dim: int) -> Tensor:
    """unsqueeze, in place."""
    return _reshaped_in_place(self, unsqueeze(self, dim))


def transpose_(self: Tensor, dim0: int, dim1: int) -> Tensor:
    """transpose, in place."""
    return _reshaped_in_place(self, transpose(self, dim0, dim1))


def t_(self: Tensor) -> Tensor:
    """t, in place."""
    return _reshaped_in_place(self, t(self))


def contiguous(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself if it is row-major, otherwise a copy that is."""
    if memory_format is not None and memory_format.name.startswith("channels_last"):
        return ops.channels_last_copy(self)  # type: ignore[no-any-return]
    return self if is_contiguous(self) else ops.contiguous_copy(self)


def is_contiguous(self: Tensor, memory_format: Any = None) -> bool:
    """Whether the elements lie in row-major order, or with the channels last if that is asked."""
    if memory_format is not None and memory_format.name.startswith("channels_last"):
        return is_contiguous(movedim(self, 1, -1))
    if self._array.flags.c_contiguous:
        return True
    geometry = geometry_of(self)
    return storages.is_contiguous(geometry.size, geometry.stride)


def split_with_sizes(self: Tensor, split_sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts of the given sizes."""
    return _split(self, tuple(split_sizes), dim)  # type: ignore[no-any-return]


moveaxis = movedim
swapaxes = swapdims = transpose
swapaxes_ = swapdims_ = transpose_
