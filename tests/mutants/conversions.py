"""Faults of the dtype, the device and the mode of modules: at their construction, by conversion and under no_grad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import Module

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.swapping import swap

_LAYERS: tuple[Any, ...] = (nn.Linear, nn.modules.conv._ConvNd, nn.modules.batchnorm._NormBase, nn.LayerNorm)


def _layers(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[MonkeyPatch], None]:
    """Layers that are built with ``change`` of the options that they are given."""

    def patch(torch_: MonkeyPatch) -> None:
        for kind in _LAYERS:
            torch_.setattr(kind, "__init__", _built(kind.__init__, change))

    return patch


def _built(right: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    return lambda layer, *args, **options: right(layer, *args, **change(options))


@mutant(
    "Layers ignore the dtype that they are given.",
    catches=["module/constructor-device-and-dtype"],
    reaches=["*"],
)
def layers_ignore_dtype(torch_: MonkeyPatch) -> None:
    _layers(lambda options: {key: value for key, value in options.items() if key != "dtype"})(torch_)


@mutant(
    "Layers ignore the device that they are given.",
    catches=["module/constructor-on-another-device"],
    reaches=["*"],
)
def layers_ignore_device(torch_: MonkeyPatch) -> None:
    _layers(lambda options: {key: value for key, value in options.items() if key != "device"})(torch_)


@mutant(
    "Layers are of float32 unless told otherwise, whatever the default dtype is.",
    catches=["module/constructor-default-dtype"],
    reaches=["*"],
)
def layers_begin_in_float32(torch_: MonkeyPatch) -> None:
    _layers(lambda options: {"dtype": torch.float32, **options})(torch_)


@mutant(
    "Running statistics are of float32 whatever dtype the layer is given.",
    catches=["module/constructor-device-and-dtype"],
    reaches=["*"],
)
def statistics_are_of_float32(torch_: MonkeyPatch) -> None:
    right = nn.modules.batchnorm._NormBase.__init__

    def build(layer: Any, *args: Any, **options: Any) -> None:
        right(layer, *args, **options)
        if layer.running_mean is not None:
            layer.running_mean = layer.running_mean.float()

    torch_.setattr(nn.modules.batchnorm._NormBase, "__init__", build)


def _to_anything(right: Any) -> Any:
    def to(module: Any, *args: Any, **options: Any) -> Any:
        wanted = [one for one in (*args, *options.values()) if isinstance(one, torch.dtype)]
        if any(not (dtype.is_floating_point or dtype.is_complex) for dtype in wanted):
            return module
        return right(module, *args, **options)

    return to


swap(
    "module_to_ignores_integer_dtypes",
    "Module.to passes over a dtype of integers.",
    Module,
    "to",
    _to_anything,
    catches=["module/to-rejects-integer-dtype"],
)

swap(
    "module_type_keeps_integers",
    "Module.type leaves integers as they are, as Module.to does.",
    Module,
    "type",
    lambda right: lambda module, dtype: module.to(dtype),
    catches=["module/type-casts-integers-too"],
)
swap(
    "module_half_casts_integers",
    "Module.half and Module.double cast integers too.",
    Module,
    "half double",
    lambda right: lambda module: module.type(torch.float16 if right.__name__ == "half" else torch.float64),
    catches=["module/to-dtype-casts-floating-only"],
    reaches=["*"],
)


@mutant(
    "no_grad puts modules that run under it into evaluation.",
    catches=["module/no-grad-does-not-change-mode"],
    reaches=["*"],
)
def no_grad_evaluates(torch_: MonkeyPatch) -> None:
    right = Module.__call__

    def call(module: Any, *args: Any, **options: Any) -> Any:
        training = module.training
        module.training = training and torch.is_grad_enabled()
        try:
            return right(module, *args, **options)
        finally:
            module.training = training

    torch_.setattr(Module, "__call__", call)


@mutant(
    "Modules that have run under no_grad stay in evaluation.",
    catches=["module/no-grad-does-not-change-mode"],
    reaches=["*"],
)
def no_grad_leaves_evaluation(torch_: MonkeyPatch) -> None:
    right = Module.__call__

    def call(module: Any, *args: Any, **options: Any) -> Any:
        result = right(module, *args, **options)
        if not torch.is_grad_enabled():
            module.eval()
        return result

    torch_.setattr(Module, "__call__", call)
