"""The words of the language, on torch."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from conformance.implementations.contract import Implementation
from tests.running.trials import Plain, fails, fake, finding, holds, run

SECOND_BACKWARD = "y = (w * w).sum()\ny.backward()\n"


def test_raises_is_met(tmp_path: Path) -> None:
    """An error of the class, or of a subclass, counts as two checks: that it comes, and its class."""
    outcome = run(tmp_path, SECOND_BACKWARD + "with raises(RuntimeError):\n    y.backward()", "x: x")
    assert (outcome.status, outcome.checks) == ("pass", 3)
    holds(tmp_path, "with raises(Exception):\n    x.backward()", "x: x")
    holds(tmp_path, "with raises((TypeError, RuntimeError)):\n    x.backward()", "x: x")


def test_a_missing_error(tmp_path: Path) -> None:
    """What should have raised is a finding on its own line, and the case goes on."""
    outcome = run(tmp_path, "y = 1\nwith raises(RuntimeError):\n    w.sum().backward()\nz = 2", "z: 2\nw.grad: [2, 2]")
    assert [(one.kind, one.line) for one in outcome.findings] == [("missing error", 12), ("values", 17)]
    assert (outcome.findings[0].expected, outcome.findings[0].observed) == ("RuntimeError", "no error")


def test_a_wrong_error_is_a_detail(tmp_path: Path) -> None:
    """That an error comes is checked at the rule's level, its class at 'should'."""
    found = fails(tmp_path, "with raises(TypeError):\n    x.backward()", "x: x", "wrong error")
    assert (found.level, found.expected, found.line) == ("should", "TypeError", 12)
    assert found.observed.startswith("RuntimeError: element 0 of tensors")


def test_raises_none(tmp_path: Path) -> None:
    """raises(None): an error is a finding at the rule's level, and the case goes on."""
    holds(tmp_path, "with raises(None):\n    w.sum().backward()", "w.grad: [1, 1]")
    outcome = run(tmp_path, "with raises(None):\n    x.backward()\ny = 1", "y: 2")
    assert [(one.kind, one.level) for one in outcome.findings] == [("unexpected error", "must"), ("values", "must")]


def test_raises_of_a_parameter(tmp_path: Path) -> None:
    """The class may come from a row, or from a condition."""
    more = "with: {bad: {yes: {E: RuntimeError}}}\n"
    holds(tmp_path, "with raises(E):\n    x.backward()", "x: x", more)
    holds(tmp_path, "with raises(RuntimeError if n > 1 else None):\n    x.backward()", "x: x", "with: {n: [2]}\n")


def test_nested_raises(tmp_path: Path) -> None:
    """The inner one takes the error; the outer one misses it."""
    when = "with raises(RuntimeError):\n    with raises(RuntimeError):\n        x.backward()"
    found = fails(tmp_path, when, "x: x", "missing error")
    assert found.line == 11


def test_what_is_absent_never_meets_raises(tmp_path: Path) -> None:
    """NotImplementedError is 'unsupported' although it is a RuntimeError, unless the rule names it."""
    define = "def absent():\n    raise NotImplementedError('not here')\n"
    outcome = run(tmp_path, define + "with raises(RuntimeError):\n    absent()", "x: x")
    assert (outcome.status, outcome.reason) == ("unsupported", "torch has no kernel: not here")
    assert run(tmp_path, define + "with raises(None):\n    absent()", "x: x").status == "unsupported"
    holds(tmp_path, define + "with raises(NotImplementedError):\n    absent()", "x: x")


def test_a_missing_kernel_never_meets_raises(tmp_path: Path) -> None:
    """To torch a kernel that it has not is a RuntimeError; the rule's error is another one."""
    missing = "def f():\n    raise RuntimeError(\"'sum_cpu' not implemented for 'Half'\")\n"
    assert run(tmp_path, missing + "with raises(RuntimeError):\n    f()", "x: x").status == "unsupported"


def test_running_out_of_stack_is_a_crash(tmp_path: Path) -> None:
    """RecursionError is a RuntimeError too, and no behaviour that a rule describes."""
    endless = "def f():\n    return f()\nwith raises(RuntimeError):\n    f()"
    assert run(tmp_path, endless, "x: x").status == "crash"


