"""The methods of Tensor, attached from the tables of the operations."""

from __future__ import annotations

from typing import Any

from conformance.reference import dtypes, hooks
from conformance.reference.operations import conversion, creation, elementwise, reductions, shaping
from conformance.reference.tensors import Tensor, geometry_of


def requires_grad_(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Set the flag and return the tensor; on a non-leaf True does nothing."""
    if not (requires_grad and self.grad_fn is not None):
        self.requires_grad = requires_grad
    return self


def backward(
    self: Tensor, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
) -> None:
    """Add the gradients of the leaves it was computed from to their .grad."""
    from conformance.reference.autograd import backward

    backward(self, gradient, retain_graph, create_graph, inputs=inputs)


def size(self: Tensor, dim: int | None = None) -> Any:
    """The shape, or one of its entries."""
    return self.shape if dim is None else self._array.shape[shaping.wrap_dim(dim, self._array.ndim)]


def stride(self: Tensor, dim: int | None = None) -> Any:
    """The strides in elements, or one of them."""
    found = geometry_of(self).stride
    return found if dim is None else found[shaping.wrap_dim(dim, len(found))]


def _operator(name: str) -> Any:
    function = elementwise.BINARY[name]

    def method(self: Tensor, other: Any) -> Any:
        if isinstance(other, (Tensor, int, float, complex)):
            return function(self, other)
        return _foreign(function, self, other)

    return method


def _foreign(function: Any, self: Any, other: Any) -> Any:
    """An operand that is neither a tensor nor a Python number: NumPy scalars count as numbers."""
    try:
        dtypes.of_number(other)
    except TypeError:
        return NotImplemented
    return function(self, other.item())


def _reflected(name: str) -> Any:
    function = elementwise.BINARY[name]

    def method(self: Tensor, other: Any) -> Any:
        return function(other, self)

    return method


_ARITHMETIC = {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "pow": "pow", "floordiv": "floor_divide",
    "mod": "remainder", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
}


def attach() -> None:
    """Give Tensor its methods."""
    methods: dict[str, Any] = {**elementwise.UNARY, **elementwise.BINARY, **elementwise.INPLACE}
    for module in (conversion, creation, shaping, reductions, hooks):
        for name, each in vars(module).items():
            if callable(each) and getattr(each, "__module__", "") == module.__name__ and not name.startswith("_"):
                code = getattr(each, "__code__", None)
                if code and code.co_argcount and code.co_varnames[0] == "self":
                    methods[name] = each
    for special, name in _ARITHMETIC.items():
        methods[f"__{special}__"] = _operator(name)
        methods[f"__r{special}__"] = _reflected(name)
        methods[f"__i{special}__"] = methods[f"{name}_"]
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        methods[f"__{name}__"] = _operator(name)
    methods["__neg__"] = elementwise.UNARY["neg"]
    methods["__abs__"] = elementwise.UNARY["abs"]
    methods.update(requires_grad_=requires_grad_, backward=backward, size=size, stride=stride)
    for name, each in methods.items():
        setattr(Tensor, name, each)
    Tensor.data = property(conversion.get_data, conversion.set_data)  # type: ignore[attr-defined]


attach()
