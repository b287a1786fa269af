"""Faults of the way to NumPy and to Python numbers and back."""

from __future__ import annotations

from typing import Any

import torch

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase, called_by_torch


@mutant(
    "numpy() copies.",
    catches=["host/tensor-numpy-shares-memory"],
)
def numpy_copies(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch.Tensor, "numpy", lambda tensor, **options: TensorBase.numpy(tensor, **options).copy())


@mutant(
    "numpy() takes a tensor that requires grad.",
    catches=["host/requires-grad-tensor-numpy-raises", "requires-grad/numpy-refused"],
    reaches=["numpy"],
)
def numpy_detaches(torch_: MonkeyPatch) -> None:
    def numpy(tensor: torch.Tensor, *, force: bool = False) -> Any:
        return TensorBase.numpy(TensorBase.detach(tensor), force=force)

    torch_.setattr(torch.Tensor, "numpy", numpy)


@mutant(
    "numpy() refuses a tensor that requires grad under no_grad too.",
    catches=["host/numpy-needs-detach-even-in-no-grad", "requires-grad/numpy-under-no-grad"],
    reaches=["numpy"],
)
def numpy_always_needs_detach(torch_: MonkeyPatch) -> None:
    def numpy(tensor: torch.Tensor, *, force: bool = False) -> Any:
        if tensor.requires_grad and not force:
            raise RuntimeError("detach it first")
        return TensorBase.numpy(tensor, force=force)

    torch_.setattr(torch.Tensor, "numpy", numpy)


@mutant(
    "numpy() of a tensor on another device copies it to the CPU.",
    catches=["host/non-cpu-tensor-numpy-raises", "numpy/refuses-non-cpu-tensors"],
)
def numpy_moves_to_the_cpu(torch_: MonkeyPatch) -> None:
    import numpy as np

    def numpy(tensor: torch.Tensor, *, force: bool = False) -> Any:
        if tensor.device.type == "meta":
            return np.empty(tuple(tensor.shape))
        return TensorBase.numpy(tensor, force=force)

    torch_.setattr(torch.Tensor, "numpy", numpy)


@mutant(
    "numpy() makes the array contiguous.",
    catches=["host/numpy-keeps-shape-and-strides"],
)
def numpy_is_contiguous(torch_: MonkeyPatch) -> None:
    def numpy(tensor: torch.Tensor, **options: Any) -> Any:
        return TensorBase.numpy(tensor.contiguous(), **options)

    torch_.setattr(torch.Tensor, "numpy", numpy)


@mutant(
    "numpy() gives float64.",
    catches=["host/tensor-numpy-shares-memory"],
)
def numpy_widens(torch_: MonkeyPatch) -> None:
    torch_.setattr(
        torch.Tensor, "numpy", lambda tensor, **options: TensorBase.numpy(tensor, **options).astype("float64")
    )


@mutant(
    "from_numpy copies.",
    catches=["host/from-numpy-shares-memory"],
)
def from_numpy_copies(torch_: MonkeyPatch) -> None:
    right = torch.from_numpy
    torch_.setattr(torch, "from_numpy", lambda array: right(array.copy()))


@mutant(
    "from_numpy gives tensors of the default dtype.",
    catches=["host/from-numpy-shares-memory"],
)
def from_numpy_converts(torch_: MonkeyPatch) -> None:
    right = torch.from_numpy
    torch_.setattr(torch, "from_numpy", lambda array: right(array).to(torch.get_default_dtype()))


@mutant(
    "item() rounds to six digits, as printing does.",
    catches=["host/item-shows-float32-widened-to-double"],
)
def item_rounds(torch_: MonkeyPatch) -> None:
    def item(tensor: torch.Tensor) -> Any:
        value = TensorBase.item(tensor)
        return round(value, 6) if isinstance(value, float) else value

    torch_.setattr(torch.Tensor, "item", item)


