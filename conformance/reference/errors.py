"""The one error that belongs to the reference itself.

Everything else the reference raises has the class that PyTorch raises in the same place: mostly RuntimeError, and
TypeError, IndexError or ValueError where Python's own conventions ask for them.
"""

from __future__ import annotations


class NotSupported(NotImplementedError):
    """A thing PyTorch has and the reference openly lacks; the message begins with its name."""

    def __init__(self, what: str, why: str = "") -> None:
        self.what = what
        super().__init__(f"the reference does not support {what}" + (f": {why}" if why else ""))
