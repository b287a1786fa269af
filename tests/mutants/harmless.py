"""Changes that are none: another code path, another message, a subclass; no rule may turn red."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from tests.mutants.mutant import MonkeyPatch, harmless
from tests.mutants.originals import TensorBase


def _through(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **options: function(*args, **options)


@harmless("Methods of Tensor are wrapped in Python functions.")
def tensor_methods_are_wrapped(torch_: MonkeyPatch) -> None:
    for name in ("add", "__add__", "__mul__", "sum", "detach", "clone", "to", "mul_", "exp", "view"):
        torch_.setattr(torch.Tensor, name, _through(getattr(torch.Tensor, name)), raising=False)


@harmless("Functions of torch and nn.functional are wrapped.")
def functions_are_wrapped(torch_: MonkeyPatch) -> None:
    for name in ("mean", "zeros_like", "cat", "tanh", "from_numpy"):
        torch_.setattr(torch, name, _through(getattr(torch, name)))
    for name in ("linear", "mse_loss", "cross_entropy", "dropout", "batch_norm"):
        torch_.setattr(torch.nn.functional, name, _through(getattr(torch.nn.functional, name)))


@harmless("Errors of backward say something else.")
def messages_are_other(torch_: MonkeyPatch) -> None:
    right = torch.autograd._engine_run_backward

    def engine(*args: Any, **options: Any) -> Any:
        try:
            return right(*args, **options)
        except RuntimeError as error:
            raise type(error)("no") from None

    torch_.setattr(torch.autograd, "_engine_run_backward", engine)


@harmless("Multiplication is an autograd Function of its own, whose second derivative is right too.")
def multiplication_is_a_function(torch_: MonkeyPatch) -> None:
    right = TensorBase.__mul__

    def mul(x: torch.Tensor, other: Any) -> Any:
        return torch.mul(x, other) if isinstance(other, torch.Tensor) else right(x, other)

    torch_.setattr(torch.Tensor, "__mul__", mul, raising=False)


@harmless("Linear layers add their bias in a step of its own.")
def linear_adds_its_bias_apart(torch_: MonkeyPatch) -> None:
    right = torch.nn.functional.linear

    def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        return right(x, weight) if bias is None else right(x, weight) + bias

    torch_.setattr(torch.nn.functional, "linear", linear)


@harmless("Square roots, exponentials and hyperbolic tangents are computed in float64 and rounded.")
def functions_are_more_exact(torch_: MonkeyPatch) -> None:
    for name in ("sqrt", "sigmoid"):
        torch_.setattr(torch.Tensor, name, _widened(getattr(TensorBase, name)))


def _widened(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.dtype != torch.float32 or tensor.requires_grad:
            return function(tensor)
        return function(tensor.double()).float()

    return run


@harmless("Optimizers update parameter by parameter.")
def optimizers_loop(torch_: MonkeyPatch) -> None:
    right = torch.optim.Optimizer.__init__

    def build(optimizer: Any, params: Any, defaults: dict[str, Any]) -> None:
        right(optimizer, params, {**defaults, "foreach": False} if "foreach" in defaults else defaults)

    torch_.setattr(torch.optim.Optimizer, "__init__", build)


@harmless("Layers have one more buffer that is not saved, and a longer repr.")
def modules_say_more(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch.nn.Module, "__repr__", lambda module: f"a {type(module).__name__}")


@harmless("The generator is asked for its state before every draw.")
def draws_are_watched(torch_: MonkeyPatch) -> None:
    right = torch.randn

    def randn(*args: Any, **options: Any) -> torch.Tensor:
        torch.set_rng_state(torch.get_rng_state())
        return right(*args, **options)

    torch_.setattr(torch, "randn", randn)


@harmless("BatchNorm computes its statistics in float64.")
def batchnorm_is_more_exact(torch_: MonkeyPatch) -> None:
    right = torch.nn.functional.batch_norm

    def batch_norm(
        x: Any, mean: Any, var: Any, weight: Any = None, bias: Any = None, *args: Any, **options: Any
    ) -> Any:
        if (
            options
            or x.dtype != torch.float32
            or any(one is not None and one.dtype != x.dtype for one in (mean, var, weight, bias))
        ):
            return right(x, mean, var, weight, bias, *args, **options)
        buffers = [None if one is None else one.double() for one in (mean, var)]
        y = right(x.double(), *buffers, *(None if one is None else one.double() for one in (weight, bias)), *args)
        for old, new in zip((mean, var), buffers):
            if old is not None and args and args[0]:
                old.copy_(new)
        return y.float()

    torch_.setattr(torch.nn.functional, "batch_norm", batch_norm)
