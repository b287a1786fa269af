"""The adapter of real torch: it looks without touching, and puts everything back."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from conformance.implementations import Implementation, find

torch = pytest.importorskip("torch")


@pytest.fixture
def implementation() -> Iterator[Implementation]:
    found = find("torch")
    found.reset()
    yield found
    found.reset()


class TestReadingValues:
    def test_leaves_autograd_state_untouched(self, implementation: Implementation) -> None:
        """Version, flags, gradient, graph and hooks of a tensor are after reading what they were before."""
        leaf = torch.tensor([1.5, -2.0], requires_grad=True)
        fired: list[object] = []
        leaf.register_hook(fired.append)
        result = leaf * 3
        result.retain_grad()
        for tensor in (leaf, result):
            facts = (tensor._version, tensor.requires_grad, tensor.is_leaf, tensor.grad, tensor.grad_fn)
            implementation.array(tensor)
            after = (tensor._version, tensor.requires_grad, tensor.is_leaf, tensor.grad, tensor.grad_fn)
            assert all(one is other or one == other for one, other in zip(facts, after, strict=True))
        assert fired == []
        result.sum().backward()
        assert leaf.grad.tolist() == [3.0, 3.0]

    @pytest.mark.parametrize("mode", ["no_grad", "enable_grad", "inference_mode"])
    def test_works_in_every_grad_mode_and_leaves_it(self, implementation: Implementation, mode: str) -> None:
        """Also for inference tensors."""
        with getattr(torch, mode)():
            before = implementation.state()
            values = implementation.array(torch.tensor([1.5]) * 2)
            assert implementation.state() == before
        assert values is not None
        assert values.tolist() == [3.0]

    def test_bfloat16_comes_as_the_float32_of_the_same_value(self, implementation: Implementation) -> None:
        """NumPy has no bfloat16; nothing is rounded on the way."""
        values = implementation.array(torch.tensor([1.0, 3.140625, -0.0078125], dtype=torch.bfloat16))
        assert values is not None
        assert values.dtype == np.float32
        assert values.tolist() == [1.0, 3.140625, -0.0078125]

    def test_conjugate_and_negative_views_are_resolved(self, implementation: Implementation) -> None:
        """Their values, not those of the memory they look at."""
        z = torch.tensor([1 + 2j, -3j])
        conjugate, negative = implementation.array(z.conj()), implementation.array(z.conj().imag)
        assert conjugate is not None
        assert conjugate.tolist() == [1 - 2j, 3j]
        assert negative is not None
        assert negative.tolist() == [-2.0, 3.0]

    def test_sparse_layouts_are_read_dense(self, implementation: Implementation) -> None:
        """A rule compares values, whatever the layout."""
        values = implementation.array(torch.tensor([[0.0, 2.0], [0.0, 0.0]]).to_sparse())
        assert values is not None
        assert values.tolist() == [[0.0, 2.0], [0.0, 0.0]]

    def test_meta_has_none(self, implementation: Implementation) -> None:
        """Only shape and dtype can be told."""
        tensor = torch.empty(2, 3, device="meta", dtype=torch.float16)
        assert implementation.array(tensor) is None
        assert implementation.read(tensor) == (None, (2, 3), "float16")

    @pytest.mark.parametrize("dtype", ["float16", "float64", "complex64", "uint8", "int64", "bool"])
    def test_read_gives_values_shape_and_dtype(self, implementation: Implementation, dtype: str) -> None:
        """Of 0-d, empty and ordinary tensors."""
        for array in (np.array(1), np.zeros((0, 3)), np.array([[0, 1], [1, 0]])):
            values, shape, name = implementation.read(implementation.tensor(array.astype(dtype), dtype, "cpu"))
            assert values is not None
            assert values.dtype == np.dtype(dtype)
            assert values.tolist() == array.astype(dtype).tolist()
            assert (shape, name) == (array.shape, dtype)

    def test_gives_no_warning(self, implementation: Implementation) -> None:
        """Not even for a non-leaf's grad, read-only arrays or complex parts."""
        array = np.array([1.5])
        array.flags.writeable = False
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            tensor = implementation.tensor(array, "complex64", "cpu", requires_grad=True)
            implementation.array((tensor * 2).real)
        assert caught == []


