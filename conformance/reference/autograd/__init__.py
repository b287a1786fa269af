"""torch.autograd: `backward`, `grad`, and the submodules that build on them."""

from __future__ import annotations

from conformance.reference.autograd.derivatives import backward, grad
from conformance.reference.modes import enable_grad, inference_mode, no_grad, set_grad_enabled

__all__ = ["backward", "enable_grad", "grad", "inference_mode", "no_grad", "set_grad_enabled"]
