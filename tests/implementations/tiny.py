"""The smallest torch-like module that rules can run on, with one function for each way to go wrong.

Tests copy it into a folder of their own and name it on the command line, as a user's own implementation; it needs
neither torch nor the reference. ``torch.add`` is right; everything below it misbehaves as its comment says.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

AT_THE_GATE = "at the gate"
__version__ = "0.0-tiny"


class dtype:  # noqa: N801 - torch's name
    """A dtype object, whose text ends in its name as torch's does."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"tiny.{self.name}"


float32, float64, int64 = dtype("float32"), dtype("float64"), dtype("int64")
_grad_enabled = True


class Tensor:
    """An array with torch's outside; nothing is recorded."""

    is_leaf = True
    grad = grad_fn = None
    device = "cpu"

    def __init__(self, array: Any, requires_grad: bool = False) -> None:
        self._array = np.array(array)
        self.requires_grad = requires_grad

    @property
    def dtype(self) -> dtype:
        """The dtype."""
        return {"float32": float32, "float64": float64, "int64": int64}[self._array.dtype.name]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return self._array.shape

    def detach(self) -> Tensor:
        """Itself: there is no graph."""
        return self

    cpu = detach

    def numpy(self) -> Any:
        """The array."""
        return self._array


def tensor(data: Any, dtype: dtype = float32, device: str = "cpu", requires_grad: bool = False) -> Tensor:
    """A new tensor."""
    return Tensor(np.array(data, dtype=dtype.name), requires_grad)


def zeros(*shape: int, dtype: dtype = float32, device: str = "cpu") -> Tensor:
    """A tensor of zeros."""
    return tensor(np.zeros(shape), dtype)


def set_default_dtype(to: dtype) -> None:
    """Nothing."""


def is_grad_enabled() -> bool:
    """Global state that a case can leave behind."""
    return _grad_enabled


def set_grad_enabled(mode: bool) -> None:
    """Set it."""
    global _grad_enabled
    _grad_enabled = mode


def add(left: Tensor, right: Tensor) -> Tensor:
    """The sum."""
    return Tensor(left._array + right._array)


def neg(x: Tensor) -> Tensor:
    """Wrong: what came in, not its negative."""
    return x


def sqrt(x: Tensor) -> Tensor:
    """Openly absent."""
    raise NotImplementedError("no square roots here")


def exp(x: Tensor) -> Tensor:
    """End the process."""
    os.abort()


def log(x: Tensor) -> Tensor:
    """Never return."""
    threading.Event().wait()
    raise AssertionError


def cos(x: Tensor) -> Tensor:
    """As if the user pressed Ctrl-C just now."""
    raise KeyboardInterrupt


def floor(x: Tensor) -> Tensor:
    """Say so on stderr, and stand still until a test that made the FIFO ``gate`` opens it; then be right."""
    print(AT_THE_GATE, file=sys.stderr, flush=True)
    Path("gate").read_bytes()
    return Tensor(np.floor(x._array))
