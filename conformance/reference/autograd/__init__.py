"""torch.autograd: `backward`, `grad`, custom functions, checks, and the submodules with the rest."""

from __future__ import annotations

from conformance.reference.autograd import anomaly, derivatives, function, functional, graph
from conformance.reference.autograd.anomaly import detect_anomaly, set_detect_anomaly
from conformance.reference.autograd.derivatives import backward, grad
from conformance.reference.autograd.function import Function
from conformance.reference.autograd.gradcheck import gradcheck, gradgradcheck
from conformance.reference.modes import enable_grad, inference_mode, no_grad, set_grad_enabled
from conformance.reference.tensors import Tensor as Variable

__all__ = [
    "Function", "Variable", "anomaly", "backward", "derivatives", "detect_anomaly", "enable_grad", "function",
    "functional", "grad", "gradcheck", "gradgradcheck", "graph", "inference_mode", "no_grad", "set_detect_anomaly",
    "set_grad_enabled",
]
