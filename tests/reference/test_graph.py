"""The graph: its nodes and edges, what it saves, and how long it lives."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

import conformance.reference as torch


@pytest.fixture
def without_collector() -> Iterator[None]:
    """Only reference counting frees anything meanwhile."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def leaf(*values: float) -> Any:
    return torch.tensor(list(values), requires_grad=True)


def test_nodes_are_named_and_linked_as_in_torch() -> None:
    """grad_fn, next_functions and AccumulateGrad.variable tell how a tensor was made."""
    x, c = leaf(1.0, 2.0), torch.ones(2)
    y = (x * c).sum()
    assert y.grad_fn.name() == "SumBackward0"
    ((product, number),) = y.grad_fn.next_functions
    assert (product.name(), number) == ("MulBackward0", 0)
    (to_leaf, _), (to_constant, _) = product.next_functions
    assert to_leaf.name() == "AccumulateGrad"
    assert to_leaf.variable is x
    assert to_constant is None


def test_only_what_the_wanted_gradients_need_is_saved() -> None:
    """The product x * c saves c but not x when only x requires grad."""
    x, c = leaf(1.0, 2.0), torch.full((2,), 3.0)
    node = (x * c).grad_fn
    assert node._saved_other is c
    with pytest.raises(AttributeError):
        node._saved_self  # noqa: B018


@pytest.mark.parametrize("change", ["add_", "mul_", "zero_"])
def test_a_saved_tensor_changed_in_place_is_noticed(change: str) -> None:
    """Backward raises when the version of what it saved has moved on."""
    y = leaf(1.0, 2.0) * 1
    z = (y * y).sum()
    getattr(y, change)(*([] if change == "zero_" else [2]))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


def test_writes_through_data_are_not_noticed() -> None:
    """.data has a version counter of its own, so the gradient is silently that of the new values."""
    x = leaf(1.0, 2.0)
    z = (x * x).sum()
    x.data.mul_(10)
    assert x._version == 0
    z.backward()
    assert x.grad.tolist() == [20.0, 40.0]


def test_a_second_backward_raises_unless_the_graph_is_retained() -> None:
    """What was saved is freed after backward, unless retain_graph."""
    x = leaf(1.0, 2.0)
    z = (x * x).sum()
    z.backward(retain_graph=True)
    z.backward()
    with pytest.raises(RuntimeError, match="second time"):
        z.backward()
    assert x.grad.tolist() == [4.0, 8.0]


def test_a_graph_that_saved_nothing_runs_again() -> None:
    """Addition saves nothing, so nothing is missing the second time."""
    x = leaf(1.0, 2.0)
    z = (x + 1).sum()
    z.backward()
    z.backward()
    assert x.grad.tolist() == [2.0, 2.0]


def program(x: Any) -> Any:
    """Outputs that save themselves, views, writes through views, several outputs."""
    y = x.exp() * x.tanh()
    y[0].mul_(x[1])
    values, _ = y.sort()
    return (values.view(-1) ** 2).softmax(0).prod()


@pytest.mark.usefixtures("without_collector")
def test_reference_counting_alone_frees_the_graph() -> None:
    """After backward, and without one, no node or intermediate survives its last holder."""
    for run_backward in (True, False):
        x = leaf(0.3, 0.5, 0.7)
        middle = x.exp()
        result = program(middle)
        watched = [weakref.ref(each) for each in (middle, middle.grad_fn, result, result.grad_fn)]
        if run_backward:
            result.backward()
        del middle, result
        assert [each() for each in watched] == [None] * 4


@pytest.mark.usefixtures("without_collector")
def test_a_double_backward_graph_is_freed_too() -> None:
    """create_graph leaves no cycle once the gradients are dropped."""
    x = leaf(0.3, 0.5, 0.7)
    result = program(x)
    (gradient,) = torch.autograd.grad(result, x, create_graph=True)
    watched = [weakref.ref(gradient.grad_fn), weakref.ref(result.grad_fn)]
    gradient.sum().backward()
    del gradient, result
    assert [each() for each in watched] == [None, None]


@pytest.mark.usefixtures("without_collector")
def test_no_grad_keeps_nothing_alive() -> None:
    """Under no_grad an intermediate goes as soon as it is replaced."""
    x = leaf(0.3, 0.5)
    with torch.no_grad():
        middle = x.exp()
        watched = weakref.ref(middle)
        middle = middle * middle
    assert watched() is None


def test_a_saved_output_is_not_the_object_itself() -> None:
    """Exp saves its result without holding the tensor; what comes back has the same history."""
    y = leaf(1.0, 2.0).exp()
    saved = y.grad_fn._saved_result
    assert saved is not y
    assert saved.grad_fn is y.grad_fn
    assert saved.tolist() == y.tolist()


def test_saved_tensor_hooks_replace_what_is_saved() -> None:
    """What unpack gives is what backward uses; pack sees each saved tensor once."""
    packed: list[Any] = []
    x = leaf(1.0, 2.0)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: (packed.append(t.tolist()), t)[1], lambda t: t * 10):
        z = (x * x).sum()
    z.backward()
    assert packed == [[1.0, 2.0], [1.0, 2.0]]
    assert x.grad.tolist() == [20.0, 40.0]


def test_inference_tensors_cannot_be_saved() -> None:
    """Recording an operation that would save one raises."""
    with torch.inference_mode():
        c = torch.ones(2)
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved"):
        leaf(1.0, 2.0) * c


def test_a_detached_in_place_tensor_cannot_be_unpacked() -> None:
    """detach_ on something saved is refused in backward, not passed over."""
    y = leaf(1.0, 2.0) * 1
    z = (y * y).sum()
    y.detach_()
    with pytest.raises(RuntimeError, match="detached in-place"):
        z.backward()
