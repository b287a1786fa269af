"""The words of the language (:mod:`conformance.running.words`) in plain Python, and what fills a layer with data."""

from __future__ import annotations

import pickle
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from copy import deepcopy  # noqa: F401 - a word of the language, taken as it is
from io import BytesIO as buffer  # noqa: F401, N813
from typing import TYPE_CHECKING, Any

from conformance.repro.helpers import device, nn, torch
from conformance.repro.helpers.values import is_tensor, read, record, stops

if TYPE_CHECKING:
    from conformance.repro.helpers.flavours import recording_warnings__torch as recording_warnings


class raises:  # noqa: N801 - a word of the language
    """Expects that the statement inside raises ``expected``, or with None that it does not; goes on either way."""

    def __init__(self, expected: Any) -> None:
        self.expected = expected
        self.where = f"line {sys._getframe(1).f_lineno}"

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> bool:
        classes = self.expected if isinstance(self.expected, tuple) else (self.expected,)
        named = type(error) in classes and type(error) is not RuntimeError  # as it is where a kernel is missing
        if error is not None and (not isinstance(error, Exception) or (stops(error) and not named)):
            return False
        wanted = " or ".join("no error" if one is None else one.__name__ for one in classes)
        came = "no error" if error is None else f"{type(error).__name__}: {error}"
        record(self.where, (error is None) == (self.expected is None), wanted, came)
        if error is not None and self.expected is not None:
            record(f"{self.where}: class of the error", isinstance(error, classes), wanted, came)
        return True


class warns:  # noqa: N801 - a word of the language
    """Expects a warning of class ``expected`` inside, or with None no warning."""

    def __init__(self, expected: Any) -> None:
        self.expected = expected
        self.where = f"line {sys._getframe(1).f_lineno}"

    def __enter__(self) -> list[Any]:
        self.recording = recording_warnings()
        caught: list[Any] = self.recording.__enter__()
        self.caught = caught
        return caught

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        self.recording.__exit__(kind, error, traceback)
        if error is None:
            came = [one.category for one in self.caught]
            good = any(issubclass(one, self.expected) for one in came) if self.expected else not came
            wanted = self.expected.__name__ if self.expected else "no warning"
            record(self.where, good, wanted, ", ".join(one.__name__ for one in came) or "no warning")


class spy:  # noqa: N801 - a word of the language
    """A callable that remembers: calls, args (values at the time), kwargs, objects."""

    def __init__(self, function: Any = None) -> None:
        self.function, self.calls = function, 0
        self.args: list[Any] = []
        self.kwargs: list[Any] = []
        self.objects: list[Any] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102 - the class says it
        self.calls += 1
        self.objects.append(args)
        self.args.append(snapshot(args))
        self.kwargs.append(snapshot(kwargs))
        return None if self.function is None else self.function(*args, **kwargs)


def snapshot(value: Any) -> Any:
    """The values of tensors now, inside lists, tuples, mappings and modules as well."""
    if is_tensor(value) or type(value).__module__ == "numpy":
        return read(value)
    if isinstance(value, Mapping):
        return {key: snapshot(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        copies = [snapshot(item) for item in value]
        return copies if isinstance(value, list) else tuple(copies)
    return snapshot(value.state_dict()) if isinstance(value, nn.Module) else value


class lifetimes:  # noqa: N801 - a word of the language
    """Counts which of the tracked objects still exist."""

    def __init__(self) -> None:
        self.tracked: list[Any] = []

    def track(self, value: Any) -> Any:
        """Remember ``value`` weakly and return it."""
        self.tracked.append(weakref.ref(value))
        return value

    @property
    def alive(self) -> int:
        """How many still exist."""
        return sum(reference() is not None for reference in self.tracked)


def allocated() -> int:
    """The bytes of tensor storage that are alive on the device."""
    kind = device.partition(":")[0]
    counted = [one for one in (kind, "accelerator") if hasattr(getattr(torch, one, None), "memory_allocated")]
    if kind in ("cpu", "meta") or not counted:
        raise NotImplementedError(f"torch does not count the memory allocated on {device}")
    getattr(torch, kind).synchronize()
    return int(getattr(torch, counted[0]).memory_allocated(device))


def in_thread(function: Callable[[], Any]) -> Any:
    """``function()``, called in a new thread; an error there is raised here."""
    box: dict[str, Any] = {}

    def work() -> None:
        try:
            box["result"] = function()
        except BaseException as error:
            box["error"] = error

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if "error" in box:
        raise box["error"]
    return box["result"]


def reload(value: Any) -> Any:
    """``value``, pickled and read back."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - our own bytes


def fill(module: Any, data: dict[str, Any]) -> None:
    """Write numbers into the parameters of a layer, in place and unrecorded."""
    parameters = dict(module.named_parameters())
    with torch.no_grad():
        for name, numbers in data.items():
            parameter = parameters[name]
            made = torch.tensor(numbers, dtype=parameter.dtype, device=parameter.device)
            parameter.copy_(made.reshape(parameter.shape))
