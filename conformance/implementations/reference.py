"""The NumPy reference in this repository, on all its synthetic devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conformance import reference
from conformance.implementations.contract import Array, Implementation


class ReferenceImplementation(Implementation):
    """:mod:`conformance.reference`; what it lacks it says itself, by raising NotImplementedError."""

    def __init__(self) -> None:
        super().__init__(reference, "reference")

    unreadable_devices = frozenset({"meta"})

    def devices(self) -> Sequence[str]:
        return tuple(kind for kind in reference.devices.TYPES if kind != "meta")

    def other_devices(self, device: str) -> Sequence[str]:
        return tuple(kind for kind in reference.devices.TYPES if kind != device)

    def lacks(self, device: str) -> Mapping[str, str]:
        lacking = {"lazy_conjugation": "conj() copies"}
        if device != "cpu":
            lacking["random_stream"] = "the documented seeds are those of the CPU generator"
        if device == "meta":
            lacking["allocator_statistics"] = "a meta tensor has no memory"
            lacking["values"] = "a meta tensor has no values"
        return lacking

    def array(self, tensor: Any) -> Array | None:
        return None if tensor.device.type == "meta" else super().array(tensor)

    def _storage(self, tensor: Any) -> Any:
        return tensor.untyped_storage().data_ptr()

    def allocated(self, device: str) -> int:
        return reference.memory.allocated(device)
