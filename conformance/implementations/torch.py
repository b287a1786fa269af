"""Real torch, on every device that it finds."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch

from conformance.implementations.contract import Array, Implementation

# The harness's own ways in, so that a torch patched by a test is watched by one that is not: the methods of the class
# in C, which a patch of torch.Tensor leaves alone, and functions as they were when this module was imported.
_Base: Any = getattr(torch._C, "TensorBase", None) or torch._C._TensorBase
_tensor = torch.tensor
_is_grad_enabled, _set_grad_enabled = torch.is_grad_enabled, torch._C._set_grad_enabled

#: Modes that a reset entered: a mode ends, and brings back the one before it, when its object is freed.
_ENTERED: list[Any] = []

_NO_KERNEL = re.compile(
    r"not implemented for '?\w+|not (yet )?supported (for|on) (the )?'?(meta|mps|cuda|cpu|xpu|half|bfloat16|complex)",
    re.IGNORECASE,
)
_META = re.compile(r"meta tensor|Meta tensors|meta device|'Meta' backend|data-dependent|DataDependent")

#: Bytes of the tensor by which it is seen whether memory is counted.
_PROBE = 4096


class TorchImplementation(Implementation):
    """The installed torch. Devices are discovered: cpu, the accelerator if there is one, and meta."""

    unreadable_devices = frozenset({"meta"})

    def __init__(self) -> None:
        super().__init__(torch, "torch")
        torch.optim.lr_scheduler  # noqa: B018 - loaded lazily; a case should not pay for the import
        self._dtype_names = {
            one: str(one).rpartition(".")[2] for one in vars(torch).values() if type(one) is torch.dtype
        }
        self._cpu = torch.device("cpu")
        # a default device is a function mode; asking for their number is cheaper than for the device
        self._function_modes = getattr(torch._C, "_len_torch_function_stack", lambda: 0)
        self._hook_dicts = [
            value
            for name, value in vars(torch.nn.modules.module).items()
            if name.startswith("_global_") and isinstance(value, dict)
        ]

    @cached_property
    def release(self) -> tuple[int, int]:
        major, minor = torch.__version__.split(".")[:2]
        return int(major), int(minor)

    def devices(self) -> Sequence[str]:
        return ("cpu", *self._accelerators, "meta")

    def other_devices(self, device: str) -> Sequence[str]:
        more = [f"{kind}:{index}" for kind in self._accelerators for index in range(1, self._count(kind))]
        return tuple(other for other in (*self.devices(), *more) if other != device)

    @cached_property
    def _accelerators(self) -> tuple[str, ...]:
        """The accelerator that torch was built for, or that a backend registered (PrivateUse1), if it is there."""
        accelerator = getattr(torch, "accelerator", None)
        if accelerator is not None:
            return (accelerator.current_accelerator().type,) if accelerator.is_available() else ()
        found = ["cuda"] if torch.cuda.is_available() else []
        if getattr(torch.backends, "mps", None) is not None and torch.backends.mps.is_available():
            found.append("mps")
        custom = torch._C._get_privateuse1_backend_name()
        module = getattr(torch, custom, None)
        if module is not None and getattr(module, "is_available", lambda: False)():
            found.append(custom)
        return tuple(found)

    def _count(self, kind: str) -> int:
        count = getattr(getattr(torch, kind, None), "device_count", None)
        return int(count()) if count is not None else 1

    def device_name(self, device: str) -> str:
        module = getattr(torch, device.partition(":")[0], None)
        named = getattr(module, "get_device_name", None)
        return str(named(device)) if named is not None else device

    def lacks(self, device: str) -> Mapping[str, str]:
        missing = {}
        if device != "cpu":
            missing["random_stream"] = "the documented seeds are those of torch's CPU generator"
        if device == "meta":
            missing["values"] = "a meta tensor has no values"
        if not self._counts_memory(device):
            missing["allocator_statistics"] = f"torch does not count the memory allocated on {device}"
        return missing

    def _counts_memory(self, device: str) -> bool:
        """Whether the count grows by a tensor; a backend may have the function and no allocator that counts."""
        if self._memory_counter(device) is None:
            return False
        before = self.allocated(device)
        probe = torch.empty(_PROBE, dtype=torch.uint8, device=device)
        after = self.allocated(device)
        del probe
        return after - before >= _PROBE

    def _memory_counter(self, device: str) -> Callable[[str], int] | None:
        """The function that counts, of the backend's own module or of all accelerators; cpu and meta have none."""
        kind = device.partition(":")[0]
        if kind not in self._accelerators:
            return None
        owners = (getattr(torch, kind, None), getattr(torch, "accelerator", None))
        found = (getattr(owner, "memory_allocated", None) for owner in owners)
        return next((one for one in found if one is not None), None)

    def allocated(self, device: str) -> int:
        counter = self._memory_counter(device)
        if counter is None:
            return super().allocated(device)
        self.synchronize(device)
        return int(counter(device))

    def tensor(self, array: Array, dtype: str, device: str, requires_grad: bool = False) -> Any:
        return _tensor(array, dtype=self.dtype(dtype), device=device, requires_grad=requires_grad)

    def fill(self, parameter: Any, array: Array) -> None:
        values = self.tensor(array, self.dtype_name(parameter), str(parameter.device))
        _Base.copy_(_Base.detach(parameter), values)

    def array(self, tensor: Any) -> Array | None:
        if tensor.device.type == "meta":
            return None
        tensor = _Base.detach(tensor)
        if tensor.dtype is torch.bfloat16:
            tensor = _Base.float(tensor)
        if tensor.device != self._cpu:
            tensor = _Base.cpu(tensor)
        if tensor.layout is not torch.strided:
            tensor = _Base.to_dense(tensor)
        try:
            array: Array = _Base.numpy(tensor)
        except RuntimeError:  # a conjugate or negative view, or a tensor of nothing but zeros: read a copy
            array = _Base.numpy(tensor, force=True)
        return array

    def read(self, tensor: Any) -> tuple[Array | None, tuple[int, ...], str]:
        array = self.array(tensor)
        return array, tuple(tensor.shape) if array is None else array.shape, self._dtype_names[tensor.dtype]

    def dtype_name(self, tensor: Any) -> str:
        return self._dtype_names[tensor.dtype]

    def shares_memory(self, left: Any, right: Any) -> bool | None:
        if "meta" in (left.device.type, right.device.type):
            return None
        return bool(left.untyped_storage().data_ptr() == right.untyped_storage().data_ptr())

    def state(self) -> Mapping[str, Any]:
        return {
            "grad mode": _is_grad_enabled(),
            "inference mode": torch.is_inference_mode_enabled(),
            "default dtype": torch.get_default_dtype(),
            "default device": self._function_modes(),
            "anomaly mode": (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
            "multithreaded backward": torch.autograd.is_multithreading_enabled(),
            "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
            "precision of float32 matrix products": _told(torch.get_float32_matmul_precision),
            "TF32 in cuDNN": _told(_tf32_in_cudnn),
            "autocast": tuple(map(_is_autocast, _AUTOCAST)),
            "global module hooks": sum(map(len, self._hook_dicts)),
            "hooks on saved tensors": _hooks_on_saved_tensors(),
            "warn always": torch.is_warn_always_enabled(),
            "parameter overwriting": torch.__future__.get_overwrite_module_params_on_conversion(),
            "swapping of parameters": torch.__future__.get_swap_module_params_on_conversion(),
        }

    def reset(self) -> None:
        if torch.is_inference_mode_enabled():
            mode = torch.inference_mode(False)
            mode.__enter__()
            _ENTERED.append(mode)
        _set_grad_enabled(True)
        torch.set_default_dtype(torch.float32)
        if hasattr(torch, "get_default_device"):
            torch.set_default_device(None)
        torch.autograd.set_detect_anomaly(False)
        torch.autograd.set_multithreading_enabled(True)
        if torch.are_deterministic_algorithms_enabled():  # the call itself imports torch's compiler
            torch.use_deterministic_algorithms(False)
        if getattr(torch.backends, "fp32_precision", "none") != "none":
            torch.backends.fp32_precision = "none"  # type: ignore[attr-defined, unused-ignore]
        torch.set_float32_matmul_precision("highest")  # after its older twin, allow_tf32, its getter would raise
        torch.backends.cudnn.allow_tf32 = False
        for kind in _AUTOCAST:
            _set_autocast(kind, False)
        for hooks in self._hook_dicts:
            hooks.clear()
        while _hooks_on_saved_tensors():
            torch._C._autograd._pop_saved_tensors_default_hooks()
        torch.set_warn_always(False)
        torch.__future__.set_overwrite_module_params_on_conversion(False)
        torch.__future__.set_swap_module_params_on_conversion(False)

    def before_case(self) -> None:
        # a case's tensors are tiny: waking other threads costs more than they save, and far more on a busy machine
        self._threads = torch.get_num_threads()
        torch.set_num_threads(1)

    def after_case(self) -> None:
        torch.set_num_threads(self._threads)

    def seed(self, seed: int) -> None:
        # torch.manual_seed queues a call, with the stack it came from, for every accelerator not yet initialised
        torch.default_generator.manual_seed(seed)
        for kind in self._accelerators:
            seed_all = getattr(getattr(torch, kind), "manual_seed_all", None)
            if seed_all is not None:
                seed_all(seed)

    def synchronize(self, device: str) -> None:
        module = getattr(torch, device.partition(":")[0], None)
        if module is not None and hasattr(module, "synchronize") and device != "cpu":
            module.synchronize()

    @contextlib.contextmanager
    def recording_warnings(self) -> Iterator[list[warnings.WarningMessage]]:
        before = torch.is_warn_always_enabled()
        torch.set_warn_always(True)
        try:
            with super().recording_warnings() as caught:
                yield caught
        finally:
            torch.set_warn_always(before)

    def unsupported(self, error: BaseException, device: str) -> str | None:
        text = str(error)
        if isinstance(error, NotImplementedError) or (isinstance(error, RuntimeError) and _NO_KERNEL.search(text)):
            return f"torch has no kernel: {_first_line(text)}"
        if device == "meta" and _META.search(text):
            return f"needs values: {_first_line(text)}"
        return super().unsupported(error, device)

    def fatal(self, error: BaseException) -> bool:
        kind = getattr(torch, "AcceleratorError", None)
        broken = kind is not None and isinstance(error, kind)
        return broken or (isinstance(error, RuntimeError) and "CUDA error" in str(error))


if tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 4):
    _AUTOCAST: tuple[str, ...] = ("cpu", "cuda")
    _is_autocast: Callable[[str], bool] = torch.is_autocast_enabled
    _set_autocast: Callable[[str, bool], None] = torch.set_autocast_enabled
else:
    _AUTOCAST = ("cpu",)
    _is_autocast = lambda kind: torch.is_autocast_cpu_enabled()  # noqa: E731
    _set_autocast = lambda kind, on: torch.set_autocast_cpu_enabled(on)  # noqa: E731


#: The innermost pair of hooks on saved tensors, if there is one; older releases do not tell.
_innermost_hooks: Callable[[bool], object] = getattr(
    torch._C._autograd, "_top_saved_tensors_default_hooks", lambda ignore_tracing: None
)


def _hooks_on_saved_tensors() -> bool:
    return _innermost_hooks(True) is not None


def _tf32_in_cudnn() -> bool:
    return bool(torch.backends.cudnn.allow_tf32)


def _told(ask: Callable[[], object]) -> object:
    """What ``ask`` says; torch refuses where settings of its older and newer interface contradict each other."""
    try:
        return ask()
    except RuntimeError:
        return "contradictory"


def _first_line(text: str) -> str:
    return text.partition("\n")[0][:200]
