"""Custom functions: contexts, both styles of forward, and what backward may return."""

from __future__ import annotations

from typing import Any

import pytest

import conformance.reference as torch
from conformance.reference.autograd import Function
from conformance.reference.autograd.function import once_differentiable


class Cube(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        (x,) = ctx.saved_tensors
        return grad * 3 * x**2


class Scale(Function):
    @staticmethod
    def forward(x: Any, factor: float = 2.0) -> Any:
        return x * factor

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.factor = inputs[1]

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * ctx.factor, None


def leaf(*values: float) -> Any:
    return torch.tensor(list(values), dtype=torch.float64, requires_grad=True)


def returning(gradient: Any, forward: Any = lambda ctx, x: x * 1) -> Any:
    """A function whose backward returns something given."""
    return type(
        "Given", (Function,), {"forward": staticmethod(forward), "backward": staticmethod(lambda ctx, g: gradient)}
    )


def test_gradients_and_double_backward_of_a_function() -> None:
    """A custom backward is recorded when create_graph is on."""
    assert torch.autograd.gradcheck(Cube.apply, leaf(0.5, -1.5))
    assert torch.autograd.gradgradcheck(Cube.apply, leaf(0.5, -1.5))


def test_the_context_is_the_node() -> None:
    """grad_fn is named after the class and carries what forward put on ctx."""
    y = Scale.apply(leaf(1.0))
    assert y.grad_fn.name() == "ScaleBackward"
    assert y.grad_fn.factor == 2.0


@pytest.mark.parametrize(("args", "kwargs", "expected"), [((), {}, 2.0), ((3.0,), {}, 3.0), ((), {"factor": 4.0}, 4.0)])
def test_setup_context_sees_all_arguments(args: Any, kwargs: Any, expected: float) -> None:
    """Defaults and keywords are filled in."""
    x = leaf(1.0)
    Scale.apply(x, *args, **kwargs).backward()
    assert x.grad.item() == expected


def test_forward_runs_without_recording() -> None:
    """Grad mode is off in forward, and the node sees which inputs want gradients."""
    seen: list[Any] = []

    def forward(ctx: Any, x: Any, y: Any) -> Any:
        seen.append((torch.is_grad_enabled(), ctx.needs_input_grad))
        return x * y

    function = type("Seen", (Function,), {"forward": staticmethod(forward)})
    function.apply(leaf(1.0), torch.ones(1, dtype=torch.float64))
    assert seen == [(False, (True, False))]


def test_undefined_gradients_are_zeros_unless_asked_otherwise() -> None:
    """set_materialize_grads(False) lets backward see None."""
    seen: list[Any] = []

    def make(materialize: bool) -> Any:
        def forward(ctx: Any, x: Any) -> Any:
            ctx.set_materialize_grads(materialize)
            return x * 1, x * 2

        def backward(ctx: Any, first: Any, second: Any) -> Any:
            seen.append(second if second is None else second.tolist())
            return first

        return type("Two", (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})

    for materialize in (True, False):
        make(materialize).apply(leaf(1.0))[0].backward()
    assert seen == [[0.0], None]


@pytest.mark.parametrize(
    ("gradient", "error"),
    [
        (torch.ones(2), "shape"),
        (3.0, "expected a Tensor or None"),
        ((torch.ones(3), torch.ones(3)), "incorrect number of gradients"),
    ],
)
def test_wrong_gradients_raise(gradient: Any, error: str) -> None:
    """Of another shape, type or number."""
    with pytest.raises(RuntimeError, match=error):
        returning(gradient).apply(leaf(1.0, 2.0, 3.0)).sum().backward()


def test_a_broadcast_gradient_is_summed() -> None:
    """What is wider than the input is reduced to it, and cast."""
    x = leaf(1.0, 2.0, 3.0)
    returning(torch.ones(2, 3)).apply(x).sum().backward()
    assert (x.grad.tolist(), x.grad.dtype) == ([2.0, 2.0, 2.0], torch.float64)


def test_mark_dirty_makes_the_node_the_history_of_the_input() -> None:
    """The very same tensor comes back, its version moved on."""

    def forward(ctx: Any, x: Any) -> Any:
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    double = type(
        "Double", (Function,), {"forward": staticmethod(forward), "backward": staticmethod(lambda ctx, g: g * 2)}
    )
    x = leaf(1.0)
    y = x * 1
    assert double.apply(y) is y
    assert y.grad_fn.name() == "DoubleBackward"
    y.backward()
    assert x.grad.item() == 2.0
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        double.apply(leaf(1.0))


def test_an_input_returned_as_it_is_becomes_a_view() -> None:
    """The input keeps its own history; writing to the view is refused."""
    y = leaf(1.0) * 1
    history = y.grad_fn
    z = returning(torch.ones(1), lambda ctx, x: x).apply(y)
    assert z is not y
    assert y.grad_fn is history
    with pytest.raises(RuntimeError, match="custom Function"):
        z.add_(1)


def test_once_differentiable_refuses_the_second_time() -> None:
    """The first derivative works; differentiating it raises."""

    def backward(ctx: Any, grad: Any) -> Any:
        return grad * 2

    function = type(
        "Once",
        (Function,),
        {"forward": staticmethod(lambda ctx, x: x * 2), "backward": staticmethod(once_differentiable(backward))},
    )
    x = leaf(1.0)
    (gradient,) = torch.autograd.grad(function.apply(x) * x, x, create_graph=True)
    assert gradient.item() == 4.0
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.backward()


def test_only_tensors_can_be_saved() -> None:
    """save_for_backward refuses anything else than tensors and None."""

    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x, 3)
        return x

    with pytest.raises(TypeError, match="save_for_backward"):
        type("Saving", (Function,), {"forward": staticmethod(forward)}).apply(leaf(1.0))
