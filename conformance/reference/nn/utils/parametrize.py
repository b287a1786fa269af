"""torch.nn.utils.parametrize: a parameter or buffer computed from another by modules, each time it is read.

The original tensor moves to `module.parametrizations.<name>.original` (or original0, original1, ... where the last
parametrization's right_inverse returns several), where it is trained and saved; the module's class becomes a subclass
in which the name is a property. Writing to the name sends the value through every right_inverse.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence
from typing import Any

from conformance.reference.modes import no_grad
from conformance.reference.nn.modules.container import ModuleDict, ModuleList
from conformance.reference.nn.modules.module import Module
from conformance.reference.nn.parameter import Parameter
from conformance.reference.tensors import Tensor

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "type_before_parametrizations",
]

_cache: dict[tuple[int, str], Any] = {}
_cache_depth = 0


@contextlib.contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized tensor once while the context is open."""
    global _cache_depth
    _cache_depth += 1
    try:
        yield
    finally:
        _cache_depth -= 1
        if not _cache_depth:
            _cache.clear()


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, in order, together with the original they start from."""

    def __init__(self, modules: Sequence[Module], original: Any, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        values = self._originals_of(original)
        self.is_tensor = isinstance(values, Tensor)
        self.ntensors = 1 if self.is_tensor else len(values)
        trained = isinstance(original, Parameter)
        for name, value in zip(self._names(), [values] if self.is_tensor else values):
            if value is original:
                kept: Any = original
            else:
                kept = Parameter(value.detach(), value.requires_grad or original.requires_grad) if trained else value
            if isinstance(kept, Parameter):
                self.register_parameter(name, kept)
            else:
                self.register_buffer(name, kept)
        self._check(original)

    def _names(self) -> list[str]:
        return ["original"] if self.is_tensor else [f"original{number}" for number in range(self.ntensors)]

    def _originals_of(self, value: Any) -> Any:
        """What right_inverse makes of a value; the value itself where a parametrization has none."""
        with no_grad():
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    value = module.right_inverse(value)
        return value

    def _check(self, original: Any) -> None:
        if self.unsafe:
            return
        made = self()
        if not isinstance(made, Tensor):
            raise ValueError(f"A parametrization must return a tensor. Got {type(made).__name__}.")
        if made.dtype is not original.dtype or made.shape != original.shape:
            raise ValueError(
                "Registering a parametrization may not change the dtype or shape of the tensor, unless the `unsafe` "
                f"flag is enabled: {original.dtype} {tuple(original.shape)} became {made.dtype} {tuple(made.shape)}"
            )

    def right_inverse(self, value: Any) -> None:
        """Set the originals so that they give `value`; the last parametrization registered is undone first."""
        with no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(f"parametrization {type(module).__name__} does not implement right_inverse.")
                value = module.right_inverse(value)
            for name, each in zip(self._names(), [value] if self.is_tensor else value):
                getattr(self, name).copy_(each)

    def forward(self) -> Any:
        originals = [getattr(self, name) for name in self._names()]
        first, *others = list(self)
        value = first(*originals)
        for module in others:
            value = module(value)
        return value


def is_parametrized(module: Any, tensor_name: str | None = None) -> bool:
    """Whether a module has parametrizations, or one of the given name."""
    held = module.__dict__.get("_modules", {}).get("parametrizations")
    return isinstance(held, ModuleDict) and (len(held) > 0 if tensor_name is None else tensor_name in held)


def type_before_parametrizations(module: Any) -> type:
    """The class a module had before anything in it was parametrized."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def _parametrized_property(name: str) -> property:
    def get(self: Any) -> Any:
        if not _cache_depth:
            return self.parametrizations[name]()
        key = (id(self), name)
        if key not in _cache:
            _cache[key] = self.parametrizations[name]()
        return _cache[key]

    def set(self: Any, value: Any) -> None:
        self.parametrizations[name].right_inverse(value)

    return property(get, set)


def _become_parametrized(module: Any) -> None:
    original = type(module)

    def refuse(self: Any) -> Any:
        raise RuntimeError("Serialization of parametrized modules is only supported through state_dict().")

    def deepcopy(self: Any, memo: dict[int, Any]) -> Any:
        made = memo[id(self)] = object.__new__(type(self))
        made.__dict__.update(copy.deepcopy(self.__dict__, memo))
        made.__class__ = type(self.__class__.__name__, (original,), dict(vars(type(self))))
        return made

    module.__class__ = type(
        f"Parametrized{original.__name__}", (original,), {"__getstate__": refuse, "__deepcopy__": deepcopy}
    )
    module.parametrizations = ModuleDict()


def register_parametrization(module: Any, tensor_name: str, parametrization: Module, *, unsafe: bool = False) -> Any:
    """Let `parametrization` compute `module.<tensor_name>`, after those registered before; returns the module.

    ValueError where there is no such parameter or buffer, or where it would change dtype or shape, unless `unsafe`.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        held = module.parametrizations[tensor_name]
        before = held()
        if hasattr(parametrization, "right_inverse"):
            with no_grad():
                undone = parametrization.right_inverse(before)
            if not unsafe and (undone.dtype is not before.dtype or undone.shape != before.shape):
                raise ValueError("parametrization.right_inverse may not change dtype or shape unless `unsafe` is set")
            held.right_inverse(undone)
        held.append(parametrization)
        held.unsafe |= unsafe
        try:
            held._check(before)
        except ValueError:
            del held[-1]
            raise
        return module
    if tensor_name not in module._parameters and tensor_name not in module._buffers:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or one of parametrizations, called '{tensor_name}'"
        )
    held = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        _become_parametrized(module)
    setattr(type(module), tensor_name, _parametrized_property(tensor_name))
    module.parametrizations[tensor_name] = held
    return module


def remove_parametrizations(module: Any, tensor_name: str, leave_parametrized: bool = True) -> Any:
    """Make the tensor an ordinary one again: with its present value, or with the original's."""
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    held = module.parametrizations[tensor_name]
    if not held.is_tensor and not leave_parametrized:
        raise ValueError("Cannot leave unparametrized (`leave_parametrized=False`) a tensor with several originals")
    value = held.original if held.is_tensor else held.original0
    trained = isinstance(value, Parameter)
    if leave_parametrized:
        with no_grad():
            value = held().clone()
        value = Parameter(value) if trained else value
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    (module.register_parameter if trained else module.register_buffer)(tensor_name, value)
    if not len(module.parametrizations):
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
    return module
