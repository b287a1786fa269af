"""``conformance init``: a few questions, and the suite is in somebody's project."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from conformance.cli import showing
from conformance.cli.arguments import Commands, add_command
from conformance.cli.progress import progress
from conformance.cli.running import default_implementations
from conformance.errors import ConformanceError
from conformance.known.judging import judge
from conformance.known.loading import load_known
from conformance.known.rewriting import EMPTY
from conformance.report.texts import counted
from conformance.results.reading import Results
from conformance.results.summary import exit_status, verdicts
from conformance.starting.first_run import REASON, first_known, first_run
from conformance.starting.project import (
    ADAPTER,
    CI,
    CIS,
    KNOWN,
    RESULTS,
    WORKFLOWS,
    Choices,
    files,
    runnable,
    write_new,
)

_NOTHING_RAN = 3


def add(commands: Commands) -> None:
    """The command's parser."""
    epilog = f"""\
files:
  {ADAPTER}             an adapter to fill in, for what does not quite look like torch
  {KNOWN}             what fails in a first run of all rules
  {RESULTS}          the results of that run
  {WORKFLOWS["github"]}  the CI configuration, or {WORKFLOWS["gitlab"]}

What is not given is asked for at a terminal, and needed elsewhere. A file that is there is never written to.

examples:
  conformance init
  conformance init . -i mypackage.mytorch --no-adapter --ci github
  conformance init . -i mypackage.core --adapter --ci none --no-run
"""
    summary = "Bring the suite into a project: an adapter, known failures of a first run, and CI."
    parser = add_command(commands, "init", summary, epilog)
    parser.add_argument(
        "folder", metavar="FOLDER", nargs="?", default=Path(), type=Path, help="the project's; by default this one"
    )
    parser.add_argument(
        "-i", "--implementation", metavar="IMPL",
        help="what to check: torch, reference, package.module, package.module:Attribute or a registered name",
    )  # fmt: skip
    parser.add_argument(
        "--adapter", action=argparse.BooleanOptionalAction, help=f"whether to write {ADAPTER} for the implementation"
    )
    parser.add_argument("--ci", choices=CIS, help="whose CI configuration to write")
    parser.add_argument("--no-run", action="store_true", help=f"leave the first run out; {KNOWN} then has no entries")
    parser.set_defaults(command=init)


def init(options: argparse.Namespace) -> int:
    """Write what is missing, run where that is wanted, say what comes next."""
    if not options.folder.is_dir():
        raise ConformanceError(f"{options.folder} is not a folder", "name that of your project, or leave it out")
    os.chdir(options.folder)  # a run, and the CI, begin in the project's folder
    choices = _choices(options)
    can_run = runnable(choices)
    wrote = [_write(path, text) for path, text in files(choices)]
    status = 0
    if KNOWN.exists():
        print(f"kept  {KNOWN}")
    elif RESULTS.exists():
        print(f"kept  {RESULTS}")
    elif can_run and not options.no_run:
        wrote.append(True)
        status = _first_run(choices)
    else:
        wrote.append(_write(KNOWN, EMPTY))
    if KNOWN.exists() and not any(wrote):
        print("nothing to write: everything is there")
    print("next:")
    if options.folder != Path():
        print(f"  cd {shlex.quote(str(options.folder))}")
    print("\n".join(_next(choices, can_run=can_run)))
    return status


# -- what is wanted ----------------------------------------------------------------------------------------------------


