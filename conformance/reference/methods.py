"""The methods of Tensor, attached from the tables of the operations."""

from __future__ import annotations

import inspect
from typing import Any

from conformance.reference import devices, dtypes, hooks
from conformance.reference.elementwise import strict
from conformance.reference.errors import NotSupported
from conformance.reference.forward.shaping import wrap_dim
from conformance.reference.operations import (
    arithmetic,
    combining,
    conversion,
    creation,
    elementwise,
    indexing,
    linear_algebra,
    python,
    reductions,
    shaping,
)
from conformance.reference.tensors import Tensor, geometry_of, storage_of


def requires_grad_(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Set the flag and return the tensor; on a non-leaf True does nothing."""
    # Asked without refreshing a view's history, as PyTorch does it.
    if not (requires_grad and self._grad_fn is not None):
        self.requires_grad = requires_grad
    return self


def backward(
    self: Tensor, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
) -> None:
    """Add the gradients of the leaves it was computed from to their .grad."""
    from conformance.reference.autograd.derivatives import backward

    backward(self, gradient, retain_graph, create_graph, inputs=inputs)


def size(self: Tensor, dim: int | None = None) -> Any:
    """The shape, or one of its entries."""
    return self.shape if dim is None else self._array.shape[wrap_dim(dim, self._array.ndim)]


def stride(self: Tensor, dim: int | None = None) -> Any:
    """The strides in elements, or one of them."""
    found = geometry_of(self).stride
    return found if dim is None else found[wrap_dim(dim, len(found))]


def dim(self: Tensor) -> int:
    """The number of dimensions."""
    return self._array.ndim


def numel(self: Tensor) -> int:
    """The number of elements."""
    return int(self._array.size)


def element_size(self: Tensor) -> int:
    """Bytes for each element."""
    return self._array.itemsize


def data_ptr(self: Tensor) -> int:
    """The address of the first element."""
    return int(self._array.__array_interface__["data"][0]) if self._array.size else 0


def storage_offset(self: Tensor) -> int:
    """Where in its storage the tensor begins, in elements."""
    return geometry_of(self).offset


def untyped_storage(self: Tensor) -> Any:
    """The storage, which views share."""
    return storage_of(self)


def is_floating_point(self: Tensor) -> bool:
    """Whether the type is a real floating one."""
    return self.dtype.is_floating_point


def is_signed(self: Tensor) -> bool:
    """Whether the type has negative numbers."""
    return self.dtype.is_signed


def get_device(self: Tensor) -> int:
    """The index of the device; -1 for the processor."""
    return -1 if self._device.index is None else self._device.index


def is_complex(self: Tensor) -> bool:
    """Whether the type is complex."""
    return self.dtype.is_complex


def cpu(self: Tensor) -> Tensor:
    """The tensor on the processor."""
    return conversion.to(self, device=devices.cpu)


def cuda(self: Tensor, device: Any = None, non_blocking: bool = False) -> Tensor:
    """The reference has no CUDA; its accelerators are reached with to()."""
    raise NotSupported("Tensor.cuda()")


def pin_memory(self: Tensor) -> Tensor:
    """Pinning needs an accelerator of the real kind."""
    raise NotSupported("Tensor.pin_memory()")


def is_pinned(self: Tensor) -> bool:
    """No memory of the reference is pinned."""
    return False


def share_memory_(self: Tensor) -> Tensor:
    """Memory shared between processes is lacking."""
    raise NotSupported("Tensor.share_memory_()")


def type_as(self: Tensor, other: Tensor) -> Tensor:
    """In the type of another tensor."""
    return conversion.to(self, dtype=other.dtype)


def type_(self: Tensor, dtype: Any = None) -> Any:
    """In another type; without argument the name of the legacy tensor class."""
    return f"torch.{_LEGACY[self.dtype.name]}Tensor" if dtype is None else conversion.to(self, dtype=dtype)


_LEGACY = {
    "float32": "Float",
    "float64": "Double",
    "float16": "Half",
    "bfloat16": "BFloat16",
    "int64": "Long",
    "int32": "Int",
    "int16": "Short",
    "int8": "Char",
    "uint8": "Byte",
    "bool": "Bool",
    "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
}


def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether both see exactly the same memory."""
    return data_ptr(self) == data_ptr(tensor) and geometry_of(self)[:2] == geometry_of(tensor)[:2]


def _reflected(name: str) -> Any:
    function = elementwise.BINARY[name]

    def method(self: Tensor, other: Any) -> Any:
        return function(other, self)

    return method


_ARITHMETIC = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "truediv": "div",
    "pow": "pow",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
}


