"""gradcheck and gradgradcheck: analytic gradients against central differences.

For real inputs the whole Jacobian is compared, column by column. A complex input z is moved along both axes: with
PyTorch's convention the gradient of a real function is df/dx + i df/dy, and of a complex output both parts are taken.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from conformance.reference.autograd.derivatives import grad
from conformance.reference.engine import run_backward
from conformance.reference.graph import gradient_edge
from conformance.reference.modes import enable_grad, no_grad
from conformance.reference.storages import may_overlap
from conformance.reference.tensors import Tensor, wrap


class GradcheckError(RuntimeError):
    """What a failed check raises."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """True when the gradients of `func` agree with finite differences; else GradcheckError, or False."""
    tensors = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    try:
        _check(func, tensors, eps, atol, rtol, nondet_tol, check_grad_dtypes)
        if check_undefined_grad:
            _check_undefined(func, tensors)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """The same for the gradient function: second derivatives agree with differences of first ones."""
    tensors = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    if grad_outputs is None:
        outputs = _differentiable(func(*tensors))
        generator = np.random.default_rng(0)
        weights = tuple(_random_like(each, generator) for each in outputs)
    else:
        weights = tuple(grad_outputs) if isinstance(grad_outputs, (tuple, list)) else (grad_outputs,)
    count = len(tensors)

    def gradient(*args: Any) -> Any:
        moved = tuple(
            each if not isinstance(each, Tensor) or each.requires_grad else each.detach() for each in args[:count]
        )
        outputs = _differentiable(func(*moved))
        wanted = tuple(each for each in moved if isinstance(each, Tensor) and each.requires_grad)
        found = grad(outputs, wanted, args[count:], create_graph=True, allow_unused=True)
        return tuple(each for each in found if each is not None and each.requires_grad)

    return gradcheck(
        gradient,
        (*tensors, *weights),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=False,
        check_grad_dtypes=check_grad_dtypes,
    )


def _random_like(output: Tensor, generator: np.random.Generator) -> Tensor:
    values = generator.standard_normal(output._array.shape)
    if output._array.dtype.kind == "c":
        values = values + 1j * generator.standard_normal(output._array.shape)
    made = wrap(np.asarray(values).astype(output._array.dtype), output._device)
    made._requires_grad = True
    return made


def _differentiable(outputs: Any) -> tuple[Tensor, ...]:
    several = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    return tuple(each for each in several if isinstance(each, Tensor) and each.requires_grad)


def _check(
    func: Callable[..., Any],
    inputs: Sequence[Any],
    eps: float,
    atol: float,
    rtol: float,
    nondet_tol: float,
    check_types: bool,
) -> None:
    checked = [each for each in inputs if isinstance(each, Tensor) and each.requires_grad]
    if not checked:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them has requires_grad=True."
        )
    for position, each in enumerate(checked):
        if may_overlap(each._array.shape, each._array.strides):
            raise RuntimeError(
                f"The {position}th input has a dimension with stride 0. gradcheck only supports inputs that are "
                "non-overlapping to be able to compute the numerical gradients correctly. You should call .contiguous "
                "on the input before passing it to gradcheck: overlapping memory."
            )
        if each._array.dtype.name not in ("float64", "complex128"):
            warnings.warn(
                f"Input #{position} requires gradient and is not a double precision floating point or complex. This "
                "check will likely fail if all the inputs are not of double precision floating point or complex.",
                UserWarning,
                stacklevel=4,
            )
    with enable_grad():
        outputs = _differentiable(func(*inputs))
    for number in range(len(outputs)):
        for position, each in enumerate(checked):
            analytic = _analytic(func, inputs, each, number, check_types)
            again = _analytic(func, inputs, each, number, False)
            if np.abs(analytic - again).max(initial=0.0) > nondet_tol:
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and grad_output multiple times "
                    "gives different values, although analytical gradient matches numerical gradient."
                )
            numeric = _numeric(func, inputs, each, number, eps)
            if not np.allclose(analytic, numeric, rtol=rtol, atol=atol, equal_nan=False):
                raise GradcheckError(
                    f"Jacobian mismatch for output {number} with respect to input {position},\n"
                    f"numerical:{numeric}\nanalytical:{analytic}\n"
                )


def _directions(array: Any) -> tuple[Any, ...]:
    return (1.0, 1j) if array.dtype.kind == "c" else (1.0,)


def _analytic(func: Callable[..., Any], inputs: Sequence[Any], target: Tensor, number: int, check_types: bool) -> Any:
    """Rows: the gradient of each part of each output element, seen as pairs of reals."""
    output = _differentiable(func(*inputs))[number]
    rows = []
    for position in np.ndindex(output._array.shape):
        for direction in _directions(output._array):
            start = np.zeros(output._array.shape, output._array.dtype)
            start[position] = direction
            (found,) = grad(output, target, wrap(start, output._device), retain_graph=True, allow_unused=True)
            if found is None:
                rows.append(np.zeros(target._array.size * len(_directions(target._array))))
                continue
            if check_types and found._array.dtype != target._array.dtype:
                raise GradcheckError("Backward is not producing gradients of the type of the input")
            if found._array.shape != target._array.shape:
                raise GradcheckError("grad is incorrect size")
            rows.append(_as_reals(found._array))
    return np.array(rows)


def _numeric(func: Callable[..., Any], inputs: Sequence[Any], target: Tensor, number: int, eps: float) -> Any:
    """The same by central differences."""
    columns = []
    with no_grad():
        for position in np.ndindex(target._array.shape):
            for direction in _directions(target._array):
                kept = target._array[position].copy()
                sides = []
                for sign in (1, -1):
                    target._array[position] = kept + sign * eps * direction
                    with enable_grad():
                        output = _differentiable(func(*inputs))[number]
                    sides.append(_as_reals(output._array.copy()))
                target._array[position] = kept
                columns.append((sides[0] - sides[1]) / (2 * eps))
    return np.array(columns).T


def _as_reals(array: Any) -> Any:
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(np.float64).copy() if flat.dtype == np.complex128 else flat.astype(np.float64)


_UNDEFINED = (
    "Expected backward function to handle undefined output grads. Please look at the notes about undefined output "
    "gradients."
)


def _check_undefined(func: Callable[..., Any], inputs: Sequence[Any]) -> None:
    """A backward must cope with outputs that got no gradient: the inputs then get none, or zeros."""
    outputs = _differentiable(func(*inputs))
    edges = [gradient_edge(each) for each in inputs if isinstance(each, Tensor) and each.requires_grad]
    roots = [gradient_edge(each) for each in outputs]
    for left_out in [{number} for number in range(len(roots))] + [set(range(len(roots)))]:
        starts = [
            None if number in left_out else wrap(np.ones_like(each._array), each._device)
            for number, each in enumerate(outputs)
        ]
        try:
            found = run_backward(roots, starts, True, False, edges, accumulate=False)
        except Exception as error:  # whatever a user.s backward raises
            raise GradcheckError(f"{_UNDEFINED} It raised: {error}") from error
        if len(left_out) == len(roots) and any(each is not None and each._array.any() for each in found):
            raise GradcheckError(_UNDEFINED)


__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]
