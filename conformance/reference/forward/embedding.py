"""Embedding on arrays: rows of a table by number, and the adjoint that adds rows into a table."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any

__all__ = ["embedding", "embedding_adjoint"]


def embedding(weight: Array, indices: Array, padding_idx: int) -> Array:
    """`weight` (rows, features), indices (*) -> (*, features); IndexError for a number outside the table."""
    if indices.size and (indices.min() < 0 or indices.max() >= weight.shape[0]):
        raise IndexError("index out of range in self")
    return weight[indices]


def embedding_adjoint(grad: Array, indices: Array, padding_idx: int, rows: int) -> Array:
    """(*, features) -> (rows, features): each row added where its number says, those of the padding dropped."""
    flat, width = indices.ravel(), grad.shape[-1]
    kept = flat != padding_idx
    table = np.zeros((rows, width), np.float32 if grad.dtype.itemsize == 2 else grad.dtype)
    np.add.at(table, flat[kept], grad.reshape(-1, width)[kept])
    return table.astype(grad.dtype, copy=False)
