"""The rules about allocated memory catch faults of memory.

The other mutants are of torch on the CPU, whose memory nothing counts; these are of the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from conformance import reference as torch
from conformance.implementations.reference import ReferenceImplementation
from conformance.reference.declarations import OperationNode
from conformance.reference.graph import SavedTensor
from conformance.rules.loading import load
from conformance.running.cases import Case, expand
from conformance.running.execute import Runner

Patch = pytest.MonkeyPatch
Tensor = torch.Tensor

RULES = {rule.id.partition("/")[2]: rule for rule in load() if "allocator_statistics" in rule.capabilities}
_HELD: list[Any] = []


@pytest.fixture(autouse=True)
def _let_go() -> Any:
    yield
    _HELD.clear()


def _replace(patch: Patch, name: str, make: Callable[[Any], Any]) -> None:
    """The method of tensors called ``name`` becomes what ``make`` makes of it."""
    patch.setattr(Tensor, name, make(getattr(Tensor, name)))


def _copying(patch: Patch, *names: str) -> None:
    for name in names:
        _replace(patch, name, lambda right: lambda tensor, *args: right(tensor, *args).clone())


def _holding(right: Any) -> Any:
    def method(tensor: Any, *args: Any) -> Any:
        _HELD.append(tensor)
        return right(tensor, *args)

    return method


def views_copy(patch: Patch) -> None:
    """Views are copies."""
    _copying(patch, "t", "view", "__getitem__")


def detach_copies(patch: Patch) -> None:
    """detach() copies."""
    _copying(patch, "detach")


def conversions_copy(patch: Patch) -> None:
    """Conversions copy also where there is nothing to convert."""
    _copying(patch, "to", "contiguous")


def clone_shares(patch: Patch) -> None:
    """clone() is put off until somebody writes."""
    patch.setattr(Tensor, "clone", lambda tensor: tensor.view(tensor.shape))


def clone_takes_all(patch: Patch) -> None:
    """The clone of a view has room for all of its base."""

    def roomy(right: Any) -> Any:
        return lambda tensor: right(tensor.expand(2, *tensor.shape))[1]

    _replace(patch, "clone", roomy)


def view_keeps_rows(patch: Patch) -> None:
    """A view of a row outlives its base by keeping a copy of that row."""
    _replace(patch, "__getitem__", lambda right: lambda tensor, key: right(tensor, key).detach().clone())


def inplace_keeps_old(patch: Patch) -> None:
    """An in-place operation keeps what was there, in case somebody asks."""

    def keeping(right: Any) -> Any:
        def method(tensor: Any, *args: Any) -> Any:
            tensor.old = tensor.detach().clone()
            return right(tensor, *args)

        return method

    for name in ("add_", "neg_", "exp_", "sigmoid_", "zero_"):
        _replace(patch, name, keeping)


def saving_copies(patch: Patch) -> None:
    """What is saved for backward is copied."""
    right = SavedTensor.__init__

    def saving(saved: Any, tensor: Any, *args: Any) -> None:
        right(saved, tensor, *args)
        with torch.no_grad():
            saved.packed = tensor.clone()

    patch.setattr(SavedTensor, "__init__", saving)


def results_form_a_chain(patch: Patch) -> None:
    """Intermediate results live on with the final one, recorded or not."""

    def chained(right: Any) -> Any:
        def method(tensor: Any) -> Any:
            made = right(tensor)
            made.came_from = tensor
            return made

        return method

    for name in ("tanh", "exp"):
        _replace(patch, name, chained)


def backward_keeps_saved(patch: Patch) -> None:
    """Backward lets nothing go: a graph keeps what it saved as long as it lives."""
    patch.setattr(OperationNode, "release", lambda node: None)


def backward_always_frees(patch: Patch) -> None:
    """retain_graph=True is ignored."""
    _replace(patch, "backward", lambda right: lambda tensor, retain_graph=False: right(tensor))


def graph_is_a_cycle(patch: Patch) -> None:
    """A node holds its result, so that only the garbage collector frees a graph."""

    def tied(right: Any) -> Any:
        def method(tensor: Any) -> Any:
            made = right(tensor)
            if made.grad_fn is not None:
                made.grad_fn.metadata["result"] = made
            return made

        return method

    for name in ("exp", "sum", "mean"):
        _replace(patch, name, tied)


def item_holds(patch: Patch) -> None:
    """item() and float() keep the tensor that they read."""
    _replace(patch, "item", _holding)
    _replace(patch, "__float__", _holding)


def detach_holds(patch: Patch) -> None:
    """A detached tensor keeps the graph that it left."""
    _replace(patch, "detach", _holding)


def totals_lose_graphs(patch: Patch) -> None:
    """A sum of losses remembers the last one only, as if the total were detached."""
    _replace(patch, "__iadd__", lambda right: lambda tensor, other: right(tensor.detach(), other))


def sums_are_run_at_once(patch: Patch) -> None:
    """Backward of a sum of losses has been run by the time they are added."""
    _replace(patch, "__add__", lambda right: lambda tensor, other: right(tensor.detach(), other))


def zero_grad_holds(patch: Patch) -> None:
    """zero_grad() keeps the tensors that it takes away, to be used again."""

    def holding(right: Any) -> Any:
        def method(self: Any, set_to_none: bool = True) -> None:
            optimizer = isinstance(self, torch.optim.Optimizer)
            _HELD.extend(one.grad for one in (self.param_groups[0]["params"] if optimizer else self))
            right(self, set_to_none)

        return method

    for owner in (torch.optim.Optimizer, torch.nn.Module):
        patch.setattr(owner, "zero_grad", holding(owner.zero_grad))


def zero_grad_always_frees(patch: Patch) -> None:
    """zero_grad(set_to_none=False) sets to None all the same."""
    for owner in (torch.optim.Optimizer, torch.nn.Module):
        right = owner.zero_grad
        patch.setattr(owner, "zero_grad", lambda self, set_to_none=True, right=right: right(self))


def state_at_once(patch: Patch) -> None:
    """An optimizer makes room for its state when it is made."""
    right = torch.optim.Optimizer.__init__

    def init(self: Any, params: Any, *args: Any) -> None:
        params = list(params)
        self.room = [p.detach().clone() for p in params]
        right(self, params, *args)

    patch.setattr(torch.optim.Optimizer, "__init__", init)


def state_anew(patch: Patch) -> None:
    """Every step keeps what the step before it computed."""
    right = torch.optim.SGD.step

    def step(self: Any) -> None:
        _HELD.extend(p.grad.clone() for group in self.param_groups for p in group["params"])
        right(self)

    patch.setattr(torch.optim.SGD, "step", step)


def checkpoint_is_plain(patch: Patch) -> None:
    """A checkpointed function is simply called."""
    patch.setattr(torch.utils.checkpoint, "checkpoint", lambda function, *args, use_reentrant: function(*args))


CATCHES: dict[Callable[[Patch], None], set[str]] = {
    views_copy: {"views-and-detach-allocate-nothing"},
    detach_copies: {"views-and-detach-allocate-nothing"},
    conversions_copy: {"views-and-detach-allocate-nothing"},
    clone_shares: {"copies-allocate-their-bytes", "view-keeps-whole-storage"},
    clone_takes_all: {"copies-allocate-their-bytes", "view-keeps-whole-storage"},
    view_keeps_rows: {"view-keeps-whole-storage"},
    inplace_keeps_old: {"inplace-operations-allocate-nothing"},
    saving_copies: {"saving-for-backward-copies-nothing"},
    results_form_a_chain: {"no-grad-forward-leaves-only-its-result"},
    backward_keeps_saved: {"backward-frees-what-the-graph-saved", "backward-of-each-loss-keeps-one-graph"},
    backward_always_frees: {"backward-frees-what-the-graph-saved"},
    graph_is_a_cycle: {
        "letting-go-of-the-loss-frees-its-graph",
        "accumulating-losses-keeps-every-graph",
        "saving-for-backward-copies-nothing",
    },
    item_holds: {"letting-go-of-the-loss-frees-its-graph", "accumulating-losses-keeps-every-graph"},
    detach_holds: {"letting-go-of-the-loss-frees-its-graph", "accumulating-losses-keeps-every-graph"},
    totals_lose_graphs: {"accumulating-losses-keeps-every-graph"},
    sums_are_run_at_once: {"backward-of-each-loss-keeps-one-graph"},
    zero_grad_holds: {"zero-grad-to-none-frees-gradients"},
    zero_grad_always_frees: {"zero-grad-to-none-frees-gradients"},
    state_at_once: {"optimizer-state-appears-at-first-step"},
    state_anew: {"optimizer-state-appears-at-first-step"},
    checkpoint_is_plain: {"checkpoint-keeps-only-inputs-and-result"},
}


def failing(slugs: set[str]) -> set[str]:
    """Which of the rules fail on the reference as it is now."""
    implementation = ReferenceImplementation()
    runner = Runner(implementation)
    return {slug for slug in slugs if _fails(runner, [*expand([RULES[slug]], implementation, "cpu")])}


def _fails(runner: Runner, cases: list[Case]) -> bool:
    """Whether some case fails; none before it may come to anything but a pass."""
    for case in cases:
        outcome = runner.run(case)
        assert outcome.status in ("pass", "fail"), outcome
        if outcome.status == "fail":
            return True
    return False


@pytest.mark.parametrize("mutant", CATCHES, ids=lambda mutant: mutant.__name__)
def test_the_rules_about_it_fail(monkeypatch: Patch, mutant: Callable[[Patch], None]) -> None:
    """Each rule that states what the mutant gets wrong fails."""
    mutant(monkeypatch)
    assert failing(CATCHES[mutant]) == CATCHES[mutant]


def test_every_rule_can_fail() -> None:
    """There is a mutant for each rule about memory, and without mutants none of them fails."""
    assert set().union(*CATCHES.values()) == set(RULES)
    assert failing(set(RULES)) == set()
