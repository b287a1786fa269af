"""What operands have in common: their device, and their types by priority."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from conformance.reference import devices, dtypes
from conformance.reference.tensors import Tensor, wrap


def common_device(tensors: Sequence[Any]) -> devices.device:
    """The device of operands: the same for all, except 0-d tensors of the processor beside an accelerator."""
    found: devices.device | None = None
    dimensioned = False
    for each in tensors:
        if not isinstance(each, Tensor) or each._device is found:
            continue
        if found is None or (found is devices.cpu and not dimensioned):
            found, dimensioned = each._device, dimensioned or each._array.ndim > 0
        elif each._device is devices.cpu and not each._array.ndim:
            continue
        else:
            raise RuntimeError(
                f"Expected all tensors to be on the same device, but found at least two devices, {found} and "
                f"{each._device}!"
            )
    return devices.cpu if found is None else found


def by_dimension(operands: Iterable[Any]) -> tuple[list[dtypes.dtype], list[dtypes.dtype], list[dtypes.dtype]]:
    """The types of operands by priority: with dimensions, 0-d, Python numbers."""
    groups: tuple[list[dtypes.dtype], ...] = ([], [], [])
    for each in operands:
        if isinstance(each, Tensor):
            groups[0 if each._array.ndim else 1].append(each.dtype)
        else:
            groups[2].append(dtypes.of_number(each))
    return groups[0], groups[1], groups[2]


def constant(array: Any, like: Tensor) -> Tensor:
    """A tensor without history around an array, beside another tensor."""
    return wrap(array, like._device)
