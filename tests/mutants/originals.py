"""What mutants are made from: torch's own methods, held where no patch of ``torch.Tensor`` reaches them."""

from __future__ import annotations

import sys
from typing import Any

import torch

#: The class in C that ``torch.Tensor`` inherits its methods from; patches go into ``torch.Tensor``.
TensorBase: Any = getattr(torch._C, "TensorBase", None) or torch._C._TensorBase


def called_by_torch() -> bool:
    """Whether the patched function that asks was called by torch itself, which a fault in the API need not concern."""
    return str(sys._getframe(2).f_globals.get("__name__", "")).startswith("torch")