class TestSharedMemory:
    def test_views_share_and_copies_do_not(self, implementation: Implementation) -> None:
        """Overlap does not matter: the memory is the storage."""
        x = torch.arange(6.0)
        assert implementation.shares_memory(x, x.view(2, 3))
        assert implementation.shares_memory(x[:2], x[4:])
        assert implementation.shares_memory(x, x.detach())
        assert implementation.shares_memory(x, x.clone()) is False

    def test_on_meta_it_cannot_be_told(self, implementation: Implementation) -> None:
        """There is no memory; None is neither yes nor no."""
        meta = torch.empty(2, device="meta")
        assert implementation.shares_memory(meta, meta.view(2)) is None
        assert implementation.shares_memory(torch.empty(2), meta) is None


def _entered(mode: Any) -> Any:
    mode.__enter__()
    return mode


LEFT_BEHIND: dict[str, Callable[[], object]] = {
    "grad mode": lambda: torch.set_grad_enabled(False),
    "inference mode": lambda: _entered(torch.inference_mode()),
    "default dtype": lambda: torch.set_default_dtype(torch.float64),
    "default device": lambda: torch.set_default_device("meta"),
    "anomaly mode": lambda: torch.autograd.set_detect_anomaly(True),
    "anomaly mode, NaN unchecked": lambda: torch.autograd.set_detect_anomaly(False, check_nan=False),
    "multithreaded backward": lambda: torch.autograd.set_multithreading_enabled(False),
    "deterministic algorithms": lambda: torch.use_deterministic_algorithms(True, warn_only=True),
    "precision of float32 matrix products": lambda: torch.set_float32_matmul_precision("medium"),
    "TF32 in cuDNN": lambda: setattr(torch.backends.cudnn, "allow_tf32", True),
    "autocast": lambda: torch.set_autocast_enabled("cpu", True),
    "autocast, cuda": lambda: torch.set_autocast_enabled("cuda", True),
    "global module hooks": lambda: torch.nn.modules.module.register_module_forward_hook(lambda *a: None),
    "global module hooks, backward": lambda: torch.nn.modules.module.register_module_full_backward_hook(print),
    "hooks on saved tensors": lambda: torch.autograd.graph.saved_tensors_hooks(tuple, list).__enter__(),
    "warn always": lambda: torch.set_warn_always(True),
    "parameter overwriting": lambda: torch.__future__.set_overwrite_module_params_on_conversion(True),
    "swapping of parameters": lambda: torch.__future__.set_swap_module_params_on_conversion(True),
}


@pytest.mark.parametrize("what", LEFT_BEHIND)
def test_each_state_is_noticed_by_name_and_put_back(implementation: Implementation, what: str) -> None:
    """What a case leaves behind is named, and gone after the reset."""
    clean = implementation.state()
    kept = LEFT_BEHIND[what]()
    state = implementation.state()
    changed = {name for name in state if state[name] != clean[name]}
    assert what.partition(",")[0] in changed
    assert len(changed) == 1 or what == "inference mode"  # which turns the grad mode off as well
    implementation.reset()
    assert implementation.state() == clean
    del kept


def test_every_state_has_a_test(implementation: Implementation) -> None:
    """A state that is added to the adapter is added to the table above."""
    assert set(implementation.state()) == {what.partition(",")[0] for what in LEFT_BEHIND}


def test_precision_can_still_be_asked_for_after_a_reset(implementation: Implementation) -> None:
    """Torch has two interfaces to it, and mixing them makes the getter raise in every later case."""
    torch.set_float32_matmul_precision("medium")
    implementation.reset()
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.skipif(not hasattr(torch.backends, "fp32_precision"), reason="before the newer precision interface")
def test_settings_that_contradict_each_other_are_survived(implementation: Implementation) -> None:
    """A process in which somebody used the newer interface reads as different, and resets to one that can be read."""
    clean = implementation.state()
    torch.backends.fp32_precision = "tf32"
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    assert implementation.state() != clean
    implementation.reset()
    assert implementation.state() == clean


