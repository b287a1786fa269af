"""The operations that only `nn` uses: forward functions and gradient rules joined.

Signatures are positional and unchecked; `nn.functional` puts PyTorch's defaults, names and errors around them.
"""

from __future__ import annotations

from conformance.reference.dispatch import declare
from conformance.reference.elementwise import declare_unary
from conformance.reference.forward import activation, convolution, embedding, losses, normalization, padding, pooling
from conformance.reference.gradients import activation as activation_rules
from conformance.reference.gradients import convolution as convolution_rules
from conformance.reference.gradients import embedding as embedding_rules
from conformance.reference.gradients import losses as loss_rules
from conformance.reference.gradients import normalization as normalization_rules
from conformance.reference.gradients import padding as padding_rules
from conformance.reference.gradients import pooling as pooling_rules

for _name, _function in activation.ACTIVATIONS.items():
    declare_unary(_name, _function, activation_rules.ACTIVATION_RULES[_name], "float")

for _name, _function in losses.POINTWISE.items():
    declare(_name, _function, loss_rules.POINTWISE_RULES[_name], inputs=("self", "target"))

binary_cross_entropy = declare(
    "binary_cross_entropy",
    losses.binary_cross_entropy,
    loss_rules.BINARY_CROSS_ENTROPY,
    inputs=("self", "target", "weight"),
)
nll_loss = declare(
    "nll_loss", losses.nll, loss_rules.NLL, inputs=("self", "target", "weight"), hidden=("total_weight",)
)
nll_loss_adjoint = declare(
    "nll_loss_adjoint", losses.nll_adjoint, loss_rules.NLL_ADJOINT, inputs=("self", "target", "weight")
)

convolution_ = declare(
    "convolution", convolution.convolution, convolution_rules.CONVOLUTION, inputs=("input", "weight", "bias")
)
convolution_transpose = declare(
    "convolution_transpose",
    convolution.convolution_transpose,
    convolution_rules.CONVOLUTION_TRANSPOSE,
    inputs=("input", "weight", "bias"),
)
convolution_weight = declare(
    "convolution_weight",
    convolution.convolution_weight,
    convolution_rules.CONVOLUTION_WEIGHT,
    inputs=("larger", "smaller"),
)

max_pool = declare("max_pool", pooling.maximum, pooling_rules.MAXIMUM, outputs=("values", "indices"))
adaptive_max_pool = declare(
    "adaptive_max_pool", pooling.adaptive_max, pooling_rules.MAXIMUM, outputs=("values", "indices")
)
pool_take = declare("pool_take", pooling.take, pooling_rules.TAKE, inputs=("self", "indices"))
pool_put = declare("pool_put", pooling.put, pooling_rules.PUT, inputs=("self", "indices"))
avg_pool = declare("avg_pool", pooling.average, pooling_rules.AVERAGE)
avg_pool_adjoint = declare("avg_pool_adjoint", pooling.average_adjoint, pooling_rules.AVERAGE_ADJOINT)

normalize = declare(
    "native_norm",
    normalization.normalize,
    normalization_rules.NORMALIZE,
    inputs=("input", "weight", "bias"),
    outputs=("output", "mean", "variance"),
)
normalize_by = declare(
    "native_norm_by",
    normalization.normalize_by,
    normalization_rules.NORMALIZE_BY,
    inputs=("input", "weight", "bias", "mean", "variance"),
)
normalize_rms = declare(
    "native_rms_norm",
    normalization.normalize_rms,
    normalization_rules.NORMALIZE_RMS,
    inputs=("input", "weight"),
    outputs=("output", "rstd"),
)

embedding_ = declare("embedding", embedding.embedding, embedding_rules.EMBEDDING, inputs=("weight", "indices"))
embedding_adjoint = declare(
    "embedding_adjoint", embedding.embedding_adjoint, embedding_rules.EMBEDDING_ADJOINT, inputs=("self", "indices")
)

constant_pad_nd = declare("constant_pad_nd", padding.constant_pad, padding_rules.CONSTANT_PAD)
crop = declare("crop", padding.crop, padding_rules.CROP)
