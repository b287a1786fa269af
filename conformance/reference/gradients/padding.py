"""Gradient rules of padding."""

from __future__ import annotations

from conformance.reference.dispatch import Rules, ops

__all__ = ["CONSTANT_PAD", "CROP"]

CONSTANT_PAD: Rules = {"self": lambda grad, margins: ops.crop(grad, margins)}
CROP: Rules = {"self": lambda grad, margins: ops.constant_pad_nd(grad, margins, 0.0)}
