"""``conformance pin``: the example that a property failed on -> a rule of its own in a spec file."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from conformance.cli.arguments import Commands, add_command, add_specs, count
from conformance.cli.selecting import cases_of, find_rule, implementation_of, loaded
from conformance.errors import ConformanceError, ImplementationBroke, NothingSelected
from conformance.implementations import find
from conformance.results.model import CaseLine
from conformance.results.reading import read_results
from conformance.rules.model import Rule
from conformance.rules.parameters import row_label, rows
from conformance.running.cases import Case, expand
from conformance.running.execute import Runner
from conformance.running.outcome import BAD, Outcome
from conformance.running.properties import read_example


def add(commands: Commands) -> None:
    """The command's parser."""
    epilog = """\
examples:
  conformance pin broadcast/any-shapes -i mine -o found.conformance.yaml    search, and write what fails
  conformance pin broadcast/any-shapes --results mine.jsonl -o found.conformance.yaml    write what a run has found

exit status:
  0  the example was appended to FILE; or no case failed, so that there was none, and nothing was written
  2  the input is wrong: the rule draws nothing, FILE cannot be added to or has the example already
  3  the property came to no verdict: unsupported, or the implementation broke
"""
    summary = "Write the example on which a property failed as a rule with this very data, into a file of your own."
    parser = add_command(commands, "pin", summary, epilog)
    parser.add_argument("case", metavar="CASE", help="a case's id; or a rule's, for the first of its cases that fails")
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, required=True,
        help="the spec file (*.conformance.yaml), to which the rule is appended; made where there is none",
    )  # fmt: skip
    parser.add_argument(
        "-i", "--implementation", metavar="IMPL", default=None,
        help="the implementation, where the id alone does not name it; torch by default",
    )  # fmt: skip
    parser.add_argument("-d", "--device", default=None, help="a device of the implementation; by default every one")
    parser.add_argument(
        "--results", metavar="RESULTS", type=Path, default=None,
        help="take the example from this file of 'conformance run -o'; nothing is run",
    )  # fmt: skip
    parser.add_argument("--examples", metavar="N", type=count, default=25, help="examples to search among (25)")
    add_specs(parser)
    parser.set_defaults(command=pin)


@dataclass(frozen=True)
class _Failed:
    """A case that failed, what its outcome says of the example, and the implementation for the reader of the rule."""

    case: Case
    reason: str
    implementation: str


def pin(options: argparse.Namespace) -> int:
    """Find the example, append its rule to the file, and say so."""
    from conformance.pinning import append, pinned, rule_in, topic_of

    rule_id, _, label = options.case.removesuffix("]").partition("[")
    rule = find_rule(loaded(options.specs), rule_id)
    if not rule.is_property:
        raise ConformanceError(f"the data of {rule.id} is not drawn", "only a property has an example to pin")
    path: Path = options.output
    topic = topic_of(path)  # a name that cannot be is refused before anything is run
    runner = None if options.results else _runner(label, options)
    found = _recorded(rule, label, options) if runner is None else _searched(rule, label, runner, options.device)
    if found is None:
        print(f"no case of {options.case} fails: there is no example to pin")
        return 0
    try:
        drawn = read_example(rule, found.reason)
    except ValueError:
        hint = "leave out --results to search for one"
        raise ConformanceError(f"no example is recorded for {found.case.id}", hint) from None
    entry = pinned(found.case, drawn, topic)
    text = append(path, entry, f"The smallest example on which {found.case.id} failed ({found.implementation}).")
    written = rule_in(text, path, entry["id"])
    if runner is not None:
        _check_fails(written, found.case, runner)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise ConformanceError(f"cannot write {path}: {error.strerror or error}") from error
    print(f"{path}: {written.id}\n    {found.reason}")
    return 0


def _runner(label: str, options: argparse.Namespace) -> Runner:
    implementation = find(options.implementation or implementation_of(label))
    if options.device not in (None, *implementation.devices()):
        known = ", ".join(implementation.devices())
        raise ConformanceError(f"{implementation.name} has no device '{options.device}'", f"it has {known}")
    return Runner(implementation, examples=options.examples)


def _searched(rule: Rule, label: str, runner: Runner, device: str | None) -> _Failed | None:
    """The first case of ``rule`` that fails now; None where at least one was run and none fails."""
    implementation = runner.implementation
    outcomes: list[Outcome] = []
    for case in cases_of(rule, label, implementation, [device] if device else implementation.devices()):
        outcome = runner.run(case)
        if outcome.status == "fail":
            return _Failed(case, outcome.reason, f"{implementation.name} {implementation.version}")
        if outcome.status in BAD:
            raise ImplementationBroke(f"{case.id}: {outcome.status}: {outcome.reason}")
        outcomes.append(outcome)
    if all(outcome.status == "unsupported" for outcome in outcomes):
        raise NothingSelected(f"{rule.id} is unsupported on {implementation.name}: {outcomes[0].reason}")
    return None


def _recorded(rule: Rule, label: str, options: argparse.Namespace) -> _Failed | None:
    """The first failed case of ``rule`` in the results; None where it is there and did not fail."""
    results = read_results(options.results)
    wanted = (options.implementation or "").replace(":", ".")
    lines = [
        line
        for line in results.cases
        if line.rule == rule.id
        and (not label or line.id == f"{rule.id}[{label}]")
        and wanted in ("", line.implementation)
        and options.device in (None, line.device)
    ]
    if not lines:
        raise NothingSelected(f"{options.results} has no case of {options.case}", "was it run on another device?")
    failed = next((line for line in lines if line.status == "fail"), None)
    if failed is None:
        return None
    version = next(one.version for one in results.subjects if one.key == (failed.implementation, failed.device))
    return _Failed(_case_of(failed, rule), failed.reason, f"{failed.implementation} {version}")


def _case_of(line: CaseLine, rule: Rule) -> Case:
    """The case that a line of results is about."""
    for row in rows(rule, line.device, ()):
        if row_label(row) == line.parameters:
            return Case(rule, row, line.implementation, line.device)
    raise ConformanceError(f"{rule.id} has no case '{line.parameters}'", "were the results written with other rules?")


def _check_fails(written: Rule, case: Case, runner: Runner) -> None:
    """Refuse a rule that does not fail as the property did: whatever it pins is not what went wrong."""
    implementation = runner.implementation
    again = [runner.run(one) for one in expand([written], implementation, case.device)]
    if not any(outcome.status == "fail" for outcome in again):
        came = ", ".join(f"{outcome.status} {outcome.reason}".strip() for outcome in again)
        hint = "the failure does not depend on the drawn data alone; nothing was written"
        raise ConformanceError(f"the example of {case.id} does not fail again: {came}", hint)
