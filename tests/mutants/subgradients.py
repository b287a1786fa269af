"""Faults of derivatives where there is none: at kinks, ties, poles and bounds."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
import torch.utils.checkpoint
from torch import Tensor

from tests.mutants.swapping import swap, tampered

# -- where there is no derivative --------------------------------------------------------------------------------

swap(
    "relu_passes_at_zero",
    "relu has a gradient of one at zero.",
    torch,
    "relu",
    lambda right: lambda x: torch.where(x >= 0, x, x * 0),
    catches=["subgradient/convex-kink-minimum-norm"],
)
swap(
    "abs_rises_at_zero",
    "abs() has a gradient of one at zero.",
    Tensor,
    "abs",
    lambda right: lambda x: right(x) if x.is_complex() else torch.where(x >= 0, x, -x),
    catches=["subgradient/convex-kink-minimum-norm"],
)
swap(
    "norm_is_a_root_of_a_sum",
    "A norm is computed as a root of a sum, whose derivative at zero is NaN.",
    torch.linalg,
    "vector_norm",
    lambda right: (
        lambda x, ord=2, **options: (
            right(x, ord, **options) if ord == float("inf") else (x.abs() ** ord).sum() ** (1 / ord)
        )
    ),
    catches=["subgradient/norm-at-zero"],
)
swap(
    "max_norm_picks_one",
    "The gradient of the maximum norm goes to one of the largest elements.",
    torch.linalg,
    "vector_norm",
    lambda right: (
        lambda x, ord=2, **options: x.abs().flatten().max(0).values if ord == float("inf") else right(x, ord, **options)
    ),
    catches=["subgradient/max-norm-ties"],
    reaches=["optim"],
)
swap(
    "infinite_slopes_are_zero",
    "Derivatives that diverge are zero.",
    Tensor,
    "sqrt rsqrt reciprocal log asin acos",
    lambda right: lambda x: right(tampered(x, lambda grad: torch.nan_to_num(grad, posinf=0, neginf=0))),
    catches=["subgradient/defined-by-continuity"],
    reaches=["anomaly", "complex"],
)
swap(
    "sqrt_masks_nan",
    "The gradient of sqrt is zero where it is NaN.",
    Tensor,
    "sqrt",
    lambda right: lambda x: right(tampered(x, lambda grad: torch.where(grad.isnan(), 0, grad))),
    catches=["subgradient/where-does-not-mask-nan-inside-branch"],
    reaches=["anomaly"],
)
swap(
    "maximum_prefers_the_first",
    "Of equal operands of maximum and minimum the first gets the whole gradient.",
    torch,
    "maximum",
    lambda right: lambda a, b: torch.where(a >= b, a, b),
    catches=["subgradient/maximum-tie-halves"],
)
swap(
    "fmax_halves",
    "Equal operands of fmax share the gradient.",
    torch,
    "fmax",
    lambda right: lambda a, b: torch.where(a.isnan(), b, torch.where(b.isnan(), a, torch.maximum(a, b))),
    catches=["subgradient/fmax-tie"],
)
swap(
    "max_picks_one",
    "The maximum of all elements sends its gradient to the first of equal ones.",
    Tensor,
    "max",
    lambda right: lambda x, *args, **options: right(x, *args, **options) if args else x.flatten()[x.argmax()],
    catches=["subgradient/full-reduction-ties-evenly"],
)
swap(
    "max_along_a_dimension_spreads",
    "The maximum along a dimension spreads its gradient over equal elements.",
    torch,
    "max",
    lambda right: lambda x, *args: (x.amax(args[0]), right(x, *args).indices) if args else right(x),
    catches=["subgradient/dim-reduction-ties-to-index"],
)
swap(
    "rounding_passes_straight_through",
    "round() and floor() hand the gradient through.",
    Tensor,
    "round floor",
    lambda right: lambda x: x + (right(x) - x).detach(),
    catches=["subgradient/piecewise-constant-is-zero"],
)
swap(
    "pow_is_exp_of_log",
    "Powers are computed by way of the logarithm.",
    Tensor,
    "pow",
    lambda right: lambda x, e: (x.log() * e).exp(),
    catches=["subgradient/pow-zero"],
)
swap(
    "pow_takes_the_logarithm_of_zero",
    "The derivative with respect to an exponent takes the logarithm of a base of zero.",
    torch,
    "pow",
    lambda right: lambda base, e: torch.exp(torch.as_tensor(base).log() * e),
    catches=["subgradient/pow-exponent-at-zero"],
)
swap(
    "prod_gives_zeros_nothing",
    "The gradient of prod() is zero for factors of zero.",
    Tensor,
    "prod",
    lambda right: lambda x, *args: right(tampered(x, lambda grad: torch.where(x == 0, 0, grad)), *args),
    catches=["subgradient/prod-with-zeros"],
)
swap(
    "where_forgets_the_other",
    "where() gives its second branch no gradient.",
    torch,
    "where",
    lambda right: lambda c, a, b: right(c, a, b.detach() if isinstance(b, Tensor) else b),
    catches=["subgradient/where-routes-by-condition", "broadcast/gradient-reduced-to-input-shape"],
)


def _flat_at_the_bounds(right: Any) -> Any:
    def clamp(x: Any, *args: Any, **options: Any) -> Any:
        y = right(x, *args, **options)
        inside = right(x + 1e-3, *args, **options) != right(x - 1e-3, *args, **options)
        bound = (right(x + 1e-3, *args, **options) == y) | (right(x - 1e-3, *args, **options) == y)
        return right(tampered(x, lambda grad: torch.where(inside & ~bound, grad, 0)), *args, **options)

    return clamp


swap(
    "clamp_is_flat_at_its_bounds",
    "clamp has a gradient of zero at its bounds.",
    Tensor,
    "clamp",
    _flat_at_the_bounds,
    catches=["subgradient/clamp-boundary"],
)
swap(
    "clamp_bounds_are_constants",
    "The bounds of clamp get no gradient.",
    torch,
    "clamp",
    lambda right: lambda x, min=None, max=None: right(x, min if min is None else min.detach(), max),
    catches=["subgradient/clamp-tensor-bound-gets-the-rest"],
)
swap(
    "hardtanh_is_a_clamp",
    "hardtanh passes the gradient on at its bounds.",
    F,
    "hardtanh",
    lambda right: lambda x, *args: x.clamp(-1, 1),
    catches=["subgradient/hardtanh-boundary"],
)
