"""``conformance check``, ``list``, ``explain`` and ``repro``: looking at rules and cases."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conformance.cli.arguments import Commands, add_command, add_specs
from conformance.cli.selecting import cases_of, find_rule, implementation_of, loaded, selected
from conformance.errors import ConformanceError, ImplementationNotFound
from conformance.report.texts import counted
from conformance.rules.loading import spec_files
from conformance.rules.model import Rule
from conformance.rules.parameters import bindings_of


def add(commands: Commands) -> None:
    """The commands' parsers."""
    _add_check(commands)
    _add_list(commands)
    _add_explain(commands)
    _add_repro(commands)
    _add_sources(commands)


def _add_check(commands: Commands) -> None:
    epilog = "Prints file:line:column, what was found, what was expected; exits 2 where anything is wrong."
    parser = add_command(commands, "check", "Validate spec files: every mistake at once, each at its position.", epilog)
    parser.add_argument(
        "paths", metavar="PATH", nargs="*", type=Path, help="files or folders; the suite's own by default"
    )
    parser.set_defaults(command=check)


def _add_list(commands: Commands) -> None:
    epilog = """\
examples:
  conformance list                        every rule: its id and its sentence
  conformance list 'hooks' '*/detach-*'   a topic, and what a glob matches
  conformance list --format json          for other programs: levels, sources, capabilities, file and line too
"""
    parser = add_command(commands, "list", "List rules: their ids and what they say.", epilog)
    parser.add_argument("patterns", metavar="PATTERN", nargs="*", help="an id, a topic or a glob over ids")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="a line a rule (text), or JSON")
    add_specs(parser)
    parser.set_defaults(command=list_rules)


def _add_explain(commands: Commands) -> None:
    epilog = "The script is that of the rule's first case in float32, for torch."
    parser = add_command(
        commands, "explain", "Show a rule: sentence, sources, YAML and a script that checks it.", epilog
    )
    parser.add_argument("rule", metavar="RULE", help="a rule's id; 'conformance list' prints them")
    add_specs(parser)
    parser.set_defaults(command=explain)


def _add_repro(commands: Commands) -> None:
    epilog = """\
examples:
  conformance repro 'accumulation/adds-into-leaf-grad[passes=2-float32-torch-cpu]' > case.py
  conformance repro accumulation/adds-into-leaf-grad    the rule's first case in float32
"""
    parser = add_command(
        commands, "repro", "Print a standalone script for one case: it needs only the implementation.", epilog
    )
    parser.add_argument("case", metavar="CASE", help="a case's id, or a rule's")
    parser.add_argument(
        "-i",
        "--implementation",
        metavar="IMPL",
        default=None,
        help="the implementation, where the id alone does not name it; torch by default",
    )
    add_specs(parser)
    parser.set_defaults(command=repro)


def _add_sources(commands: Commands) -> None:
    epilog = "With a new release of torch installed, what it prints is a reading list: rules to compare with the text."
    parser = add_command(
        commands, "sources", "List the rules whose documentation has changed since they were read.", epilog
    )
    parser.add_argument("--update", action="store_true", help="write specs/sources.lock from the installed torch")
    parser.set_defaults(command=sources)


def check(options: argparse.Namespace) -> int:
    """Validate spec files; SpecErrors carries whatever is wrong."""
    rules = loaded(options.paths)
    files = len(spec_files(options.paths))
    print(f"{counted(len(rules), 'rule')} in {counted(files, 'file')}: all well formed")
    return 0


def list_rules(options: argparse.Namespace) -> int:
    """Print the selected rules, a line each or as JSON."""
    rules = selected(options.specs, options.patterns)
    if options.format == "json":
        print(json.dumps([_as_json(rule) for rule in rules], indent=1, ensure_ascii=False))
        return 0
    width = max((len(rule.id) for rule in rules), default=0)
    for rule in rules:
        print(f"{rule.id:<{width}}  {rule.says}")
    return 0


