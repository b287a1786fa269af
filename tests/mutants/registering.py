"""Faults of what becomes a parameter, a buffer or a child of a module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn import Module, Parameter

from tests.mutants.swapping import swap


def _assigning(instead: Callable[[Any, str, Any], bool]) -> Callable[[Any], Any]:
    """Assignment to a module's attribute, where ``instead`` says that it has been done already."""

    def build(right: Any) -> Any:
        def assign(module: Any, name: str, value: Any) -> None:
            if not instead(module, name, value):
                right(module, name, value)

        return assign

    return build


def _child_is_appended(module: Any, name: str, value: Any) -> bool:
    if isinstance(value, Module) and name in module._modules:
        del module._modules[name]
    return False


def _child_stays(module: Any, name: str, value: Any) -> bool:
    return value is None and name in module.__dict__.get("_modules", {})


def _registers_appear(module: Any, name: str, value: Any) -> bool:
    if isinstance(value, Parameter | Module) and "_parameters" not in module.__dict__:
        Module.__init__(module)
    return False


def _tensors_are_wrapped(module: Any, name: str, value: Any) -> bool:
    if (
        not isinstance(value, Parameter)
        and isinstance(value, Tensor)
        and name in module.__dict__.get("_parameters", {})
    ):
        module._parameters[name] = Parameter(value)
        return True
    return False


def _tensors_are_buffers(module: Any, name: str, value: Any) -> bool:
    plain = isinstance(value, Tensor) and not isinstance(value, Parameter)
    if plain and "_buffers" in module.__dict__ and name not in module._parameters:
        module._buffers[name] = value
        return True
    return False


def _tensors_that_require_grad_are_parameters(module: Any, name: str, value: Any) -> bool:
    plain = isinstance(value, Tensor) and not isinstance(value, Parameter)
    if plain and value.requires_grad and name not in module.__dict__.get("_buffers", {}):
        module._parameters[name] = value
        return True
    return False


def _buffers_stay(module: Any, name: str, value: Any) -> bool:
    if isinstance(value, Parameter) and name in module.__dict__.get("_buffers", {}):
        module._parameters[name] = value
        return True
    return False


swap(
    "parameters_leave_the_buffer",
    "A Parameter assigned to a buffer's name leaves the buffer registered.",
    Module,
    "__setattr__",
    _assigning(_buffers_stay),
    catches=["module/a-name-is-in-one-register"],
)
swap(
    "replaced_children_go_last",
    "A module that takes another's place goes to the end of its parent's list.",
    Module,
    "__setattr__",
    _assigning(_child_is_appended),
    catches=["module/assigning-and-deleting-submodules"],
)
swap(
    "children_cannot_be_emptied",
    "None assigned to a child leaves the child.",
    Module,
    "__setattr__",
    _assigning(_child_stays),
    catches=["module/assigning-and-deleting-submodules"],
)
swap(
    "modules_need_no_init",
    "A Parameter or a module may be assigned before Module's __init__ has run, which then drops it.",
    Module,
    "__setattr__",
    _assigning(_registers_appear),
    catches=["module/assignment-before-super-init-fails"],
)
swap(
    "tensors_become_parameters",
    "A tensor assigned to a parameter's name becomes a Parameter.",
    Module,
    "__setattr__",
    _assigning(_tensors_are_wrapped),
    catches=["module/reserved-parameter-name-accepts-only-parameters"],
)
swap(
    "tensor_attributes_are_buffers",
    "A plain tensor assigned to an attribute becomes a buffer.",
    Module,
    "__setattr__",
    _assigning(_tensors_are_buffers),
    catches=["module/plain-tensor-attribute-is-not-state"],
    reaches=["*"],
)
swap(
    "tensor_attributes_are_parameters",
    "A plain tensor that requires grad and is assigned to an attribute is registered as a parameter.",
    Module,
    "__setattr__",
    _assigning(_tensors_that_require_grad_are_parameters),
    catches=["module/plain-tensor-attribute-is-not-state"],
    reaches=["*"],
)
swap(
    "anything_can_be_a_buffer",
    "register_buffer takes any name and anything.",
    Module,
    "register_buffer",
    lambda right: lambda module, name, tensor, persistent=True: module._buffers.__setitem__(name, tensor),
    catches=["module/register-buffer-refuses"],
    reaches=["state-dict"],
)


def _parameter_where_it_requires_grad(right: Any) -> Any:
    def register(module: Any, name: str, tensor: Any, persistent: bool = True) -> None:
        if tensor is not None and tensor.requires_grad:
            module._parameters[name] = tensor
        else:
            right(module, name, tensor, persistent)

    return register


swap(
    "buffers_that_require_grad_are_parameters",
    "register_buffer makes a parameter of a tensor that requires grad.",
    Module,
    "register_buffer",
    _parameter_where_it_requires_grad,
    catches=["module/buffers-are-not-parameters"],
    reaches=["state-dict"],
)
