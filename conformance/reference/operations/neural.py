"""The operations that only `nn` uses: forward functions and gradient rules joined under a name.

Signatures are positional and unchecked; `nn.functional` puts PyTorch's defaults, names and errors around them. Several
come in pairs that are each other's derivative, such as `nll_loss` and `nll_loss_adjoint`.
"""

from __future__ import annotations

from conformance.reference.dispatch import declare
from conformance.reference.elementwise import declare_unary
from conformance.reference.forward import (
    activation,
    convolution,
    embedding,
    losses,
    normalization,
    padding,
    pooling,
)
from conformance.reference.gradients.activation import ACTIVATION_RULES
from conformance.reference.gradients.convolution import CONVOLUTION, CONVOLUTION_TRANSPOSE, CONVOLUTION_WEIGHT
from conformance.reference.gradients.embedding import EMBEDDING, EMBEDDING_ADJOINT
from conformance.reference.gradients.losses import BINARY_CROSS_ENTROPY, NLL, NLL_ADJOINT, POINTWISE_RULES
from conformance.reference.gradients.normalization import NORMALIZE, NORMALIZE_BY, NORMALIZE_RMS
from conformance.reference.gradients.padding import CONSTANT_PAD, CROP
from conformance.reference.gradients.pooling import AVERAGE, AVERAGE_ADJOINT, MAXIMUM, PUT, TAKE

__all__ = ["OPERATIONS"]

_CONVOLVED = ("input", "weight", "bias")
_COMPARED = ("self", "target", "weight")
_WHERE = ("values", "indices")

OPERATIONS = (
    *(
        declare_unary(name, function, ACTIVATION_RULES[name], "float")
        for name, function in activation.ACTIVATIONS.items()
    ),
    declare("convolution", convolution.convolution, CONVOLUTION, _CONVOLVED),
    declare("convolution_transpose", convolution.convolution_transpose, CONVOLUTION_TRANSPOSE, _CONVOLVED),
    declare("convolution_weight", convolution.convolution_weight, CONVOLUTION_WEIGHT, ("larger", "smaller")),
    declare("max_pool", pooling.maximum, MAXIMUM, outputs=_WHERE),
    declare("adaptive_max_pool", pooling.adaptive_max, MAXIMUM, outputs=_WHERE),
    declare("pool_take", pooling.take, TAKE, ("self", "indices")),
    declare("pool_put", pooling.put, PUT, ("self", "indices")),
    declare("avg_pool", pooling.average, AVERAGE),
    declare("avg_pool_adjoint", pooling.average_adjoint, AVERAGE_ADJOINT),
    declare(
        "native_norm",
        normalization.normalize,
        NORMALIZE,
        ("input", "weight", "bias"),
        outputs=("output", "mean", "variance"),
    ),
    declare(
        "native_norm_by", normalization.normalize_by, NORMALIZE_BY, ("input", "weight", "bias", "mean", "variance")
    ),
    declare(
        "native_rms_norm", normalization.normalize_rms, NORMALIZE_RMS, ("input", "weight"), outputs=("output", "rstd")
    ),
    declare("embedding", embedding.embedding, EMBEDDING, ("weight", "indices")),
    declare("embedding_adjoint", embedding.embedding_adjoint, EMBEDDING_ADJOINT, ("self", "indices")),
    *(
        declare(name, function, POINTWISE_RULES[name], ("self", "target"))
        for name, function in losses.POINTWISE.items()
    ),
    declare("binary_cross_entropy", losses.binary_cross_entropy, BINARY_CROSS_ENTROPY, _COMPARED),
    declare("nll_loss", losses.nll, NLL, _COMPARED, hidden=("total_weight",)),
    declare("nll_loss_adjoint", losses.nll_adjoint, NLL_ADJOINT, _COMPARED),
    declare("constant_pad_nd", padding.constant_pad, CONSTANT_PAD),
    declare("crop", padding.crop, CROP),
)
"""The declared functions; each is `dispatch.ops.<name>` too."""
