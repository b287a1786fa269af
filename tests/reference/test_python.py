"""Tensors as Python objects, on devices, and beside NumPy."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import conformance.reference as torch

PRINTED = [
    "lib.tensor([1., 2.])", "lib.tensor([1.5, -2.25])", "lib.tensor(3)", "lib.tensor(2.5)", "lib.tensor([True, False])",
    "lib.tensor([[1, 2], [30, 4]])", "lib.zeros(2, 3)", "lib.tensor([1e-6, 1.])", "lib.tensor([float('nan'), 1.])",
    "lib.tensor([1e9, 1.])", "lib.tensor([1., 2.], dtype=lib.float64)", "lib.tensor([1., 2.], requires_grad=True)",
    "lib.tensor([1., 2.], requires_grad=True) * 2", "lib.tensor([])", "lib.ones(2, 2, 2)", "lib.arange(2000)",
    "lib.tensor([float('inf'), -1.5])",
    "lib.arange(2000.).view(2, 1000)",
    "lib.zeros(2, 0)",
    "lib.arange(60)",
    "lib.arange(60.).view(2, 30) / 7",
    "lib.ones(2, dtype=lib.bfloat16)", "lib.tensor([1, 2], dtype=lib.int32)",
]  # fmt: skip


@pytest.mark.parametrize("expression", PRINTED)
def test_prints_as_torch(expression: str) -> None:
    """The simple cases come out the same to the letter."""
    theirs = pytest.importorskip("torch")
    assert repr(eval(expression, {"lib": torch})) == repr(eval(expression, {"lib": theirs}))


def test_numbers_truth_and_iteration() -> None:
    """One element is a number and a truth value; several are neither."""
    one = torch.tensor([2.5])
    assert (float(one), int(one), bool(one), one.item()) == (2.5, 2, True, 2.5)
    assert f"{torch.tensor(2.5):.1f}" == "2.5"
    assert [each.tolist() for each in torch.ones(2, 2)] == [[1.0, 1.0], [1.0, 1.0]]
    assert 1.0 in torch.ones(3)
    assert [10, 20][torch.tensor(1)] == 20
    with pytest.raises(RuntimeError, match="ambiguous"):
        bool(torch.ones(2))
    with pytest.raises(TypeError, match="0-d"):
        len(torch.tensor(1.0))


def test_operands_of_other_types_are_refused() -> None:
    """TypeError from functions, NotImplemented from operators, False from ==."""
    x = torch.ones(2)
    assert (x == None) is False  # noqa: E711
    with pytest.raises(TypeError):
        x + "a"
    with pytest.raises(TypeError):
        torch.mul(x, None)


def test_deepcopy_copies_leaves_with_their_gradient() -> None:
    """Memory is apart, except that views copied together still share; non-leaves are refused."""
    x = torch.ones(2, requires_grad=True)
    (x * 3).sum().backward()
    twin = copy.deepcopy(x)
    twin.data[0] = 9.0
    assert x.tolist() == [1.0, 1.0]
    assert twin.requires_grad
    assert twin.grad.tolist() == [3.0, 3.0]
    base = torch.zeros(3)
    base2, view2 = copy.deepcopy([base, base[1:]])
    base2[1] = 5.0
    assert view2.tolist() == [5.0, 0.0]
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(x * 2)


def test_pickling_keeps_values_flag_and_strides() -> None:
    """History and .grad stay behind."""
    x = torch.arange(6.0).view(2, 3).t().requires_grad_()
    loaded = pickle.loads(pickle.dumps(x))
    assert loaded.tolist() == x.tolist()
    assert loaded.stride() == x.stride()
    assert loaded.requires_grad
    assert loaded.grad is None


def test_numpy_shares_memory() -> None:
    """from_numpy and numpy() see each other's writes; a tensor that requires grad refuses."""
    array = np.arange(3.0)
    tensor = torch.from_numpy(array)
    array[0] = 7
    tensor[1] = 8
    assert tensor.tolist() == array.tolist() == [7.0, 8.0, 2.0]
    assert np.shares_memory(tensor.numpy(), array)
    with pytest.raises(RuntimeError, match="requires grad"):
        torch.ones(2, requires_grad=True).numpy()
    with pytest.raises(ValueError, match="negative"):
        torch.from_numpy(array[::-1])