def _cast(name: str) -> Any:
    target = dtypes.by_name(name)
    return lambda self: self.to(target)


_CASTS = {
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "bfloat16": "bfloat16",
    "int": "int32",
    "long": "int64",
    "short": "int16",
    "char": "int8",
    "byte": "uint8",
    "bool": "bool",
    "cfloat": "complex64",
    "cdouble": "complex128",
}

_MODULES = (
    elementwise,
    conversion,
    creation,
    shaping,
    reductions,
    combining,
    indexing,
    linear_algebra,
    arithmetic,
    hooks,
)


def attach() -> None:
    """Give Tensor its methods."""
    methods: dict[str, Any] = {**elementwise.UNARY, **elementwise.INPLACE}
    methods.update({name: strict(each) for name, each in elementwise.BINARY.items()})
    for module in _MODULES:
        for name, each in vars(module).items():
            if inspect.isfunction(each) and each.__module__ == module.__name__ and not name.startswith("_"):
                code = each.__code__
                if code.co_argcount and code.co_varnames[0] == "self":
                    methods[name] = each
    for alias, name in elementwise.OTHER_NAMES.items():
        methods[alias], methods[f"{alias}_"] = methods[name], methods[f"{name}_"]
    methods["where"] = lambda self, condition, other: combining.where(condition, self, other)
    for special, name in _ARITHMETIC.items():
        methods[f"__{special}__"] = elementwise.BINARY[name]
        methods[f"__r{special}__"] = _reflected(name)
        methods[f"__i{special}__"] = methods[f"{name}_"]
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        methods[f"__{name}__"] = elementwise.BINARY[name]
    methods.update({name: _cast(target) for name, target in _CASTS.items()})
    methods.update(
        __neg__=elementwise.UNARY["neg"],
        __pos__=elementwise.UNARY["positive"],
        __abs__=elementwise.UNARY["abs"],
        __invert__=elementwise.UNARY["bitwise_not"],
        __matmul__=linear_algebra.matmul,
        __rmatmul__=lambda self, other: linear_algebra.matmul(other, self),
        __getitem__=indexing.getitem,
        __setitem__=indexing.setitem,
        **python.SPECIAL,
    )
    for function in (
        requires_grad_,
        backward,
        size,
        stride,
        dim,
        numel,
        element_size,
        data_ptr,
        storage_offset,
        untyped_storage,
        is_floating_point,
        is_complex,
        is_signed,
        get_device,
        cpu,
        cuda,
        share_memory_,
        type_as,
        is_set_to,
        pin_memory,
        is_pinned,
        type_,
    ):
        methods[function.__name__] = function
    methods["nelement"] = numel
    methods["type"] = methods.pop("type_")
    for name, each in methods.items():
        setattr(Tensor, name, each)
    properties = {
        "data": property(conversion.get_data, conversion.set_data),
        "T": property(lambda self: self.permute(tuple(range(self._array.ndim))[::-1])),
        "mT": property(lambda self: self.transpose(-2, -1)),
        "H": property(lambda self: shaping.conj(self.t())),
        "mH": property(shaping.adjoint),
        "real": property(shaping.real, lambda self, value: self.real.copy_(_tensor_of(value, self))),
        "imag": property(shaping.imag, lambda self, value: self.imag.copy_(_tensor_of(value, self))),
        "is_cuda": property(lambda self: False),
        "is_sparse": property(lambda self: False),
        "is_quantized": property(lambda self: False),
        "is_meta": property(lambda self: False),
        "is_cpu": property(lambda self: self._device is devices.cpu),
        "itemsize": property(lambda self: self._array.itemsize),
        "nbytes": property(lambda self: self._array.nbytes),
        "layout": property(lambda self: "torch.strided"),
        "_backward_hooks": property(lambda self: self._hooks),
    }
    for name, each in properties.items():
        setattr(Tensor, name, each)


def _tensor_of(value: Any, like: Tensor) -> Tensor:
    return value if isinstance(value, Tensor) else creation.finish(creation.array_of(value), like._device)


attach()