def test_running_out_of_memory_is_an_error(tmp_path: Path) -> None:
    """Neither MemoryError nor a class called OutOfMemoryError meets raises(RuntimeError)."""
    out = "class OutOfMemoryError(RuntimeError):\n    pass\ndef f():\n    raise OutOfMemoryError('full')\n"
    outcome = run(tmp_path, out + "with raises(RuntimeError):\n    f()", "x: x")
    assert outcome.status == "error"
    assert outcome.reason.startswith("OutOfMemoryError: full")
    assert run(tmp_path, "raise MemoryError", "x: x").status == "error"


WARN = "nn.Softmax()(x)"  # an implicit dim, which torch warns of


def test_warns(tmp_path: Path) -> None:
    """A warning of the class, every time it is given; its absence is a finding that names what came instead."""
    for _ in range(2):
        holds(tmp_path, f"with warns(UserWarning):\n    {WARN}", "x: x")
    found = fails(tmp_path, "y = 1\nwith warns(UserWarning):\n    y = 2", "x: x", "warning")
    assert (found.expected, found.observed, found.line) == ("UserWarning", "no warning", 12)
    found = fails(tmp_path, f"with warns((DeprecationWarning, FutureWarning)):\n    {WARN}", "x: x", "warning")
    assert (found.expected, found.observed) == ("DeprecationWarning or FutureWarning", "UserWarning")


def test_warns_none(tmp_path: Path) -> None:
    """warns(None): no warning may come."""
    holds(tmp_path, "with warns(None):\n    y = x + 1", "x: x")
    found = fails(tmp_path, f"with warns(None):\n    {WARN}", "x: x", "warning")
    assert (found.expected, found.observed) == ("no warning", "UserWarning")


def test_an_error_inside_warns_is_the_error(tmp_path: Path) -> None:
    """Where the statements fail, nothing is said about warnings."""
    found = finding(run(tmp_path, "with warns(UserWarning):\n    x.backward()", "x: x"))
    assert (found.kind, found.line) == ("unexpected error", 12)


def test_caught_warnings_can_be_looked_at(tmp_path: Path) -> None:
    """`as` gives their list."""
    holds(
        tmp_path,
        f"with warns(UserWarning) as caught:\n    {WARN}",
        "caught: {length: 1}\ncaught[0].category: {is: UserWarning}",
    )


def test_spies_remember(tmp_path: Path) -> None:
    """Calls, arguments with their values at the time, keywords, and the objects themselves."""
    when = "f = spy(torch.add)\ny = x.clone()\nz = f(y, 1)\ny += 1\nf(y, other=2)"
    then = """\
f.calls: 2
f.args[0][0]: x
f.args[1][0]: x + 1
f.kwargs[1]: dict(other=2)
f.objects[0][0]: {is: y}
z: x + 1"""
    holds(tmp_path, when, then)


def test_a_spy_of_nothing_returns_nothing(tmp_path: Path) -> None:
    """spy() can stand for a hook that changes nothing."""
    holds(
        tmp_path,
        "f = spy()\nw.register_hook(f)\n(w * 2).sum().backward()\ny = f()",
        "f.calls: 2\nw.grad: [2, 2]\ny: none",
    )


def test_snapshots(tmp_path: Path) -> None:
    """The values now, of tensors, lists, mappings and modules, whatever is written later."""
    when = """\
m = nn.Linear(2, 1)
y = x.clone()
was = snapshot([y, {'k': y}])
state = snapshot(m)
plain = snapshot(3)
y.zero_()
m.weight.data.zero_()"""
    then = """\
was: '[x, dict(k=x)]'
was[0]: {shape: [2], dtype: float32}
state: {keys: [weight, bias]}
state['weight']: {holds: it != 0}
plain: 3"""
    holds(tmp_path, when, then)


def test_deepcopy_and_reload(tmp_path: Path) -> None:
    """A copy has the values and none of the memory, also through pickle."""
    then = "y: {values: x, not: {shares_memory_with: x}}\nz: {values: x, not: {shares_memory_with: x}}"
    holds(tmp_path, "y = deepcopy(x)\nz = reload(x)", then)


