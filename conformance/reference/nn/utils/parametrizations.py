"""torch.nn.utils.parametrizations: ready-made parametrizations; only weight_norm so far."""

from __future__ import annotations

from typing import Any

from conformance.reference.nn.modules.module import Module
from conformance.reference.nn.utils.parametrize import register_parametrization

__all__ = ["weight_norm"]


class _WeightNorm(Module):
    """weight = g v / |v|, the norm over every dimension but `dim` (all of them for None)."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def _norm(self, v: Any) -> Any:
        if self.dim == -1:
            return v.norm(2)
        axes = [axis for axis in range(v.dim()) if axis != self.dim]
        return v.norm(2, axes, keepdim=True)

    def forward(self, weight_g: Any, weight_v: Any) -> Any:
        return weight_v * (weight_g / self._norm(weight_v))

    def right_inverse(self, weight: Any) -> tuple[Any, Any]:
        """The norm and the weight itself."""
        return self._norm(weight), weight


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Train the size and the direction of a weight apart, as original0 and original1."""
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
