"""torch.autograd.Variable, which since 0.4 is only another way to make a Tensor; `volatile` no longer does anything."""

from __future__ import annotations

import warnings
from typing import Any

from conformance.reference.tensors import Tensor, alias

REMOVED = "volatile was removed and now has no effect. Use `with torch.no_grad():` instead."


class _VariableMeta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_VariableMeta):
    """Calling it gives a Tensor; every Tensor is an instance of it."""

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: bool | None = None) -> Any:
        """A leaf on the memory of `data`."""
        if volatile is not None:
            warnings.warn(REMOVED, UserWarning, stacklevel=2)
        made = alias(data) if isinstance(data, Tensor) else Tensor()
        if requires_grad:
            made.requires_grad = True
        return made


def _get_volatile(self: Tensor) -> bool:
    warnings.warn(REMOVED, UserWarning, stacklevel=2)
    return False


def _set_volatile(self: Tensor, value: bool) -> None:
    warnings.warn(REMOVED, UserWarning, stacklevel=2)


Tensor.volatile = property(_get_volatile, _set_volatile)  # type: ignore[attr-defined]
