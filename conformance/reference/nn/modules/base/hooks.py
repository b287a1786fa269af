"""Hooks of a module: registering them, and running them around one call.

The order of a call: global forward pre-hooks, the module's own, `forward`, global forward hooks, the module's own. Full
backward hooks stand on identity nodes that `full_backward` puts around the inputs and outputs. A hook that returns
None leaves things as they are.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from conformance.reference.graph import RemovableHandle
from conformance.reference.nn.modules.base.full_backward import FullBackwardHooks
from conformance.reference.nn.modules.base.registration import Registration
from conformance.reference.tensors import Tensor

__all__ = [
    "Hooks",
    "register_module_backward_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
]

Hook = Callable[..., Any]

_global_forward_pre_hooks: OrderedDict[int, Hook] = OrderedDict()
_global_forward_hooks: OrderedDict[int, Hook] = OrderedDict()
_global_forward_hooks_with_kwargs: OrderedDict[int, bool] = OrderedDict()
_global_forward_hooks_always_called: OrderedDict[int, bool] = OrderedDict()
_global_backward_pre_hooks: OrderedDict[int, Hook] = OrderedDict()
_global_backward_hooks: OrderedDict[int, Hook] = OrderedDict()
_global_hooks_are_full: bool | None = None


def _add(hooks: OrderedDict[int, Hook], hook: Hook, prepend: bool = False, **flags: Any) -> RemovableHandle:
    """Register under a new handle; each flag names a table that gets True under the same handle."""
    tables = [table for table, wanted in flags.values() if wanted]
    handle = RemovableHandle(hooks, *tables)
    hooks[handle.id] = hook
    for table in tables:
        table[handle.id] = True
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_module_forward_pre_hook(hook: Hook) -> RemovableHandle:
    """hook(module, args) before every module's forward."""
    return _add(_global_forward_pre_hooks, hook)


