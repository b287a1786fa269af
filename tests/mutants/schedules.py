"""Faults of the schedules that end, restart or cycle, and of schedulers that begin anywhere but at the start."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.optim import Optimizer, lr_scheduler

from tests.mutants.swapping import swap, with_options

swap(
    "powers_are_all_one",
    "PolynomialLR falls in a line whatever its power is.",
    lr_scheduler.PolynomialLR,
    "__init__",
    with_options(power=1.0),
    catches=["lr-scheduler/polynomial"],
)
swap(
    "powers_stop_above_zero",
    "PolynomialLR leaves out the last step, to 0.",
    lr_scheduler.PolynomialLR,
    "get_lr",
    lambda right: (
        lambda one: (
            [group["lr"] for group in one.optimizer.param_groups] if one.last_epoch == one.total_iters else right(one)
        )
    ),
    catches=["lr-scheduler/polynomial"],
)
swap(
    "restarts_are_periodic",
    "CosineAnnealingWarmRestarts ignores T_mult.",
    lr_scheduler.CosineAnnealingWarmRestarts,
    "__init__",
    lambda right: lambda one, optimizer, period, mult=1, **options: right(one, optimizer, period, 1, **options),
    catches=["lr-scheduler/warm-restarts"],
)
swap(
    "cycles_leave_momentum",
    "OneCycleLR leaves the momentum as it is.",
    lr_scheduler.OneCycleLR,
    "__init__",
    with_options(cycle_momentum=False),
    catches=["lr-scheduler/one-cycle"],
)
swap(
    "cycles_are_linear",
    "OneCycleLR climbs and falls in lines whatever its strategy is.",
    lr_scheduler.OneCycleLR,
    "__init__",
    with_options(anneal_strategy="linear"),
    catches=["lr-scheduler/one-cycle"],
)


def _impatient(right: Any) -> Any:
    def build(one: Any, optimizer: Any, mode: str = "min", factor: float = 0.1, patience: int = 9, **rest: Any) -> None:
        right(one, optimizer, mode, factor, patience, **rest)

    return build


swap(
    "plateaus_end_early",
    "ReduceLROnPlateau has a patience of nine steps unless told otherwise.",
    lr_scheduler.ReduceLROnPlateau,
    "__init__",
    _impatient,
    catches=["lr-scheduler/plateau-defaults"],
)
swap(
    "plateaus_have_no_threshold",
    "ReduceLROnPlateau has no threshold unless told otherwise.",
    lr_scheduler.ReduceLROnPlateau,
    "__init__",
    lambda right: lambda *args, **options: right(*args, **{"threshold": 0.0, **options}),
    catches=["lr-scheduler/plateau-defaults"],
)


def _one_bound(right: Any) -> Any:
    def build(one: Any, optimizer: Any, *args: Any, min_lr: Any = 0.0, **options: Any) -> None:
        right(one, optimizer, *args, min_lr=min_lr[0] if isinstance(min_lr, list) else min_lr, **options)

    return build


swap(
    "plateaus_have_one_bound",
    "ReduceLROnPlateau takes the first of several bounds for all groups.",
    lr_scheduler.ReduceLROnPlateau,
    "__init__",
    _one_bound,
    catches=["lr-scheduler/plateau-bound-per-group"],
)


def _beginning(right: Any) -> Any:
    def build(one: Any, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if last_epoch > -1:
            for group in optimizer.param_groups:
                group["initial_lr"] = group["initial_lr"] and group["lr"]
        right(one, optimizer, last_epoch)

    return build


swap(
    "schedules_go_on_from_the_present_rate",
    "A scheduler made for a later epoch takes the present rate for the initial one.",
    lr_scheduler.LRScheduler,
    "__init__",
    _beginning,
    catches=["lr-scheduler/last-epoch-goes-on"],
)


def _rebinding(right: Any) -> Any:
    def step(one: Any, *args: Any) -> None:
        for group in one.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"] = group["lr"].clone()
        right(one, *args)

    return step


swap(
    "tensor_rates_are_replaced",
    "A scheduler puts a new tensor in place of a rate that is one.",
    lr_scheduler.LRScheduler,
    "step",
    _rebinding,
    catches=["lr-scheduler/tensor-rate-is-written-in-place"],
)


def _aliased(right: Any) -> Any:
    def build(one: Any, optimizer: Optimizer, last_epoch: int = -1) -> None:
        right(one, optimizer, last_epoch)
        rates = [group["lr"] for group in optimizer.param_groups]
        one.base_lrs = [rate if isinstance(rate, Tensor) else base for rate, base in zip(rates, one.base_lrs)]

    return build


swap(
    "first_rates_are_not_copied",
    "base_lrs holds the tensor that is the rate, and follows it.",
    lr_scheduler.LRScheduler,
    "__init__",
    _aliased,
    catches=["lr-scheduler/tensor-rate-is-written-in-place"],
)
