"""Random numbers, from NumPy's generator."""

from __future__ import annotations

from typing import Any

import numpy as np

from rushlight.tensors import Tensor, tensor

generator = np.random.default_rng()


def manual_seed(seed: int) -> None:
    """Begin the stream of numbers anew."""
    global generator
    generator = np.random.default_rng(seed)


def uniform(low: float, high: float, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers between ``low`` and ``high``, as layers are initialised with."""
    return generator.uniform(low, high, shape)


def randn(*shape: int, **options: Any) -> Tensor:
    """Normal numbers."""
    return tensor(generator.standard_normal(shape), **options)
