"""What torch says of the memory that is allocated; and the rules about it on real torch where nothing counts it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from conformance.implementations.torch import TorchImplementation  # noqa: E402
from conformance.rules.loading import load  # noqa: E402
from conformance.rules.model import Rule  # noqa: E402
from conformance.running.cases import expand  # noqa: E402
from conformance.running.execute import Runner  # noqa: E402

RULES = [rule for rule in load() if "allocator_statistics" in rule.capabilities]


class ProfiledTorch(TorchImplementation):
    """Torch on the CPU, whose allocations and frees the profiler reports: too slow for every day, exact to the byte."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = 0

    def lacks(self, device: str) -> Mapping[str, str]:
        return {}

    def before_case(self) -> None:
        super().before_case()
        self._start()

    def after_case(self) -> None:
        self._profile.stop()
        super().after_case()

    def allocated(self, device: str) -> int:
        self._profile.stop()
        events = self._profile.profiler.kineto_results.events()
        self._bytes += sum(event.nbytes() for event in events if event.name() == "[memory]")
        self._start()
        return self._bytes

    def _start(self) -> None:
        self._profile = torch.profiler.profile(profile_memory=True)
        self._profile.start()


@pytest.fixture(scope="module")
def profiled() -> Iterator[Runner]:
    threads = torch.get_num_threads()
    yield Runner(ProfiledTorch())
    torch.set_num_threads(threads)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_torch_conforms_on_the_cpu(profiled: Runner, rule: Rule) -> None:
    """What the rules say of memory is what torch's CPU allocator does."""
    outcomes = {case.id: profiled.run(case) for case in expand([rule], profiled.implementation, "cpu")}
    assert outcomes
    assert not {id_: outcome for id_, outcome in outcomes.items() if outcome.status != "pass"}


def backend(monkeypatch: pytest.MonkeyPatch, **functions: object) -> TorchImplementation:
    """Torch as if `xpu` were its accelerator, whose tensors lie on the CPU, with these functions to ask."""
    accelerator = SimpleNamespace(
        is_available=lambda: True, current_accelerator=lambda: torch.device("xpu"), **functions.pop("everywhere", {})
    )
    monkeypatch.setattr(torch, "accelerator", accelerator, raising=False)
    monkeypatch.setattr(torch, "xpu", SimpleNamespace(synchronize=lambda: None, **functions))
    monkeypatch.setattr(torch, "empty", lambda *size, dtype, device: torch.zeros(size, dtype=dtype))
    return TorchImplementation()


def growing(step: int) -> object:
    """A count that is higher by ``step`` each time it is asked for."""
    counts = iter(range(10**6, 10**9, step)) if step else iter(lambda: 10**6, None)
    return lambda device: next(counts)


def test_cpu_and_meta_are_not_counted() -> None:
    """There is nothing to ask: rules that need a count are unsupported there, and asking is an error."""
    implementation = TorchImplementation()
    for device in ("cpu", "meta"):
        assert "allocator_statistics" in implementation.lacks(device)
        with pytest.raises(NotImplementedError, match=device):
            implementation.allocated(device)


def test_an_accelerator_is_asked_itself_or_through_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend's own count comes first; newer releases have one for every accelerator."""
    both = backend(monkeypatch, memory_allocated=growing(4096), everywhere={"memory_allocated": growing(8192)})
    assert "allocator_statistics" not in both.lacks("xpu")
    assert both.allocated("xpu") + 4096 == both.allocated("xpu")
    one = backend(monkeypatch, everywhere={"memory_allocated": growing(8192)})
    assert one.allocated("xpu") + 8192 == one.allocated("xpu")


def test_a_count_that_never_moves_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend whose allocator keeps no statistics answers zero whatever is allocated."""
    assert "allocator_statistics" in backend(monkeypatch, memory_allocated=growing(0)).lacks("xpu")
    assert "allocator_statistics" in backend(monkeypatch).lacks("xpu")