class TestDevices:
    def test_cpu_comes_first_and_meta_last(self, implementation: Implementation) -> None:
        """The first is the one used where none is named."""
        devices = implementation.devices()
        assert (devices[0], devices[-1]) == ("cpu", "meta")
        assert implementation.other_devices("cpu") == devices[1:]

    def test_a_backend_that_registered_itself_is_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An accelerator is whatever torch.accelerator says, with all its indices as further devices."""
        accelerator = SimpleNamespace(is_available=lambda: True, current_accelerator=lambda: torch.device("xpu"))
        monkeypatch.setattr(torch, "accelerator", accelerator, raising=False)
        monkeypatch.setattr(torch.xpu, "device_count", lambda: 2)
        found = type(find("torch"))()
        assert found.devices() == ("cpu", "xpu", "meta")
        assert found.other_devices("cpu") == ("xpu", "meta", "xpu:1")

    def test_before_torch_accelerator_a_registered_name_is_asked_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Older releases: the name of PrivateUse1, where its module says that it is available."""
        monkeypatch.delattr(torch, "accelerator", raising=False)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
        monkeypatch.setattr(torch._C, "_get_privateuse1_backend_name", lambda: "abacus")
        assert type(find("torch"))().devices() == ("cpu", "meta")
        monkeypatch.setattr(torch, "abacus", SimpleNamespace(is_available=lambda: True), raising=False)
        assert type(find("torch"))().devices() == ("cpu", "abacus", "meta")

    def test_meta_lacks_values_and_the_random_stream(self, implementation: Implementation) -> None:
        """Rules that need them are unsupported there, with a reason; of the CPU torch counts no memory."""
        assert set(implementation.lacks("meta")) == {"values", "random_stream", "allocator_statistics"}
        assert set(implementation.lacks("cpu")) == {"allocator_statistics"}

    def test_dtypes_are_asked_of_the_device(self, implementation: Implementation) -> None:
        """Cpu and meta have all that rules use."""
        assert {"float16", "bfloat16", "complex128", "bool"} <= implementation.dtypes("cpu")
        assert implementation.dtypes("meta") == implementation.dtypes("cpu")


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "device", "reason"),
        [
            ("\"addmm_impl_cpu_\" not implemented for 'Half'", "cpu", "torch has no kernel: "),
            ("Tensor.item() cannot be called on meta tensors", "meta", "needs values: "),
            ("Tensor.item() cannot be called on meta tensors", "cpu", None),
            ("a leaf Variable that requires grad is being used in an in-place operation.", "cpu", None),
        ],
    )
    def test_a_missing_kernel_and_missing_values_are_unsupported(
        self, implementation: Implementation, text: str, device: str, reason: str | None
    ) -> None:
        """And a documented error is neither."""
        found = implementation.unsupported(RuntimeError(text), device)
        assert found == (reason and reason + text)

    def test_an_error_of_cuda_is_fatal(self, implementation: Implementation) -> None:
        """Nothing that runs in the process afterwards can be trusted."""
        assert implementation.fatal(RuntimeError("CUDA error: device-side assert triggered"))
        assert not implementation.fatal(RuntimeError("shape mismatch"))

    def test_a_warning_that_torch_gives_once_is_recorded_every_time(self, implementation: Implementation) -> None:
        """TORCH_WARN_ONCE would otherwise make outcomes depend on the order of cases."""
        counts = []
        for _ in range(2):
            with implementation.recording_warnings() as caught:
                torch.tensor([1.0], requires_grad=True).sum().sum().grad  # noqa: B018
            counts.append(len(caught))
        assert counts[0] == counts[1] > 0
        assert not torch.is_warn_always_enabled()
