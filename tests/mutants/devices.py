"""Faults of devices: what is mixed, what follows whom, how a device is named and which is the default."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
from torch import Tensor
from torch.optim import Optimizer

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase
from tests.mutants.swapping import swap


def _brought(like: Tensor, other: Any) -> Any:
    """``other`` on the device of ``like``, without its values where it has none."""
    if not isinstance(other, Tensor) or other.device == like.device:
        return other
    return torch.zeros(other.shape, dtype=other.dtype, device=like.device) if other.is_meta else other.to(like.device)


swap(
    "operands_are_brought_together",
    "The second operand of an operation is brought to the device of the first.",
    Tensor,
    "__add__ __mul__ __matmul__",
    lambda right: lambda x, other: right(x, _brought(x, other)),
    catches=["device/mixed-devices-raise", "device/zero-dim-cpu-tensor-is-the-exception"],
)
swap(
    "layers_bring_their_parameters",
    "A linear layer brings its parameters to the device of its input.",
    F,
    "linear",
    lambda right: lambda x, weight, bias=None: right(x, _brought(x, weight), _brought(x, bias)),
    catches=["device/module-on-another-device-raises"],
)


@mutant(
    "A gradient is converted to the dtype and device of the tensor that it is assigned to.",
    catches=["device/gradient-must-match-parameter"],
    reaches=["grad-attr", "optim"],
)
def assigned_gradients_fit_their_owner(torch_: MonkeyPatch) -> None:
    right = TensorBase.grad

    def assign(tensor: Tensor, value: Any) -> None:
        fitted = _brought(tensor, value).to(tensor.dtype) if isinstance(value, Tensor) else value
        right.__set__(tensor, fitted)

    torch_.setattr(Tensor, "grad", property(right.__get__, assign, right.__delete__), raising=False)


def _stale(right: Any) -> Any:
    def read(tensor: Tensor, *args: Any, **options: Any) -> Any:
        stale = torch.zeros_like(tensor) if tensor.grad_fn is None and tensor.dim() == 2 else tensor
        return right(stale, *args, **options)

    return read


swap(
    "copies_do_not_wait",
    "cpu() does not wait for the work of the device and copies what was there before.",
    Tensor,
    "cpu",
    _stale,
    catches=["device/copy-to-host-waits"],
    reaches=["*"],
)
swap(
    "the_default_device_is_ignored",
    "set_default_device does nothing.",
    torch,
    "set_default_device",
    lambda right: lambda device: None,
    catches=["device/default-device-context"],
)


@mutant(
    "torch.device leaves out the index.",
    catches=["device/device-object-parsing"],
)
def devices_have_no_index(torch_: MonkeyPatch) -> None:
    right = torch.device

    class Kind(type):
        def __instancecheck__(cls, one: Any) -> bool:
            return isinstance(one, right)

        def __call__(cls, name: Any, index: Any = None) -> Any:
            return right(str(name).partition(":")[0])

    torch_.setattr(torch, "device", Kind("device", (), {}))


swap(
    "optimizer_state_stays_where_it_was",
    "load_state_dict leaves an optimizer's state on the device and in the dtype that it was saved with.",
    Optimizer,
    "_process_value_according_to_param_policy",
    lambda right: staticmethod(lambda param, value, *args, **options: value),
    catches=["device/optimizer-state-follows-parameter-on-load"],
    reaches=["optim*"],
)
