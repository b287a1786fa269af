"""torch.autograd.functional: products with the Jacobian and the Hessian, and both in full.

`jvp` uses the double backward trick: the gradient is linear in the vector it starts from, so differentiating it with
respect to that vector gives the forward product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from conformance.reference.autograd.derivatives import grad
from conformance.reference.dispatch import ops
from conformance.reference.modes import enable_grad
from conformance.reference.operations.creation import ones_like, zeros_like
from conformance.reference.tensors import Tensor


def _tuple(given: Any) -> tuple[bool, tuple[Any, ...]]:
    return (True, tuple(given)) if isinstance(given, (tuple, list)) else (False, (given,))


def _prepared(inputs: tuple[Any, ...], create_graph: bool) -> tuple[Any, ...]:
    """Inputs to differentiate by: copies that stay in the graph if that is to be created, else fresh leaves."""
    if create_graph:
        return tuple(each.view_as(each) if each.requires_grad else each.detach().requires_grad_() for each in inputs)
    return tuple(each.detach().requires_grad_() for each in inputs)


def _finished(several: bool, values: Any, create_graph: bool) -> Any:
    values = tuple(values if create_graph else [each.detach() for each in values])
    return values if several else values[0]


def _filled(found: Any, inputs: tuple[Any, ...], strict: bool, what: str) -> list[Tensor]:
    if strict and any(each is None for each in found):
        raise RuntimeError(
            f"The output of the user-provided function is independent of an input: {what} in strict mode."
        )
    return [zeros_like(source) if each is None else each for each, source in zip(found, inputs, strict=True)]


def _differentiated(
    outputs: Sequence[Any], inputs: Sequence[Any], weights: Sequence[Any], create_graph: bool
) -> tuple[Any, ...]:
    """The gradients of the outputs that have a history, None for inputs that none of them depends on."""
    pairs = [(output, weight) for output, weight in zip(outputs, weights, strict=True) if output.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    recorded, weighted = zip(*pairs, strict=True)
    found: tuple[Any, ...] = grad(recorded, inputs, weighted, create_graph=create_graph, allow_unused=True)
    return found


def _weights(v: Any, outputs: tuple[Any, ...]) -> tuple[Any, ...]:
    if v is None:
        if len(outputs) != 1 or outputs[0]._array.size != 1:
            raise RuntimeError(
                "The vector v can only be None if the user-provided function returns a single Tensor with a single "
                "element."
            )
        return (ones_like(outputs[0]),)
    weights = _tuple(v)[1]
    for each, output in zip(weights, outputs, strict=True):
        if each._array.shape != output._array.shape:
            raise RuntimeError("v has invalid size: should be the size of the outputs")
    return weights


def vjp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(*inputs), v times the Jacobian)."""
    with enable_grad():
        several, given = _tuple(inputs)
        moved = _prepared(given, create_graph)
        out_several, outputs = _tuple(func(*moved))
        found = _differentiated(outputs, moved, _weights(v, outputs), create_graph)
        filled = _filled(found, moved, strict, "vjp")
    return _finished(out_several, outputs, create_graph), _finished(several, filled, create_graph)


def jvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(*inputs), the Jacobian times v)."""
    with enable_grad():
        _, given = _tuple(inputs)
        moved = _prepared(given, create_graph)
        vectors = _weights(v, moved)
        out_several, outputs = _tuple(func(*moved))
        dummies = tuple(zeros_like(each, requires_grad=True) for each in outputs)
        linear = _filled(_differentiated(outputs, moved, dummies, True), moved, strict, "jvp")
        found = _differentiated(linear, dummies, vectors, create_graph)
        filled = _filled(found, outputs, strict, "jvp")
    return _finished(out_several, outputs, create_graph), _finished(out_several, filled, create_graph)


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian: for each output and input a tensor of the output's shape followed by the input's."""
    with enable_grad():
        several, given = _tuple(inputs)
        moved = _prepared(given, create_graph)
        out_several, outputs = _tuple(func(*moved))
        blocks = [_rows(output, moved, create_graph, strict) for output in outputs]
    if not create_graph:
        blocks = [[each.detach() for each in row] for row in blocks]
    rows = [tuple(row) if several else row[0] for row in blocks]
    return tuple(rows) if out_several else rows[0]


def _rows(output: Any, inputs: tuple[Any, ...], create_graph: bool, strict: bool) -> list[Any]:
    columns: list[list[Tensor]] = [[] for _ in inputs]
    flat = output.reshape(-1)
    for position in range(flat._array.size):
        found: Any = (None,) * len(inputs)
        if flat.requires_grad:
            found = grad(flat[position], inputs, retain_graph=True, create_graph=create_graph, allow_unused=True)
        for column, each in zip(columns, _filled(found, inputs, strict, "jacobian"), strict=True):
            column.append(each)
    shapes = [(*output._array.shape, *each._array.shape) for each in inputs]
    return [
        ops.stack(column, 0).reshape(shape) if column else zeros_like(source).new_zeros(shape)
        for column, shape, source in zip(columns, shapes, inputs, strict=True)
    ]


def _scalar(output: Any) -> Any:
    if not isinstance(output, Tensor) or output._array.size != 1:
        raise RuntimeError("The Tensor returned by the function given to hessian should contain a single element")
    return output.reshape(())


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The matrix of second derivatives of a scalar function."""
    several, _ = _tuple(inputs)

    def gradient(*args: Any) -> Any:
        return jacobian(lambda *moved: _scalar(func(*moved)), args if several else args[0], create_graph=True)

    return jacobian(gradient, inputs, create_graph=create_graph, strict=strict)


def vhp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(*inputs), v times the Hessian)."""
    with enable_grad():
        several, given = _tuple(inputs)
        moved = _prepared(given, create_graph)
        output = func(*moved)
        scalar = _scalar(output)
        first = _differentiated((scalar,), moved, (ones_like(scalar),), True)
        filled = tuple(_filled(first, moved, strict, "vhp"))
        found = _differentiated(filled, moved, _weights(v, moved), create_graph)
        second = _filled(found, moved, strict, "vhp")
    return _finished(False, (output,), create_graph), _finished(several, second, create_graph)


hvp = vhp
# The same, as the Hessian is symmetric wherever the function is twice continuously differentiable.
