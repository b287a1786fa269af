"""The reference counts the memory that its tensors hold, and the count is what NumPy allocated."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from conformance import reference as torch
from conformance.reference.memory import allocated

nn, F = torch.nn, torch.nn.functional

SIDE = 128
UNIT = SIDE * SIDE * 4
NUMPY = tracemalloc.DomainFilter(inclusive=True, domain=np.lib.tracemalloc_domain)


@pytest.fixture(autouse=True)
def _without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def numpy_bytes() -> int:
    """What NumPy has allocated for arrays and not freed, since tracing began; an array of nothing takes a byte."""
    traces = tracemalloc.take_snapshot().filter_traces([NUMPY]).traces
    return sum(trace.size for trace in traces if trace.size > 1)


class _Halves(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x[: SIDE // 2].clone())
        return x.sum()

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * torch.ones(SIDE, SIDE)


def _stepped() -> Any:
    p = nn.Parameter(torch.ones(SIDE, SIDE))
    opt = torch.optim.Adam([p])
    p.sum().backward()
    opt.step()
    return p, opt


def image() -> Any:
    return torch.ones(2, 4, 32, 32, requires_grad=True)


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda x: None,
    "a view": lambda x: x.t()[3:],
    "a copy": lambda x: x.clone(),
    "a copy of a view": lambda x: x[:5].clone(),
    "a contiguous copy": lambda x: x.t().contiguous(),
    "what broadcasting makes": lambda x: x.expand(3, SIDE, SIDE) * 2,
    "an expanded view": lambda x: x.expand(3, SIDE, SIDE),
    "a graph": lambda x: (x.sin().tanh().exp() * x).sum(),
    "a graph after backward": lambda x: [loss := (x * x).sum(), loss.backward()],
    "a graph of reductions": lambda x: x.std(0).logsumexp(0) + x.amax(1).prod(),
    "a product of matrices": lambda x: F.linear(x, x, x[0]),
    "a convolution": lambda x: F.conv2d(image(), torch.ones(3, 4, 3, 3), padding=1),
    "a pooling": lambda x: F.max_pool2d(image(), 2),
    "a batch norm": lambda x: nn.BatchNorm2d(4)(image()),
    "a loss": lambda x: F.cross_entropy(x, torch.arange(SIDE)),
    "an index": lambda x: x[torch.arange(64), 5:],
    "a state": lambda x: _stepped(),
    "what a function saves": _Halves.apply,
    "a storage alone": lambda x: x.clone().untyped_storage(),
    "gradients of gradients": lambda x: torch.autograd.grad((x**3).sum(), x, create_graph=True),
    "a checkpoint": lambda x: torch.utils.checkpoint.checkpoint(torch.sigmoid, x, use_reentrant=False),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_count_is_what_numpy_allocated(name: str) -> None:
    """Byte for byte, whatever a program leaves; and nothing stays when that is let go."""
    PROGRAMS[name](torch.ones(SIDE, SIDE, requires_grad=True))  # what is made once is made now
    x = torch.ones(SIDE, SIDE, requires_grad=True)
    tracemalloc.start()
    try:
        before, traced_before = allocated("cpu"), numpy_bytes()
        left = PROGRAMS[name](x)
        after, traced_after = allocated("cpu"), numpy_bytes()
        x.grad = None
        assert after - before == traced_after - traced_before
        del left
        assert allocated("cpu") == before
    finally:
        tracemalloc.stop()


def test_devices_are_counted_apart() -> None:
    """A copy on another device costs nothing here and its bytes there; an index that is left out is the first."""
    x = torch.ones(SIDE, SIDE)
    here, there = allocated("cpu"), allocated("accel")
    y = x.to("accel")
    assert (allocated("cpu") - here, allocated("accel") - there) == (0, UNIT)
    assert allocated("accel:0") == allocated("accel")
    assert allocated("accel:1") == allocated("accel32") == 0
    del y
    assert allocated("accel") == there


def test_memory_counts_once() -> None:
    """However many tensors and parameters see a buffer, and whatever part of it, it is counted once and whole."""
    before = allocated("cpu")
    x = torch.ones(SIDE, SIDE)
    held = [x[0], x.t(), x.detach(), nn.Parameter(x), x.untyped_storage(), x.numpy()]
    assert allocated("cpu") - before == UNIT
    del x
    held[:] = held[:1]
    assert allocated("cpu") - before == UNIT


def test_it_can_be_counted_while_something_is_saved() -> None:
    """A hook that packs a saved tensor runs in the middle of an operation, and sees that its result is there."""
    x = torch.ones(SIDE, SIDE, requires_grad=True)
    counts = [allocated("cpu")]
    with torch.autograd.graph.saved_tensors_hooks(lambda t: counts.append(allocated("cpu")), lambda t: t):
        x.exp()
    assert counts[1] - counts[0] == UNIT
