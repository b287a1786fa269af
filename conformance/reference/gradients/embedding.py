"""Gradient rules of embedding. The padding row takes part in the result but gets no gradient."""

from __future__ import annotations

from typing import Any

from conformance.reference.dispatch import Rules, ops

__all__ = ["EMBEDDING", "EMBEDDING_ADJOINT"]


def _without_padding(grad: Any, indices: Any, padding_idx: int) -> Any:
    rows = ops.embedding(grad, indices, padding_idx)
    return rows if padding_idx < 0 else ops.where((indices == padding_idx).unsqueeze(-1), 0.0, rows)


EMBEDDING: Rules = {
    "weight": lambda grad, indices, padding_idx, weight_shape: ops.embedding_adjoint(
        grad, indices, padding_idx, weight_shape[0]
    )
}
EMBEDDING_ADJOINT: Rules = {"self": _without_padding}