@pytest.mark.parametrize("name", ["accel", "accel32"])
def test_accelerators_refuse_what_real_ones_refuse(name: str) -> None:
    """No NumPy, no mixing but with 0-d tensors of the processor; moving is differentiable."""
    x = torch.ones(2, device=name)
    assert str(x.device) == f"{name}:0"
    with pytest.raises(TypeError, match="memory first"):
        x.numpy()
    with pytest.raises(RuntimeError, match="same device"):
        x + torch.ones(2)
    assert (x * torch.tensor(3.0)).device == x.device
    leaf = torch.ones(2, requires_grad=True)
    (leaf.to(name) * 2).sum().backward()
    assert leaf.grad.tolist() == [2.0, 2.0]
    assert leaf.grad.device == torch.device("cpu")


def test_one_accelerator_lacks_float64() -> None:
    """accel32 refuses to hold it; accel does not."""
    torch.ones(2, dtype=torch.float64, device="accel")
    with pytest.raises(TypeError, match="float64"):
        torch.ones(2, dtype=torch.float64).to("accel32")


def test_what_is_lacking_says_so() -> None:
    """A missing name is an AttributeError, a missing device or form a NotSupported, both naming it."""
    with pytest.raises(AttributeError, match=r"torch\.stft"):
        torch.stft  # noqa: B018
    with pytest.raises(torch.NotSupported, match="cuda"):
        torch.ones(2, device="cuda")
    with pytest.raises(torch.NotSupported, match="ellipsis"):
        torch.einsum("...i->...", torch.ones(2, 2))


def test_out_writes_and_does_not_differentiate() -> None:
    """out= resizes nothing of the right shape, bumps the version, and refuses what requires grad."""
    x, target = torch.ones(2, requires_grad=True), torch.empty(2)
    with pytest.raises(RuntimeError, match="out="):
        torch.add(x, 1, out=target)
    with torch.no_grad():
        assert torch.add(x, 1, out=target) is target
    assert (target.tolist(), target._version) == ([2.0, 2.0], 1)


FACTORIES: dict[str, Any] = {
    "tensor": lambda lib: lib.tensor([[1, 2.5], [3, 4]]),
    "arange": lambda lib: lib.arange(1, 2, 0.25),
    "arange int": lambda lib: lib.arange(5, 0, -2),
    "linspace": lambda lib: lib.linspace(0, 1, 5),
    "eye": lambda lib: lib.eye(2, 3),
    "full": lambda lib: lib.full((2,), True),
    "zeros_like": lambda lib: lib.zeros_like(lib.ones(3, 2).t()),
    "new_full": lambda lib: lib.ones(1, dtype=lib.float16).new_full((2,), 3),
    "as_tensor": lambda lib: lib.as_tensor([1, 2], dtype=lib.float64),
    "tril": lambda lib: lib.ones(3, 3).tril(-1),
    "meshgrid": lambda lib: lib.meshgrid(lib.arange(2), lib.arange(3), indexing="ij")[1],
    "unique": lambda lib: lib.tensor([3, 1, 3]).unique(),
}


@pytest.mark.parametrize("name", FACTORIES)
def test_factories_agree_with_torch(name: str) -> None:
    """Values, type and strides."""
    theirs = pytest.importorskip("torch")
    found, expected = FACTORIES[name](torch), FACTORIES[name](theirs)
    assert found.tolist() == expected.tolist()
    assert str(found.dtype) == str(expected.dtype)
    assert tuple(found.stride()) == tuple(expected.stride())
