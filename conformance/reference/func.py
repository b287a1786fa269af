"""torch.func: the transforms of functions that can be written with `autograd.grad`.

Each level differentiates fresh copies of its arguments with create_graph on, so levels nest. `vmap` calls the function
once for each row and stacks the results: the same values as PyTorch's, not its speed. Forward mode is lacking, so
`jvp` and `jacfwd` go through double backward.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.autograd import functional
from conformance.reference.autograd.derivatives import grad as differentiate
from conformance.reference.dispatch import ops
from conformance.reference.generators import set_states_of_all_devices, states_of_all_devices
from conformance.reference.modes import enable_grad
from conformance.reference.operations.creation import zeros_like
from conformance.reference.tensors import Tensor

Argnums = int | tuple[int, ...]


def grad_and_value(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that gives (gradient, value) of a scalar function, or (gradient, (value, aux))."""
    chosen = argnums if isinstance(argnums, tuple) else (argnums,)

    def call(*args: Any, **kwargs: Any) -> Any:
        with enable_grad():
            leaves: list[Tensor] = []
            moved = [_copied(each, leaves) if n in chosen else each for n, each in enumerate(args)]
            found = func(*moved, **kwargs)
            value, aux = found if has_aux else (found, None)
            if not isinstance(value, Tensor) or value._array.ndim:
                raise RuntimeError("Expected f(*args) to return a scalar tensor")
            grads: Any = [None] * len(leaves)
            if value.requires_grad:
                grads = differentiate(value, leaves, create_graph=True, allow_unused=True)
        filled = iter([zeros_like(leaf) if each is None else each for leaf, each in zip(leaves, grads, strict=True)])
        rebuilt = tuple(_mapped(args[n], lambda _: _released(next(filled), args)) for n in chosen)
        value = _released(value, args)
        return (rebuilt if isinstance(argnums, tuple) else rebuilt[0]), (value, aux) if has_aux else value

    return call


def grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that gives the gradient of a scalar function, or (gradient, aux)."""

    def call(*args: Any, **kwargs: Any) -> Any:
        gradient, value = grad_and_value(func, argnums, has_aux)(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return call


def _copied(argument: Any, leaves: list[Tensor]) -> Any:
    """An argument (a tensor, or tensors in lists, tuples and dicts) whose tensors are this level's own."""

    def copy(tensor: Tensor) -> Tensor:
        made: Tensor = tensor.view_as(tensor) if tensor.requires_grad else tensor.detach().requires_grad_()
        leaves.append(made)
        return made

    return _mapped(argument, copy)


def _mapped(argument: Any, function: Callable[[Tensor], Any]) -> Any:
    if isinstance(argument, dict):
        return {key: _mapped(each, function) for key, each in argument.items()}
    if isinstance(argument, (list, tuple)):
        return type(argument)(_mapped(each, function) for each in argument)
    return function(argument) if isinstance(argument, Tensor) else argument


def _tensors(structure: Any) -> list[Tensor]:
    found: list[Tensor] = []
    _mapped(structure, found.append)
    return found


def _released(result: Any, args: Any) -> Any:
    """A result without the history of this level, unless an argument belongs to an outer one."""
    return result if any(tensor.requires_grad for tensor in _tensors(args)) else result.detach()


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """(func(*primals), a function from cotangents to gradients)."""
    with enable_grad():
        leaves: list[Tensor] = []
        moved = [_copied(each, leaves) for each in primals]
        found = func(*moved)
    output, aux = found if has_aux else (found, None)

    def pullback(cotangents: Any) -> Any:
        outputs, given = _tensors(output), _tensors(cotangents)
        grads = differentiate(outputs, leaves, given, retain_graph=True, create_graph=True, allow_unused=True)
        filled = [zeros_like(leaf) if each is None else each for leaf, each in zip(leaves, grads, strict=True)]
        return tuple(_released(each, (primals, cotangents)) for each in filled)

    shown = _mapped(output, lambda tensor: _released(tensor, primals))
    return (shown, pullback, aux) if has_aux else (shown, pullback)


