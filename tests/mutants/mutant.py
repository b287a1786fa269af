"""What a mutant is: a small fault in torch, patched in for a while, and the rules that must see it.

A mutant is written as a function that takes pytest's ``MonkeyPatch`` and replaces what it makes wrong::

    @mutant("detach() hands out a copy.", catches=["detach/detach-shares-storage-both-ways"], reaches=["inplace"])
    def detach_copies(torch_: MonkeyPatch) -> None:
        torch_.setattr(torch.Tensor, "detach", lambda tensor: TensorBase.detach(tensor).clone())

``catches`` names rules that must fail. Other rules of their topics may, and so may the rules that ``reaches`` allows,
where a fault is at the root of much; no others. ``reaches`` takes ids, topics and globs over ids.
"""

from __future__ import annotations

import fnmatch
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

#: Pytest's, which puts everything back; its scope is one ``with``.
MonkeyPatch = pytest.MonkeyPatch

Patch = Callable[[MonkeyPatch], None]


@dataclass(frozen=True)
class Mutant:
    """A named fault; ``wrong`` says in one sentence what the patched torch does."""

    name: str
    area: str
    wrong: str
    catches: tuple[str, ...]
    reaches: tuple[str, ...]
    patch: Patch

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Torch is wrong inside, and itself again afterwards."""
        with MonkeyPatch.context() as torch_:
            self.patch(torch_)
            yield

    def missed(self, failed: Iterable[str]) -> list[str]:
        """The rules of ``catches`` that did not fail."""
        return sorted({*self.catches}.difference(failed))

    def astray(self, failed: Iterable[str]) -> list[str]:
        """The failed rules that the fault is not expected to reach."""
        return [rule for rule in failed if not self.is_about(rule) and not _any(rule, self.reaches)]

    def is_about(self, rule: str) -> bool:
        """Whether the rule belongs to a topic of ``catches``."""
        return rule.partition("/")[0] in {caught.partition("/")[0] for caught in self.catches}


def _any(rule: str, patterns: Iterable[str]) -> bool:
    return any(matches(rule, pattern) for pattern in patterns)


def matches(rule: str, pattern: str) -> bool:
    """Whether a rule's id is the pattern, belongs to the topic that it names, or matches it as a glob."""
    return rule == pattern or rule.startswith(f"{pattern}/") or fnmatch.fnmatchcase(rule, pattern)


_CATALOGUE: dict[str, Mutant] = {}


def mutant(wrong: str, *, catches: Iterable[str], reaches: Iterable[str] = ()) -> Callable[[Patch], Patch]:
    """Register the decorated function as a mutant; its name is the function's."""

    def register(patch: Patch) -> Patch:
        name = patch.__name__.replace("_", "-")
        if name in _CATALOGUE:
            raise ValueError(f"two mutants are called {name}")
        area = patch.__module__.rpartition(".")[2]
        _CATALOGUE[name] = Mutant(name, area, wrong, tuple(catches), tuple(reaches), patch)
        return patch

    return register


def harmless(change: str) -> Callable[[Patch], Patch]:
    """Register a change that no rule may notice."""
    return mutant(change, catches=())


def catalogue() -> list[Mutant]:
    """All mutants, harmless ones included, in the order of areas and names."""
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        if not module.name.startswith(("__", "test_")):
            importlib.import_module(f"{__package__}.{module.name}")
    return sorted(_CATALOGUE.values(), key=lambda one: (one.area, one.name))
