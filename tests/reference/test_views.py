"""Views and writes in place: shared memory, shared versions, and histories that follow."""

from __future__ import annotations

from typing import Any

import pytest

import conformance.reference as torch


def base_of(*values: float) -> tuple[Any, Any]:
    """A leaf, and a non-leaf with its values."""
    x = torch.tensor(list(values), requires_grad=True)
    return x, x * 1


VIEWS = {
    "view": lambda t: t.view(2, 2),
    "slice": lambda t: t[1:3],
    "select": lambda t: t[2],
    "expand": lambda t: t.expand(3, 4),
    "unfold": lambda t: t.unfold(0, 2, 1),
    "as_strided": lambda t: t.as_strided((2,), (2,), 1),
    "diagonal": lambda t: t.view(2, 2).diagonal(),
    "transpose": lambda t: t.view(2, 2).t(),
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_shares_memory_base_and_version(name: str) -> None:
    """Writes through the base are seen in the view, and move its version on."""
    base = torch.zeros(4)
    view = VIEWS[name](base)
    assert view._base is base
    base.fill_(3.0)
    assert set(view.reshape(-1).tolist()) == {3.0}
    assert view._version == base._version == 1


def test_a_view_of_a_view_has_the_root_as_base() -> None:
    """_base never is a view itself."""
    base = torch.zeros(4)
    assert base.view(2, 2)[0][1]._base is base


def test_detach_shares_the_version_and_data_does_not() -> None:
    """Both share memory; only writes through detach() are counted."""
    _, base = base_of(1.0, 2.0)
    base.detach().add_(1)
    assert base._version == 1
    base.data.add_(1)
    assert base._version == 1
    assert base.tolist() == [3.0, 4.0]


def test_a_write_through_a_view_gives_the_base_a_new_history() -> None:
    """The overwritten part gets the gradient through the operation, the rest goes past it."""
    x, base = base_of(1.0, 2.0, 3.0, 4.0)
    scale = torch.tensor(10.0, requires_grad=True)
    base.view(2, 2)[0].mul_(scale)
    assert base.grad_fn.name() == "CopySlices"
    base.sum().backward()
    assert x.grad.tolist() == [10.0, 10.0, 1.0, 1.0]
    assert scale.grad.item() == 3.0


def test_a_write_to_the_base_reaches_views_taken_before() -> None:
    """The view's grad_fn is made new from the base's."""
    x, base = base_of(1.0, 2.0, 3.0)
    view = base[1:]
    base.mul_(5)
    assert view.grad_fn.name() == "AsStridedBackward0"
    view.sum().backward()
    assert x.grad.tolist() == [0.0, 5.0, 5.0]


def test_a_plain_base_requires_grad_once_such_a_value_is_written_into_its_view() -> None:
    """And so do its other views."""
    base = torch.zeros(4)
    other = base[2:]
    x = torch.ones(2, requires_grad=True)
    base[:2].copy_(x * 3)
    assert base.requires_grad
    assert other.requires_grad
    base.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_double_backward_through_a_write_into_a_view() -> None:
    """CopySlices and AsStrided are differentiable themselves."""

    def function(x: Any, y: Any) -> Any:
        base = x * x
        base.view(2, 2)[:, 0].mul_(y)
        return base.view(2, 2).t() * base.view(2, 2)

    x = torch.tensor([0.3, 0.5, 0.7, 1.1], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([1.5, -0.4], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(function, (x, y))
    assert torch.autograd.gradgradcheck(function, (x, y))


def test_a_write_through_the_real_part_of_a_complex_tensor() -> None:
    """Base and view differ in type; the gradient still finds its place."""
    z = torch.tensor([1 + 2j], requires_grad=True)
    base = z * 1
    base.real.mul_(3)
    assert base.tolist() == [3 + 2j]
    (base.real + 10 * base.imag).sum().backward()
    assert z.grad.item() == 3 + 10j


REFUSED = {
    "leaf": (lambda: torch.ones(2, requires_grad=True).add_(1), "a leaf Variable"),
    "view of a leaf": (lambda: torch.ones(2, requires_grad=True)[0].add_(1), "a view of a leaf"),
    "one of several views": (lambda: base_of(1.0, 2.0)[1].unbind()[0].add_(1), "multiple views"),
    "expanded": (lambda: torch.ones(1).expand(3).add_(1), "single memory location"),
    "overlapping source": (lambda: (t := torch.ones(4))[1:].copy_(t[:-1]), "single memory location"),
    "wider result": (lambda: torch.ones(1).add_(torch.ones(3)), "broadcast"),
    "higher category": (lambda: torch.ones(2, dtype=torch.int64).add_(0.5), "can't be cast"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_writes_that_are_refused(name: str) -> None:
    """Each with the error that says why."""
    write, message = REFUSED[name]
    with pytest.raises(RuntimeError, match=message):
        write()


def test_a_view_made_under_no_grad_may_not_be_written_with_grad_on() -> None:
    """It would be unclear whether the write is to be recorded."""
    _, base = base_of(1.0, 2.0)
    with torch.no_grad():
        view = base.view(2)
    with pytest.raises(RuntimeError, match="no_grad mode"):
        view.add_(1)


def test_in_place_operations_that_need_the_old_value_keep_it() -> None:
    """x.sin_() and x.mul_(y) differentiate at the values that they overwrote."""
    x = torch.tensor([0.5, 1.5], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([2.0, 3.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: (a * 1).sin_().mul_(b).pow_(3), (x, y))
    assert torch.autograd.gradgradcheck(lambda a, b: (a * 1).sin_().mul_(b).pow_(3), (x, y))


def test_an_operand_that_is_the_target_is_noticed() -> None:
    """y.mul_(y) saves y before it writes, so backward finds it changed."""
    _, y = base_of(1.0, 2.0)
    y.mul_(y)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_indexing_makes_views_for_slices_and_copies_for_tensors() -> None:
    """The basic parts of a key are views; index tensors, lists and masks copy."""
    t = torch.arange(12.0).view(3, 4)
    for key in (1, slice(0, 2), (0, slice(None)), Ellipsis, None, (Ellipsis, 1), (slice(None), slice(0, 4, 2))):
        assert t[key]._is_view(), key
    for key in ([0, 1], torch.tensor([0]), t[:, 0] > 3, (slice(None), [0, 2])):
        assert not t[key]._is_view(), key


INDEXING = [
    "x[1]", "x[-1, 2]", "x[..., 1]", "x[:, None, 1:3]", "x[[0, 2]]", "x[:, [1, 3]]", "x[[0, 1], [2, 3]]", "x[x > 5]",
    "x[lib.tensor([2, 0]), 1:]", "x[None, [0]]", "x[lib.tensor(1)]", "x[x[:, 0] > 3, 2]",
    "x[..., lib.tensor([[0], [1]])]", "x[lib.tensor([True, False, True])]", "x[True]", "x[::2, ::3]", "x[1:1]",
]  # fmt: skip


@pytest.mark.parametrize("expression", INDEXING)
def test_indexing_reads_and_writes_what_torch_does(expression: str) -> None:
    """Values of x[key], and of x after x[key] = number and x[key] = x[key] * 2."""
    theirs = pytest.importorskip("torch")
    found = []
    for lib in (torch, theirs):
        x = lib.arange(12.0).view(3, 4) * 1
        scope = {"x": x, "lib": lib}
        read = eval(expression, scope)
        exec(f"{expression} = 7", scope)
        after = x.tolist()
        exec(f"{expression} = {expression} * 2", scope)
        found.append((read.tolist(), after, x.tolist()))
    assert found[0] == found[1]
