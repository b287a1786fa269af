"""What the suite asks of an implementation: about ten small methods, each with a default for a torch-like namespace.

A module that looks like torch needs no adapter: ``Implementation(module)`` is one. Anything else subclasses
:class:`Implementation` and overrides what differs. Nothing here knows of rules or outcomes.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy.typing as npt

Array = npt.NDArray[Any]

#: The newest release of torch that the rules were read against; what a module claims that says nothing.
NEWEST_RELEASE = (2, 13)

_MISSING = object()
_PROBED = (
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
    "complex128",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "bool",
)


class Implementation:
    """An implementation of PyTorch's semantics, seen through a torch-like namespace.

    Args:
        namespace: what rules see as ``torch``; needs ``nn``, ``nn.functional`` and ``optim`` for rules that use them.
        name: how results and case ids call it; by default the module's name.

    """

    #: What a reader may see of values on these devices is only shape and flags.
    unreadable_devices: frozenset[str] = frozenset()

    def __init__(self, namespace: Any, name: str | None = None) -> None:
        self.torch = namespace
        self.nn: Any = getattr(namespace, "nn", None)
        self.F: Any = getattr(self.nn, "functional", None)
        self.optim: Any = getattr(namespace, "optim", None)
        self.name = name or str(getattr(namespace, "__name__", type(namespace).__name__))
        self._resolved: dict[str, Any] = {}

    # -- what it is --------------------------------------------------------------------------------------------

    @cached_property
    def release(self) -> tuple[int, int]:
        """The release of torch whose semantics it follows, from the namespace's ``torch_release`` ("2.13")."""
        stated = getattr(self.torch, "torch_release", None)
        if stated is None:
            return NEWEST_RELEASE
        major, minor = str(stated).split(".")[:2]
        return int(major), int(minor)

    @property
    def version(self) -> str:
        """Its own version, for the record."""
        return str(getattr(self.torch, "__version__", "unknown"))

    def devices(self) -> Sequence[str]:
        """The devices to test, in order; the first is the one used when none is named."""
        listed = getattr(self.torch, "devices", None)
        return tuple(str(device) for device in listed()) if callable(listed) else ("cpu",)

    def other_devices(self, device: str) -> Sequence[str]:
        """Every device that a tensor on ``device`` could be moved to."""
        return tuple(other for other in self.devices() if other != device)

    def device_name(self, device: str) -> str:
        """What a person calls the device ("NVIDIA H200"); by default its own string."""
        return device

    def dtypes(self, device: str) -> frozenset[str]:
        """The dtypes the device has, found by making an empty tensor of each."""
        return frozenset(dtype for dtype in _PROBED if self._has_dtype(dtype, device))

    def _has_dtype(self, dtype: str, device: str) -> bool:
        try:
            self.torch.zeros(1, dtype=self.dtype(dtype), device=device)
        except Exception:
            return False
        return True

    def lacks(self, device: str) -> Mapping[str, str]:
        """Capabilities it openly lacks on ``device``, each with the reason."""
        return {}

    def resolve(self, name: str) -> Any:
        """The object behind ``nn.Linear`` or ``torch.autograd.grad``; raises AttributeError where it is absent."""
        found = self._resolved.get(name, _MISSING)
        if found is _MISSING:
            root, *rest = name.split(".")
            found = {"torch": self.torch, "nn": self.nn, "F": self.F, "optim": self.optim}[root]
            for part in rest:
                found = getattr(found, part)
            self._resolved[name] = found
        return found

    def has(self, name: str) -> bool:
        """Whether a namespaced name exists."""
        try:
            self.resolve(name)
        except (AttributeError, ImportError, NotImplementedError):
            return False
        return True

    # -- tensors in and out ------------------------------------------------------------------------------------

    def dtype(self, name: str) -> Any:
        """The dtype object called ``name``."""
        return getattr(self.torch, name)

    def tensor(self, array: Array, dtype: str, device: str, requires_grad: bool = False) -> Any:
        """A fresh leaf holding a copy of ``array`` (bfloat16 arrives as float32 values already rounded to it)."""
        return self.torch.tensor(array, dtype=self.dtype(dtype), device=device, requires_grad=requires_grad)

    def is_tensor(self, value: Any) -> bool:
        """Whether ``value`` is one of its tensors."""
        return isinstance(value, self.torch.Tensor)

    def array(self, tensor: Any) -> Array | None:
        """The tensor's values, as NumPy, leaving autograd state untouched; None where values cannot be read."""
        tensor = tensor.detach()
        if tensor.dtype == getattr(self.torch, "bfloat16", None):
            tensor = tensor.to(self.torch.float32)
        array: Array = tensor.cpu().numpy()
        return array

    def read(self, tensor: Any) -> tuple[Array | None, tuple[int, ...], str]:
        """A tensor's values (or None), shape and dtype, at once: what every comparison of values asks for."""
        return self.array(tensor), tuple(tensor.shape), self.dtype_name(tensor)

    def dtype_name(self, tensor: Any) -> str:
        """``"float32"``."""
        return str(tensor.dtype).rpartition(".")[2]

    def fill(self, parameter: Any, array: Array) -> None:
        """Write ``array`` into a parameter in place, unrecorded."""
        with self.torch.no_grad():
            parameter.copy_(self.tensor(array, self.dtype_name(parameter), str(parameter.device)))

    def fact(self, tensor: Any, aspect: str) -> Any:
        """Observe shape, strides, device, requires_grad, is_leaf, grad_fn or version of a tensor."""
        if aspect == "shape":
            return tuple(tensor.shape)
        if aspect == "strides":
            return tuple(tensor.stride())
        if aspect == "device":
            return str(tensor.device)
        if aspect == "version":
            return tensor._version
        return getattr(tensor, aspect)

    def same_device(self, left: str, right: str) -> bool:
        """Whether two device strings name one device; an index that is left out is any."""
        kind, _, index = left.partition(":")
        other_kind, _, other_index = right.partition(":")
        return kind == other_kind and (index == other_index or not index or not other_index)

    def shares_memory(self, left: Any, right: Any) -> bool | None:
        """Whether two tensors share memory; None where that cannot be told."""
        if self.array(left) is None or self.array(right) is None:
            return None
        return bool(self._storage(left) == self._storage(right))

    def _storage(self, tensor: Any) -> Any:
        return tensor.untyped_storage().data_ptr()

    def allocated(self, device: str) -> int:
        """The bytes of tensor storage alive on ``device`` now; whoever counts them says so here."""
        raise NotImplementedError(f"no count of the memory allocated on {device}")

    # -- what surrounds a case ---------------------------------------------------------------------------------

    def state(self) -> Mapping[str, Any]:
        """Global state that a case could leave behind, by name."""
        torch = self.torch
        state: dict[str, Any] = {}
        for name in ("is_grad_enabled", "is_inference_mode_enabled", "get_default_dtype", "is_anomaly_enabled"):
            read = getattr(torch, name, None)
            if read is not None:
                state[name] = read()
        return state

    def reset(self) -> None:
        """Put the global state back to what a fresh process has."""
        torch = self.torch
        if hasattr(torch, "set_grad_enabled"):
            torch.set_grad_enabled(True)
        if hasattr(torch, "set_default_dtype"):
            torch.set_default_dtype(torch.float32)
        if hasattr(torch, "set_anomaly_enabled"):
            torch.set_anomaly_enabled(False)

    def set_default_dtype(self, dtype: str) -> None:
        """Make ``dtype`` the one that factories use while a case runs."""
        self.torch.set_default_dtype(self.dtype(dtype))

    def before_case(self) -> None:
        """Prepare the process for a case: whatever makes many tiny computations cheap."""

    def after_case(self) -> None:
        """Undo :meth:`before_case`."""

    def seed(self, seed: int) -> None:
        """Seed whatever draws random numbers, so that cases do not depend on their order."""
        if hasattr(self.torch, "manual_seed"):
            self.torch.manual_seed(seed)

    def synchronize(self, device: str) -> None:
        """Wait for the device, so that an error belongs to the case that caused it."""

    @contextlib.contextmanager
    def recording_warnings(self) -> Iterator[list[warnings.WarningMessage]]:
        """Collect every warning, also those that are otherwise shown only once."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield caught

    def unsupported(self, error: BaseException, device: str) -> str | None:
        """Why ``error`` means "this implementation does not have that" rather than "this is wrong"; or None."""
        if isinstance(error, NotImplementedError):
            return f"not implemented: {error}"
        if isinstance(error, TypeError) and "float64" in str(error) and "float64" not in self.dtypes(device):
            return f"dtype float64 on {device}"
        return None

    def fatal(self, error: BaseException) -> bool:
        """Whether nothing run after ``error`` in this process can be trusted."""
        return False
