"""PyTorch's semantics in NumPy, written to be read.

Replace `import torch` by `import conformance.reference as torch` and a script runs on it. This page walks from
`x * y` to `x.grad`; the modules are named where the walk passes them, each knowing only those before it.

**A tensor** (`tensors.py`) is a window on a storage: a NumPy array, strided, over a flat buffer (`storages.py`), of a
`dtypes.dtype` on a `devices.device`. Views (`views.py`) are other windows on the same buffer. Each tensor has a version
counter, which every write in place moves on; views and `detach()` share it, `.data` has its own.

**x * y** is an operation, declared in `operations/` from three parts that do not know of each other: the forward
function on arrays (`forward/`), here NumPy's multiply; the gradient rules (`gradients/`), here::

    "mul": {"self": lambda grad, other: grad * conj(other), "other": lambda grad, self: grad * conj(self)}

and the seam that joins them (`dispatch.py`; its docstring says how to declare one; `elementwise.py` has the fast
paths). The operands are brought to one type, the arrays multiplied, and a new tensor made of the result.

**It is recorded** if grad mode is on (`modes.py`) and an operand requires grad. A node, `MulBackward0` (`graph.py`), is
made. Its edges lead to what made the operands, or for a leaf to the leaf's `AccumulateGrad`. The parameter names of the
rules that will be needed say what to save: for x's gradient `other`, for y's `self`. A saved tensor remembers the
version it had. The node becomes the result's `grad_fn`.

**Writes in place** give the written tensor, and the base of a written view, a new history (`writing.py`,
`views.rebase_history`).

**z.backward()** (`autograd/derivatives.py`) starts the engine (`engine.py`) at z's node with a gradient of one. The
engine counts how many edges lead to each node, then runs the nodes, latest first, each when all its gradients have
come: hooks first (`hooks.py`), then the node. MulBackward0 unpacks what it saved (were its version another by now, that
would be the error about an in-place operation) and applies its rules. They are written in the reference's own
operations, so with create_graph=True they are recorded in turn: that is all there is to double backward. What a rule
returns is fitted to the operand it belongs to: broadcasting undone, the real part taken, the type cast.

**x.grad** is set when the gradient arrives at x's AccumulateGrad: copied the first time, added in place after that.
Then what the nodes saved is freed, and the graph goes when nobody holds z; `memory.py` counts the bytes still held.

Around this lie `autograd/` (grad, custom Functions, hooks on saved tensors, gradcheck, anomaly mode), `func.py`,
`utils/` (checkpointing, data loaders), `nn/`, `optim/`, `randomness.py` and `serialization.py`.

**What is lacking** raises `errors.NotSupported`, or AttributeError for a whole name. The large gaps of the tensor half:
forward-mode automatic differentiation, lazy conjugation (`conj()` copies), complex32 and the wider unsigned integers,
sparse tensors, Fourier transforms, decompositions beyond Cholesky, subclass hooks (`__torch_function__`), and threads
inside one backward.
"""

from __future__ import annotations

import math as _math
from types import SimpleNamespace
from typing import Any

from conformance.reference import autograd, functions, memory, methods, modes, utils
from conformance.reference.autograd.anomaly import is_anomaly_check_nan_enabled, is_anomaly_enabled
from conformance.reference.devices import device, get_default_device, set_default_device
from conformance.reference.dtypes import (
    bfloat16,
    cdouble,
    cfloat,
    complex64,
    complex128,
    double,
    dtype,
    finfo,
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    long,
    promote_types,
    set_default_dtype,
    short,
    uint8,
)
from conformance.reference.dtypes import bool_ as bool
from conformance.reference.dtypes import float_ as float
from conformance.reference.dtypes import int_ as int
from conformance.reference.errors import NotSupported
from conformance.reference.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from conformance.reference.operations.conversion import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    memory_format,
    preserve_format,
)
from conformance.reference.operations.linear_algebra import linalg
from conformance.reference.tensors import Size, Tensor

__version__ = "2.13.0+reference"
pi, e, inf, nan, newaxis = _math.pi, _math.e, _math.inf, _math.nan, None
strided = "torch.strided"
cuda = SimpleNamespace(
    is_available=lambda: False,
    device_count=lambda: 0,
    manual_seed=lambda seed: None,
    manual_seed_all=lambda seed: None,
)

globals().update(functions.table())

from conformance.reference import func, nn, optim, randomness, serialization, testing  # noqa: E402
from conformance.reference import randomness as random  # noqa: E402

for _module in (randomness, nn.functional, serialization):
    globals().update({name: getattr(_module, name) for name in _module.TORCH_NAMES})
vmap = func.vmap


def set_warn_always(b: Any) -> None:
    """The reference gives every warning each time already."""


def __getattr__(name: str) -> Any:
    """One clear error for a name that PyTorch may have and the reference lacks."""
    raise AttributeError(f"the reference does not support torch.{name}")


__all__ = [
    "NotSupported",
    "Size",
    "Tensor",
    "autograd",
    "bfloat16",
    "bool",
    "cdouble",
    "cfloat",
    "channels_last",
    "channels_last_3d",
    "complex64",
    "complex128",
    "contiguous_format",
    "device",
    "double",
    "dtype",
    "enable_grad",
    "finfo",
    "float",
    "float16",
    "float32",
    "float64",
    "func",
    "get_default_device",
    "get_default_dtype",
    "half",
    "iinfo",
    "inference_mode",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "linalg",
    "long",
    "memory",
    "memory_format",
    "methods",
    "modes",
    "nn",
    "no_grad",
    "optim",
    "preserve_format",
    "promote_types",
    "random",
    "randomness",
    "serialization",
    "set_default_device",
    "set_default_dtype",
    "set_grad_enabled",
    "short",
    "testing",
    "uint8",
    "utils",
]
