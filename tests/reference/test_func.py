"""The function transforms against torch.func, nested and mapped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import conformance.reference as reference

TRANSFORMS: dict[str, Any] = {
    "grad": lambda lib, x: lib.func.grad(lambda t: (t**3).sum())(x),
    "grad of grad": lambda lib, x: lib.func.grad(lambda t: lib.func.grad(lambda u: (u**3).sum())(t).sum())(x),
    "argnums and aux": lambda lib, x: lib.func.grad(lambda a, b: ((a * b).sum(), b), argnums=1, has_aux=True)(x, x * 2)[
        0
    ],
    "value": lambda lib, x: lib.func.grad_and_value(lambda t: t.exp().sum())(x)[1],
    "vjp": lambda lib, x: lib.func.vjp(lib.sin, x)[1](x)[0],
    "vjp of a tuple": lambda lib, x: lib.func.vjp(lambda t: (t**2, t * 3), x)[1]((x, x + 1))[0],
    "vjp of a dict": lambda lib, x: lib.func.vjp(lambda t: {"a": t**2, "b": t.sum()}, x)[1]({"a": x, "b": x[0]})[0],
    "jvp": lambda lib, x: lib.func.jvp(lib.sin, (x,), (x,))[1],
    "jacrev": lambda lib, x: lib.func.jacrev(lambda t: t**2)(x),
    "hessian": lambda lib, x: lib.func.hessian(lambda t: (t**3).sum())(x),
    "vmap": lambda lib, x: lib.vmap(lambda a, b: a * b.sum(), in_dims=(0, None))(x, x),
    "vmap of grad": lambda lib, x: lib.vmap(lib.func.grad(lambda t: t**3))(x),
    "dict": lambda lib, x: lib.func.grad(lambda d: (d["a"] * d["b"]).sum())({"a": x, "b": x + 1})["a"],
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch.jit, that torch imports for forward mode
@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_agree_with_torch(name: str) -> None:
    """Values agree, nothing requires grad afterwards, and no .grad is touched."""
    torch = pytest.importorskip("torch")
    found = []
    for lib in (reference, torch):
        x = lib.tensor([0.3, 0.7, -1.1], dtype=lib.float64)
        result = TRANSFORMS[name](lib, x)
        assert not result.requires_grad
        assert x.grad is None
        found.append(result.numpy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


def test_random_functions_are_refused_on_every_device() -> None:
    """The first draw of a device's generator counts, too, unless randomness was asked for."""
    for device in ("cpu", "accel"):
        x = reference.zeros(3, 4, device=device)
        with pytest.raises(RuntimeError):
            reference.vmap(reference.rand_like)(x)
        same = reference.vmap(reference.rand_like, randomness="same")(x).tolist()
        assert same[0] == same[1] == same[2]


def test_functional_call_gives_the_parameters_back() -> None:
    """The module computes with other tensors and keeps its own."""
    module = reference.nn.Linear(2, 1)
    before = module.weight
    x = reference.ones(1, 2)
    zeros = {"weight": reference.zeros(1, 2), "bias": reference.ones(1)}
    assert reference.func.functional_call(module, zeros, x).tolist() == [[1.0]]
    assert module.weight is before
    with pytest.raises(KeyError):
        reference.func.functional_call(module, {"nothing": reference.ones(1)}, x)