def test_buffers(tmp_path: Path) -> None:
    """What is saved into a buffer is loaded from it."""
    holds(
        tmp_path,
        "f = buffer()\ntorch.save({'k': w}, f)\nf.seek(0)\ny = torch.load(f)",
        "y: dict(k=w)\ny['k']: {requires_grad: true}",
    )


def test_lifetimes(tmp_path: Path) -> None:
    """Counted without the collector: what nothing refers to is gone at once."""
    when = "l = lifetimes()\na = l.track(x + 1)\nb = l.track(x + 2)\nbefore = l.alive\ndel a\nafter = l.alive"
    holds(tmp_path, when, "before: 2\nafter: 1\nl.alive: 1")


def counting(tensor: Any) -> Implementation:
    """An implementation in NumPy that counts what is alive of its tensors' class, 512 bytes each."""
    namespace = fake(tensor, neg=lambda x: tensor(-x.numpy()))
    namespace.allocated = lambda device: 512 * tensor.alive  # type: ignore[method-assign]
    return namespace


class Counted(Plain):
    """A tensor whose class knows how many of it there are; those of a cycle stay until the collector comes."""

    alive = 0

    def __init__(self, *data: Any) -> None:
        super().__init__(*data)
        Counted.alive += 1

    def __del__(self) -> None:
        Counted.alive -= 1


def test_allocated(tmp_path: Path) -> None:
    """What the implementation says of the case's device, whenever it is asked."""
    when = "before = allocated()\ny = torch.neg(x)\nduring = allocated()\ndel y\nafter = allocated()"
    outcome = run(tmp_path, when, "during - before: 512\nafter == before: true", implementation=counting(Counted))
    assert (outcome.status, outcome.checks) == ("pass", 2)


def test_nothing_is_collected_while_memory_is_counted(tmp_path: Path) -> None:
    """Garbage in cycles stays until the case is over, so that every difference is due to the statements between."""

    def litter(x: Any) -> None:
        cycle = [Counted(x.numpy())]
        cycle.append(cycle)

    namespace = counting(Counted)
    namespace.torch.neg = litter
    when = "torch.neg(x)\nbefore = allocated()\nmade = [[] for _ in range(100000)]\nafter = allocated()"
    outcome = run(tmp_path, when, "after - before: 0", implementation=namespace)
    assert (outcome.status, outcome.findings) == ("pass", ())
    for end in ("", "\nx.backward()", "\nraise NotImplementedError"):
        run(tmp_path, "allocated()" + end, "x: x", implementation=namespace)
        assert gc.isenabled()


def test_what_nobody_counts_is_unsupported(tmp_path: Path) -> None:
    """The word needs a capability, which torch lacks on the CPU; who does not say so is asked and refuses."""
    outcome = run(tmp_path, "n = allocated()", "n >= 0: true")
    reason = "capability 'allocator_statistics': torch does not count the memory allocated on cpu"
    assert (outcome.status, outcome.reason) == ("unsupported", reason)
    outcome = run(tmp_path, "n = allocated()", "n >= 0: true", implementation=fake())
    reason = "not implemented: no count of the memory allocated on cpu"
    assert (outcome.status, outcome.reason) == ("unsupported", reason)


def test_in_thread(tmp_path: Path) -> None:
    """The result comes back, with the new thread's own grad mode; an error is raised here."""
    when = "with torch.no_grad():\n    mode = in_thread(lambda: torch.is_grad_enabled())\ny = in_thread(lambda: x + 1)"
    holds(tmp_path, when, "mode: true\ny: x + 1")
    holds(tmp_path, "with raises(RuntimeError):\n    in_thread(lambda: x.backward())", "x: x")


def test_every_word_of_the_language_is_bound() -> None:
    """The words that the loader accepts are the words that a case binds, device and dtype aside."""
    from conformance.rules.language import WORDS
    from conformance.running.words import bind
    from conformance.running.world import World
    from tests.running.trials import TORCH

    world = World(TORCH, "cpu", "float32", "must", 1)
    assert bind(world, WORDS - {"device", "dtype"}).keys() == WORDS - {"device", "dtype"}
