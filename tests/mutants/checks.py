"""Faults of gradcheck, of anomaly mode, and of backward in threads."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import Any

import torch
import torch.func
from torch import Tensor

from tests.mutants.swapping import swap, with_options

# -- gradcheck ---------------------------------------------------------------------------------------------------

swap(
    "gradcheck_accepts_everything",
    "gradcheck returns True without looking.",
    torch.autograd,
    "gradcheck gradgradcheck",
    lambda right: lambda *args, **options: True,
    catches=[
        "gradcheck/rejects-wrong",
        "gradcheck/needs-differentiable-input",
        "gradcheck/double-precision-default",
        "gradcheck/overlapping-input-refused",
        "gradcheck/second-order",
        "gradcheck/complex-inputs",
    ],
)
swap(
    "gradcheck_never_raises",
    "gradcheck returns False where it should raise.",
    torch.autograd,
    "gradcheck",
    with_options(raise_exception=False),
    catches=["gradcheck/rejects-wrong"],
)
swap(
    "gradcheck_is_generous",
    "gradcheck lets gradients pass that are half a percent off.",
    torch.autograd,
    "gradcheck",
    with_options(rtol=0.01),
    catches=["gradcheck/rejects-wrong"],
)
swap(
    "gradcheck_ignores_nondeterminism",
    "gradcheck does not compare the gradients of two calls.",
    torch.autograd,
    "gradcheck",
    with_options(nondet_tol=1.0),
    catches=["gradcheck/nondeterminism"],
)
swap(
    "gradcheck_tries_no_undefined_gradients",
    "gradcheck does not try undefined gradients.",
    torch.autograd,
    "gradcheck",
    with_options(check_undefined_grad=False),
    catches=["gradcheck/undefined-grad"],
)
swap(
    "gradcheck_ignores_tolerances",
    "gradcheck ignores eps and atol.",
    torch.autograd,
    "gradcheck",
    with_options(eps=1e-6, atol=1e-5),
    catches=["gradcheck/tolerances-are-arguments"],
)


def _accumulating(right: Any) -> Any:
    def check(function: Any, inputs: Any, **options: Any) -> Any:
        verdict = right(function, inputs, **options)
        for one in inputs if isinstance(inputs, tuple) else (inputs,):
            if one.requires_grad:
                one.grad = torch.zeros_like(one)
        return verdict

    return check


swap(
    "gradcheck_leaves_gradients",
    "gradcheck leaves gradients in its inputs.",
    torch.autograd,
    "gradcheck",
    _accumulating,
    catches=["gradcheck/accepts-correct"],
)

# -- anomaly mode ------------------------------------------------------------------------------------------------

swap(
    "anomaly_mode_does_nothing",
    "detect_anomaly does nothing.",
    torch.autograd,
    "detect_anomaly",
    lambda right: lambda *args, **options: nullcontext(),
    catches=["anomaly/nan-raises", "anomaly/scope", "anomaly/traceback"],
)
swap(
    "anomaly_mode_always_checks",
    "check_nan=False is ignored.",
    torch.autograd,
    "detect_anomaly set_detect_anomaly",
    lambda right: lambda *args, check_nan=True: right(*args),
    catches=["anomaly/nan-raises", "anomaly/scope"],
)
swap(
    "anomaly_mode_never_ends",
    "Anomaly mode stays on after its block.",
    torch.autograd.detect_anomaly,
    "__exit__",
    lambda right: lambda *args: None,
    catches=["anomaly/scope"],
)

swap(
    "anomaly_mode_ends_outside_too",
    "The end of a block switches anomaly mode off, whatever it was before.",
    torch.autograd.detect_anomaly,
    "__exit__",
    lambda right: lambda block, *error: torch.set_anomaly_enabled(False),
    catches=["anomaly/restores-what-was-there"],
)
swap(
    "anomaly_mode_survives_errors",
    "An error in a block leaves anomaly mode as it was there.",
    torch.autograd.set_detect_anomaly,
    "__exit__",
    lambda right: lambda block, kind=None, *error: right(block, kind, *error) if kind is None else None,
    catches=["anomaly/restores-what-was-there"],
)

# -- threads -----------------------------------------------------------------------------------------------------


def _in_main_thread_only(right: Any) -> Any:
    def backward(*args: Any, **options: Any) -> Any:
        if threading.current_thread() is threading.main_thread():
            return right(*args, **options)
        return None

    return backward


swap(
    "backward_stops_at_threads",
    "backward outside of the main thread does nothing.",
    Tensor,
    "backward",
    _in_main_thread_only,
    catches=[
        "threads/independent-backward",
        "threads/shared-graph-needs-retain",
        "threads/shared-leaf-accumulation",
        "threads/graph-made-elsewhere",
    ],
    reaches=["grad-mode"],
)