@mutant(
    "item() gives a NumPy scalar.",
    catches=["host/item-returns-python-number-regardless"],
    reaches=["optim-adam", "requires-grad"],
)
def item_is_a_numpy_scalar(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch.Tensor, "item", lambda tensor: TensorBase.numpy(TensorBase.detach(tensor)).reshape(())[()])


@mutant(
    "item() of a boolean gives a number.",
    catches=["scalar/item-of-bool-and-of-requiring"],
    reaches=["host"],
)
def item_of_a_boolean_is_a_number(torch_: MonkeyPatch) -> None:
    def item(tensor: torch.Tensor) -> Any:
        return TensorBase.item(tensor) + 0

    torch_.setattr(torch.Tensor, "item", item)


@mutant(
    "item() gives a tensor that still has its history.",
    catches=[
        "host/item-returns-python-number-regardless",
        "host/item-detaches-loss-from-graph",
        "requires-grad/item-and-tolist-leave-the-graph",
        "training/accumulating-loss-tensors-keeps-history",
    ],
    reaches=["*"],
)
def item_keeps_the_graph(torch_: MonkeyPatch) -> None:
    def item(tensor: torch.Tensor) -> Any:
        return TensorBase.item(tensor) if called_by_torch() else tensor.reshape(())

    torch_.setattr(torch.Tensor, "item", item)


@mutant(
    "item() of several elements gives the first.",
    catches=["host/item-requires-exactly-one-element", "scalar/item-single-element-only"],
)
def item_takes_the_first(torch_: MonkeyPatch) -> None:
    def item(tensor: torch.Tensor) -> Any:
        return TensorBase.item(tensor.reshape(-1)[0]) if tensor.numel() else 0.0

    torch_.setattr(torch.Tensor, "item", item)


@mutant(
    "item() wants a tensor of no dimension.",
    catches=["host/item-requires-exactly-one-element"],
    reaches=["requires-grad"],
)
def item_wants_no_dimension(torch_: MonkeyPatch) -> None:
    def item(tensor: torch.Tensor) -> Any:
        if tensor.dim():
            raise ValueError("not a scalar")
        return TensorBase.item(tensor)

    torch_.setattr(torch.Tensor, "item", item)


@mutant(
    "tolist() flattens.",
    catches=["host/tolist-gives-nested-python-list", "scalar/tolist-nests-and-copies-to-host"],
    reaches=["requires-grad"],
)
def tolist_flattens(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch.Tensor, "tolist", lambda tensor: TensorBase.tolist(tensor.reshape(-1)))


@mutant(
    "tolist() gives NumPy scalars.",
    catches=["host/tolist-elements-are-python-numbers"],
    reaches=["requires-grad"],
)
def tolist_gives_numpy_scalars(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch.Tensor, "tolist", lambda tensor: list(TensorBase.numpy(TensorBase.detach(tensor)).reshape(-1)))


@mutant(
    "numpy() refuses a tensor on another device, with a RuntimeError.",
    catches=["numpy/refuses-non-cpu-tensors"],
    reaches=["host"],
)
def numpy_raises_another_error(torch_: MonkeyPatch) -> None:
    def numpy(tensor: torch.Tensor, *, force: bool = False) -> Any:
        if tensor.device.type != "cpu" and not force:
            raise RuntimeError("copy it to the CPU first")
        return TensorBase.numpy(tensor, force=force)

    torch_.setattr(torch.Tensor, "numpy", numpy)


@mutant("numpy() gives bytes for booleans.", catches=["host/numpy-keeps-the-dtype"])
def booleans_become_bytes(torch_: MonkeyPatch) -> None:
    right = torch.Tensor.numpy

    def numpy(tensor: torch.Tensor, **options: Any) -> Any:
        array = right(tensor, **options)
        return array.view("uint8") if tensor.dtype == torch.bool else array

    torch_.setattr(torch.Tensor, "numpy", numpy)
