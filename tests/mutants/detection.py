"""The rules of specs/ on a torch that a mutant made wrong -> which of them fail.

One device and one dtype do: what a mutant breaks it breaks in all of them. Properties, whose data Hypothesis draws and
shrinks, are left out: they cost a hundred times as much, and a mutant can be told by plain data. What they catch is in
test_properties.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache

from conformance.implementations.torch import TorchImplementation
from conformance.rules.loading import load
from conformance.rules.model import Rule
from conformance.rules.parameters import bindings_of
from conformance.rules.vocabulary import specs_folder
from conformance.running.cases import Case, expand
from conformance.running.execute import Runner
from conformance.running.outcome import Status
from tests.mutants.mutant import Mutant

DTYPE = "float32"

#: Every topic, those that are still to be written included.
ALL: Collection[str] = ("*",)

#: A rule's status is the worst of its cases'.
_WORST_FIRST: tuple[Status, ...] = ("crash", "hang", "error", "fail", "unsupported", "not run", "unspecified", "pass")


@dataclass(frozen=True)
class Detection:
    """What became of each rule under a mutant, and the first thing that was found where something was."""

    statuses: dict[str, Status]
    findings: dict[str, str]

    @property
    def failed(self) -> list[str]:
        """The rules of which a case failed."""
        return [rule for rule, status in self.statuses.items() if status == "fail"]

    @property
    def broken(self) -> dict[str, str]:
        """The rules that came to no verdict, and why: the mutant broke the harness, or hid from it."""
        return {
            rule: f"{status}: {self.findings.get(rule, '')}"
            for rule, status in self.statuses.items()
            if status not in ("pass", "fail") and status != unhurt().statuses[rule]
        }


def detect(mutant: Mutant, topics: Collection[str] = ()) -> Detection:
    """Run the rules of ``topics`` and of those that ``mutant`` is about while it is in place; all rules for ALL."""
    chosen = [
        case
        for case in cases()
        if topics is ALL or mutant.is_about(case.rule.id) or case.rule.id.partition("/")[0] in topics
    ]
    unhurt()
    with mutant.in_place():
        return _run(chosen)


@cache
def unhurt() -> Detection:
    """The rules on torch as it is."""
    return _run(cases())


@cache
def cases() -> tuple[Case, ...]:
    """The cases of all rules on the CPU in one dtype; all dtypes of a rule that does not have this one."""
    implementation = TorchImplementation()
    files = sorted(path for path in specs_folder().glob("*.yaml") if path.name != "vocabulary.yaml")
    found: list[Case] = []
    for rule in load(files):
        if rule.is_property:
            continue
        of_rule = list(expand([rule], implementation, "cpu"))
        found += [case for case in of_rule if bindings_of(case.row).get("dtype", DTYPE) == DTYPE] or of_rule
    return tuple(found)


def rules() -> list[Rule]:
    """The rules that :func:`cases` has cases of."""
    return list({case.rule.id: case.rule for case in cases()}.values())


@cache
def _runner() -> Runner:
    """One runner for all mutants: the programs that it keeps are compiled from rules and know nothing of torch."""
    return Runner(TorchImplementation())


def _run(chosen: Iterable[Case]) -> Detection:
    runner = _runner()
    runner.implementation = TorchImplementation()  # a new one: it remembers the names that it looked up
    statuses: dict[str, Status] = {}
    findings: dict[str, str] = {}
    for case in chosen:
        rule = case.rule.id
        outcome = runner.run(case)
        worst = min((outcome.status, statuses.get(rule, "pass")), key=_WORST_FIRST.index)
        if outcome.status == worst and (outcome.findings or outcome.reason):
            findings.setdefault(rule, f"{case.id}: {next(iter(outcome.findings), outcome.reason)}")
        statuses[rule] = worst
    return Detection(statuses, findings)
