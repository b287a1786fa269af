"""Views and reshaping with PyTorch's signatures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from conformance.reference.dispatch import declare, declare_view, ops
from conformance.reference.errors import NotSupported
from conformance.reference.forward import shaping
from conformance.reference.forward.shaping import wrap_dim
from conformance.reference.gradients.shaping import RULES
from conformance.reference.storages import infer_size, is_contiguous, view_stride
from conformance.reference.tensors import Tensor, geometry_of, wrap

_view = declare_view("view", shaping.view, RULES["view"])
_transpose = declare_view("transpose", shaping.transpose, RULES["transpose"])
_permute = declare_view("permute", shaping.permute, RULES["permute"])
_expand = declare_view("expand", shaping.expand, RULES["expand"])
select = declare_view("select", shaping.select, RULES["select"])
slice_ = declare_view("slice", shaping.slice_, RULES["slice"])
_unsqueeze = declare_view("unsqueeze", shaping.unsqueeze, RULES["unsqueeze"])
_squeeze = declare_view("squeeze", shaping.squeeze, RULES["squeeze"])
_diagonal = declare_view("diagonal", shaping.diagonal, RULES["diagonal"])
_unfold = declare_view("unfold", shaping.unfold, RULES["unfold"])
_unbind = declare_view("unbind", shaping.unbind, RULES["unbind"], several=True)
_split = declare_view("split_with_sizes", shaping.split_with_sizes, RULES["split_with_sizes"], several=True)
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
    return _view(ops.clone(self).contiguous(), sizes)  # type: ignore[no-any-return]


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


def contiguous(self: Tensor) -> Tensor:
    """The tensor itself if it is row-major, otherwise a copy that is."""
    geometry = geometry_of(self)
    return self if is_contiguous(geometry.size, geometry.stride) else ops.contiguous_copy(self)


__all__ = ["NotSupported", "wrap", "wrap_dim"]
