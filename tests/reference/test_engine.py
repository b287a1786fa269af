"""backward and grad: their arguments, accumulation, hooks and their order."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import conformance.reference as torch


def leaf(*values: float) -> Any:
    return torch.tensor(list(values), requires_grad=True)


def test_gradients_accumulate_in_place_into_leaves_only() -> None:
    """The .grad object stays the same one from the second backward on."""
    x = leaf(1.0, 2.0)
    (x * 3).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    assert x.grad is first
    assert first.tolist() == [6.0, 6.0]


def test_with_create_graph_accumulation_makes_a_new_gradient() -> None:
    """So that the first one stays what it was."""
    x = leaf(1.0, 2.0)
    (x * x).sum().backward(create_graph=True)
    first = x.grad
    assert first.requires_grad
    (x * x).sum().backward(create_graph=True)
    assert x.grad is not first
    assert first.tolist() == [2.0, 4.0]


def test_a_gradient_never_is_the_memory_that_was_passed_in() -> None:
    """Both leaves of a + b get copies."""
    a, b, start = leaf(1.0), leaf(2.0), torch.ones(1)
    (a + b).backward(start)
    assert len({a.grad.data_ptr(), b.grad.data_ptr(), start.data_ptr()}) == 3


def test_inputs_restrict_where_gradients_go() -> None:
    """Only the named leaf (or non-leaf) gets .grad."""
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = x * w
    y.sum().backward(inputs=[w])
    assert x.grad is None
    assert w.grad.tolist() == [1.0, 2.0]
    (x * 2).sum().backward(inputs={"x": x})
    assert x.grad.tolist() == [2.0, 2.0]


def test_grad_returns_without_touching_leaves() -> None:
    """Unused inputs raise, are None, or are zeros, as asked."""
    x, w = leaf(1.0, 2.0), leaf(3.0)
    y = (x * x).sum()
    (gradient,) = torch.autograd.grad(y, x, retain_graph=True)
    assert gradient.tolist() == [2.0, 4.0]
    assert x.grad is None
    with pytest.raises(RuntimeError, match="not have been used"):
        torch.autograd.grad(y, [x, w], retain_graph=True)
    assert torch.autograd.grad(y, [x, w], retain_graph=True, allow_unused=True)[1] is None
    assert torch.autograd.grad(y, [x, w], materialize_grads=True)[1].tolist() == [0.0]


def test_batched_gradients_are_one_for_each_row() -> None:
    """is_grads_batched takes and gives a leading dimension."""
    x = leaf(1.0, 2.0)
    (rows,) = torch.autograd.grad(x * x, x, torch.eye(2), is_grads_batched=True)
    assert rows.tolist() == [[2.0, 0.0], [0.0, 4.0]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: (x * 2).backward(), "scalar outputs"),
        (lambda x: (x * 2).backward(torch.ones(3)), "Mismatch in shape"),
        (lambda x: torch.ones(2).sum().backward(), "does not require grad"),
        (lambda x: x.sum().backward(inputs=[]), "cannot be empty"),
        (lambda x: (x * 1j).sum().backward(), "real scalar outputs"),
    ],
)
def test_what_backward_refuses(call: Any, message: str) -> None:
    """Each wrong start has its own error."""
    with pytest.raises(RuntimeError, match=message):
        call(leaf(1.0, 2.0))


def test_hooks_run_in_torchs_order() -> None:
    """Tensor hooks, retained gradients, node pre-hooks, the node, its post-hooks, the leaf's hooks, the sink's."""
    log: list[Any] = []
    x = leaf(1.0, 2.0)
    y = x * 3
    y.retain_grad()
    y.register_hook(lambda g: (log.append("tensor"), g * 10)[1])
    y.grad_fn.register_prehook(lambda gs: log.append(f"pre {y.grad.tolist()}"))
    y.grad_fn.register_hook(lambda gi, go: log.append("post"))
    x.register_hook(lambda g: log.append(f"leaf {g.tolist()}"))
    x.register_post_accumulate_grad_hook(lambda p: log.append(f"accumulated {p.grad.tolist()}"))
    y.sum().backward()
    assert log == ["tensor", "pre [10.0, 10.0]", "post", "leaf [30.0, 30.0]", "accumulated [30.0, 30.0]"]


def test_a_removed_hook_runs_no_more() -> None:
    """handle.remove() works once and again."""
    x = leaf(1.0)
    handle = x.register_hook(lambda g: g * 100)
    handle.remove()
    handle.remove()
    x.sum().backward()
    assert x.grad.tolist() == [1.0]


def test_a_hook_may_not_change_the_shape() -> None:
    """What it returns must fit."""
    y = leaf(1.0, 2.0) * 1
    y.register_hook(lambda g: g[:1])
    with pytest.raises(RuntimeError, match="changed the size"):
        y.sum().backward()


@pytest.mark.parametrize(("mode", "expected"), [("all", [[6.0, 1.0]]), ("any", [1.0])])
def test_a_multi_grad_hook_is_called_once(mode: str, expected: list[Any]) -> None:
    """With all gradients after the last, or with the first."""
    calls: list[Any] = []
    x = leaf(2.0)
    y = x * 3
    z = y * 2

    def hook(grads: Any) -> None:
        calls.append([g.item() for g in grads] if mode == "all" else grads.item())

    torch.autograd.graph.register_multi_grad_hook([x, z], hook, mode=mode)
    z.sum().backward()
    assert calls == expected


def test_broadcasting_is_undone_and_types_are_kept() -> None:
    """Each gradient has the shape and type of its leaf."""
    a = torch.ones(2, 1, requires_grad=True)
    b = torch.ones(3, dtype=torch.float64, requires_grad=True)
    (a * b).sum().backward()
    assert (a.grad.tolist(), a.grad.dtype) == ([[3.0], [3.0]], torch.float32)
    assert (b.grad.tolist(), b.grad.dtype) == ([2.0, 2.0, 2.0], torch.float64)


def test_the_first_gradient_takes_the_strides_of_its_leaf() -> None:
    """A dense leaf's strides are kept, whatever the gradient's were."""
    x = torch.ones(3, 2).t().requires_grad_()
    (x * torch.ones(2, 3)).sum().backward()
    assert x.grad.stride() == x.stride() == (1, 2)


def test_reading_the_grad_of_a_non_leaf_warns() -> None:
    """Unless it asked to retain it."""
    y = leaf(1.0) * 2
    with pytest.warns(UserWarning, match="not a leaf"):
        assert y.grad is None
    y.retain_grad()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert y.grad is None


def test_anomaly_mode_names_the_forward_call() -> None:
    """An error in backward comes with the traceback of the operation it belongs to, and nan raises."""
    with torch.autograd.set_detect_anomaly(True):
        x = leaf(-1.0)
        y = x.sqrt()
        with (
            pytest.warns(UserWarning, match="test_anomaly_mode_names"),
            pytest.raises(RuntimeError, match="nan values"),
        ):
            y.sum().backward()


def test_a_long_chain_runs_and_is_freed() -> None:
    """No recursion depth limits the length of a graph."""
    x = leaf(1.0)
    y = x
    for _ in range(20_000):
        y = y + 1
    y.sum().backward()
    del y
    assert x.grad.tolist() == [1.0]


def test_backward_within_backward() -> None:
    """A node may start another run, as reentrant checkpointing does."""
    x = leaf(1.0, 2.0)
    y = torch.utils.checkpoint.checkpoint(lambda t: t.exp() * t, x * 1, use_reentrant=True)
    y.sum().backward()
    expected = ((1 + x) * x.exp()).tolist()
    assert x.grad.tolist() == pytest.approx(expected)


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_checkpoint_runs_the_function_again_in_backward(use_reentrant: bool) -> None:
    """Twice in all, with the same gradients as without."""
    calls: list[int] = []
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)

    def function(t: Any) -> Any:
        calls.append(1)
        return (t * w).sin() * t

    torch.utils.checkpoint.checkpoint(function, x, use_reentrant=use_reentrant).sum().backward()
    found = x.grad.tolist(), w.grad.tolist()
    assert len(calls) == 2
    x.grad = w.grad = None
    function(x).sum().backward()
    assert found == (x.grad.tolist(), w.grad.tolist())
