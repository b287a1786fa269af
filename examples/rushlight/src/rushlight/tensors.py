"""Tensors: a NumPy array, and how it was made from other tensors.

Each operation computes an array and says, for each operand, how the gradient of the result becomes that operand's.
``backward`` walks from the result to the leaves. Arrays are never written to by operations.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rushlight import dtypes
from rushlight.grad_mode import is_grad_enabled

Rule = Callable[[np.ndarray], np.ndarray]


class Node:
    """A recorded operation: its operands, and for each the rule that makes its gradient of the result's."""

    def __init__(self, name: str, operands: Sequence[Tensor], rules: Sequence[Rule]) -> None:
        self._name = name
        self.operands = operands
        self.rules = rules

    def name(self) -> str:
        """What the operation is called."""
        return self._name

    def __repr__(self) -> str:
        return f"<{self._name}>"


class Tensor:
    """An n-dimensional array with a gradient. ``array`` holds the values."""

    def __init__(self, array: np.ndarray, requires_grad: bool = False, node: Node | None = None) -> None:
        self.array = array
        self._node = node
        self._grad: Tensor | None = None
        self._requires_grad = node is not None
        if node is None:
            self.requires_grad = requires_grad

    # -- what it is

    dtype = property(lambda self: self.array.dtype)
    shape = property(lambda self: self.array.shape)
    ndim = property(lambda self: self.array.ndim)
    device = property(lambda self: "cpu")
    grad_fn = property(lambda self: self._node)
    is_leaf = property(lambda self: self._node is None)

    @property
    def data(self) -> Tensor:
        """The same values, without a gradient."""
        return Tensor(self.array)

    @data.setter
    def data(self, values: Tensor) -> None:
        if not isinstance(values, Tensor):
            raise TypeError(f"data is a tensor, not {type(values).__name__}")
        self.array = values.array

    def dim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    def numel(self) -> int:
        """The number of elements."""
        return self.array.size

    def item(self) -> float:
        """The only element, as a number."""
        return self.array.item()

    __float__, __int__, __bool__, __index__ = (
        lambda self: float(self.item()),
        lambda self: int(self.item()),
        lambda self: bool(self.item()),
        lambda self: operator.index(self.item()),
    )

    def tolist(self) -> Any:
        """The elements as nested lists."""
        return self.array.tolist()

    def __len__(self) -> int:
        return len(self.array)

    def __repr__(self) -> str:
        how = f", grad_fn={self.grad_fn}" if self.grad_fn else ", requires_grad=True" if self.requires_grad else ""
        return f"tensor({self.array.tolist()}{how})"

    # -- gradients

    @property
    def requires_grad(self) -> bool:
        """Whether operations on it are recorded."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, requires_grad: bool) -> None:
        if not isinstance(requires_grad, bool):
            raise RuntimeError(f"requires_grad is True or False, not {requires_grad!r}")
        if self._node is not None and not requires_grad:
            raise RuntimeError("only leaves can stop requiring gradients; use detach()")
        if requires_grad and self.array.dtype.kind != "f":
            raise RuntimeError(f"only floating-point tensors can require gradients, not {self.array.dtype}")
        self._requires_grad = requires_grad

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Say whether operations on it are recorded."""
        self.requires_grad = requires_grad
        return self

    @property
    def grad(self) -> Tensor | None:
        """The gradient, where ``backward`` has left one."""
        return self._grad

    @grad.setter
    def grad(self, grad: Tensor | None) -> None:
        if grad is not None and not isinstance(grad, Tensor):
            raise TypeError(f"a gradient is a tensor or None, not {type(grad).__name__}")
        if grad is self:
            raise RuntimeError("a tensor cannot be its own gradient")
        if grad is not None and (grad.shape, grad.dtype) != (self.shape, self.dtype):
            raise RuntimeError(f"a gradient of {self.dtype} {self.shape} cannot be {grad.dtype} {grad.shape}")
        self._grad = grad

    def detach(self) -> Tensor:
        """The same values, cut off from how they were made."""
        return Tensor(self.array.copy())

    def clone(self) -> Tensor:
        """A copy that passes gradients on."""
        return _recorded("CloneBackward0", self.array.copy(), (self, lambda grad: grad))

    def backward(
        self, gradient: Tensor | None = None, retain_graph: bool | None = None, create_graph: bool = False
    ) -> None:
        """Add the gradients of this tensor to ``grad`` of the leaves that it was made from."""
        if create_graph:
            raise NotImplementedError("gradients of gradients")
        if not self.requires_grad:
            raise RuntimeError("this tensor does not require gradients and was not made from any that does")
        if gradient is None and self.array.size != 1:
            raise RuntimeError("backward of more than one element needs a gradient")
        seed = np.ones_like(self.array) if gradient is None else gradient.array.astype(self.dtype)
        if seed.shape != self.array.shape:
            raise RuntimeError(f"the gradient has shape {seed.shape}, the tensor {self.array.shape}")
        gradients = {id(self): seed}
        for tensor in _latest_first(self):
            grad = gradients.pop(id(tensor))
            if tensor.grad_fn is None:
                tensor.grad = Tensor(grad if tensor.grad is None else tensor.grad.array + grad)
                continue
            for operand, rule in zip(tensor.grad_fn.operands, tensor.grad_fn.rules):
                if operand.requires_grad:
                    part = _summed_to(rule(grad), operand.array)
                    gradients[id(operand)] = gradients[id(operand)] + part if id(operand) in gradients else part

    # -- arithmetic

    def __add__(self, other: Any) -> Tensor:
        other = _operand(other, self)
        return _recorded("AddBackward0", self.array + other.array, (self, lambda g: g), (other, lambda g: g))

    def __mul__(self, other: Any) -> Tensor:
        other = _operand(other, self)
        a, b = self.array, other.array
        return _recorded("MulBackward0", a * b, (self, lambda g: g * b), (other, lambda g: g * a))

    def __truediv__(self, other: Any) -> Tensor:
        other = _operand(other, self)
        a, b = self.array, other.array
        return _recorded("DivBackward0", a / b, (self, lambda g: g / b), (other, lambda g: -g * a / (b * b)))

    def __pow__(self, exponent: float) -> Tensor:
        if isinstance(exponent, Tensor):
            raise NotImplementedError("a tensor as exponent")
        a = self.array
        return _recorded("PowBackward0", a**exponent, (self, lambda g: g * exponent * a ** (exponent - 1)))

    def __matmul__(self, other: Tensor) -> Tensor:
        a, b = self.array, other.array
        if a.ndim != 2 or b.ndim != 2:
            raise NotImplementedError("products of other than matrices")
        return _recorded("MmBackward0", a @ b, (self, lambda g: g @ b.T), (other, lambda g: a.T @ g))

    def __neg__(self) -> Tensor:
        return _recorded("NegBackward0", -self.array, (self, lambda g: -g))

    def __sub__(self, other: Any) -> Tensor:
        other = _operand(other, self)
        return _recorded("SubBackward0", self.array - other.array, (self, lambda g: g), (other, lambda g: -g))

    def __rsub__(self, other: Any) -> Tensor:
        return _operand(other, self) - self

    def __rtruediv__(self, other: Any) -> Tensor:
        return _operand(other, self) / self

    __radd__, __rmul__ = __add__, __mul__

    def exp(self) -> Tensor:
        """Elementwise."""
        result = np.exp(self.array)
        return _recorded("ExpBackward0", result, (self, lambda g: g * result))

    def relu(self) -> Tensor:
        """Elementwise."""
        positive = self.array > 0
        return _recorded("ReluBackward0", self.array * positive, (self, lambda g: g * positive))

    # -- reductions and shapes

    def sum(self, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Tensor:
        """The sum over some dimensions, by default all."""
        shape = self.array.shape

        def spread(grad: np.ndarray) -> np.ndarray:
            return np.broadcast_to(grad if keepdim or dim is None else np.expand_dims(grad, dim), shape)

        return _recorded("SumBackward0", self.array.sum(axis=dim, keepdims=keepdim), (self, spread))

    def mean(self, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Tensor:
        """The mean over some dimensions, by default all."""
        array = np.asarray(self.array.mean(axis=dim, keepdims=keepdim))
        shape, count = self.array.shape, self.array.size // max(array.size, 1)

        def spread(grad: np.ndarray) -> np.ndarray:
            return np.broadcast_to(grad if keepdim or dim is None else np.expand_dims(grad, dim), shape) / count

        return _recorded("MeanBackward0", array, (self, spread))

    def reshape(self, *shape: int) -> Tensor:
        """The same elements in another shape."""
        before = self.array.shape
        return _recorded("ViewBackward0", self.array.reshape(*shape), (self, lambda g: g.reshape(before)))

    def __setitem__(self, index: Any, value: Any) -> None:
        raise NotImplementedError("writes in place")

    def __getitem__(self, index: Any) -> Tensor:
        index = index.array if isinstance(index, Tensor) else index

        def scattered(grad: np.ndarray) -> np.ndarray:
            whole = np.zeros_like(self.array)
            np.add.at(whole, index, grad)
            return whole

        return _recorded("SelectBackward0", self.array[index], (self, scattered))


def _recorded(name: str, array: Any, *operands: tuple[Tensor, Rule]) -> Tensor:
    """The result of an operation, with the node that its gradient goes through where one is needed."""
    if not (is_grad_enabled() and any(operand.requires_grad for operand, _ in operands)):
        return Tensor(np.asarray(array))
    return Tensor(np.asarray(array), True, Node(name, *zip(*operands)))


def _operand(value: Any, like: Tensor) -> Tensor:
    """A number as a tensor that does not change the dtype of ``like``."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, complex):
        raise NotImplementedError("complex numbers")
    keeps = like.dtype.kind == "f" or (like.dtype.kind == "i" and isinstance(value, int))
    dtype = like.dtype if keeps else dtypes.int64 if isinstance(value, int) else dtypes.get_default_dtype()
    return Tensor(np.asarray(value, dtype))


def _summed_to(grad: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The gradient of an operand that was broadcast: summed over what it was repeated along."""
    grad = grad.sum(axis=tuple(range(grad.ndim - like.ndim)))
    repeated = tuple(i for i, size in enumerate(like.shape) if size == 1 and grad.shape[i] != 1)
    return np.asarray(grad.sum(axis=repeated, keepdims=True), like.dtype)


def _latest_first(root: Tensor) -> list[Tensor]:
    """What ``root`` was made from and requires gradients, each before its operands."""
    order: list[Tensor] = []
    seen: set[int] = set()
    todo = [(root, False)]
    while todo:
        tensor, done = todo.pop()
        if done:
            order.append(tensor)
        elif id(tensor) not in seen:
            seen.add(id(tensor))
            todo.append((tensor, True))
            operands = tensor.grad_fn.operands if tensor.grad_fn else ()
            todo.extend((operand, False) for operand in operands if operand.requires_grad)
    return order[::-1]


# -- making tensors


def tensor(data: Any, dtype: Any = None, device: str = "cpu", requires_grad: bool = False) -> Tensor:
    """A leaf with a copy of ``data``."""
    if device != "cpu":
        raise RuntimeError(f"there is no device {device!r}")
    array = np.array(data.array if isinstance(data, Tensor) else data)
    if array.dtype.kind == "c":
        raise NotImplementedError("complex numbers")
    if dtype is None and array.dtype.kind == "f":
        dtype = dtypes.get_default_dtype()
    return Tensor(array.astype(dtype or array.dtype), requires_grad)


def full(size: Sequence[int], fill_value: float, **options: Any) -> Tensor:
    """A tensor of one number."""
    return tensor(np.full(size, fill_value), **options)


def zeros(*size: Any, **options: Any) -> Tensor:
    """A tensor of zeros."""
    return full(_shape(size), 0.0, **options)


def ones(*size: Any, **options: Any) -> Tensor:
    """A tensor of ones."""
    return full(_shape(size), 1.0, **options)


def zeros_like(input: Tensor) -> Tensor:
    """Zeros in the shape and dtype of another tensor."""
    return Tensor(np.zeros_like(input.array))


def ones_like(input: Tensor) -> Tensor:
    """Ones in the shape and dtype of another tensor."""
    return Tensor(np.ones_like(input.array))


def arange(*bounds: float, **options: Any) -> Tensor:
    """Numbers at equal distances."""
    return tensor(np.arange(*bounds), **options)


def _shape(size: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
