"""torch.save and torch.load, in a format of the reference's own.

A file is a header, the bytes of each storage once, and a pickle whose tensors refer to storages by number. So views
saved together share memory when loaded, and `map_location` decides where each storage ends up. `weights_only`, which is
the default, lets the pickle name tensors, parameters and plain containers and nothing else.
"""

from __future__ import annotations

import collections
import io
import os
import pickle
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from conformance.reference import devices, dtypes
from conformance.reference.nn.parameter import Parameter, _rebuild_parameter
from conformance.reference.storages import Geometry, Storage, window
from conformance.reference.tensors import Size, Tensor, geometry_of, storage_of, wrap

__all__ = ["load", "save"]

TORCH_NAMES = ("load", "save")

_MAGIC = b"conformance reference 1\n"
DEFAULT_PROTOCOL = 2


class _Pickler(pickle.Pickler):
    """Writes tensors as a storage's number and a geometry, and collects the storages."""

    def __init__(self, file: Any, protocol: int) -> None:
        super().__init__(file, protocol)
        self.storages: dict[int, tuple[int, Storage]] = {}

    def persistent_id(self, obj: Any) -> Any:
        if not isinstance(obj, Storage):
            return None
        key = obj.data_ptr() if obj.nbytes() else id(obj)
        number, _ = self.storages.setdefault(key, (len(self.storages), obj))
        return number

    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, Tensor):
            return NotImplemented
        if isinstance(obj, Parameter) and type(obj) is not Tensor:
            return obj.__reduce_ex__(2)
        shape, stride, offset = geometry_of(obj)
        return _rebuild_tensor, (storage_of(obj), obj.dtype.name, tuple(shape), stride, offset, obj.requires_grad)


def _rebuild_tensor(
    storage: Storage, dtype: str, shape: tuple[int, ...], stride: tuple[int, ...], offset: int, requires_grad: bool
) -> Tensor:
    kind = _dtype(dtype)
    geometry = Geometry(tuple(shape), tuple(stride), offset)
    made = wrap(window(storage, kind.numpy, geometry), storage.device)
    made._storage, made._geometry = storage, geometry
    if requires_grad:
        made.requires_grad = True
    return made


def _dtype(name: str) -> Any:
    found = next((each for each in vars(dtypes).values() if isinstance(each, dtypes.dtype) and each.name == name), None)
    if found is None:
        raise RuntimeError(f"the file holds a tensor of the unknown type {name}")
    return found


class _Unpickler(pickle.Unpickler):
    """Reads what `_Pickler` wrote; with `weights_only` it refuses every name that is not on the list."""

    def __init__(self, file: Any, storages: list[Storage], weights_only: bool) -> None:
        super().__init__(file)
        self.storages = storages
        self.weights_only = weights_only

    def persistent_load(self, pid: Any) -> Any:
        return self.storages[pid]

    def find_class(self, module: str, name: str) -> Any:
        if self.weights_only and (module, name) not in _SAFE:
            raise pickle.UnpicklingError(
                f"Weights only load failed. Unsupported global: {module}.{name} was not an allowed global by default. "
                "Load the file with weights_only=False if you trust where it comes from."
            )
        return super().find_class(module, name)


def _named(*values: Any) -> set[tuple[str, str]]:
    return {(value.__module__, value.__qualname__) for value in values}


_SAFE = _named(
    _rebuild_tensor,
    _rebuild_parameter,
    Parameter,
    Tensor,
    Size,
    devices.device,
    dtypes.dtype,
    collections.OrderedDict,
    collections.defaultdict,
    collections.Counter,
    set,
    frozenset,
    complex,
    bytearray,
    int,
    float,
    dict,
    list,
    bytes,
) | {("_codecs", "encode"), ("conformance.reference.dtypes", "_by_name")}


def _opened(file: Any, mode: str) -> AbstractContextManager[Any]:
    return open(file, mode) if isinstance(file, (str, os.PathLike)) else nullcontext(file)


def save(obj: Any, f: Any, pickle_module: Any = pickle, pickle_protocol: int = DEFAULT_PROTOCOL, **_: Any) -> None:
    """Write an object with its tensors to a path or a file open for writing bytes."""
    body = io.BytesIO()
    pickler = _Pickler(body, pickle_protocol)
    pickler.dump(obj)
    storages = [(str(storage.device), storage.buffer.tobytes()) for _, storage in pickler.storages.values()]
    with _opened(f, "wb") as file:
        file.write(_MAGIC)
        pickle.dump(storages, file, pickle_protocol)
        pickle.dump(body.getvalue(), file, pickle_protocol)


class _NoGlobals(pickle.Unpickler):
    """For the two outer pickles, which hold only strings, bytes, tuples and lists."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in (("_codecs", "encode"), ("__builtin__", "bytes")):  # the latter for no bytes at all
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"unexpected global {module}.{name}")


def load(
    f: Any, map_location: Any = None, pickle_module: Any = None, *, weights_only: bool | None = None, **_: Any
) -> Any:
    """Read what `save` wrote from a path or a file open for reading bytes.

    map_location is a device, a dict from saved to wanted devices, or a function of a storage and its saved device that
    returns a storage, or None to leave it. UnpicklingError for anything that `weights_only` does not admit.
    """
    with _opened(f, "rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise pickle.UnpicklingError("the file was not written by the reference's save()")
        saved = _NoGlobals(file).load()
        body = _NoGlobals(file).load()
    place = _placement(map_location)
    storages = [place(np.frombuffer(data, np.uint8).copy(), tag) for tag, data in saved]
    return _Unpickler(io.BytesIO(body), storages, weights_only is not False).load()


def _placement(map_location: Any) -> Callable[[Any, str], Storage]:
    """(bytes, saved device) -> a storage where map_location wants it."""

    def at(buffer: Any, where: Any) -> Storage:
        return Storage(buffer, devices.device(where).placed())

    if map_location is None:
        return at
    if isinstance(map_location, dict):
        return lambda buffer, tag: at(buffer, map_location.get(tag, tag))
    if isinstance(map_location, (str, devices.device)):
        return lambda buffer, tag: at(buffer, map_location)

    def call(buffer: Any, tag: str) -> Storage:
        original = at(buffer, tag)
        chosen = map_location(original, tag)
        return chosen if isinstance(chosen, Storage) else original

    return call
