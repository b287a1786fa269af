"""The helpers of expectations against torch, which computes the same things in its own way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.rules import oracle as language
from conformance.running.oracle import (
    ENVIRONMENT,
    channels,
    conv,
    grad,
    log_softmax,
    normalise,
    per_channel,
    reduced,
    sigmoid,
    softmax,
)

torch = pytest.importorskip("torch")
F = torch.nn.functional

GENERATOR = np.random.default_rng(7)


def numbers(*shape: int) -> Any:
    return GENERATOR.normal(size=shape)


def test_the_environment_has_what_the_language_allows() -> None:
    """Every helper and constant that the loader accepts is there when an expectation is evaluated, and no more."""
    names = ENVIRONMENT.keys() - {"__builtins__", "np"}
    assert names == language.HELPERS | language.CONSTANTS


def test_every_numpy_function_of_the_language_exists() -> None:
    """What the loader accepts of NumPy is there, but for what came or went between NumPy 1.26 and 2."""
    missing = []
    for name in language.NUMPY:
        found: Any = np
        for part in name.split("."):
            found = getattr(found, part, np)
        if found is np:
            missing.append(name)
    assert set(missing) <= {"trapezoid", "ptp"}


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 2), (2, 3, 4, 5)])
def test_channels_and_their_inverse(shape: tuple[int, ...]) -> None:
    """One row per channel; per_channel spreads a value per channel over the shape again."""
    x = numbers(*shape)
    rows = channels(x)
    assert rows.shape == (3, x.size // 3)
    assert np.allclose(rows.mean(1), x.mean(axis=tuple(n for n in range(x.ndim) if n != 1)))
    assert np.array_equal(
        per_channel(np.arange(3), x) + 0 * x, np.moveaxis(np.moveaxis(0 * x, 1, -1) + np.arange(3), -1, 1)
    )
    assert per_channel(5, x).shape == ()


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_and_sigmoid(axis: int) -> None:
    """They agree with torch, also where exponentials overflow."""
    for scale in (1, 1000):
        x = numbers(3, 4) * scale
        tensor = torch.tensor(x)
        assert np.allclose(softmax(x, axis), tensor.softmax(axis).numpy())
        assert np.allclose(log_softmax(x, axis), tensor.log_softmax(axis).numpy())
    x = numbers(5)
    assert np.allclose(sigmoid(x), torch.tensor(x).sigmoid().numpy())


def test_normalise() -> None:
    """The mean goes, the biased variance plus eps divides, as in layer_norm."""
    x = numbers(3, 5)
    assert np.allclose(normalise(x, 1), F.layer_norm(torch.tensor(x), (5,)).numpy())
    assert np.allclose(normalise(x, 0, 0.5), F.batch_norm(torch.tensor(x), None, None, training=True, eps=0.5).numpy())
    assert not np.allclose(normalise(x, 0), normalise(x, 1))


def test_reduced() -> None:
    """The three reductions of a loss, and no other."""
    x = numbers(2, 3)
    assert reduced(x, "none") is x
    assert reduced(x, "mean") == x.mean()
    assert reduced(x, "sum") == x.sum()
    with pytest.raises(KeyError):
        reduced(x, "average")


@given(
    dims=st.integers(1, 3),
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    groups=st.integers(1, 2),
)
def test_conv(dims: int, stride: int, padding: int, dilation: int, groups: int) -> None:
    """It agrees with torch in every number of dimensions and for every option."""
    generator = np.random.default_rng(dims)
    x = generator.normal(size=(2, 2 * groups, *(5, 6, 4)[:dims]))
    weight = generator.normal(size=(3 * groups, 2, *(2, 3, 1)[:dims]))
    convolve = getattr(F, f"conv{dims}d")
    wanted = convolve(torch.tensor(x), torch.tensor(weight), None, stride, padding, dilation, groups).numpy()
    assert np.allclose(conv(x, weight, stride, padding, dilation, groups), wanted)


def test_conv_takes_options_per_dimension() -> None:
    """A stride, padding or dilation of each dimension."""
    x, weight = numbers(1, 1, 6, 7), numbers(1, 1, 2, 3)
    options: dict[str, Any] = {"stride": (2, 1), "padding": (0, 1), "dilation": (1, 2)}
    assert np.allclose(conv(x, weight, **options), F.conv2d(torch.tensor(x), torch.tensor(weight), **options).numpy())


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda x: (x**3).sum(), "cube"),
        (lambda x: (np.sin(x) * np.exp(-x)).sum(), "product"),
        (lambda x: (softmax(x)[..., 0] ** 2).sum(), "softmax"),
        (lambda x: x.prod(), "product of all"),
    ],
)
def test_grad_agrees_with_autograd(function: Any, name: str) -> None:
    """The complex step is as exact as autograd in double precision."""
    x = numbers(2, 3)
    tensor = torch.tensor(x, requires_grad=True)
    torches = {
        "cube": lambda t: (t**3).sum(),
        "product": lambda t: (t.sin() * (-t).exp()).sum(),
        "softmax": lambda t: (t.softmax(-1)[..., 0] ** 2).sum(),
        "product of all": lambda t: t.prod(),
    }
    torches[name](tensor).backward()
    assert tensor.grad is not None
    assert np.allclose(grad(function, x), tensor.grad.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("x", [np.zeros(()), np.ones((0,)), np.float64(2.0)])
def test_grad_of_0_d_and_empty_arrays(x: Any) -> None:
    """The gradient has the shape of what it is taken at."""
    found = grad(lambda v: (v**2).sum(), x)
    assert found.shape == np.shape(x)
    assert np.allclose(found, 2 * x)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.abs(x).sum(),
        lambda x: (x * np.conj(x)).real.sum(),
        lambda x: np.where(np.real(x) > 0, x, 0 * x).sum(),
    ],
)
def test_grad_refuses_what_is_not_analytic(function: Any) -> None:
    """Where complex step and differences disagree, there is an error and no number."""
    with pytest.raises(ArithmeticError, match="disagree"):
        grad(function, np.array([0.0, 1.0]))
