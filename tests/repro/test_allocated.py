"""Scripts count memory as the implementation that they are for does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.implementations import find
from conformance.implementations.contract import Implementation
from conformance.implementations.reference import ReferenceImplementation
from conformance.repro import pieces, script
from conformance.running.cases import expand
from conformance.running.execute import Runner
from tests.repro.running import STATUS, execute
from tests.rules.marked import loaded, rule

WHEN = "before = allocated()\ny = torch.cat([x, x, x])\nafter = allocated()"


class Adapter(ReferenceImplementation):
    """The reference, reached as an adapter is."""


@pytest.mark.parametrize("bytes_", [24, 25])
@pytest.mark.parametrize("name", ["reference", f"{__name__}:Adapter"])
def test_a_script_counts_as_its_case_does(tmp_path: Path, name: str, bytes_: int) -> None:
    """On the reference and through an adapter: the same bytes, and the same verdict on them."""
    implementation = find(name)
    for device in ("cpu", "accel"):
        (case,) = expand([loaded(tmp_path, rule(when=WHEN, then=f"after - before: {bytes_}"))], implementation, device)
        outcome = Runner(implementation).run(case)
        ran = execute(script(case, implementation), implementation)
        assert (STATUS[outcome.status], outcome.status) == (ran.status, "pass" if bytes_ == 24 else "fail"), ran


def test_a_torch_like_module_counts_nothing(tmp_path: Path) -> None:
    """Case and script are unsupported, where the script gets as far as asking."""
    implementation = Implementation(find("reference").torch, "conformance.reference")
    (case,) = expand([loaded(tmp_path, rule(when=WHEN, then="x: x"))], implementation, "cpu")
    assert Runner(implementation).run(case).status == "unsupported"
    assert execute(script(case, implementation), implementation).status == STATUS["unsupported"]


def _helper(torch: Any, device: str) -> Any:
    """What a script for torch has under the name of the word."""
    (piece,) = pieces.closure(["allocated"], {})
    environment = {"torch": torch, "device": device}
    exec(pieces.text(piece), environment)
    return environment["allocated"]


def test_a_script_for_torch_asks_the_backend() -> None:
    """The backend's own count after it has been waited for, or that of torch.accelerator; on the CPU there is none."""
    asked: list[str] = []

    def counter(name: str) -> Any:
        return lambda device: asked.append(f"{name} {device}") or 4096

    backend = SimpleNamespace(synchronize=lambda: asked.append("wait"), memory_allocated=counter("own"))
    accelerator = SimpleNamespace(memory_allocated=counter("any"))
    assert _helper(SimpleNamespace(cuda=backend, accelerator=accelerator), "cuda:1")() == 4096
    del backend.memory_allocated
    assert _helper(SimpleNamespace(mps=backend, accelerator=accelerator), "mps")() == 4096
    assert asked == ["wait", "own cuda:1", "wait", "any mps"]
    for torch, device in ((SimpleNamespace(cuda=backend), "cuda"), (SimpleNamespace(accelerator=accelerator), "cpu")):
        with pytest.raises(NotImplementedError, match=device):
            _helper(torch, device)()
