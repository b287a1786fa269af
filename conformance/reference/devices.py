"""Devices: the processor, two synthetic accelerators that NumPy computes, and `meta`, whose elements none can read.

An accelerator refuses what a real one refuses: reading it as a NumPy array, mixing it with another device (0-d
tensors of the processor excepted), and, for `accel32`, the type float64. Moving a tensor is an op, in
`operations/conversion.py`.
"""

from __future__ import annotations

from typing import Any

from conformance.reference import dtypes
from conformance.reference.errors import NotSupported

TYPES = ("cpu", "accel", "accel32", "meta")

# Names that can be written down and compared; tensors on them are refused.
LACKING = ("cuda", "mps", "xpu", "hpu", "mtia", "xla", "privateuseone", "ipu", "vulkan")


class device:  # noqa: N801  torch names it so
    """A device by name, with an index for accelerators; a context manager that makes it the default meanwhile."""

    __slots__ = ("_outer", "index", "type")
    index: int | None
    type: str
    _outer: list[device]

    def __new__(cls, type: Any, index: int | None = None) -> device:
        """The one device of that type and index; RuntimeError for an unknown type."""
        if isinstance(type, device):
            return type
        if isinstance(type, int):
            type, index = "accel", type
        name, _, number = str(type).partition(":")
        if name not in TYPES + LACKING:
            raise RuntimeError(f"Expected one of {', '.join(TYPES)} device type at start of device string: {name}")
        if number:
            index = int(number)
        found = _INTERNED.get((name, index))
        if found is None:
            found = _INTERNED[name, index] = object.__new__(cls)
            found.type, found.index, found._outer = name, index, []
        return found

    def __repr__(self) -> str:
        return f"device(type='{self.type}'" + (")" if self.index is None else f", index={self.index})")

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __reduce__(self) -> tuple[Any, ...]:
        return (device, (str(self),))

    def __deepcopy__(self, memo: dict[int, Any]) -> device:
        return self

    def __enter__(self) -> device:
        self._outer.append(_default[0])
        _default[0] = self.placed()
        return self

    def __exit__(self, *exception: object) -> None:
        _default[0] = self._outer.pop()

    def placed(self) -> device:
        """The device on which a tensor asked to be here really lies: accelerators have an index, the processor none."""
        if self.type in LACKING:
            raise NotSupported(f"the device {self}")
        if self.type in ("cpu", "meta"):
            return device(self.type)
        return device(self.type, self.index or 0)


_INTERNED: dict[tuple[str, int | None], device] = {}
cpu = device("cpu")
_default = [cpu]


def get_default_device() -> device:
    """The device of tensors made without naming one."""
    return _default[0]


def set_default_device(d: Any) -> None:
    """Make `d` the default; None is the processor again."""
    _default[0] = cpu if d is None else device(d).placed()


def resolve(wanted: Any) -> device:
    """The device for a factory's argument `device=`, which may be None, a name, an index or a device."""
    return _default[0] if wanted is None else device(wanted).placed()


def check_dtype(where: device, dtype: dtypes.dtype) -> None:
    """TypeError when the device lacks the type."""
    if where.type == "accel32" and dtype in (dtypes.float64, dtypes.complex128):
        raise TypeError(f"Cannot convert a tensor to {dtype!r} on {where}: the device has no float64")
