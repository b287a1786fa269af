"""Gradient rules of reading and writing by index."""

from __future__ import annotations

from conformance.reference.dispatch import Rules, constant, ops

RULES: dict[str, Rules] = {
    "index": {"self": lambda grad, self_shape, indices: ops.index_put(grad.new_zeros(self_shape), grad, indices, True)},
    "index_put": {
        "self": lambda grad, indices, accumulate: (
            grad if accumulate else ops.index_put(grad, grad.new_zeros(()), indices, False)
        ),
        "values": lambda grad, indices: ops.index(grad, indices),
    },
    "index_select": {
        "self": lambda grad, self_shape, dim, index: ops.index_add(grad.new_zeros(self_shape), grad, dim, index, 1)
    },
    "gather": {
        "self": lambda grad, self, dim, index: ops.scatter_add(grad.new_zeros(self._array.shape), grad, dim, index)
    },
    "scatter": {
        "self": lambda grad, dim, index: ops.scatter_value(grad, dim, index, 0),
        "src": lambda grad, dim, index: ops.gather(grad, dim, index),
    },
    "scatter_value": {"self": lambda grad, dim, index: ops.scatter_value(grad, dim, index, 0)},
    "scatter_add": {
        "self": lambda grad: grad,
        "src": lambda grad, dim, index: ops.gather(grad, dim, index),
    },
    "index_add": {
        "self": lambda grad: grad,
        "source": lambda grad, dim, index, alpha: ops.index_select(grad, dim, index) * alpha,
    },
    "index_copy": {
        "self": lambda grad, dim, index: ops.index_fill(grad, dim, index, 0),
        "source": lambda grad, dim, index: ops.index_select(grad, dim, index),
    },
    "index_fill": {"self": lambda grad, dim, index: ops.index_fill(grad, dim, index, 0)},
    "masked_fill": {
        "self": lambda grad, mask: ops.where(constant(mask, grad), 0.0, grad),
        "value": lambda grad, mask: ops.where(constant(mask, grad), grad, 0.0).sum(),
    },
}
