"""Faults of one implementation of a step (of many tensors at once, fused) and of one kind of parameter or gradient."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop, SparseAdam

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.steps import hooked

_ALGORITHMS = (SGD, Adam, RMSprop, Adagrad)

# -- many at once, and fused -------------------------------------------------------------------------------------


def _fixed(torch_: MonkeyPatch, module: str, function: str, **fixed: Any) -> None:
    """The implementation ``function`` of torch.optim's ``module`` with options that are what they are."""
    home: Any = importlib.import_module(f"torch.optim.{module}")
    right = getattr(home, function)
    torch_.setattr(home, function, lambda *args, **options: right(*args, **{**options, **fixed}))


@mutant(
    "SGD of many tensors at once ignores nesterov.",
    catches=["optim-sgd/options-together", "optim/implementations-agree"],
)
def many_at_once_are_not_nesterov(torch_: MonkeyPatch) -> None:
    _fixed(torch_, "sgd", "_multi_tensor_sgd", nesterov=False)


@mutant(
    "SGD of many tensors at once ignores dampening.",
    catches=["optim-sgd/options-together", "optim/implementations-agree"],
)
def many_at_once_are_not_damped(torch_: MonkeyPatch) -> None:
    _fixed(torch_, "sgd", "_multi_tensor_sgd", dampening=0.0)


@mutant(
    "SGD of many tensors at once ignores maximize.",
    catches=["optim-sgd/options-together", "optim/implementations-agree"],
)
def many_at_once_are_not_maximized(torch_: MonkeyPatch) -> None:
    _fixed(torch_, "sgd", "_multi_tensor_sgd", maximize=False)


@mutant(
    "Adam of many tensors at once ignores eps.",
    catches=["optim-adam/options-together", "optim-adamw/decoupled-decay", "optim/implementations-agree"],
)
def many_at_once_have_no_eps(torch_: MonkeyPatch) -> None:
    _fixed(torch_, "adam", "_multi_tensor_adam", eps=0.0)


@mutant(
    "RMSprop of many tensors at once ignores centered.",
    catches=["optim-rmsprop/update-rule"],
    reaches=["optim"],
)
def many_at_once_are_not_centered(torch_: MonkeyPatch) -> None:
    _fixed(torch_, "rmsprop", "_multi_tensor_rmsprop", centered=False)


@mutant("The fused SGD ignores dampening.", catches=["optim/fused-implementation-agrees"])
def fused_is_not_damped(torch_: MonkeyPatch) -> None:
    _fixed(torch_, "sgd", "_fused_sgd", dampening=0.0)


@mutant("The fused SGD ignores nesterov.", catches=["optim/fused-implementation-agrees"])
def fused_is_not_nesterov(torch_: MonkeyPatch) -> None:
    _fixed(torch_, "sgd", "_fused_sgd", nesterov=False)


@mutant("The fused Adam ignores maximize.", catches=["optim/fused-implementation-agrees"])
def fused_is_not_maximized(torch_: MonkeyPatch) -> None:
    _fixed(torch_, "adam", "_fused_adam", maximize=False)


