"""torch.autograd: `backward`, `grad`, custom functions, checks, and the submodules with the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from conformance.reference.autograd import anomaly, derivatives, function, functional, graph
from conformance.reference.autograd.anomaly import detect_anomaly, set_detect_anomaly
from conformance.reference.autograd.derivatives import backward, grad
from conformance.reference.autograd.function import Function
from conformance.reference.autograd.gradcheck import gradcheck, gradgradcheck
from conformance.reference.autograd.variable import Variable
from conformance.reference.engine import layout_policy
from conformance.reference.modes import enable_grad, inference_mode, no_grad, set_grad_enabled


@contextmanager
def enforce_grad_layout_policy(enabled: bool) -> Iterator[None]:
    """Whether the first gradient of a leaf takes the leaf's strides (the rule) or may keep its own."""
    before, layout_policy.enforced = layout_policy.enforced, enabled
    try:
        yield
    finally:
        layout_policy.enforced = before


__all__ = [
    "Function",
    "Variable",
    "anomaly",
    "backward",
    "derivatives",
    "detect_anomaly",
    "enable_grad",
    "enforce_grad_layout_policy",
    "function",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]
