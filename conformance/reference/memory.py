"""How much memory the tensors of a device hold: counted when asked for, so that nothing else has to keep the books.

Python's collector knows every tensor, storage and node of a graph that is alive; the arrays behind them are what is
counted, as `tracemalloc` has them from NumPy, but by device. An array counts once and whole, however many tensors see a
part of it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import numpy as np

from conformance.reference.declarations import OperationNode
from conformance.reference.devices import device
from conformance.reference.storages import Storage
from conformance.reference.tensors import Tensor


def allocated(where: Any) -> int:
    """The bytes that live tensors and storages on a device (or its name) and what is saved for backward take up."""
    wanted = device(where).placed()
    sizes = {id(array): array.nbytes for array in map(_whole, _arrays(wanted))}
    return sum(sizes.values())


def _arrays(wanted: device) -> Iterator[np.ndarray[Any, Any]]:
    for each in gc.get_objects():
        kind = type(each)  # not isinstance, which asks __class__ of objects that may answer with anything
        if issubclass(kind, Tensor):
            if each._device is wanted:
                yield each._array
        elif kind is Storage:
            if each.device is wanted:
                yield each.buffer
        elif issubclass(kind, OperationNode):
            outputs = getattr(each, "outputs", None)  # none yet, where a hook counts while an operation is recorded
            if outputs and outputs[0][2] is wanted:
                yield from _plain(each.saved or ())


def _plain(saved: Any) -> Iterator[np.ndarray[Any, Any]]:
    """The arrays among a node's saved values that no tensor is around, such as the positions of an index."""
    for each in saved:
        if isinstance(each, np.ndarray):
            yield each
        elif isinstance(each, (tuple, list)):
            yield from _plain(each)


def _whole(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array that owns the memory of a view, or the widest view of memory that is not NumPy's."""
    base: Any = array
    while (base := getattr(base, "base", None)) is not None:
        if isinstance(base, np.ndarray):
            array = base
    return array
