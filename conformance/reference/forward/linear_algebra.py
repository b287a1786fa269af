"""Matrix functions on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.reference.forward.elementwise import quiet
from conformance.reference.forward.reductions import widened

Array = Any


def _product(a: Array, b: Array) -> Array:
    wide = widened(a)
    return np.matmul(a, b) if wide is a else np.matmul(wide, widened(b)).astype(a.dtype)


@quiet
def mm(a: Array, b: Array) -> Array:
    """The product of two matrices."""
    if a.shape[1] != b.shape[0]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({a.shape[0]}x{a.shape[1]} and {b.shape[0]}x{b.shape[1]})"
        )
    return _product(a, b)


@quiet
def mv(a: Array, b: Array) -> Array:
    """The product of a matrix and a vector."""
    if a.shape[1] != b.shape[0]:
        raise RuntimeError(
            f"size mismatch, got input ({a.shape[0]}), mat ({a.shape[0]}x{a.shape[1]}), vec ({b.shape[0]})"
        )
    return _product(a, b)


@quiet
def dot(a: Array, b: Array) -> Array:
    """The sum of products of two vectors."""
    if a.ndim != 1 or b.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {a.ndim}D and {b.ndim}D tensors")
    if a.shape != b.shape:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{a.shape[0]}] and src [{b.shape[0]}] to have the same number "
            "of elements"
        )
    return np.asarray(_product(a, b))


@quiet
def bmm(a: Array, b: Array) -> Array:
    """The products of two batches of matrices."""
    if a.ndim != 3 or b.ndim != 3 or a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: {[a.shape[0], a.shape[-1]]} but got: "
            f"{list(b.shape[:2])}."
        )
    return _product(a, b)


def inverse(a: Array) -> Array:
    """The inverse; RuntimeError when a matrix is singular."""
    return _checked(np.linalg.inv, a)


def solve(a: Array, b: Array) -> Array:
    """The solution x of a x = b, where b may be a vector."""
    if b.ndim == a.ndim - 1:
        return np.squeeze(_checked(np.linalg.solve, a, b[..., None]), -1)
    return _checked(np.linalg.solve, a, b)


def determinant(a: Array) -> Array:
    """The determinant."""
    return np.asarray(np.linalg.det(a), dtype=a.dtype)


def cholesky(a: Array) -> Array:
    """The lower triangle whose product with its adjoint is a."""
    return _checked(np.linalg.cholesky, a)


def slogdet(a: Array) -> tuple[Array, Array]:
    """Sign and logarithm of the determinant."""
    sign, logarithm = np.linalg.slogdet(a)
    return np.asarray(sign, a.dtype), np.asarray(logarithm, a.dtype)


def _checked(function: Any, *arrays: Array) -> Array:
    try:
        return function(*arrays)
    except np.linalg.LinAlgError as error:
        raise RuntimeError(f"linalg: {error}") from None
