"""How a tensor prints: its elements as PyTorch writes them in simple cases, then what is not the default."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from conformance.reference import devices, dtypes

if TYPE_CHECKING:
    from conformance.reference.tensors import Tensor


def tensor_text(tensor: Tensor) -> str:
    """As in `tensor([1., 2.], requires_grad=True)`."""
    array = tensor._array
    body = elements_text(array, indent=7) if array.size else "[]"
    notes = []
    if tensor._device is not devices.cpu:
        notes.append(f"device='{tensor._device}'")
    if not array.size and array.ndim > 1:
        notes.append(f"size={tuple(array.shape)}")
    plain = (dtypes.get_default_dtype(), *([dtypes.int64, dtypes.bool_] if array.size else []))
    if tensor.dtype not in plain:
        notes.append(f"dtype={tensor.dtype!r}")
    node = tensor.grad_fn
    if node is not None:
        notes.append(f"grad_fn=<{node.name()}>")
    elif tensor.requires_grad:
        notes.append("requires_grad=True")
    return f"tensor({', '.join([body, *notes])})"


EDGE, LIMIT, LINE = 3, 1000, 80


def elements_text(array: Any, indent: int) -> Any:
    """The elements in brackets, one width for all; of more than a thousand only the corners."""
    write = _writer(array)
    if not array.ndim:
        return write(array[()])
    shortened = array.size > LIMIT
    # nan, infinities and zeros have no say in the width.
    counted = _corners(array) if shortened else array
    if array.dtype.kind in "fV":
        counted = counted[np.isfinite(counted.astype(np.float64)) & (counted != 0)]
    width = max([len(write(each)) for each in counted.flat], default=1)

    def rows(part: Any, depth: int) -> Any:
        inner = write if part.ndim == 1 else lambda each: rows(each, depth + 1)
        if shortened and len(part) > 2 * EDGE:
            texts = [*map(inner, part[:EDGE]), " ...", *map(inner, part[-EDGE:])]
        else:
            texts = list(map(inner, part))
        if part.ndim == 1:
            return _vector([each if each == " ..." else each.rjust(width) for each in texts], width, indent + depth)
        return "[" + ("," + "\n" * (part.ndim - 1) + " " * (indent + depth + 1)).join(texts) + "]"

    return rows(array, 0)


def _vector(texts: list[str], width: int, indent: int) -> str:
    """A row of elements, broken into lines of at most eighty characters."""
    many = max((LINE - indent) // (width + 2), 1)
    lines = [", ".join(texts[start : start + many]) for start in range(0, len(texts), many)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _corners(array: Any) -> Any:
    """The first and last few positions of each long dimension."""
    for dim, n in enumerate(array.shape):
        if n > 2 * EDGE:
            array = np.concatenate([np.take(array, range(EDGE), dim), np.take(array, range(n - EDGE, n), dim)], dim)
    return array


def _writer(array: Any) -> Any:
    """The function that writes one element."""
    if array.dtype.kind == "b":
        return lambda each: str(bool(each))
    if array.dtype.kind in "iu":
        return lambda each: str(int(each))
    if array.dtype.kind == "c":
        return lambda each: f"{each.real:.4f}{'+' if each.imag >= 0 else '-'}{abs(each.imag):.4f}j"
    values = np.atleast_1d(_corners(array) if array.size > LIMIT else array).astype(np.float64)
    finite = np.abs(values[np.isfinite(values) & (values != 0)])
    largest, smallest = (finite.max(), finite.min()) if finite.size else (0.0, 1.0)
    if all(float(each).is_integer() for each in finite):
        if largest / smallest > 1000 or largest > 1e8:
            return lambda each: _special(float(each)) or f"{float(each):.4e}"
        return lambda each: _special(float(each)) or f"{float(each):.0f}."
    if largest / smallest > 1000 or largest > 1e8 or smallest < 1e-4:
        return lambda each: _special(float(each)) or f"{float(each):.4e}"
    return lambda each: _special(float(each)) or f"{float(each):.4f}"


def _special(value: float) -> str:
    return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf") if math.isinf(value) else ""
