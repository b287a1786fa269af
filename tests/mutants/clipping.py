"""Faults of gradient clipping and of schedules of learning rates."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler

from tests.mutants.swapping import swap

# -- clipping ----------------------------------------------------------------------------------------------------


def _each(right: Any) -> Any:
    def clip(parameters: Any, *args: Any, **options: Any) -> Any:
        several = [parameters] if isinstance(parameters, Tensor) else list(parameters)
        return max((right([one], *args, **options) for one in several), default=torch.tensor(0.0))

    return clip


swap(
    "norms_are_clipped_one_by_one",
    "clip_grad_norm_ clips the gradient of each parameter by itself.",
    nn.utils,
    "clip_grad_norm_",
    _each,
    catches=["clip-grad/norm-is-global-and-scaled-in-place"],
    reaches=["clip-grad", "optim"],
)
swap(
    "clipping_is_euclidean",
    "clip_grad_norm_ ignores norm_type.",
    nn.utils,
    "clip_grad_norm_",
    lambda right: lambda parameters, max_norm, *args, **options: right(parameters, max_norm),
    catches=["clip-grad/norm-type", "clip-grad/non-finite-norm"],
)


def _normalising(right: Any) -> Any:
    def clip(parameters: Any, max_norm: float, *args: Any, **options: Any) -> Any:
        several = [parameters] if isinstance(parameters, Tensor) else list(parameters)
        norm = right(several, max_norm, *args, **options)
        if norm.isfinite() and 0 < norm < max_norm:
            for one in several:
                if one.grad is not None:
                    one.grad.mul_(max_norm / norm)
        return norm

    return clip


swap(
    "clipping_amplifies",
    "clip_grad_norm_ scales small gradients up to max_norm.",
    nn.utils,
    "clip_grad_norm_",
    _normalising,
    catches=["clip-grad/never-amplifies"],
    reaches=["optim"],
)


def _from_above(right: Any) -> Any:
    def clip(parameters: Any, value: float, **options: Any) -> None:
        for one in [parameters] if isinstance(parameters, Tensor) else parameters:
            if one.grad is not None:
                one.grad.clamp_(max=value)

    return clip


swap(
    "values_are_clipped_from_above",
    "clip_grad_value_ bounds gradients from above only.",
    nn.utils,
    "clip_grad_value_",
    _from_above,
    catches=["clip-grad/value-clamps-elementwise"],
)


def _without_epsilon(right: Any) -> Any:
    def clip(parameters: Any, max_norm: float, total_norm: Tensor, *args: Any, **options: Any) -> None:
        right(parameters, max_norm, total_norm - 1e-6, *args, **options)

    return clip


swap(
    "clipping_has_no_epsilon",
    "Clipping divides by the norm alone.",
    nn.utils.clip_grad,
    "_clip_grads_with_norm_",
    _without_epsilon,
    catches=["clip-grad/epsilon-in-the-factor"],
)


def _twice(right: Any) -> Any:
    def clip(parameters: Any, *args: Any, **options: Any) -> Any:
        any(one is None for one in parameters)
        return right(parameters, *args, **options)

    return clip


swap(
    "clipping_looks_twice",
    "Clipping goes through its parameters once to look and once to clip, which empties a generator.",
    nn.utils,
    "clip_grad_norm_ clip_grad_value_",
    _twice,
    catches=["clip-grad/any-iterable"],
)
swap(
    "total_norm_adds_norms",
    "get_total_norm adds the norms of the tensors up.",
    nn.utils,
    "get_total_norm",
    lambda right: lambda tensors, *args, **options: sum(right([one], *args, **options) for one in tensors),
    catches=["clip-grad/two-step-form-is-equivalent"],
)
swap(
    "clipping_with_a_norm_amplifies",
    "clip_grads_with_norm_ scales small gradients up to max_norm.",
    nn.utils,
    "clip_grads_with_norm_",
    lambda right: (
        lambda parameters, max_norm, total_norm, *args, **options: [
            one.grad.mul_(max_norm / (total_norm + 1e-6)) for one in parameters if one.grad is not None
        ]
    ),
    catches=["clip-grad/two-step-form-is-equivalent"],
)
swap(
    "clipping_with_a_norm_replaces_gradients",
    "clip_grads_with_norm_ puts new tensors into .grad.",
    nn.utils,
    "clip_grads_with_norm_",
    lambda right: (
        lambda parameters, *args, **options: (
            [setattr(one, "grad", one.grad.clone()) for one in parameters if one.grad is not None],
            right(parameters, *args, **options),
        )[1]
    ),
    catches=["clip-grad/two-step-form-is-equivalent"],
)

# -- schedules ---------------------------------------------------------------------------------------------------

swap(
    "schedules_multiply_by_half",
    "gamma is 0.5 unless told otherwise.",
    lr_scheduler.StepLR,
    "__init__",
    lambda right: (
        lambda one, optimizer, step_size, gamma=0.5, **options: right(one, optimizer, step_size, gamma, **options)
    ),
    catches=["lr-scheduler/gamma-default"],
)
swap(
    "exponential_schedules_stand_still",
    "ExponentialLR leaves the rate as it is.",
    lr_scheduler.ExponentialLR,
    "get_lr",
    lambda right: lambda one: [group["lr"] for group in one.optimizer.param_groups],
    catches=["lr-scheduler/step-multistep-exponential"],
    reaches=["lr-scheduler"],
)
swap(
    "steps_come_late",
    "StepLR multiplies the rate one epoch late.",
    lr_scheduler.StepLR,
    "get_lr",
    lambda right: (
        lambda one: [
            group["lr"] * (one.gamma if one.last_epoch > 1 and one.last_epoch % one.step_size == 1 else 1)
            for group in one.optimizer.param_groups
        ]
    ),
    catches=["lr-scheduler/step-multistep-exponential"],
    reaches=["lr-scheduler"],
)
swap(
    "lambdas_multiply",
    "LambdaLR multiplies the present rate.",
    lr_scheduler.LambdaLR,
    "get_lr",
    lambda right: (
        lambda one: [
            group["lr"] * factor(one.last_epoch) for factor, group in zip(one.lr_lambdas, one.optimizer.param_groups)
        ]
    ),
    catches=["lr-scheduler/lambda-vs-multiplicative"],
    reaches=["lr-scheduler"],
)
swap(
    "plateaus_have_no_cooldown",
    "ReduceLROnPlateau ignores the cooldown.",
    lr_scheduler.ReduceLROnPlateau,
    "__init__",
    lambda right: lambda *args, **options: right(*args, **{**options, "cooldown": 0}),
    catches=["lr-scheduler/plateau-cooldown"],
)
swap(
    "any_change_is_an_improvement",
    "ReduceLROnPlateau takes any change for the better for an improvement.",
    lr_scheduler.ReduceLROnPlateau,
    "__init__",
    lambda right: lambda *args, **options: right(*args, **{**options, "threshold": 0.0}),
    catches=["lr-scheduler/plateau-threshold"],
)
swap(
    "plateaus_have_no_patience",
    "ReduceLROnPlateau ignores its patience.",
    lr_scheduler.ReduceLROnPlateau,
    "__init__",
    lambda right: lambda *args, **options: right(*args, **{**options, "patience": 0}),
    catches=["lr-scheduler/reduce-on-plateau"],
)
swap(
    "cosines_reach_zero",
    "CosineAnnealingLR falls to zero whatever eta_min is.",
    lr_scheduler.CosineAnnealingLR,
    "__init__",
    lambda right: lambda one, optimizer, epochs, eta_min=0.0, **options: right(one, optimizer, epochs, 0.0, **options),
    catches=["lr-scheduler/cosine-annealing"],
)
swap(
    "factors_are_kept",
    "ConstantLR never gives the rate back.",
    lr_scheduler.ConstantLR,
    "get_lr",
    lambda right: (
        lambda one: (
            [group["lr"] for group in one.optimizer.param_groups] if one.last_epoch == one.total_iters else right(one)
        )
    ),
    catches=["lr-scheduler/constant-and-linear-warmup"],
    reaches=["lr-scheduler"],
)
swap(
    "warmups_never_end",
    "LinearLR goes on beyond its end.",
    lr_scheduler.LinearLR,
    "get_lr",
    lambda right: (
        lambda one: [
            base * (one.start_factor + (one.end_factor - one.start_factor) * one.last_epoch / one.total_iters)
            for base in one.base_lrs
        ]
    ),
    catches=["lr-scheduler/constant-and-linear-warmup"],
)


def _resuming(right: Any) -> Any:
    def build(one: Any, optimizer: Any, last_epoch: int = -1) -> None:
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        right(one, optimizer, last_epoch)

    return build


swap(
    "schedules_begin_anywhere",
    "A scheduler made for a later epoch takes the present rate for the initial one where none is recorded.",
    lr_scheduler.LRScheduler,
    "__init__",
    _resuming,
    catches=["lr-scheduler/last-epoch-needs-initial-lr"],
)
