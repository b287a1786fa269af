"""Faults of what backward leaves of the graph, and of what it records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from tests.mutants.engine import replace_engine, run_engine
from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase


def _flags(torch_: MonkeyPatch, change: Callable[[bool, bool], tuple[bool, bool]]) -> None:
    """The engine is run with ``change(retain_graph, create_graph)`` in place of what was asked for."""

    def engine(results: Any, grads: Any, retain: bool, create: bool, *args: Any, **options: Any) -> tuple[Any, ...]:
        return run_engine(results, grads, *change(bool(retain), bool(create)), *args, **options)

    replace_engine(torch_, engine)


@mutant(
    "backward frees the graph although it was told to retain it.",
    catches=["retain-graph/retained-graph-serves-until-freed", "accumulation/shared-trunk-with-retain-accumulates"],
    reaches=["*"],
)
def retain_graph_is_ignored(torch_: MonkeyPatch) -> None:
    _flags(torch_, lambda retain, create: (create, create))


@mutant(
    "backward never frees the graph.",
    catches=[
        "retain-graph/second-backward-needs-retain-graph",
        "retain-graph/backward-frees-saved-tensors",
        "retain-graph/freed-tensors-are-let-go",
        "memory/forward-saves-intermediates-backward-releases",
    ],
    reaches=["autograd-grad", "backward", "custom-function", "graph", "saved-hooks", "threads", "training-loop"],
)
def graph_is_never_freed(torch_: MonkeyPatch) -> None:
    _flags(torch_, lambda retain, create: (True, create))


@mutant(
    "create_graph is ignored: gradients have no history.",
    catches=[
        "autograd-grad/create-graph-enables-higher-order",
        "autograd-grad/autograd-grad-signature",
        "backward/autograd-backward-signature",
    ],
    reaches=["*"],
)
def create_graph_is_ignored(torch_: MonkeyPatch) -> None:
    _flags(torch_, lambda retain, create: (retain, False))


@mutant(
    "Gradients always have a history.",
    catches=[
        "autograd-grad/without-create-graph-no-history",
        "higher-order/without-create-graph-nothing-is-recorded",
        "autograd-grad/autograd-grad-signature",
        "backward/autograd-backward-signature",
    ],
    reaches=["*"],
)
def gradients_are_always_recorded(torch_: MonkeyPatch) -> None:
    _flags(torch_, lambda retain, create: (retain, True))


@mutant(
    "create_graph=True does not keep the graph by itself.",
    catches=["backward/autograd-backward-signature", "retain-graph/retain-graph-default-follows-create-graph"],
)
def create_graph_frees(torch_: MonkeyPatch) -> None:
    """The gradient is recorded, but the graph that it was computed from is gone."""
    right = torch.autograd.backward

    def backward(tensors: Any, grad_tensors: Any = None, retain_graph: Any = None, *args: Any, **options: Any) -> None:
        right(tensors, grad_tensors, bool(retain_graph), *args, **options)

    torch_.setattr(torch.autograd, "backward", backward)


@mutant(
    "retain_graph=False does not free the graph where create_graph is True.",
    catches=["retain-graph/retain-graph-false-frees-even-with-create-graph"],
    reaches=["autograd-grad", "backward"],
)
def retain_graph_false_is_overruled(torch_: MonkeyPatch) -> None:
    _flags(torch_, lambda retain, create: (retain or create, create))


@mutant(
    "A second backward through a freed graph does nothing instead of raising.",
    catches=["retain-graph/second-backward-needs-retain-graph", "retain-graph/shared-trunk-second-loss-needs-retain"],
    reaches=["autograd-grad", "backward", "custom-function", "threads", "training-loop"],
)
def second_backward_is_silent(torch_: MonkeyPatch) -> None:
    def engine(*args: Any, **options: Any) -> tuple[Any, ...]:
        try:
            return run_engine(*args, **options)
        except RuntimeError as error:
            if "second time" in str(error):
                return ()
            raise

    replace_engine(torch_, engine)


@mutant(
    "backward lets every graph go, so that a second one raises even where nothing was saved.",
    catches=["retain-graph/second-backward-always-errors-without-retain"],
    reaches=["autograd-grad", "graph"],
)
def second_backward_always_raises(torch_: MonkeyPatch) -> None:
    walked: list[Any] = []

    def engine(results: Any, grads: Any, retain: Any, *args: Any, **options: Any) -> tuple[Any, ...]:
        nodes = [result.grad_fn for result in results if result.grad_fn is not None]
        if any(node is one for node in nodes for one in walked):
            raise RuntimeError("this graph was freed")
        if not retain:
            walked.extend(nodes)
        return run_engine(results, grads, retain, *args, **options)

    replace_engine(torch_, engine)


@mutant(
    "backward takes the graph away: its root has no grad_fn afterwards.",
    catches=["memory/backward-removes-whole-graph-object"],
    reaches=["custom-function", "leaf"],
)
def backward_removes_the_graph(torch_: MonkeyPatch) -> None:
    right, node = torch.Tensor.backward, TensorBase.grad_fn
    roots: list[torch.Tensor] = []

    def backward(tensor: torch.Tensor, *args: Any, **options: Any) -> None:
        right(tensor, *args, **options)
        roots.append(tensor)

    def read(tensor: torch.Tensor) -> Any:
        return None if any(tensor is one for one in roots) else node.__get__(tensor)

    torch_.setattr(torch.Tensor, "backward", backward)
    torch_.setattr(torch.Tensor, "grad_fn", property(read), raising=False)
