"""The engine under backward and torch.autograd.grad, and how to put another in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from tests.mutants.mutant import MonkeyPatch

Engine = Callable[..., tuple[Any, ...]]

run_engine: Engine = torch.autograd._engine_run_backward


def replace_engine(torch_: MonkeyPatch, engine: Engine) -> None:
    torch_.setattr(torch.autograd, "_engine_run_backward", engine)


def leaves_of(results: Any) -> list[torch.Tensor]:
    """The leaves that a walk from ``results``, tensors or gradient edges, reaches."""
    edges = [result for result in results if not isinstance(result, torch.Tensor)]
    tensors = [result for result in results if isinstance(result, torch.Tensor)]
    todo = [edge.node for edge in edges] + [result.grad_fn for result in tensors if result.grad_fn is not None]
    found = {id(result): result for result in tensors if result.grad_fn is None and result.requires_grad}
    seen: set[Any] = set()
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        variable = getattr(node, "variable", None)
        if isinstance(variable, torch.Tensor) and variable.is_leaf:
            found[id(variable)] = variable
        todo += [edge for edge, _ in node.next_functions]
    return list(found.values())
