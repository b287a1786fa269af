"""First and second derivatives of every operation that nn adds agree with finite differences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from conformance import reference as torch
from conformance.reference.autograd import gradcheck, gradgradcheck
from conformance.reference.dispatch import operations
from conformance.reference.operations import neural

F = torch.nn.functional

# The checkers' own tolerance of 0.1 % would let a rule pass that is off by half of that.
STRICT = {"atol": 1e-6, "rtol": 1e-4}

# Expressions over real(*sizes), which makes a float64 leaf, and the constants w and classes.
CASES = [
    *[
        f"F.{name}(real(3, 4))"
        for name in (
            "celu",
            "elu",
            "gelu",
            "glu",
            "hardshrink",
            "hardsigmoid",
            "hardswish",
            "hardtanh",
            "leaky_relu",
            "logsigmoid",
            "mish",
            "relu",
            "relu6",
            "selu",
            "silu",
            "softplus",
            "softshrink",
            "softsign",
            "tanhshrink",
        )
    ],
    "F.gelu(real(3, 4), 'tanh')",
    "F.threshold(real(3, 4), 0.1, 0.5)",
    "F.prelu(real(2, 3, 4), real(3))",
    "F.linear(real(2, 3), real(4, 3), real(4))",
    "F.bilinear(real(2, 3), real(2, 4), real(5, 3, 4), real(5))",
    "F.embedding(classes, real(4, 3), padding_idx=3)",
    "F.conv1d(real(2, 4, 9), real(6, 4, 3), real(6), 2, 1, 2)",
    "F.conv2d(real(1, 4, 4, 4), real(4, 2, 3, 2), real(4), 1, 1, 1, 2)",
    "F.conv3d(real(1, 2, 3, 3, 3), real(2, 2, 2, 2, 2))",
    "F.conv1d(real(1, 2, 5), real(2, 2, 4), padding='same')",
    "F.conv_transpose1d(real(1, 2, 3), real(2, 3, 3), real(3), 1, 0, 1, 1, 2)",
    "F.conv_transpose2d(real(1, 2, 3, 3), real(2, 3, 3, 3), real(3), 2, 1, 1)",
    "F.max_pool1d(real(2, 2, 5), 2, 1, 1)",
    "F.max_pool2d(real(1, 2, 5, 4), 3, 2, 1, ceil_mode=True)",
    "F.adaptive_max_pool2d(real(1, 2, 5, 4), 3)",
    "F.max_unpool1d(real(1, 1, 2), torch.tensor([[[0, 3]]]), 2)",
    "F.avg_pool1d(real(1, 2, 5), 2, 1, 1, True, False)",
    "F.avg_pool2d(real(1, 2, 5, 4), 3, 2, 1, ceil_mode=True)",
    "F.avg_pool3d(real(1, 2, 3, 3, 3), 2)",
    "F.adaptive_avg_pool2d(real(1, 2, 5, 4), 3)",
    "F.batch_norm(real(3, 2, 4), None, None, real(2), real(2), True)",
    "F.batch_norm(real(3, 2, 4), w[:2] * 0, w[:2], real(2), real(2), False)",
    "F.instance_norm(real(3, 2, 4), None, None, real(2), real(2))",
    "F.layer_norm(real(3, 4), (4,), real(4), real(4))",
    "F.group_norm(real(3, 4, 2), 2, real(4), real(4))",
    "F.rms_norm(real(3, 4), (4,), real(4))",
    "F.local_response_norm(real(2, 4, 3), 3)",
    "F.normalize(real(3, 4))",
    "F.pad(real(3, 3), (1, 2, -1, 1), value=2.0)",
    "F.pad(real(1, 3, 4), (1, 2), 'reflect')",
    *[
        f"F.{name}(real(3, 4), real(3, 4), reduction='{reduction}')"
        for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy_with_logits")
        for reduction in ("mean", "none")
    ],
    *[
        f"F.{name}(real(3, 3), classes, weight=w, reduction='{reduction}')"
        for name in ("nll_loss", "cross_entropy")
        for reduction in ("mean", "sum", "none")
    ],
    "F.cross_entropy(real(3, 3), real(3, 3).softmax(1), label_smoothing=0.1)",
    "F.binary_cross_entropy(real(3, 3).sigmoid(), real(3, 3).sigmoid(), weight=w)",
    "F.kl_div(real(3, 3), real(3, 3).exp(), reduction='sum')",
    "F.cosine_similarity(real(3, 4), real(3, 4))",
]


class _Leaves:
    """Hands out leaves: random ones when the expression is first evaluated, given ones after that."""

    def __init__(self) -> None:
        self.made: list[Any] = []
        self.given: Iterator[Any] | None = None

    def __call__(self, *sizes: int) -> Any:
        if self.given is not None:
            return next(self.given)
        self.made.append(torch.randn(*sizes, dtype=torch.float64, requires_grad=True))
        return self.made[-1]

    def evaluate(self, source: str, *given: Any) -> Any:
        self.given = iter(given) if given else None
        names = {
            "F": F,
            "torch": torch,
            "real": self,
            "w": torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64),
            "classes": torch.tensor([0, 2, 1]),
        }
        return eval(source, names)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("source", CASES)
def test_derivatives_agree_with_finite_differences(source: str) -> None:
    """`gradcheck` and gradgradcheck pass."""
    torch.manual_seed(0)
    leaves = _Leaves()
    leaves.evaluate(source)

    def function(*given: Any) -> Any:
        return leaves.evaluate(source, *given)

    assert gradcheck(function, tuple(leaves.made), **STRICT)
    assert gradgradcheck(function, tuple(leaves.made), **STRICT)


@pytest.mark.parametrize("name", ["convolution", "native_norm", "mse_loss", "max_pool", "embedding"])
def test_a_rule_that_is_slightly_off_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a gradient that is 0.05 % too large gradcheck fails."""
    source = {
        "convolution": "F.conv1d(real(1, 2, 5), real(2, 2, 3))",
        "native_norm": "F.layer_norm(real(3, 4), (4,), real(4), real(4))",
        "mse_loss": "F.mse_loss(real(3), real(3))",
        "max_pool": "F.max_pool1d(real(1, 2, 6), 2)",
        "embedding": "F.embedding(classes, real(4, 3))",
    }[name]
    operation = operations[name]
    exact = operation.node_class.apply

    def slightly_off(self: Any, grads: list[Any]) -> list[Any]:
        return [None if each is None else each * 1.0005 for each in exact(self, grads)]

    monkeypatch.setattr(operation.node_class, "apply", slightly_off)
    torch.manual_seed(0)
    leaves = _Leaves()
    leaves.evaluate(source)

    def function(*given: Any) -> Any:
        return leaves.evaluate(source, *given)

    assert not gradcheck(function, tuple(leaves.made), raise_exception=False, **STRICT)


