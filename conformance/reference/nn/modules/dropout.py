"""Dropout layers: active in training, the identity in evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.nn import functional as F
from conformance.reference.nn.modules.module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _DropoutNd(Module):
    """Drops with probability p; ValueError unless that is a probability."""

    function: Callable[..., Any]

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Any) -> Any:
        return self.function(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """Drops elements."""

    function = staticmethod(F.dropout)


class Dropout1d(_DropoutNd):
    """Drops channels of (N, C, L) or (C, L)."""

    function = staticmethod(F.dropout1d)


class Dropout2d(_DropoutNd):
    """Drops channels of (N, C, H, W)."""

    function = staticmethod(F.dropout2d)


class Dropout3d(_DropoutNd):
    """Drops channels of (N, C, D, H, W) or (C, D, H, W)."""

    function = staticmethod(F.dropout3d)


class AlphaDropout(_DropoutNd):
    """Drops elements to SELU's negative limit and keeps mean and variance; ``inplace`` changes nothing, as in torch."""

    function = staticmethod(F.alpha_dropout)

    def forward(self, input: Any) -> Any:
        return self.function(input, self.p, self.training)


class FeatureAlphaDropout(AlphaDropout):
    """AlphaDropout of whole channels."""

    function = staticmethod(F.feature_alpha_dropout)
