"""Faults of what a module holds: parameters, buffers and submodules; of its hooks; and of converting it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import Module, Parameter

from tests.mutants.originals import TensorBase
from tests.mutants.swapping import swap, with_options

# -- parameters --------------------------------------------------------------------------------------------------


def _parameter(change: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    def build(right: Any) -> Any:
        return staticmethod(lambda cls, data=None, requires_grad=True: right(cls, *change(data, requires_grad)))

    return build


swap(
    "parameters_follow_their_source",
    "A Parameter requires grad where its tensor does.",
    Parameter,
    "__new__",
    _parameter(lambda data, flag: (data, flag and (data is None or data.requires_grad))),
    catches=["parameter/requires-grad-default-true"],
    reaches=["*"],
)
swap(
    "parameters_need_recording",
    "A Parameter made under no_grad does not require grad.",
    Parameter,
    "__new__",
    _parameter(lambda data, flag: (data, flag and torch.is_grad_enabled())),
    catches=["parameter/created-under-no-grad-still-requires-grad"],
    reaches=["*"],
)
swap(
    "parameters_copy",
    "A Parameter copies its tensor.",
    Parameter,
    "__new__",
    _parameter(lambda data, flag: (data if data is None else data.detach().clone(), flag)),
    catches=["parameter/shares-storage-with-source"],
    reaches=["*"],
)
swap(
    "integer_parameters_are_frozen",
    "A Parameter of integers does not require grad, whatever was asked.",
    Parameter,
    "__new__",
    _parameter(lambda data, flag: (data, flag and (data is None or data.is_floating_point() or data.is_complex()))),
    catches=["parameter/integer-data-cannot-require-grad"],
    reaches=["module", "leaf", "requires-grad"],
)
swap(
    "parameters_start_with_zero_gradients",
    "Layers begin with gradients of zero.",
    nn.Linear,
    "reset_parameters",
    lambda right: lambda layer: (right(layer), setattr(layer.weight, "grad", torch.zeros_like(layer.weight)))[0],
    catches=["training/unused-parameter-keeps-none-grad"],
    reaches=["*"],
)


def _unregistered(right: Any) -> Any:
    def assign(module: Any, name: str, value: Any) -> None:
        if isinstance(value, Parameter) and not value.requires_grad:
            object.__setattr__(module, name, value)
        else:
            right(module, name, value)

    return assign


swap(
    "frozen_parameters_are_not_registered",
    "A Parameter that does not require grad is a plain attribute.",
    Module,
    "__setattr__",
    _unregistered,
    catches=["parameter/auto-registration-on-assignment"],
    reaches=["*"],
)
swap(
    "anything_can_be_registered",
    "register_parameter takes any name and any tensor.",
    Module,
    "register_parameter",
    lambda right: lambda module, name, value: module._parameters.__setitem__(name, value),
    catches=["parameter/register-parameter-refuses-names", "parameter/non-leaf-cannot-be-registered"],
    reaches=["module"],
)

# -- buffers and submodules --------------------------------------------------------------------------------------

swap(
    "buffers_are_always_persistent",
    "register_buffer ignores persistent.",
    Module,
    "register_buffer",
    lambda right: lambda module, name, tensor, persistent=True: right(module, name, tensor),
    catches=["module/non-persistent-buffer-not-in-state-dict", "module/registering-again-changes-persistence"],
    reaches=["state-dict"],
)
swap(
    "buffers_are_never_persistent",
    "Buffers are not persistent unless told otherwise.",
    Module,
    "register_buffer",
    lambda right: lambda module, name, tensor, persistent=False: right(module, name, tensor, persistent),
    catches=["module/register-buffer-persistent-default"],
    reaches=["*"],
)
swap(
    "parameters_are_listed_again",
    "A shared parameter is given under every name.",
    Module,
    "named_parameters",
    lambda right: lambda module, prefix="", recurse=True, remove_duplicate=True: right(module, prefix, recurse, False),
    catches=["module/shared-parameter-yielded-once"],
    reaches=["*"],
)
swap(
    "parameters_are_always_recursive",
    "recurse is ignored.",
    Module,
    "named_parameters named_buffers",
    lambda right: (
        lambda module, prefix="", recurse=True, *args, **options: right(module, prefix, True, *args, **options)
    ),
    catches=["module/parameters-recurse-flag"],
    reaches=["*"],
)
swap(
    "frozen_parameters_are_not_listed",
    "parameters() leaves out those that do not require grad.",
    Module,
    "named_parameters",
    lambda right: (
        lambda module, *args, **options: ((n, p) for n, p in right(module, *args, **options) if p.requires_grad)
    ),
    catches=["module/parameters-includes-frozen"],
    reaches=["*"],
)
swap(
    "apply_begins_at_the_top",
    "apply() calls parents before their children.",
    Module,
    "apply",
    lambda right: lambda module, function: ([function(one) for one in module.modules()], module)[1],
    catches=["module/apply-children-first-then-self"],
)
swap(
    "children_are_recursive",
    "children() gives all modules below.",
    Module,
    "named_children",
    lambda right: lambda module: ((n, m) for n, m in module.named_modules() if m is not module),
    catches=["module/children-immediate-vs-modules-recursive"],
    reaches=["*"],
)
swap(
    "modules_are_listed_again",
    "A module at several places is given at each.",
    Module,
    "named_modules",
    lambda right: lambda module, memo=None, prefix="", remove_duplicate=True: right(module, memo, prefix, False),
    catches=["module/duplicate-module-yielded-once"],
    reaches=["*"],
)
swap(
    "zero_grad_never_lets_go",
    "Module.zero_grad fills with zeros by default.",
    Module,
    "zero_grad",
    lambda right: lambda module, set_to_none=False: right(module, set_to_none),
    catches=["module/zero-grad-default-sets-none"],
    reaches=["*"],
)

# -- conversions -------------------------------------------------------------------------------------------------


def _converting(change: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    return lambda right: lambda module, function, recurse=True: change(module, function)


def _only_floating(right: Any) -> Any:
    def to(module: Any, *args: Any, **options: Any) -> Any:
        return right(copy.deepcopy(module), *args, **options)

    return to


swap(
    "module_to_returns_a_copy",
    "Module.to leaves the module as it is and returns a converted copy.",
    Module,
    "to",
    _only_floating,
    catches=["module/to-modifies-in-place-and-returns-self", "module/to-keeps-parameter-identity"],
    reaches=["*"],
)


def _replacing(right: Any) -> Any:
    def to(module: Any, *args: Any, **options: Any) -> Any:
        right(module, *args, **options)
        for one in module.modules():
            for name, p in one._parameters.items():
                if p is not None:
                    one._parameters[name] = Parameter(p.detach(), p.requires_grad)
        return module

    return to


swap(
    "module_to_makes_new_parameters",
    "Module.to puts new parameters into the module.",
    Module,
    "to",
    _replacing,
    catches=[
        "module/to-keeps-parameter-identity",
        "module/to-keeps-shared-parameters-shared",
        "module/to-converts-existing-gradients",
        "device/module-to-keeps-parameters",
    ],
    reaches=["*"],
)


def _everything(right: Any) -> Any:
    def to(module: Any, *args: Any, **options: Any) -> Any:
        right(module, *args, **options)
        for dtype in (one for one in args if isinstance(one, torch.dtype)):
            for one in module.modules():
                for name, b in one._buffers.items():
                    one._buffers[name] = b if b is None else TensorBase.to(b, dtype)
        return module

    return to


swap(
    "module_to_converts_integers",
    "Module.to converts integer buffers too.",
    Module,
    "to",
    _everything,
    catches=["module/to-dtype-casts-floating-only"],
    reaches=["*"],
)

# -- hooks -------------------------------------------------------------------------------------------------------


def _hook(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda right: lambda module, hook, **options: right(module, change(hook), **options)


swap(
    "forward_hooks_cannot_replace",
    "What a forward hook returns is dropped.",
    Module,
    "register_forward_hook",
    _hook(lambda hook: lambda *args: (hook(*args), None)[1]),
    catches=["module-hooks/forward-hook-return-replaces-output"],
)
swap(
    "forward_pre_hooks_cannot_replace",
    "What a forward pre-hook returns is dropped.",
    Module,
    "register_forward_pre_hook",
    _hook(lambda hook: lambda *args: (hook(*args), None)[1]),
    catches=["module-hooks/pre-hook-can-replace-inputs", "module-hooks/with-kwargs"],
)
swap(
    "backward_hooks_cannot_replace",
    "What backward hooks of a module return is dropped.",
    Module,
    "register_full_backward_hook register_full_backward_pre_hook",
    _hook(lambda hook: lambda *args: (hook(*args), None)[1]),
    catches=[
        "module-hooks/full-backward-hook-return-replaces-grad-input",
        "module-hooks/full-backward-pre-hook-replaces-grad-output",
    ],
)
swap(
    "module_hooks_are_never_prepended",
    "prepend is ignored.",
    Module,
    "register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook",
    with_options(prepend=False),
    catches=["module-hooks/order-and-prepend"],
)
swap(
    "hooks_belong_to_forward",
    "A module's forward hooks run only where the call succeeds.",
    Module,
    "register_forward_hook",
    with_options(always_call=False),
    catches=["module-hooks/forward-error-skips-hooks"],
)
swap(
    "full_backward_hooks_see_the_input_twice",
    "Backward hooks of a module are given the gradients of inputs and outputs the other way round.",
    Module,
    "register_full_backward_hook",
    _hook(lambda hook: lambda module, into, out: hook(module, out, into)),
    catches=["module-hooks/full-backward-hook-arguments", "module-hooks/called-once-per-module-call"],
)
swap(
    "calls_run_no_hooks",
    "Calling a module calls its forward and nothing else.",
    Module,
    "__call__",
    lambda right: lambda module, *args, **options: module.forward(*args, **options),
    catches=["module-hooks/forward-hook-arguments-and-timing", "module-hooks/kinds-in-order"],
    reaches=["*"],
)
