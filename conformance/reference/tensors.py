"""The Tensor: a window on a storage, a version counter, and what autograd knows about it.

Here is only what a tensor *is*. What one can do with it is attached by `methods.py` from tables; how operations are
recorded is in `dispatch.py`, how views follow writes to their base in `views.py`.

The fields, all private:

    _array       the strided NumPy array through which the elements are seen
    _storage     the Storage behind it, made when first asked for; views share their base's
    _counter     the version counter, a one-element list shared with views and detach(), not with .data
    _device      the device
    _requires_grad, _grad_fn, _output_nr    the flag, the node that made the tensor, and as which of its outputs
    _base, _view for a view, its root tensor and what `views.py` keeps about it
    _geometry    where in its storage a view lies; None means from the start, as for every other tensor
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from conformance.reference import devices, dtypes
from conformance.reference.modes import state
from conformance.reference.storages import Geometry, Storage, contiguous_stride

if TYPE_CHECKING:
    from conformance.reference.graph import Node

NOT_A_LEAF = "you can only change requires_grad flags of leaf variables."


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple that prints as torch.Size and knows its number of elements."""

    __slots__ = ()

    def numel(self) -> int:
        """The product of the sizes."""
        product = 1
        for n in self:
            product *= n
        return product

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    def __add__(self, other: Any) -> Size:
        return Size(tuple(self) + tuple(other))

    def __getitem__(self, key: Any) -> Any:
        found = tuple.__getitem__(self, key)
        return Size(found) if isinstance(key, slice) else found


