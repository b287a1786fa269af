"""Layers: what holds parameters and buffers."""

from rushlight.nn import functional
from rushlight.nn.modules import BatchNorm1d, BatchNorm2d, BatchNorm3d, Linear, Module, Parameter, ReLU, Sequential

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "Linear",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "functional",
]
