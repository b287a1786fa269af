"""``conformance report``: which renderings are written where, and what is said of it."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Say
from tests.report.pages import Page, results_of
from tests.results.lines import case
from tests.workshop import Workshop

BEGINNINGS = {
    "html": "<!doctype html>", "md": "## Conformance with", "xml": "<?xml", "svg": "<svg ",
    "json": '{\n "schemaVersion"',
}  # fmt: skip


@pytest.fixture
def results(workshop: Workshop) -> str:
    """The name of a results file with a case that fails."""
    workshop.spec("pass", "fail")
    return results_of(workshop.results, case("adds"), case("negates", "fail")).path.name


def test_makes_the_page_from_a_run(workshop: Workshop) -> None:
    """Folders on the way are made; what was read is said."""
    workshop.spec("pass", "fail")
    workshop.run()
    found = workshop.conformance("report", "results.jsonl", "--specs", ".", "-o", "pages/report.html")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout == "pages/report.html: 3 cases from 1 file\n"
    page = Page((workshop.folder / "pages" / "report.html").read_text(encoding="utf-8"))
    assert page.faults == []
    assert "Negation changes the sign." in page.text


def test_the_suffix_says_the_rendering(say: Say, workshop: Workshop, results: str) -> None:
    """Several at once, each said; capital letters are no other suffix."""
    names = [f"report.{suffix}" for suffix in ("html", "md", "XML", "svg", "json")]
    said = say("report", results, "--specs", ".", *(word for name in names for word in ("-o", name)))
    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines() == [f"{name}: 2 cases from 1 file" for name in names]
    for name in names:
        text = (workshop.folder / name).read_text(encoding="utf-8").lstrip()
        assert text.startswith(BEGINNINGS[name.partition(".")[2].lower()])


def test_without_any_output_the_summary_is_printed(say: Say, results: str) -> None:
    """It is what somebody wants to see who types the command and a file."""
    said = say("report", results, "--specs", ".")
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith("## Conformance with PyTorch's semantics\n\n| Verdict |")


def test_annotations_name_paths_of_the_workspace(
    say: Say, workshop: Workshop, results: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The current folder, or the one that GitHub names; the summary is then not printed."""
    said = say("report", results, "--specs", ".", "--annotations")
    assert said.status == 0
    assert said.out.startswith("::error file=small.conformance.yaml,line=")
    assert said.out.count("\n") == 1
    monkeypatch.setenv("GITHUB_WORKSPACE", str(workshop.folder.parent))
    said = say("report", results, "--specs", ".", "--annotations")
    assert said.out.startswith(f"::error file={workshop.folder.name}/small.conformance.yaml,line=")


@pytest.mark.parametrize("more", [[], ["-o", "report.svg"], ["--annotations"]], ids=["alone", "file", "annotations"])
def test_a_step_of_github_gets_the_summary(
    say: Say, workshop: Workshop, results: str, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    """Behind what other commands of the step have written, whatever else is asked for, and never printed too."""
    summary = workshop.folder / "step.md"
    summary.write_text("before", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    said = say("report", results, "--specs", ".", *more)
    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines()[-1] == "summary appended to $GITHUB_STEP_SUMMARY"
    assert "| Verdict |" not in said.out
    assert summary.read_text(encoding="utf-8").startswith("before\n\n## Conformance with PyTorch's semantics\n")


def test_a_summary_that_cannot_be_written_is_a_sentence(
    say: Say, workshop: Workshop, results: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the files that were asked for are there all the same."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "gone/step.md")
    said = say("report", results, "--specs", ".", "-o", "report.svg")
    assert said.status == 2
    assert said.err == (
        "conformance: cannot append the summary to gone/step.md, which GITHUB_STEP_SUMMARY names: "
        "No such file or directory\n"
    )
    assert (workshop.folder / "report.svg").exists()


def test_a_badge_is_about_the_column_asked_for(say: Say, workshop: Workshop) -> None:
    """By default about the worst."""
    workshop.spec("pass", "fail")
    results_of(workshop.results, case("adds"), case("adds", "fail", device="abacus"))

    def message(*more: str) -> str:
        assert say("report", workshop.results.name, "--specs", ".", "-o", "badge.json", *more).status == 0
        text: str = json.loads((workshop.folder / "badge.json").read_text(encoding="utf-8"))["message"]
        return text

    assert message("--badge-for", "tiny/cpu") == "1 of 1 must"
    assert message() == message("--badge-for", "tiny") == "0 of 1 must"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gone.jsonl", "-o", "x.html"], "cannot read gone.jsonl: No such file"),
        (["tiny.py", "-o", "x.html"], "tiny.py is not a results file ("),
        (["results.jsonl", "-o", "folder.html"], "cannot write folder.html: Is a directory"),
        (
            ["gone.jsonl", "-o", "x.html", "-o", "x.pdf"],
            "cannot tell what to write to x.pdf: its suffix is not one of .html, .md, .xml, .svg, .json\n",
        ),
        (["results.jsonl", "-o", "report"], "cannot tell what to write to report: its suffix is not one of"),
        (
            ["results.jsonl", "-o", "x.html", "-o", "x.svg", "--badge-for", "mine"],
            "the results have no column 'mine' (they have tiny/cpu)\n",
        ),
        (
            ["results.jsonl", "-o", "x.html", "--badge-for", "tiny"],
            "--badge-for is about badges, and none is written (-o badge.svg, or -o badge.json)\n",
        ),
    ],
    ids=["missing", "foreign", "unwritable", "unknown suffix", "no suffix", "unknown column", "no badge"],
)
def test_wrong_input_is_a_sentence(say: Say, workshop: Workshop, results: str, arguments: list[str], said: str) -> None:
    """With status 2, no traceback, and nothing written."""
    (workshop.folder / "folder.html").mkdir()
    found = say("report", *arguments, "--specs", ".")
    assert (found.status, found.out) == (2, "")
    assert found.err.startswith(f"conformance: {said}")
    assert not list(workshop.folder.glob("x.*"))


def test_known_failures_and_a_baseline_are_read_from_files(workshop: Workshop) -> None:
    """Entries are judged by all files together; a wrong file of either is a sentence with status 2."""
    workshop.spec("pass", "fail")
    workshop.run()
    (workshop.folder / "known.yaml").write_text(
        "known:\n  - rules: [small/negates, small/gone]\n    reason: the sign is lost\n", encoding="utf-8"
    )
    arguments = ("report", "results.jsonl", "--specs", ".", "-o", "report.html")
    found = workshop.conformance(*arguments, "--known", "known.yaml", "--baseline", "results.jsonl")
    assert (found.returncode, found.stderr) == (0, "")
    text = (workshop.folder / "report.html").read_text(encoding="utf-8")
    assert "△ only known failures" in text
    assert "&#39;small/gone&#39; matches no case that ran" in text
    assert "Nothing changed." in text
    wrong = workshop.conformance(*arguments, "--baseline", "tiny.py")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("conformance: tiny.py is not a results file (")
