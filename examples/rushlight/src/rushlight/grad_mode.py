"""Switching the recording of operations on and off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_enabled = True


def is_grad_enabled() -> bool:
    """Whether operations are recorded."""
    return _enabled


class set_grad_enabled:  # noqa: N801 - PyTorch's name
    """Record operations, or stop recording them: from now on, or until the end of a ``with``."""

    def __init__(self, mode: bool) -> None:
        global _enabled
        self.before, _enabled = _enabled, mode

    def __enter__(self) -> None:
        """Nothing more: the mode is set already."""

    def __exit__(self, *error: object) -> None:
        global _enabled
        _enabled = self.before


@contextmanager
def no_grad() -> Iterator[None]:
    """Operations inside are not recorded; a context manager and a decorator."""
    before = is_grad_enabled()
    set_grad_enabled(False)
    yield
    set_grad_enabled(before)


@contextmanager
def enable_grad() -> Iterator[None]:
    """Operations inside are recorded, also within ``no_grad``."""
    before = is_grad_enabled()
    set_grad_enabled(True)
    yield
    set_grad_enabled(before)