class Tensor:
    """A multi-dimensional array of one dtype on one device, as torch.Tensor."""

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_array",
        "_base",
        "_counter",
        "_device",
        "_grad_fn",
        "_output_nr",
        "_requires_grad",
        "_storage",
    )
    _array: np.ndarray[Any, Any]
    _base: Tensor | None
    _counter: list[int]
    _device: devices.device
    _grad_fn: Node | None
    _output_nr: int
    _requires_grad: bool
    _storage: Storage | None

    # What few tensors have lies in the instance's dict, over these.
    _view: Any = None
    _geometry: Geometry | None = None
    _grad: Tensor | None = None
    _inference: bool = False
    _versioned: bool = False
    _hooks: dict[int, Callable[..., Any]] | None = None
    _post_accumulate_hooks: dict[int, Callable[..., Any]] | None = None
    _retains: weakref.ref[Node] | None = None
    _accumulator: weakref.ref[Any] | None = None
    name: str | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """The legacy constructor: sizes or values, in the default type."""
        from conformance.reference.operations.creation import legacy_constructor

        return legacy_constructor(cls, *args, **kwargs)

    if TYPE_CHECKING:
        # The methods and operators that methods.py attaches.
        def __getattr__(self, name: str) -> Any: ...

        def _operator(self, other: Any) -> Any: ...

        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _operator
        __pow__ = __matmul__ = __getitem__ = __lt__ = __le__ = __gt__ = __ge__ = _operator

    # -- geometry ------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The sizes of the dimensions."""
        return Size(self._array.shape)

    @property
    def dtype(self) -> dtypes.dtype:
        """The element type."""
        return dtypes.of_numpy(self._array.dtype)

    @property
    def device(self) -> devices.device:
        """Where the tensor lies."""
        return self._device

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._array.ndim

    def __len__(self) -> int:
        if not self._array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return int(self._array.shape[0])

    def __hash__(self) -> int:
        return id(self)

    # -- autograd ------------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are to be computed for it; a view that was not recorded answers as its base does."""
        return self._requires_grad or (self._base is not None and self._base._requires_grad)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise RuntimeError("requires_grad must be a bool")
        if not self.is_leaf:
            raise RuntimeError(
                NOT_A_LEAF
                + (
                    ""
                    if value
                    else " If you want to use a computed variable in a subgraph that doesn't require "
                    "differentiation use var_no_grad = var.detach()."
                )
            )
        if value and self.dtype.category < dtypes.FLOATING:
            raise RuntimeError("only Tensors of floating point and complex dtype can require gradients")
        if value and self._inference and not state.inference:
            raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")
        self._requires_grad = value

    @property
    def is_leaf(self) -> bool:
        """True unless a recorded operation made it."""
        return self.grad_fn is None

    @property
    def grad_fn(self) -> Node | None:
        """The node of the graph that made it; None for leaves."""
        if self._base is not None:
            self._view.refresh(self)
        return self._grad_fn

    @property
    def output_nr(self) -> int:
        """Which output of `grad_fn` it is."""
        return self._output_nr

    @property
    def _version(self) -> int:
        if self._inference and not self._versioned:
            raise RuntimeError("Inference tensors do not track version counter.")
        return self._counter[0]

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient of a leaf, or of a tensor that called retain_grad()."""
        if self._grad is None and self._grad_fn is not None and not self.retains_grad:
            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute "
                "won't be populated during autograd.backward(). Call .retain_grad() on the non-leaf Tensor if you "
                "want it populated, or access the leaf Tensor instead.",
                UserWarning,
                stacklevel=2,
            )
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is None:
            self.__dict__.pop("_grad", None)
            return
        if not isinstance(value, Tensor):
            raise TypeError(
                f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}"
            )
        if value is self:
            raise RuntimeError("can't assign Variable as its own grad")
        if value._device is not self._device:
            raise RuntimeError(
                f"assigned grad has data located on a different device: expected {self._device}, got {value._device}"
            )
        allowed = self.__dict__.get("_grad_dtype", self.dtype)
        if allowed is not None and value.dtype is not allowed:
            raise RuntimeError(
                f"attempting to assign a gradient with dtype '{value.dtype!r}' to a tensor with grad_dtype "
                f"'{allowed!r}'"
            )
        if value._array.shape != self._array.shape:
            raise RuntimeError(
                f"assigned grad has data of a different size: expected {list(self.shape)}, got {list(value.shape)}"
            )
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self.__dict__.pop("_grad", None)

    @property
    def grad_dtype(self) -> dtypes.dtype | None:
        """The type that gradients of a leaf are cast to; None takes any."""
        self._require_leaf("grad_dtype")
        found: dtypes.dtype | None = self.__dict__.get("_grad_dtype", self.dtype)
        return found

    @grad_dtype.setter
    def grad_dtype(self, value: dtypes.dtype | None) -> None:
        self._require_leaf("grad_dtype")
        if self._grad is not None and value is not None and self._grad.dtype is not value:
            raise RuntimeError(f"cannot set grad_dtype to {value!r}: .grad is already there, with {self._grad.dtype!r}")
        self.__dict__["_grad_dtype"] = value
        sink = self._accumulator and self._accumulator()
        if sink:
            sink.outputs = sink.expected()

    def _require_leaf(self, name: str) -> None:
        if not self.is_leaf:
            raise RuntimeError(f"{name} can only be used on leaf tensors.")

    @property
    def retains_grad(self) -> bool:
        """Whether a non-leaf keeps its gradient."""
        return self._retains is not None

    def is_inference(self) -> bool:
        """Whether it was made in inference mode."""
        return self._inference

    def _is_view(self) -> bool:
        return self._base is not None


_new = object.__new__


def wrap(array: Any, device: devices.device) -> Tensor:
    """A fresh tensor around an array that nobody else writes to."""
    tensor: Tensor = _new(Tensor)
    tensor._array = array if array.__class__ is np.ndarray else np.asarray(array)
    tensor._storage = tensor._grad_fn = tensor._base = None
    tensor._counter = [0]
    tensor._device = device
    tensor._output_nr = 0
    tensor._requires_grad = False
    if state.inference:
        tensor._inference = True
    return tensor


def alias(source: Tensor, counter: list[int] | None = None, cls: type[Tensor] = Tensor) -> Tensor:
    """Another tensor on the same elements, without history; shares the version counter unless given another."""
    tensor: Tensor = _new(cls)
    tensor._array = source._array
    tensor._storage = source._storage
    tensor._counter = source._counter if counter is None else counter
    tensor._device = source._device
    tensor._grad_fn = tensor._base = None
    tensor._output_nr = 0
    tensor._requires_grad = False
    if source._inference:
        tensor._inference = True
    if source._geometry is not None:
        tensor._geometry = source._geometry
    return tensor


def storage_of(tensor: Tensor) -> Storage:
    """The storage behind a tensor."""
    if tensor._storage is None:
        tensor._storage = Storage.spanning(tensor._array, tensor._device)
    return tensor._storage


def geometry_of(tensor: Tensor) -> Geometry:
    """Size, stride and offset of a tensor, in elements."""
    if tensor._geometry is not None:
        return tensor._geometry
    array = tensor._array
    if not array.size:
        return Geometry(array.shape, contiguous_stride(array.shape), 0)  # NumPy's strides are zero here
    itemsize = array.itemsize
    return Geometry(array.shape, tuple([step // itemsize for step in array.strides]), 0)
