"""The words of the language: what `when` can say beyond PyTorch itself.

with raises(E):     the one statement inside raises E; raises(None): it does not raise
with warns(W):      a warning of class W is given inside; warns(None): none is
spy(f)              f, with its calls counted and its arguments kept
snapshot(x)         the values of x now
deepcopy, reload    copy.deepcopy; pickling there and back
buffer()            a file in memory, for save and load
lifetimes()         .track(t) and, later, .alive: how many of those are still alive
allocated()         the bytes of tensor storage that are alive on the case's device
in_thread(f)        f's result, computed in a thread of its own
"""

from __future__ import annotations

import contextlib
import copy
import gc
import io
import pickle
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any

from conformance.errors import said
from conformance.running.absence import absent_operator
from conformance.running.world import World

#: Subclasses of RuntimeError that do not meet ``raises(RuntimeError)``: they speak of something else.
_OTHER_MEANING = (NotImplementedError, RecursionError)


class raises:  # noqa: N801 - a word of the language
    """Meets an error of class ``expected``; records one that is missing or of another class, and the case goes on."""

    __slots__ = ("_expected", "_line", "_world")

    def __init__(self, world: World, expected: type[BaseException] | tuple[type[BaseException], ...] | None) -> None:
        self._world = world
        self._expected = expected

    def __enter__(self) -> None:
        self._line = sys._getframe(1).f_lineno  # of `when`: where an error is missing there is no traceback to ask

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        world = self._world
        if error is not None and (not isinstance(error, Exception) or self._passes_on(error)):
            return False
        world.checks += 1
        expected = self._expected
        where = f"with raises({_name(expected)})"
        line = world.line + (traceback.tb_lineno if traceback is not None else self._line)
        if expected is None:
            if error is not None:
                world.find("unexpected error", where, "error", "no error", said(error), line=line)
        elif error is None:
            world.find("missing error", where, "error", _name(expected), "no error", line=line)
        else:
            world.checks += 1
            if not isinstance(error, expected) or self._means_something_else(error):
                world.find("wrong error", where, "class", _name(expected), said(error), level="should", line=line)
        return True

    def _passes_on(self, error: Exception) -> bool:
        """Whether the error says that something is absent or broken, so that it cannot meet an expectation."""
        named = self._expected is not None and any(type(error) is one for one in _classes(self._expected))
        implementation = self._world.implementation
        lacks = absent_operator(error, getattr(implementation.torch, "Tensor", None)) is not None
        if named and type(error) is not RuntimeError and not lacks and not implementation.fatal(error):
            return False  # who names NotImplementedError means it; a kernel that is missing is a RuntimeError to torch
        return self._world.stop(error)

    def _means_something_else(self, error: Exception) -> bool:
        other = isinstance(error, _OTHER_MEANING) or is_out_of_memory(error)
        return other and type(error) not in _classes(self._expected)


class warns:  # noqa: N801 - a word of the language
    """Records a warning of class ``expected`` that is missing, or with None any that comes."""

    def __init__(self, world: World, expected: type[Warning] | None) -> None:
        self._world = world
        self._expected = expected
        self._recording: Any = None
        self._line = 0
        self._caught: list[warnings.WarningMessage] = []

    def __enter__(self) -> list[warnings.WarningMessage]:
        self._line = sys._getframe(1).f_lineno
        self._recording = self._world.implementation.recording_warnings()
        self._caught = self._recording.__enter__()
        return self._caught

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        self._recording.__exit__(kind, error, traceback)
        if error is not None:
            return
        world, expected = self._world, self._expected
        world.checks += 1
        where = f"with warns({_name(expected)})"
        line = world.line + self._line
        came = ", ".join(dict.fromkeys(one.category.__name__ for one in self._caught)) or "no warning"
        if expected is None and self._caught:
            world.find("warning", where, "warning", "no warning", came, line=line)
        elif expected is not None and not any(issubclass(one.category, expected) for one in self._caught):
            world.find("warning", where, "warning", _name(expected), came, line=line)


class Spy:
    """A callable that remembers: ``calls``, ``args[i][j]`` (snapshots), ``kwargs[i]``, ``objects[i][j]``."""

    def __init__(self, world: World, function: Callable[..., Any] | None = None) -> None:
        self._world = world
        self._function = function
        self.calls = 0
        self.args: list[tuple[Any, ...]] = []
        self.kwargs: list[dict[str, Any]] = []
        self.objects: list[tuple[Any, ...]] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Remember the call, then make it."""
        self.calls += 1
        self.objects.append(args)
        self.args.append(tuple(self._world.snapshot(arg) for arg in args))
        self.kwargs.append({key: self._world.snapshot(value) for key, value in kwargs.items()})
        return None if self._function is None else self._function(*args, **kwargs)


class Lifetimes:
    """Counts which of the tracked objects are still alive, through weak references; the collector is not asked."""

    def __init__(self) -> None:
        self._tracked: list[weakref.ref[Any]] = []

    def track(self, value: Any) -> Any:
        """Remember ``value`` weakly and return it."""
        self._tracked.append(weakref.ref(value))
        return value

    @property
    def alive(self) -> int:
        """How many of the tracked objects still exist."""
        return sum(reference() is not None for reference in self._tracked)


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Where memory is counted, what earlier cases left in cycles must not be freed between one count and the next."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of the machine or of a device; torch's own class is a RuntimeError."""
    return isinstance(error, MemoryError) or any(one.__name__ == "OutOfMemoryError" for one in type(error).__mro__)


def bind(world: World, words: Iterable[str]) -> dict[str, Any]:
    """The words, tied to one running case."""
    return {word: _BINDINGS[word](world) for word in words}


def _name(expected: Any) -> str:
    if expected is None:
        return "None"
    return " or ".join(one.__name__ for one in _classes(expected))


def _classes(expected: Any) -> tuple[type[BaseException], ...]:
    return expected if isinstance(expected, tuple) else (expected,)


_BINDINGS: dict[str, Callable[[World], Any]] = {
    "raises": lambda world: lambda expected: raises(world, expected),
    "warns": lambda world: lambda expected: warns(world, expected),
    "spy": lambda world: lambda function=None: Spy(world, function),
    "snapshot": lambda world: world.snapshot,
    "deepcopy": lambda world: copy.deepcopy,
    "reload": lambda world: reload,
    "buffer": lambda world: io.BytesIO,
    "lifetimes": lambda world: Lifetimes,
    "allocated": lambda world: lambda: world.implementation.allocated(world.device),
    "in_thread": lambda world: in_thread,
}
