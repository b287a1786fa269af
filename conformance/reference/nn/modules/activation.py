"""Activation layers: the functions of `nn.functional` with their settings kept, and PReLU, which has a parameter."""

from __future__ import annotations

import warnings
from typing import Any

from conformance.reference.nn import functional as F
from conformance.reference.nn.modules.base.wrapping import REQUIRED, layer
from conformance.reference.nn.modules.module import Module
from conformance.reference.nn.parameter import Parameter
from conformance.reference.operations.creation import full

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]

CELU = layer("CELU", __name__, F.celu, "x above zero, alpha (e^(x / alpha) - 1) below.", alpha=1.0, inplace=False)
ELU = layer("ELU", __name__, F.elu, "x above zero, alpha (e^x - 1) below.", alpha=1.0, inplace=False)
GELU = layer("GELU", __name__, F.gelu, "x times the cumulative normal distribution.", approximate="none")
GLU = layer("GLU", __name__, F.glu, "One half along `dim` times the sigmoid of the other.", dim=-1)
Hardsigmoid = layer("Hardsigmoid", __name__, F.hardsigmoid, "relu6(x + 3) / 6.", inplace=False)
Hardswish = layer("Hardswish", __name__, F.hardswish, "x relu6(x + 3) / 6.", inplace=False)
LeakyReLU = layer("LeakyReLU", __name__, F.leaky_relu, "A small slope below zero.", negative_slope=0.01, inplace=False)
LogSigmoid = layer("LogSigmoid", __name__, F.logsigmoid, "log(sigmoid(x)).")
Mish = layer("Mish", __name__, F.mish, "x tanh(softplus(x)).", inplace=False)
ReLU = layer("ReLU", __name__, F.relu, "max(0, x).", inplace=False)
SELU = layer("SELU", __name__, F.selu, "elu, scaled to keep activations normal.", inplace=False)
SiLU = layer("SiLU", __name__, F.silu, "x sigmoid(x).", inplace=False)
Sigmoid = layer("Sigmoid", __name__, F.sigmoid, "1 / (1 + e^-x).")
Softplus = layer("Softplus", __name__, F.softplus, "log(1 + e^(beta x)) / beta.", beta=1.0, threshold=20.0)
Softsign = layer("Softsign", __name__, F.softsign, "x / (1 + |x|).")
Tanh = layer("Tanh", __name__, F.tanh, "The hyperbolic tangent.")
Tanhshrink = layer("Tanhshrink", __name__, F.tanhshrink, "x - tanh(x).")
Threshold = layer(
    "Threshold",
    __name__,
    F.threshold,
    "x above the threshold, value elsewhere.",
    threshold=REQUIRED,
    value=REQUIRED,
    inplace=False,
)
RReLU = layer(
    "RReLU", __name__, F.rrelu, "A slope below zero drawn at random.", lower=1.0 / 8, upper=1.0 / 3, inplace=False
)


class ReLU6(Module):
    """min(max(0, x), 6)."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.min_val, self.max_val, self.inplace = 0.0, 6.0, inplace

    def forward(self, input: Any) -> Any:
        return F.relu6(input, self.inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class Hardtanh(Module):
    """x held between two bounds; ValueError unless the upper is the larger."""

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__()
        for old, name in ((min_value, "min"), (max_value, "max")):
            if old is not None:
                warnings.warn(
                    f"keyword argument `{name}_value` is deprecated and rename to `{name}_val`",
                    FutureWarning,
                    stacklevel=2,
                )
        min_val = min_val if min_value is None else min_value
        max_val = max_val if max_value is None else max_value
        if max_val <= min_val:
            raise ValueError("max_val must be greater than min_val")
        self.min_val, self.max_val, self.inplace = min_val, max_val, inplace

    def forward(self, input: Any) -> Any:
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}" + (", inplace=True" if self.inplace else "")


class _Shrink(Module):
    """Small values become zero."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        return str(self.lambd)


class Hardshrink(_Shrink):
    """Zero between -lambd and lambd, x elsewhere."""

    def forward(self, input: Any) -> Any:
        return F.hardshrink(input, self.lambd)


class Softshrink(_Shrink):
    """x moved toward zero by lambd."""

    def forward(self, input: Any) -> Any:
        return F.softshrink(input, self.lambd)


class _OverDimension(Module):
    """A function along one dimension."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(_OverDimension):
    """e^x divided by its sum."""

    def forward(self, input: Any) -> Any:
        return F.softmax(input, self.dim)


class LogSoftmax(_OverDimension):
    """The logarithm of softmax."""

    def forward(self, input: Any) -> Any:
        return F.log_softmax(input, self.dim)


class Softmin(_OverDimension):
    """softmax(-x)."""

    def forward(self, input: Any) -> Any:
        return F.softmin(input, self.dim)


class Softmax2d(Module):
    """softmax over the channels of (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Any) -> Any:
        if input.dim() not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead")
        return F.softmax(input, -3)


class PReLU(Module):
    """leaky_relu with one learned slope, or one for each channel."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(full((num_parameters,), float(init), device=device, dtype=dtype))

    def reset_parameters(self) -> None:
        """Every slope to its first value."""
        self.weight.data.fill_(self.init)

    def forward(self, input: Any) -> Any:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"
