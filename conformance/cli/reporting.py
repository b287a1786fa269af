"""``conformance report``: results files -> a page, a summary, a badge and other renderings."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from conformance.cli.arguments import Commands, add_command, add_specs
from conformance.cli.inputs import read_all
from conformance.cli.selecting import loaded
from conformance.errors import ConformanceError, ResultsError
from conformance.known.judging import judge_all
from conformance.known.loading import load_known
from conformance.report.annotations import render_annotations
from conformance.report.badge import badge, badge_json, badge_svg
from conformance.report.html import render_html
from conformance.report.junit import render_junit
from conformance.report.markdown import render_markdown
from conformance.report.model import Report, build_report
from conformance.report.texts import counted

_STEP_SUMMARY = "GITHUB_STEP_SUMMARY"

#: By the suffix of the file: the report, and what the badge is about -> the file's text.
_RENDERINGS: dict[str, Callable[[Report, str], str]] = {
    ".html": lambda report, _: render_html(report),
    ".md": lambda report, _: render_markdown(report),
    ".xml": lambda report, _: render_junit(report),
    ".svg": lambda report, about: badge_svg(badge(report, about)),
    ".json": lambda report, about: badge_json(badge(report, about)),
}
_BADGES = frozenset({".svg", ".json"})


def add(commands: Commands) -> None:
    """The command's parser."""
    epilog = f"""\
renderings, by the suffix of FILE:
  .html  one self-contained page: verdicts, a matrix, a page for each rule
  .md    a summary in Markdown
  .xml   JUnit XML: a suite for each implementation and device, a test for each case
  .svg   a badge, as an image
  .json  a badge, as shields.io reads it ("endpoint")

Without -o and --annotations the summary is printed. Where {_STEP_SUMMARY} is set (in a step of GitHub Actions) the
summary is appended to the file that it names, whatever else is asked for.

examples:
  conformance report results.jsonl                            the summary, here
  conformance report torch.jsonl mine.jsonl -o report.html    implementations side by side
  conformance report mine.jsonl -o report.html --known known.yaml --baseline last-week.jsonl
  conformance report mine.jsonl -o junit.xml -o badge.svg --badge-for mine/cpu
"""
    parser = add_command(commands, "report", "Make a page, a summary or a badge from results files.", epilog)
    parser.add_argument(
        "results", metavar="RESULTS", nargs="+", type=Path, help="files written by 'conformance run -o'"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", action="append", default=[], type=Path,
        help="what to write; its suffix says in which rendering; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--annotations", action="store_true",
        help="print workflow commands with which GitHub marks the lines of spec files that do not hold",
    )  # fmt: skip
    parser.add_argument(
        "--badge-for", metavar="IMPL[/DEVICE]", default="",
        help="the implementation, or the device of it, that badges are about; by default the worst of all",
    )  # fmt: skip
    parser.add_argument(
        "--known", metavar="FILE", type=Path, help="failures that are known (docs/known-failures.md), told apart"
    )
    parser.add_argument("--baseline", metavar="RESULTS", type=Path, help="earlier results, to show what changed since")
    add_specs(parser)
    parser.set_defaults(command=report)


def report(options: argparse.Namespace) -> int:
    """Write what is asked for; everything is rendered before anything is written."""
    _check(options)
    results = read_all(options.results)
    known = judge_all(load_known(options.known), results) if options.known else None
    baseline = read_all([options.baseline])[0] if options.baseline else None
    made = build_report(results, loaded(options.specs), known, baseline)
    texts = [(path, _RENDERINGS[path.suffix.lower()](made, options.badge_for)) for path in options.output]
    cases = sum(len(one.cases) for one in results)
    for path, text in texts:
        _write(path, text)
        print(f"{path}: {counted(cases, 'case')} from {counted(len(results), 'file')}")
    if options.annotations:
        workspace = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
        print(render_annotations(made, workspace), end="")
    step_summary = os.environ.get(_STEP_SUMMARY)
    if step_summary:
        _append(step_summary, render_markdown(made))
        print(f"summary appended to ${_STEP_SUMMARY}")
    elif not texts and not options.annotations:
        print(render_markdown(made), end="")
    return 0


def _check(options: argparse.Namespace) -> None:
    for path in options.output:
        if path.suffix.lower() not in _RENDERINGS:
            known = ", ".join(_RENDERINGS)
            raise ConformanceError(f"cannot tell what to write to {path}: its suffix is not one of {known}")
    if options.badge_for and not any(path.suffix.lower() in _BADGES for path in options.output):
        raise ConformanceError("--badge-for is about badges, and none is written", "-o badge.svg, or -o badge.json")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"cannot write {path}: {error.strerror or error}") from error


def _append(path: str, text: str) -> None:
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"\n\n{text}")  # a blank line ends whatever Markdown or HTML stands before
    except OSError as error:
        raise ResultsError(
            f"cannot append the summary to {path}, which {_STEP_SUMMARY} names: {error.strerror}"
        ) from error
