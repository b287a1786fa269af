"""Grad mode and inference mode: which ops are recorded, per thread.

`state.grad` and `state.inference` are read on every op. The classes are context managers, decorators (of generator
functions too) and, for `set_grad_enabled`, plain functions, as in PyTorch.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any


class _State(threading.local):
    """A new thread begins with grad mode on and inference mode off, whatever the thread that started it does."""

    grad = True
    inference = False
    saved_tensors_hooks: tuple[tuple[Callable[..., Any], Callable[..., Any]], ...] = ()
    saved_tensors_hooks_disabled: str | None = None
    mutation_allowed: Any = None


state = _State()


def is_grad_enabled() -> bool:
    """Whether ops on tensors that require grad are recorded in this thread."""
    return state.grad


def is_inference_mode_enabled() -> bool:
    """Whether inference mode is on in this thread."""
    return state.inference


class _Mode:
    """A context manager that also decorates functions, generator functions and classes."""

    def __enter__(self) -> None:
        raise NotImplementedError

    def __exit__(self, *exception: object) -> None:
        raise NotImplementedError

    def clone(self) -> _Mode:
        """A fresh context with the same arguments: each call of a decorated function enters its own."""
        return type(self)()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.isgeneratorfunction(function):
            return self._wrap_generator(function)

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return function(*args, **kwargs)

        return wrapper

    def _wrap_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The mode holds while the generator's own code runs and is left whenever it yields."""

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            resume: Callable[[], Any] = functools.partial(next, generator)
            while True:
                try:
                    with self.clone():
                        value = resume()
                except StopIteration as end:
                    return end.value
                try:
                    sent = yield value
                    resume = functools.partial(generator.send, sent)
                except GeneratorExit:
                    with self.clone():
                        generator.close()
                    raise
                except BaseException as error:
                    resume = functools.partial(generator.throw, error)

        return wrapper


class _NoArgumentMode(_Mode):
    """`no_grad` and `enable_grad`, which may decorate with or without parentheses."""

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        """A context; or, given a function, the function decorated."""
        return object.__new__(cls) if function is None else cls()(function)

    def __init__(self, function: Callable[..., Any] | None = None) -> None:
        self.previous = True

    def __exit__(self, *exception: object) -> None:
        state.grad = self.previous


class no_grad(_NoArgumentMode):  # noqa: N801  torch names it so
    """Nothing is recorded; results do not require grad. Factories with requires_grad=True still make leaves."""

    def __enter__(self) -> None:
        self.previous = state.grad
        state.grad = False


class enable_grad(_NoArgumentMode):  # noqa: N801  torch names it so
    """Recording is on again, inside no_grad; not inside inference mode's tensors."""

    def __enter__(self) -> None:
        self.previous = state.grad
        state.grad = True


class set_grad_enabled(_Mode):  # noqa: N801  torch names it so
    """Sets grad mode at once when called; as a context manager restores it at the end."""

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise TypeError(f"set_grad_enabled(): argument 'mode' must be bool, not {type(mode).__name__}")
        self.previous = state.grad
        self.mode = mode
        state.grad = mode

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """As a decorator it takes effect in the function only."""
        state.grad = self.previous
        return super().__call__(function)

    def __enter__(self) -> None:
        state.grad = self.mode

    def __exit__(self, *exception: object) -> None:
        state.grad = self.previous

    def clone(self) -> set_grad_enabled:
        """A fresh context with the same mode."""
        return type(self)(self.mode)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mode={self.mode})"


class inference_mode(_Mode):  # noqa: N801  torch names it so
    """no_grad that goes further: tensors made inside are inference tensors, which no later op can save or record."""

    def __new__(cls, mode: Any = True) -> Any:
        """A context; or, given a function in place of a mode, the function decorated."""
        return object.__new__(cls) if isinstance(mode, bool) else cls()(mode)

    def __init__(self, mode: Any = True) -> None:
        self.mode = mode
        self.previous: list[tuple[bool, bool]] = []

    def __enter__(self) -> None:
        self.previous.append((state.grad, state.inference))
        state.inference = self.mode
        # inference_mode(False) inside inference mode gives back the ordinary mode, in which ops are recorded.
        state.grad = not self.mode

    def __exit__(self, *exception: object) -> None:
        state.grad, state.inference = self.previous.pop()

    def clone(self) -> inference_mode:
        """A fresh context with the same mode."""
        return type(self)(self.mode)