def test_every_operation_of_nn_has_a_rule_for_each_floating_input() -> None:
    """No operation declared for nn lacks a gradient where an input may require one."""
    constants = {"indices", "target", "mean", "variance"}
    weights_of_losses = {"binary_cross_entropy", "nll_loss", "nll_loss_adjoint"}
    assert len(neural.OPERATIONS) > 30
    for call in neural.OPERATIONS:
        operation: Any = call.operation  # type: ignore[attr-defined]
        if "all" not in operation.rules:
            missing = set(operation.inputs) - set(operation.rules) - constants
            assert not missing or (missing == {"weight"} and operation.name in weights_of_losses), operation.name


def test_conventions_at_corners() -> None:
    """At a corner the gradient is that of the side torch takes."""
    expected = {
        "relu": (0.0, 0.0),
        "leaky_relu": (0.0, 0.01),
        "elu": (0.0, 1.0),
        "hardtanh": (1.0, 0.0),
        "hardsigmoid": (3.0, 0.0),
        "hardswish": (3.0, 1.0),
        "hardshrink": (0.5, 0.0),
        "softshrink": (0.5, 0.0),
        "relu6": (6.0, 0.0),
    }
    for name, (corner, slope) in expected.items():
        x = torch.tensor(corner, requires_grad=True)
        getattr(F, name)(x).backward()
        assert math.isclose(x.grad.item(), slope, rel_tol=1e-6), name