def _as_json(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "says": rule.says,
        "level": rule.level,
        "sources": list(rule.sources),
        "since": rule.since,
        "until": rule.until,
        "myth": rule.myth,
        "capabilities": sorted(rule.capabilities),
        "file": rule.topic.file,
        "line": rule.line,
    }


def explain(options: argparse.Namespace) -> int:
    """Print everything about one rule."""
    rule = find_rule(loaded(options.specs), options.rule.partition("[")[0])
    print(f"{rule.id}  ({rule.level})\n\n{rule.says}\n")
    if rule.myth:
        print(f"Myth: {rule.myth}\n")
    if rule.disagreement:
        print(f"The documentation says: {rule.disagreement.says} {rule.disagreement.upstream or ''}\n")
    print("Source: " + ", ".join(rule.sources))
    if rule.since or rule.until:
        print(f"torch: since {rule.since or 'ever'}" + (f", until {rule.until}" if rule.until else ""))
    print(f"Stated in {rule.position}\n\n{rule.yaml}\n")
    try:
        print(_script(rule, "", None))
    except ConformanceError as error:
        print(f"(no script: {error})")
    return 0


def sources(options: argparse.Namespace) -> int:
    """Print the rules whose documentation has changed since the lock; with --update, write the lock."""
    from conformance.rules.sources import Lock, compare, hash_sources, lock_path, sources_of

    try:
        import torch
    except ModuleNotFoundError:
        raise ConformanceError("torch is not installed", "its docstrings are what sources are compared with") from None
    release = torch.__version__.partition("+")[0]
    named = sources_of(loaded([]))
    if options.update:
        lock = Lock(release, hash_sources(named))
        lock_path().write_text(lock.text(), encoding="utf-8")
        print(f"{lock_path().name}: {len(lock.objects)} documented objects of torch {release}")
        return 0
    lock = Lock.read(lock_path())
    reading = compare(named, lock)
    for word, names in (("changed", reading.changed), ("not locked", reading.added), ("unknown", reading.unknown)):
        for name in names:
            print(f"{word}: {name}: {', '.join(named[name])}")
    total = len(reading.changed) + len(reading.added) + len(reading.unknown)
    print(f"{total} of {len(named)} sources to read: torch {release} is installed, {lock.release} is locked")
    return 1 if total else 0


def repro(options: argparse.Namespace) -> int:
    """Print the standalone script of one case."""
    rule_id, _, label = options.case.partition("[")
    rule = find_rule(loaded(options.specs), rule_id)
    print(_script(rule, label.rstrip("]"), options.implementation))
    return 0


def _script(rule: Rule, label: str, named: str | None) -> str:
    """The script of the case of ``rule`` whose id ends in ``label``; where that is empty, of its plainest case."""
    from conformance.implementations import find
    from conformance.repro import script
    from conformance.running.execute import Runner

    try:
        implementation = find(named or implementation_of(label))
    except ImplementationNotFound:
        if label or named:
            raise
        return script(_any_case(rule), None)
    cases = cases_of(rule, label, implementation, implementation.devices())
    case = cases[0] if label else _plainest(cases)
    drawn = None
    if rule.is_property:
        from conformance.running.properties import example

        drawn = example(Runner(implementation), case)
    return script(case, implementation, drawn=drawn)


def _plainest(cases: Sequence[Any]) -> Any:
    """The first case in float32, in which a person reads numbers most easily; the first of all where there is none."""
    return next((case for case in cases if bindings_of(case.row).get("dtype", "float32") == "float32"), cases[0])


def _any_case(rule: Rule) -> Any:
    from conformance.rules.parameters import rows
    from conformance.running.cases import Case

    row = next(iter(rows(rule, "cpu", ())), None)
    if row is None:
        raise ConformanceError("the rule needs a second device", "name an implementation that has one")
    return Case(rule, row, "torch", "cpu")
