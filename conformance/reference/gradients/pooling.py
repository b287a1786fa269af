"""Gradient rules of pooling."""

from __future__ import annotations

from conformance.reference.dispatch import Rules, ops

__all__ = ["AVERAGE", "AVERAGE_ADJOINT", "MAXIMUM", "PUT", "TAKE"]

MAXIMUM: Rules = {"self": lambda grad, indices, self_shape: ops.pool_put(grad, indices, self_shape[2:])}

TAKE: Rules = {"self": lambda grad, indices, self_shape: ops.pool_put(grad, indices, self_shape[2:])}

PUT: Rules = {"self": lambda grad, indices: ops.pool_take(grad, indices)}

AVERAGE: Rules = {
    "self": lambda grad, self_shape, window, stride, padding, ceil_mode, count_include_pad, divisor_override: (
        ops.avg_pool_adjoint(
            grad, self_shape[2:], window, stride, padding, ceil_mode, count_include_pad, divisor_override
        )
    )
}

AVERAGE_ADJOINT: Rules = {
    "self": lambda grad, window, stride, padding, ceil_mode, count_include_pad, divisor_override: ops.avg_pool(
        grad, window, stride, padding, ceil_mode, count_include_pad, divisor_override
    )
}
