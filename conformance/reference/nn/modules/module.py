"""`Module`, the base of every layer: what its parts in `base` provide, together with printing.

A layer is a class that registers parameters, buffers and children in `__init__` and computes in `forward`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.errors import NotSupported
from conformance.reference.nn.modules.base.conversion import Conversion
from conformance.reference.nn.modules.base.hooks import (
    Hooks,
    register_module_backward_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from conformance.reference.nn.modules.base.registration import (
    register_module_buffer_registration_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from conformance.reference.nn.modules.base.state import State

__all__ = [
    "Module",
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]


def _not_implemented(self: Any, *input: Any) -> None:
    raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')


class Module(Hooks, State, Conversion):
    """Base class of all layers. Call the module, not `forward`, so that its hooks run."""

    forward: Callable[..., Any] = _not_implemented

    def cuda(self, device: Any = None) -> Any:
        """The reference computes without CUDA, and says so."""
        raise NotSupported("the device cuda")

    def share_memory(self) -> Any:
        """Tensors of the reference are not shared between processes."""
        raise NotSupported("share_memory: tensors shared between processes")

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """There is no compiler for the reference."""
        raise NotSupported("Module.compile")

    def extra_repr(self) -> str:
        """What `repr` shows between the parentheses; override it in a layer."""
        return ""

    def __repr__(self) -> str:
        own = self.extra_repr()
        lines = own.split("\n") if own else []
        children = [f"({name}): {_indented(repr(module))}" for name, module in self._modules.items()]
        if len(lines) == 1 and not children:
            return f"{self._get_name()}({lines[0]})"
        body = "".join(f"\n  {line}" for line in lines + children)
        return f"{self._get_name()}({body}\n)" if body else f"{self._get_name()}()"


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")
