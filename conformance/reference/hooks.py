"""Hooks of tensors: on their gradient, after accumulation, and keeping the gradient of a non-leaf."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from conformance.reference.graph import Node, RemovableHandle
from conformance.reference.tensors import Tensor


def register_hook(self: Tensor, hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(grad)` whenever a gradient for the tensor is computed; what it returns replaces it."""
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    node = self.grad_fn
    if node is None:
        if self._hooks is None:
            self._hooks = OrderedDict()
            sink = self._accumulator and self._accumulator()
            if sink:
                sink.tensor_hooks = {0: self._hooks}
        hooks = self._hooks
    else:
        if node.tensor_hooks is None:
            node.tensor_hooks = {}
        hooks = node.tensor_hooks.setdefault(self._output_nr, OrderedDict())
    return RemovableHandle(hooks).add(hook)


def register_post_accumulate_grad_hook(self: Tensor, hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(tensor)` each time a gradient has been added to the leaf's .grad."""
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if self.grad_fn is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    if self._post_accumulate_hooks is None:
        self._post_accumulate_hooks = OrderedDict()
    return RemovableHandle(self._post_accumulate_hooks).add(hook)


def retain_grad(self: Tensor) -> None:
    """Keep the gradient of a non-leaf in .grad; does nothing for leaves."""
    if not self.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    node = self.grad_fn
    if node is None or self.retains_grad:
        return
    if node.retained is None:
        node.retained = {}
    node.retained[self._output_nr] = weakref.ref(self)
    self._retains = weakref.ref(node)


def move_retained(tensor: Tensor, old: Node | None, node: Node, output_nr: int) -> None:
    """After a write in place the gradient kept is that of the new value."""
    if old is not None and old.retained:
        for number, reference in tuple(old.retained.items()):
            if reference() is tensor:
                del old.retained[number]
    if node.retained is None:
        node.retained = {}
    node.retained[output_nr] = weakref.ref(tensor)
    tensor._retains = weakref.ref(node)