def _building(torch_: MonkeyPatch, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Optimizers that are built with ``change`` of the options that they are given."""
    for kind in (*_ALGORITHMS, AdamW):
        torch_.setattr(kind, "__init__", _built(kind.__init__, change))


def _built(right: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    return lambda optimizer, *args, **options: right(optimizer, *args, **change(options))


@mutant(
    "fused=True comes before foreach=True and differentiable=True.",
    catches=["optim/implementations-exclude-each-other"],
)
def fused_comes_first(torch_: MonkeyPatch) -> None:
    _building(
        torch_,
        lambda options: {**options, "foreach": None, "differentiable": False} if options.get("fused") else options,
    )


@mutant("differentiable is ignored.", catches=["optim/differentiable-step-is-recorded"])
def steps_are_never_recorded(torch_: MonkeyPatch) -> None:
    for kind in _ALGORITHMS:
        torch_.setattr(kind, "step", _unrecorded(kind.step))


def _unrecorded(right: Any) -> Any:
    def step(optimizer: Any, *args: Any, **options: Any) -> Any:
        for group in optimizer.param_groups:
            group["differentiable"] = optimizer.defaults["differentiable"] = False
        return right(optimizer, *args, **options)

    return hooked(step)


@mutant(
    "A rate that is a tensor is read at construction, once for all.",
    catches=["optim/rate-may-be-a-tensor", "lr-scheduler/tensor-rate-is-written-in-place"],
)
def tensor_rates_are_read_once(torch_: MonkeyPatch) -> None:
    def read(options: dict[str, Any]) -> dict[str, Any]:
        rate = options.get("lr")
        return {**options, "lr": float(rate)} if isinstance(rate, Tensor) and rate.numel() == 1 else options

    _building(torch_, read)


# -- groups ------------------------------------------------------------------------------------------------------


def _sharing(option: str) -> Callable[[MonkeyPatch], None]:
    """All groups are updated by one option of the first."""

    def patch(torch_: MonkeyPatch) -> None:
        for kind in _ALGORITHMS:
            torch_.setattr(kind, "step", _shared(kind.step, option))

    return patch


def _shared(right: Any, option: str) -> Any:
    def step(optimizer: Any, *args: Any, **options: Any) -> Any:
        groups = optimizer.param_groups
        own = [group.get(option) for group in groups]
        for group in groups[1:]:
            if option in group:
                group[option] = own[0]
        result = right(optimizer, *args, **options)
        for group, value in zip(groups, own):
            if option in group:
                group[option] = value
        return result

    return hooked(step)


@mutant("Every group decays by the weight_decay of the first.", catches=["optim/groups-are-independent"])
def groups_share_their_decay(torch_: MonkeyPatch) -> None:
    _sharing("weight_decay")(torch_)


@mutant("Every group averages by the betas of the first.", catches=["optim/groups-are-independent"])
def groups_share_their_betas(torch_: MonkeyPatch) -> None:
    _sharing("betas")(torch_)


@mutant("Every group maximizes where the first does.", catches=["optim/groups-are-independent"])
def groups_share_their_direction(torch_: MonkeyPatch) -> None:
    _sharing("maximize")(torch_)


# -- gradients and parameters of a kind --------------------------------------------------------------------------


def _after_step(torch_: MonkeyPatch, change: Callable[[Optimizer], None]) -> None:
    for kind in _ALGORITHMS:
        torch_.setattr(kind, "step", _followed(kind.step, change))


def _followed(right: Any, change: Callable[[Optimizer], None]) -> Any:
    def step(optimizer: Any, *args: Any, **options: Any) -> Any:
        result = right(optimizer, *args, **options)
        change(optimizer)
        return result

    return hooked(step)


@mutant(
    "Averages decay at steps at which their parameter has no gradient.",
    catches=["optim/missing-gradient-keeps-state"],
)
def averages_decay_without_gradient(torch_: MonkeyPatch) -> None:
    def decay(optimizer: Optimizer) -> None:
        for p, state in optimizer.state.items():
            for name in ("momentum_buffer", "exp_avg", "square_avg", "sum"):
                if p.grad is None and state.get(name) is not None:
                    state[name].mul_(0.5)

    _after_step(torch_, decay)


@mutant(
    "An optimizer counts one number of steps for all its parameters.",
    catches=["optim/missing-gradient-keeps-state", "optim-adam/step-count-is-per-parameter"],
)
def steps_are_counted_together(torch_: MonkeyPatch) -> None:
    def level(optimizer: Optimizer) -> None:
        counts = [state["step"] for state in optimizer.state.values() if "step" in state]
        for count in counts:
            count.fill_(max(float(one) for one in counts))

    _after_step(torch_, level)


def _before_step(torch_: MonkeyPatch, change: Callable[[Any], Any], *kinds: Any) -> None:
    """step() sees ``change`` of each gradient."""
    for kind in kinds:
        torch_.setattr(kind, "step", _seeing(kind.step, change))


def _seeing(right: Any, change: Callable[[Any], Any]) -> Any:
    def step(optimizer: Any, *args: Any, **options: Any) -> Any:
        kept = [(p, p.grad) for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        for p, grad in kept:
            p.grad = change(grad)
        result = right(optimizer, *args, **options)
        for p, grad in kept:
            p.grad = grad
        return result

    return hooked(step)


@mutant("Adam and RMSprop take a sparse gradient for a dense one.", catches=["optim/sparse-gradient-refused"])
def sparse_gradients_become_dense(torch_: MonkeyPatch) -> None:
    _before_step(torch_, lambda grad: grad.to_dense() if grad.is_sparse else grad, Adam, RMSprop)


@mutant(
    "Of an index that occurs several times in a sparse gradient the last entry counts.",
    catches=["optim/sparse-gradient-moves-its-rows"],
)
def last_of_repeated_indices_counts(torch_: MonkeyPatch) -> None:
    def last(grad: Any) -> Any:
        if not grad.is_sparse or grad.is_coalesced():
            return grad
        dense = torch.zeros(grad.shape, dtype=grad.dtype)
        dense[grad._indices()[0]] = grad._values()
        return dense.to_sparse(1)

    _before_step(torch_, last, SGD, Adagrad)


@mutant("SparseAdam moves every row at every step.", catches=["optim/sparse-adam-is-lazy"])
def sparse_adam_is_not_lazy(torch_: MonkeyPatch) -> None:
    def everywhere(grad: Any) -> Any:
        dense = grad.to_dense()
        return torch.sparse_coo_tensor(torch.arange(len(dense))[None], dense, dense.shape)

    _before_step(torch_, everywhere, SparseAdam)


@mutant("Optimizers use the real part of a complex gradient.", catches=["optim/complex-parameters-move-as-pairs"])
def complex_gradients_lose_a_part(torch_: MonkeyPatch) -> None:
    _before_step(torch_, lambda grad: grad.real.to(grad.dtype) if grad.is_complex() else grad, *_ALGORITHMS)


@mutant(
    "Averages are kept in float32 whatever the parameter's dtype is.",
    catches=["optim/parameters-of-several-dtypes"],
    reaches=["*"],
)
def averages_are_of_float32(torch_: MonkeyPatch) -> None:
    def widen(optimizer: Optimizer) -> None:
        for state in optimizer.state.values():
            state.update({name: one.float() for name, one in state.items() if isinstance(one, Tensor)})

    _after_step(torch_, widen)
