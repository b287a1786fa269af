"""How a tensor behaves as a Python object: numbers, iteration, comparison, copying, pickling, NumPy's protocol."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np

from conformance.reference import devices, dtypes, modes
from conformance.reference.dispatch import ops
from conformance.reference.operations import conversion
from conformance.reference.printing import tensor_text
from conformance.reference.tensors import Tensor, alias, geometry_of, storage_of, wrap


def to_bool(self: Tensor) -> bool:
    """The truth of the one element; RuntimeError when there are several."""
    if self._array.size != 1:
        raise RuntimeError(
            "Boolean value of Tensor with no values is ambiguous"
            if not self._array.size
            else "Boolean value of Tensor with more than one value is ambiguous"
        )
    return bool(conversion.item(self))


def to_float(self: Tensor) -> float:
    """The one element; a warning where a history is left behind, which item() does not give."""
    if self.requires_grad and modes.is_grad_enabled():
        warnings.warn("float() of a tensor that requires grad leaves its history behind", UserWarning, stacklevel=2)
    return float(conversion.item(self))


def to_index(self: Tensor) -> int:
    """The one element as an index; TypeError unless it is an integer."""
    if self._array.size != 1 or self._array.dtype.kind not in "iub":
        raise TypeError("only integer tensors of a single element can be converted to an index")
    return int(conversion.item(self))


def iterate(self: Tensor) -> Any:
    """Over the slices of the first dimension."""
    if not self._array.ndim:
        raise TypeError("iteration over a 0-d tensor")
    return iter(ops.unbind(self, 0))


def contains(self: Tensor, element: Any) -> bool:
    """Whether any element equals a number or tensor."""
    if not isinstance(element, (Tensor, int, float, complex)):
        raise RuntimeError(f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}.")
    return bool((ops.eq(self, element))._array.any())


def formatted(self: Tensor, spec: str) -> str:
    """A 0-d tensor formats as its number."""
    if not self._array.ndim and type(self) is Tensor:
        return format(conversion.item(self), spec)
    return format(repr(self), spec)


def as_array(self: Tensor, dtype: Any = None, copy: Any = None) -> Any:
    """For NumPy: the elements, refused like numpy()."""
    array = conversion.numpy(self)
    return array if dtype is None else array.astype(dtype, copy=False)


def deepcopy(self: Tensor, memo: dict[int, Any]) -> Tensor:
    """A copy with its own memory; of a leaf only, with its .grad; views that share memory still share it."""
    if id(self) in memo:
        return memo[id(self)]  # type: ignore[no-any-return]
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment."
        )
    storage = storage_of(self)
    buffer = memo.get(id(storage))
    if buffer is None:
        buffer = memo[id(storage)] = type(storage)(storage.buffer.copy(), storage.device)
        memo.setdefault(-1, []).append(storage)
    made = restored(type(self), buffer, self.dtype, geometry_of(self), self._requires_grad)
    memo[id(self)] = made
    if self._inference:
        made._inference = True
    if self._grad is not None:
        made._grad = copy.deepcopy(self._grad, memo)
    for name, value in self.__dict__.items():
        if name not in _OWN:
            setattr(made, name, copy.deepcopy(value, memo))
    return made


_OWN = {"_view", "_geometry", "_grad", "_inference", "_hooks", "_post_accumulate_hooks", "_retains", "_accumulator"}


def restored(cls: type[Tensor], storage: Any, dtype: dtypes.dtype, geometry: Any, requires_grad: bool) -> Tensor:
    """A leaf of a class on a storage."""
    from conformance.reference.storages import Geometry, window

    made = wrap(window(storage, dtype.numpy, Geometry(*geometry)), storage.device)
    made._storage, made._geometry = storage, Geometry(*geometry)
    if cls is not Tensor:
        made = alias(made, cls=cls)
    made._requires_grad = requires_grad
    return made


def rebuild(
    cls: type[Tensor], data: bytes, device: str, dtype: dtypes.dtype, geometry: Any, requires_grad: bool, state: Any
) -> Tensor:
    """A pickled tensor."""
    from conformance.reference.storages import Storage

    storage = Storage(np.frombuffer(data, np.uint8).copy(), devices.device(device))
    made = restored(cls, storage, dtype, geometry, requires_grad)
    made.__dict__.update(state)
    return made


def reduced(self: Tensor, protocol: Any) -> Any:
    """For pickle: bytes and geometry. Neither history nor .grad nor hooks go along."""
    if not self.is_leaf:
        warnings.warn("pickling a tensor that is not a leaf loses its history", UserWarning, stacklevel=2)
    if self._hooks:
        warnings.warn("backward hooks are not pickled", UserWarning, stacklevel=2)
    state = {name: value for name, value in self.__dict__.items() if name not in _OWN}
    storage = storage_of(self)
    arguments = (storage.buffer.tobytes(), str(self._device), self.dtype, tuple(geometry_of(self)))
    return rebuild, (type(self), *arguments, self.requires_grad, state)


SPECIAL = {
    "__bool__": to_bool,
    "__float__": to_float,
    "__int__": lambda self: int(conversion.item(self)),
    "__complex__": lambda self: complex(conversion.item(self)),
    "__index__": to_index,
    "__iter__": iterate,
    "__contains__": contains,
    "__format__": formatted,
    "__repr__": lambda self: tensor_text(self),
    "__array__": as_array,
    "__deepcopy__": deepcopy,
    "__reduce_ex__": reduced,
    "__array_priority__": 1000,
}
