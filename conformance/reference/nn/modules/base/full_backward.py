"""Full backward hooks: identity nodes around a module's inputs and outputs that report the gradients passing them.

The gradients of the outputs arrive first and are kept; the hooks run when those of the inputs arrive, or right away
where no input needs a gradient. What a hook returns replaces the gradients of the inputs.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from conformance.reference.autograd import Function
from conformance.reference.modes import is_grad_enabled
from conformance.reference.tensors import Tensor

__all__ = ["FullBackwardHooks"]

Hook = Callable[..., Any]
Gradients = tuple[Any, ...]


class BackwardHookFunction(Function):
    """The identity on several tensors, one node for them all."""

    @staticmethod
    def forward(ctx: Any, *args: Tensor) -> tuple[Tensor, ...]:
        ctx.mark_non_differentiable(*[tensor for tensor in args if not tensor.requires_grad])
        return args

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Gradients:
        return gradients


class FullBackwardHooks:
    """The hooks of one call of one module."""

    def __init__(self, module: Any, hooks: list[Hook], pre_hooks: list[Hook]) -> None:
        self.module = module
        self.hooks = hooks
        self.pre_hooks = pre_hooks
        self.grad_outputs: Gradients | None = None
        self.input_positions: list[int] | None = None
        self.input_count = 0

    def wrap_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, their tensors replaced by the outputs of one identity node where one requires a gradient."""
        self.input_count = len(args)
        wrapped, positions, node = _through_identity(args)
        if node is not None:
            self.input_positions = positions
            node.register_hook(self._inputs_reached)
        return wrapped

    def wrap_outputs(self, result: Any) -> Any:
        """The result of forward, wrapped alike; its gradients come first and are remembered."""
        several = isinstance(result, tuple)
        if not several and not isinstance(result, Tensor):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors "
                f"but received {type(result)}",
                stacklevel=4,
            )
            return result
        outputs = result if several else (result,)
        wrapped, positions, node = _through_identity(outputs)
        if node is not None:
            node.register_prehook(lambda gradients: self._outputs_reached(gradients, positions, len(outputs)))
        return wrapped if several else wrapped[0]

    def _outputs_reached(self, gradients: Gradients, positions: list[int], count: int) -> Gradients | None:
        grad_outputs = _spread(gradients, positions, count)
        for hook in self.pre_hooks:
            replaced = hook(self.module, grad_outputs)
            if replaced is not None:
                _check_count("full_backward_pre_hook", replaced, count)
                grad_outputs = replaced
        self.grad_outputs = grad_outputs
        if self.input_positions is None:
            self._run(tuple(None for _ in range(self.input_count)) if self.input_count else ())
        return tuple(grad_outputs[position] for position in positions)

    def _inputs_reached(self, grad_inputs: Gradients, _: Gradients) -> Gradients | None:
        if self.grad_outputs is None:
            raise RuntimeError(
                f"Module backward hook for module {type(self.module).__name__} is called before its "
                "grad_output is known: the forward's inputs are used outside the module's own outputs."
            )
        positions = self.input_positions or []
        spread = self._run(_spread(grad_inputs, positions, self.input_count))
        self.grad_outputs = None
        return tuple(spread[position] for position in positions)

    def _run(self, grad_inputs: Gradients) -> Gradients:
        for hook in self.hooks:
            replaced = hook(self.module, grad_inputs, self.grad_outputs)
            if replaced is None:
                continue
            if self.input_positions is None:
                raise RuntimeError(
                    "Backward hooks returning gradients for a module whose inputs require none is not supported."
                )
            _check_count("backward hook", replaced, len(grad_inputs))
            grad_inputs = replaced
        return grad_inputs


def _check_count(name: str, gradients: Any, expected: int) -> None:
    if not isinstance(gradients, tuple):
        raise RuntimeError(f"{name} must return None or a tuple of gradients, and not {type(gradients).__name__}")
    found = len(gradients)
    if found != expected:
        raise RuntimeError(f"{name} must return None or the same number of gradients: got {found}, expected {expected}")


def _spread(gradients: Gradients, positions: list[int], count: int) -> Gradients:
    """Gradients of the tensors only -> one entry for each argument, None for the rest."""
    full: list[Any] = [None] * count
    for position, gradient in zip(positions, gradients, strict=True):
        full[position] = gradient
    return tuple(full)


def _through_identity(values: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[int], Any]:
    """Send the tensors of a tuple through one identity node; no node where none of them requires a gradient."""
    positions = [index for index, value in enumerate(values) if isinstance(value, Tensor)]
    if not is_grad_enabled() or not any(values[position].requires_grad for position in positions):
        return values, positions, None
    passed = BackwardHookFunction.apply(*[values[position] for position in positions])
    node = next((tensor.grad_fn for tensor in passed if tensor.grad_fn is not None), None)
    if node is None:
        raise RuntimeError("Error while setting up backward hooks: no output of the identity requires a gradient.")
    wrapped = list(values)
    for position, tensor in zip(positions, passed, strict=True):
        wrapped[position] = tensor
    return tuple(wrapped), positions, node
