"""The rules catch every wrong torch of the catalogue, and point at what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")

from tests.mutants.detection import ALL, detect, rules, unhurt
from tests.mutants.mutant import Mutant, catalogue

MUTANTS = [mutant for mutant in catalogue() if mutant.catches]
HARMLESS = [mutant for mutant in catalogue() if not mutant.catches]

#: Under these mutants the rules of BYSTANDERS are run as well as the topics that they are about, and only those within
#: reach may fail. ``python -m tests.mutants`` runs all rules under all mutants, which takes minutes.
WATCHED = {
    "backward-overwrites",
    "data-shares-version",
    "detach-copies",
    "dropout-does-not-rescale",
    "eval-freezes",
    "hooks-are-not-removed",
    "momentum-is-reversed",
    "no-grad-stays-off-after-exception",
    "numpy-copies",
    "running-var-is-biased",
    "step-clears-gradients",
    "zero-grad-does-nothing",
}

BYSTANDERS = (
    *("accumulation", "autograd-grad", "backward", "batchnorm", "data", "detach", "device", "dropout", "freezing"),
    *("grad-mode", "graph", "hooks", "host", "inplace", "leaf", "legacy", "loss", "memory", "optim", "requires-grad"),
    *("retain-graph", "rng", "train-eval", "training-loop"),
)


def _named(mutants: list[Mutant]) -> list[Any]:
    return [pytest.param(mutant, id=mutant.name) for mutant in mutants]


def test_torch_itself_passes() -> None:
    """Whatever a mutant turns red was not red before."""
    assert not [rule for rule, status in unhurt().statuses.items() if status in ("fail", "error", "crash", "hang")]


@pytest.mark.parametrize("mutant", _named(MUTANTS))
def test_the_rules_about_it_fail_and_no_others(mutant: Mutant) -> None:
    """The rules that state what the mutant gets wrong fail, none beyond its reach does, each comes to a verdict."""
    found = detect(mutant, BYSTANDERS if mutant.name in WATCHED else ())
    assert not mutant.missed(found.failed), f"{mutant.wrong} These rules did not notice."
    assert not [found.findings[rule] for rule in mutant.astray(found.failed)], f"{mutant.wrong} These are about else."
    assert not found.broken


@pytest.mark.parametrize("mutant", _named(HARMLESS))
def test_what_changes_nothing_is_not_noticed(mutant: Mutant) -> None:
    """A change that no documentation forbids turns no rule red."""
    found = detect(mutant, ALL)
    assert not [found.findings[rule] for rule in found.failed]
    assert not found.broken


def test_the_catalogue_names_rules_that_exist() -> None:
    """A misspelt id would be missed for ever, and a misspelt mutant would not be run everywhere."""
    assert not {rule for mutant in MUTANTS for rule in mutant.catches} - {rule.id for rule in rules()}
    assert not WATCHED - {mutant.name for mutant in MUTANTS}