def jvp(func: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
    """(func(*primals), the Jacobian times the tangents)."""
    nested = any(each.requires_grad for each in (*primals, *tangents))
    return functional.jvp(func, tuple(primals), tuple(tangents), create_graph=nested)


def jacrev(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """A function that gives the Jacobian by the chosen arguments."""
    chosen = argnums if isinstance(argnums, tuple) else (argnums,)

    def call(*args: Any) -> Any:
        def of_chosen(*moved: Any) -> Any:
            given = dict(zip(chosen, moved, strict=True))
            return func(*[given.get(n, each) for n, each in enumerate(args)])

        inputs = tuple(args[n] for n in chosen)
        nested = any(each.requires_grad for each in inputs)
        given = inputs if isinstance(argnums, tuple) else inputs[0]
        return functional.jacobian(of_chosen, given, create_graph=nested)

    return call


jacfwd = jacrev


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """A function that gives the Hessian: the Jacobian of the gradient."""
    return jacrev(jacrev(func, argnums), argnums)


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that maps `func` over a dimension of its arguments (None: the same for all) and stacks the results.

    Rows are taken one by one, whatever `chunk_size` says.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        dims = in_dims if isinstance(in_dims, tuple) else (in_dims,) * len(args)
        sizes = {size for each, dim in zip(args, dims, strict=True) for size in _sizes(each, dim)}
        if len(sizes) != 1:
            raise ValueError(f"vmap: Expected all tensors to have the same size in the mapped dimension, got {sizes}")
        before = states_of_all_devices()
        rows = []
        for row in range(sizes.pop()):
            if randomness == "same":
                set_states_of_all_devices(before)
            rows.append(func(*[_row(each, dim, row) for each, dim in zip(args, dims, strict=True)], **kwargs))
            if randomness == "error" and _drawn_since(before):
                raise RuntimeError("vmap: called random operation while in randomness error mode")
        return _stacked(rows, out_dims)

    return call


def _drawn_since(before: dict[Any, Tensor]) -> bool:
    now = states_of_all_devices()
    return before.keys() != now.keys() or any((before[name]._array != now[name]._array).any() for name in now)


def _sizes(argument: Any, dim: Any) -> list[int]:
    found: list[int] = []
    if dim is not None:
        _mapped(argument, lambda tensor: found.append(tensor._array.shape[dim]))
    return found


def _row(argument: Any, dim: Any, row: int) -> Any:
    return argument if dim is None else _mapped(argument, lambda tensor: ops.select(tensor, dim, row))


def _stacked(rows: list[Any], dim: int) -> Any:
    first = rows[0]
    if isinstance(first, dict):
        return {key: _stacked([each[key] for each in rows], dim) for key in first}
    if isinstance(first, (list, tuple)):
        return type(first)(_stacked(list(column), dim) for column in zip(*rows, strict=True))
    return ops.stack(rows, dim)


def functional_call(
    module: Any,
    parameters_and_buffers: Any,
    args: Any = None,
    kwargs: Any = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module with other tensors in place of its own parameters and buffers, which come back afterwards."""
    given: dict[str, Any] = {}
    for each in parameters_and_buffers if isinstance(parameters_and_buffers, tuple) else (parameters_and_buffers,):
        given.update(each)
    if tie_weights or strict:
        own = {**dict(module.named_parameters(remove_duplicate=False)), **dict(module.named_buffers())}
        twins = {own[name]: tensor for name, tensor in given.items() if name in own}
        tied = {name: twins[tensor] for name, tensor in own.items() if tensor in twins} if tie_weights else {}
        given = {**tied, **given}
        if strict and given.keys() != own.keys():
            raise RuntimeError(f"missing or unexpected keys: {sorted(given.keys() ^ own.keys())}")
    kept: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for name, tensor in given.items():
            path, _, last = name.rpartition(".")
            owner = module.get_submodule(path)
            table = next((each for each in (owner._parameters, owner._buffers) if last in each), None)
            if table is None:
                raise KeyError(name)
            kept.append((table, last, table[last]))
            table[last] = tensor
        arguments = () if args is None else args if isinstance(args, tuple) else (args,)
        return module(*arguments, **(kwargs or {}))
    finally:
        for table, last, original in reversed(kept):
            table[last] = original
