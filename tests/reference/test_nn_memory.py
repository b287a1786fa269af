"""Graphs, modules and optimizers are freed by reference counting alone."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from conformance import reference as torch

nn = torch.nn

MODULES = [
    ("nn.Linear(4, 3)", (2, 4)),
    ("nn.Conv2d(3, 4, 3)", (2, 3, 5, 5)),
    ("nn.ConvTranspose1d(3, 4, 3)", (2, 3, 5)),
    ("nn.BatchNorm1d(4)", (5, 4)),
    ("nn.LayerNorm(4)", (5, 4)),
    ("nn.RMSNorm(4)", (5, 4)),
    ("nn.Sequential(nn.Conv1d(2, 2, 1), nn.MaxPool1d(2), nn.Dropout(), nn.GELU(), nn.Softmax(1))", (1, 2, 6)),
]


@pytest.fixture(autouse=True)
def _without_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def _with_hooks(module: Any) -> Any:
    module.register_forward_hook(lambda *_: None)
    module.register_full_backward_hook(lambda *_: None)
    return module


@pytest.mark.parametrize("hooked", [False, True])
@pytest.mark.parametrize(("source", "sizes"), MODULES)
def test_a_graph_is_freed_with_its_loss(source: str, sizes: tuple[int, ...], hooked: bool) -> None:
    """Neither after backward nor without one does a node outlive the tensors that name it."""
    module = eval(source, {"nn": nn})
    module = _with_hooks(module) if hooked else module
    for run_backward in (True, False):
        loss = module(torch.randn(sizes, requires_grad=True)).square().sum()
        node = weakref.ref(loss.grad_fn)
        if run_backward:
            loss.backward()
        assert node() is not None
        del loss
        assert node() is None


def test_modules_optimizers_and_schedules_are_freed() -> None:
    """After a step of training nothing holds them but their names."""
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    optimizer = torch.optim.Adam(module.parameters())
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    module(torch.randn(3, 2)).sum().backward()
    optimizer.step()
    scheduler.step()
    held = [weakref.ref(each) for each in (module, module[0].weight, optimizer, scheduler)]
    del module, optimizer, scheduler
    assert [each() for each in held] == [None] * 4


def test_no_grad_keeps_no_input() -> None:
    """Without recording a layer's input is gone when its caller lets go of it."""
    module = nn.Conv1d(2, 2, 1)
    x = torch.randn(1, 2, 3)
    seen = weakref.ref(x)
    with torch.no_grad():
        y = module(x)
        del x
        assert seen() is None
    assert not y.requires_grad
