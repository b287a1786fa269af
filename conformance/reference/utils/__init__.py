"""torch.utils: checkpointing, and the data loaders."""

from __future__ import annotations

from conformance.reference.utils import checkpoint, data

__all__ = ["checkpoint", "data"]
