"""What all losses share: the three reductions, and the older arguments that decide between them."""

from __future__ import annotations

import warnings
from typing import Any

__all__ = ["reduced", "reduction_name"]


def reduction_name(reduction: str, size_average: bool | None = None, reduce: bool | None = None) -> str:
    """One of the three names; ValueError for any other."""
    if size_average is not None or reduce is not None:
        average, reduced = size_average is not False, reduce is not False
        reduction = ("mean" if average else "sum") if reduced else "none"
        warnings.warn(
            f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.",
            UserWarning,
            stacklevel=4,
        )
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def reduced(losses: Any, reduction: str) -> Any:
    """The losses themselves, their mean or their sum."""
    if reduction == "none":
        return losses
    return losses.mean() if reduction == "mean" else losses.sum()
