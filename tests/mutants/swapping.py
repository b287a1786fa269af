"""The shortest way to write a mutant: one attribute, or several, swapped for what is made of the right ones."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

import torch

from tests.mutants.mutant import MonkeyPatch, mutant

#: The right attribute -> the one that takes its place.
Change = Callable[[Any], Any]


def swap(
    name: str, wrong: str, owner: Any, attributes: str, change: Change, *, catches: Iterable[str], reaches: Any = ()
) -> None:
    """Register a mutant of the calling module that puts ``change(right)`` in place of each of ``attributes``."""

    def patch(torch_: MonkeyPatch) -> None:
        for attribute in attributes.split():
            torch_.setattr(owner, attribute, change(getattr(owner, attribute)), raising=False)

    patch.__name__ = name
    patch.__module__ = str(sys._getframe(1).f_globals["__name__"])
    mutant(wrong, catches=catches, reaches=reaches)(patch)


def with_options(**fixed: Any) -> Change:
    """The right function with some options as given here, whatever the caller says."""
    return lambda right: lambda *args, **options: right(*args, **{**options, **fixed})


def with_result(change: Change) -> Change:
    """``change`` of what the right function returns."""
    return lambda right: lambda *args, **options: change(right(*args, **options))


def with_made(change: Change) -> Change:
    """For functions that return functions: ``change`` of what those return."""
    return with_result(with_result(change))


class _Tampering(torch.autograd.Function):
    """The identity, on whose way back ``change`` is applied to the gradient."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, change: Callable[[Any], Any]) -> torch.Tensor:
        ctx.change = change
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return ctx.change(grads[0]), None


#: A tensor of the same values, ``change`` of whose gradient goes on to ``x``. Held here, where no patch reaches it.
_apply: Any = _Tampering.apply


def tampered(x: Any, change: Callable[[Any], Any]) -> Any:
    """``x`` again, in the same memory; what arrives for it in backward goes on as ``change`` of it."""
    return _apply(x, change)