def register_module_forward_hook(
    hook: Hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """hook(module, args, output) after every module's forward."""
    return _add(
        _global_forward_hooks,
        hook,
        with_kwargs=(_global_forward_hooks_with_kwargs, with_kwargs),
        always_call=(_global_forward_hooks_always_called, always_call),
    )


def register_module_full_backward_pre_hook(hook: Hook) -> RemovableHandle:
    """hook(module, grad_output) before every module's backward."""
    return _add(_global_backward_pre_hooks, hook)


def register_module_full_backward_hook(hook: Hook) -> RemovableHandle:
    """hook(module, grad_input, grad_output) after every module's backward."""
    return _register_global_backward(hook, full=True)


def register_module_backward_hook(hook: Hook) -> RemovableHandle:
    """The older form, which sees the gradients of the last node of forward only."""
    return _register_global_backward(hook, full=False)


def _register_global_backward(hook: Hook, full: bool) -> RemovableHandle:
    global _global_hooks_are_full
    if _global_hooks_are_full is (not full):
        raise RuntimeError("Cannot use both regular backward hooks and full backward hooks as a global Module hook.")
    _global_hooks_are_full = full
    return _add(_global_backward_hooks, hook)


class Hooks(Registration):
    """Hook registration, and `__call__`."""

    forward: Callable[..., Any]

    def register_forward_pre_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """hook(module, args[, kwargs]) before forward; what it returns replaces the arguments."""
        return _add(
            self._forward_pre_hooks, hook, prepend, with_kwargs=(self._forward_pre_hooks_with_kwargs, with_kwargs)
        )

    def register_forward_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """hook(module, args[, kwargs], output) after forward; what it returns replaces the output."""
        return _add(
            self._forward_hooks,
            hook,
            prepend,
            with_kwargs=(self._forward_hooks_with_kwargs, with_kwargs),
            always_call=(self._forward_hooks_always_called, always_call),
        )

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """hook(module, grad_output) before the module's backward; what it returns replaces grad_output."""
        return _add(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """hook(module, grad_input, grad_output) once the gradients of the inputs are known; may replace them."""
        return self._register_backward(hook, full=True, prepend=prepend)

    def register_backward_hook(self, hook: Hook) -> RemovableHandle:
        """The older form, which sees the gradients of the last node of forward only."""
        return self._register_backward(hook, full=False)

    def _register_backward(self, hook: Hook, full: bool, prepend: bool = False) -> RemovableHandle:
        if self._is_full_backward_hook is (not full):
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a single Module. "
                "Please use only one of them."
            )
        self._is_full_backward_hook = full
        return _add(self._backward_hooks, hook, prepend)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not (
            self._forward_hooks
            or self._forward_pre_hooks
            or self._backward_hooks
            or self._backward_pre_hooks
            or _global_forward_hooks
            or _global_forward_pre_hooks
            or _global_backward_hooks
            or _global_backward_pre_hooks
        ):
            return self.forward(*args, **kwargs)
        finished: set[int] = set()
        try:
            return self._call_with_hooks(args, kwargs, finished)
        except Exception:
            self._run_hooks_that_always_run(args, kwargs, finished)
            raise

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any], finished: set[int]) -> Any:
        args, kwargs = self._run_forward_pre_hooks(args, kwargs)
        backward = None
        full_hooks = self._full_backward_hooks()
        pre_hooks = [*_global_backward_pre_hooks.values(), *self._backward_pre_hooks.values()]
        if full_hooks or pre_hooks:
            backward = FullBackwardHooks(self, full_hooks, pre_hooks)
            args = backward.wrap_inputs(args)
        result = self.forward(*args, **kwargs)
        result = self._run_forward_hooks(args, kwargs, result, finished)
        if backward is not None:
            result = backward.wrap_outputs(result)
        self._attach_last_node_hooks(result)
        return result

    def _run_forward_pre_hooks(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        for key, hook in [*_global_forward_pre_hooks.items(), *self._forward_pre_hooks.items()]:
            if key in self._forward_pre_hooks_with_kwargs:
                replaced = hook(self, args, kwargs)
                if replaced is not None:
                    if not (isinstance(replaced, tuple) and len(replaced) == 2):
                        raise RuntimeError(
                            "forward pre-hook must return None or a tuple "
                            f"of (new_args, new_kwargs), but got {replaced}."
                        )
                    args, kwargs = replaced
            else:
                replaced = hook(self, args)
                if replaced is not None:
                    args = replaced if isinstance(replaced, tuple) else (replaced,)
        return args, kwargs

    def _run_forward_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, finished: set[int]) -> Any:
        for key, hook, takes_kwargs, _ in self._all_forward_hooks():
            finished.add(key)
            replaced = hook(self, args, kwargs, result) if takes_kwargs else hook(self, args, result)
            if replaced is not None:
                result = replaced
        return result

    def _run_hooks_that_always_run(self, args: tuple[Any, ...], kwargs: dict[str, Any], finished: set[int]) -> None:
        """After an exception: the hooks that asked for it and have not run; their own errors are dropped."""
        for key, hook, takes_kwargs, always in self._all_forward_hooks():
            if always and key not in finished:
                try:
                    hook(self, args, kwargs, None) if takes_kwargs else hook(self, args, None)
                except Exception:  # noqa: S112  the error that stopped the call is the one to report
                    continue

    def _all_forward_hooks(self) -> list[tuple[int, Hook, bool, bool]]:
        return [
            (key, hook, key in _global_forward_hooks_with_kwargs, key in _global_forward_hooks_always_called)
            for key, hook in _global_forward_hooks.items()
        ] + [
            (key, hook, key in self._forward_hooks_with_kwargs, key in self._forward_hooks_always_called)
            for key, hook in self._forward_hooks.items()
        ]

    def _full_backward_hooks(self) -> list[Hook]:
        hooks = list(_global_backward_hooks.values()) if _global_hooks_are_full else []
        return hooks + (list(self._backward_hooks.values()) if self._is_full_backward_hook else [])

    def _attach_last_node_hooks(self, result: Any) -> None:
        """Put the older, not full hooks on the node that made the first tensor of the result."""
        hooks = list(_global_backward_hooks.values()) if _global_hooks_are_full is False else []
        if self._is_full_backward_hook is False:
            hooks += self._backward_hooks.values()
        if not hooks:
            return
        while not isinstance(result, Tensor):
            result = (
                next(v for v in result.values() if isinstance(v, Tensor)) if isinstance(result, dict) else result[0]
            )
        if result.grad_fn is not None:
            for hook in hooks:
                result.grad_fn.register_hook(functools.partial(hook, self))