def _choices(options: argparse.Namespace) -> Choices:
    """What was given; the rest is asked for."""
    given = {"-i": options.implementation, "--adapter or --no-adapter": options.adapter, "--ci": options.ci}
    missing = [name for name, value in given.items() if value is None]
    if missing and not sys.stdin.isatty():
        raise ConformanceError(f"not given: {', '.join(missing)}", "there is no terminal at which to ask")
    implementation = options.implementation or _asked(
        "Implementation: torch, reference, package.module or package.module:Attribute?", default_implementations()[0]
    )
    adapter = options.adapter
    if adapter is None:
        adapter = _asked(f"Write {ADAPTER}, an adapter to fill in: yes or no?", "no", ("yes", "no")) == "yes"
    likely = "gitlab" if Path(".gitlab-ci.yml").exists() else "github"
    ci = options.ci or _asked(f"CI: {', '.join(CIS[:-1])} or {CIS[-1]}?", likely, CIS)
    return Choices(implementation, adapter, cast(CI, ci))


def _asked(question: str, default: str, answers: tuple[str, ...] = ()) -> str:
    """The answer to a question, which is asked until it is one of ``answers``, if any."""
    while True:
        try:
            answer = input(f"{question} [{default}] ").strip() or default
        except EOFError:
            print()
            raise ConformanceError(
                f"no answer to '{question}'", "'conformance init --help' names the options"
            ) from None
        if not answers or answer in answers:
            return answer


# -- what is done ------------------------------------------------------------------------------------------------------


def _write(path: Path, text: str) -> bool:
    wrote = write_new(path, text)
    print(f"{'wrote' if wrote else 'kept '} {path}", flush=True)
    return wrote


def _first_run(choices: Choices) -> int:
    """Run all rules, and write down what fails; returns 3 where nothing ran or something of ours broke."""
    print(f"running all rules on {choices.subject}; Ctrl-C keeps what there is", flush=True)
    try:
        with progress(quiet=False) as shown:
            results = first_run(choices.subject, RESULTS, shown.show)
    except KeyboardInterrupt:
        print("\n".join(["go on with:", *_going_on(choices)]))
        raise
    print(f"wrote {RESULTS}")
    _write(KNOWN, first_known(results, KNOWN))
    return _said(results)


def _said(results: Results) -> int:
    """Print what the run came to; returns its status as far as it is not about failures."""
    known = load_known(KNOWN)
    judgement = judge(known, results.run, results.subjects, results.cases)
    found = verdicts(results.cases, results.subjects, judgement.excused)
    for one in found:
        print("\n".join(showing.lines_of(one)))
    if known.entries:
        print(f"{counted(len(known.entries), 'known failure')} in {KNOWN}, for the reason '{REASON}'")
    broken = Counter(line.status for line in results.cases if line.status in ("crash", "hang", "error"))
    if broken:
        counts = ", ".join(f"{number} {status}" for status, number in sorted(broken.items()))
        print(f"never excused, and left out of it: {counts}")
    return _NOTHING_RAN if exit_status(found) == _NOTHING_RAN else 0


def _going_on(choices: Choices) -> Iterator[str]:
    """How the known-failures file comes about after all."""
    if RESULTS.exists():
        yield f"  conformance run -i {choices.subject} -o {RESULTS} --resume"
        yield f"  conformance known {RESULTS} -o {KNOWN}"
    else:
        yield "  conformance init, once more"


def _next(choices: Choices, *, can_run: bool) -> Iterator[str]:
    """What the author of the project does now."""
    if not can_run:
        yield f"  '{choices.implementation}' has no Tensor, so it does not look like torch: fill in {ADAPTER}"
    if not KNOWN.exists():
        yield from _going_on(choices)
    yield f"  conformance run -i {choices.subject} --known {KNOWN}"
    if RESULTS.exists():
        yield f"  conformance report {RESULTS} --known {KNOWN} -o conformance-report.html"
    if choices.ci == "github":
        yield f"  put an owner and a commit for OWNER and v0 in {WORKFLOWS['github'].as_posix()}"
    if choices.ci == "gitlab":
        yield f"  put an owner and a commit for OWNER and COMMIT in {WORKFLOWS['gitlab'].as_posix()}"
        yield f"  include it in .gitlab-ci.yml: 'include: {{local: {WORKFLOWS['gitlab'].as_posix()}}}'"
