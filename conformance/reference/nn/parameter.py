"""Parameter and Buffer: tensors that a module registers when they are assigned to one of its attributes.

Also their uninitialised forms, whose shape a lazy module fills in when it first sees data.
"""

from __future__ import annotations

from typing import Any

from conformance.reference.operations.creation import empty
from conformance.reference.tensors import Tensor, alias

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "is_lazy"]


class _Marked(type):
    """A tensor of a user's subclass stays of that class; a mark on it makes it an instance of these classes too."""

    mark: str

    def __instancecheck__(cls, instance: object) -> bool:
        return super().__instancecheck__(instance) or (
            cls.__dict__.get("mark") is not None and getattr(instance, cls.__dict__["mark"], False)
        )


class Parameter(Tensor, metaclass=_Marked):
    """A leaf that shares the data of the tensor it is made from and requires grad unless told otherwise."""

    mark = "_is_param"

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Any:
        if data is None:
            data = empty(0)
        if type(data) is Tensor or isinstance(data, cls):
            made = alias(data, None, cls)
            made.requires_grad = requires_grad
            return made
        marked = data.detach().requires_grad_(requires_grad)
        if type(marked) is not type(data):
            raise RuntimeError(
                f"Creating a Parameter from an instance of type {type(data).__name__} requires that detach() returns "
                f"an instance of the same type, but return type {type(marked).__name__} was found instead."
            )
        marked._is_param = True
        return marked

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
        return memo[id(self)]

    def __reduce_ex__(self: Any, protocol: Any) -> Any:
        attributes = {name: value for name, value in self.__dict__.items() if not name.startswith("_")}
        return _rebuild_parameter, (type(self), self.data, self.requires_grad, attributes)

    def __repr__(self, **_: Any) -> str:
        return "Parameter containing:\n" + super().__repr__()


def _rebuild_parameter(cls: type[Parameter], data: Tensor, requires_grad: bool, attributes: dict[str, Any]) -> Any:
    parameter = cls(data, requires_grad)
    parameter.__dict__.update(attributes)
    return parameter


class Buffer(Tensor, metaclass=_Marked):
    """A tensor marked as a buffer: `Buffer(data, persistent=True)` returns a tensor that shares `data`'s elements."""

    mark = "_is_buffer"
    persistent: bool

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Any:
        if data is None:
            data = empty(0)
        marked = data.detach().requires_grad_(data.requires_grad)
        marked.persistent = persistent
        marked._is_buffer = True
        return marked


class _Uninitialised:
    """What the uninitialised forms share: they have a dtype and a device but no shape."""

    cls_to_become: type[Tensor]

    @property
    def shape(self) -> Any:
        """Raises: there is none yet."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. "
            "This error usually happens in `load_state_dict` when trying to load "
            "an uninitialized parameter into an initialized one. "
            "Call `forward` to initialize the parameters before accessing their attributes."
        )

    def materialize(self: Any, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become an ordinary parameter or buffer of the given shape, in place and with undefined elements."""
        self.__class__ = self.cls_to_become
        self.data = empty(shape, device=device or self.device, dtype=dtype or self.dtype)

    def __repr__(self, **_: Any) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(_Uninitialised, Parameter):
    """A parameter whose shape is not known yet."""

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:
        made = alias(empty(0, device=device, dtype=dtype), [0], cls)
        made.requires_grad = requires_grad
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.requires_grad, self.device, self.dtype)


class UninitializedBuffer(_Uninitialised, Tensor):
    """A buffer whose shape is not known yet."""

    cls_to_become = Tensor
    persistent: bool

    def __new__(
        cls, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> Any:
        made = alias(empty(0, device=device, dtype=dtype), [0], cls)
        made.requires_grad = requires_grad
        made.persistent = persistent  # type: ignore[attr-defined]
        made._is_buffer = True  # type: ignore[attr-defined]
        return made


def is_lazy(tensor: object) -> bool:
    """Whether a parameter or buffer still waits for its shape."""
    return isinstance(tensor, _Uninitialised)
