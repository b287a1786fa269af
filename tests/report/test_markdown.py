"""The summary, read as a Markdown parser reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from conformance.report.markdown import render_markdown
from conformance.report.model import Report, build_report
from conformance.rules.loading import load
from tests.report.conftest import ReportOf
from tests.report.pages import HOSTILE, results_of
from tests.results.lines import case, finding
from tests.workshop import Workshop, rule

MARKUP = [
    *HOSTILE, "a|b|c", r"a\|b\\|", "`", "```", "``x`` `y", "x`\n\n# mine\n\n- mine", "*a* _b_ ~~c~~ **d**", "\\", "",
    "@torvalds and #1", "&#64;torvalds &commat;torvalds", "![x](https://evil.example/x.png)", "[x](javascript:y)",
    "https://evil.example www.evil.example", "<https://evil.example>", "$x$ and $$y$$", "</details>",
    "\n\n</details>\n\n", "a\n===\nb\n---\n| c |\n|---|",
]  # fmt: skip


def tokens(text: str) -> Iterator[Token]:
    """Every token of the document, those inside of paragraphs and cells too."""
    for token in MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text):
        yield token
        yield from token.children or ()


def skeleton(text: str) -> list[tuple[str, str, str]]:
    """What no text may change: elements, and HTML as it stands."""
    kept = [token for token in tokens(text) if token.type not in ("text", "inline")]
    return [(one.type, one.tag, one.content if "html" in one.type else "") for one in kept]


def spans(text: str) -> list[str]:
    """The contents of code spans."""
    return [token.content for token in tokens(text) if token.type == "code_inline"]


def plain(text: str) -> str:
    """What is text of ours, or of a spec file."""
    return " ".join(token.content for token in tokens(text) if token.type == "text")


def rows(text: str) -> list[list[str]]:
    """The cells of the table as source."""
    found: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "tr_open":
            found.append([])
        elif token.type == "inline" and found and len(found[-1]) < 5:
            found[-1].append(token.content)
    return found


def test_the_table_has_a_verdict_and_counts_for_each_column(small_report: Report) -> None:
    """With the denominator and what is left out; what does not conform comes first."""
    assert rows(render_markdown(small_report)) == [
        ["Verdict", "Implementation", "must", "should", "de-facto"],
        [
            "✗ does not conform", "`tiny 0.0-tiny` on `cpu` (`cpu 1`)",
            "1 of 2 (1 unsupported, 0 not run)", "–", "–",
        ],
        [
            "✗ does not conform", "`tiny 0.0-tiny` on `abacus` (`abacus 1`)",
            "0 of 2 (0 unsupported, 0 not run)", "–", "–",
        ],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("statuses", "said"),
    [(("pass", "unsupported"), "✓ conforms"), (("unsupported", "unsupported"), "○ nothing ran"),
     (("pass", "crash"), "✗ does not conform")],
)  # fmt: skip
def test_a_verdict_in_words(report_of: ReportOf, statuses: tuple[str, str], said: str) -> None:
    """To lack something is not to be wrong, and to have run nothing is not to conform."""
    adds, sine = statuses
    assert rows(render_markdown(report_of(case("adds", adds), case("sine", sine))))[1][0] == said  # type: ignore[arg-type]


def test_columns_that_do_not_conform_come_first(report_of: ReportOf) -> None:
    """Of many columns those are wanted."""
    report = report_of(case("adds"), case("adds", "fail", device="abacus"))
    assert [row[1].split("`")[3] for row in rows(render_markdown(report))[1:]] == ["abacus", "cpu"]


def test_rules_that_fail_come_first_with_what_is_wrong(small_report: Report) -> None:
    """Each with its sentence, and a line for each column it fails in."""
    text = render_markdown(small_report)
    assert text.index("### 2 rules with failures") < text.index("What is lacking") < text.index("How it ran")
    assert (
        "- `small/negates` (must): Negation changes the sign.\n"
        "  - `tiny on cpu`: wrong values; `y: expected [-1.5], observed [1.5] [values]`\n"
        "  - `tiny on abacus`: wrong dtype; `y: dtype: expected [1.], observed [2.] [dtype]`\n"
    ) in text
    assert "  - `tiny on abacus`: crash; `the process was ended by SIGABRT`\n" in text


def test_what_is_lacking_is_folded(small_report: Report) -> None:
    """Below a line that a reader opens."""
    text = render_markdown(small_report)
    assert (
        "<details><summary>What is lacking</summary>\n\n"
        "- `tiny on cpu`: `no torch.sin`, 1 rule: `small/sine`\n\n</details>\n"
    ) in text
    assert text.count("<details>") == text.count("</details>") == 2


def test_a_report_without_failures_has_no_such_sections(report_of: ReportOf) -> None:
    """An empty heading says nothing."""
    text = render_markdown(report_of(case("adds")))
    assert re.findall(r"^#+ .*", text, re.MULTILINE) == ["## Conformance with PyTorch's semantics"]
    assert re.findall("<summary>(.*?)<", text) == ["How it ran"]


def test_failures_that_look_alike_are_named_together(report_of: ReportOf) -> None:
    """A cluster has more than one rule."""
    report = report_of(case("adds", "fail"), case("negates", "fail"), case("sine", "crash"))
    _, _, after = render_markdown(report).partition("### Failures that look alike\n\n")
    assert after.partition("\n\n")[0] == (
        "- `tiny on cpu`: wrong values in Other rules, 2 rules: `small/adds`, `small/negates`"
    )


def test_what_makes_a_verdict_less_than_it_seems_is_said(report_of: ReportOf) -> None:
    """A file that was cut off, and rules that the spec files lack."""
    report = report_of(case("adds"), case("gone", "fail"), ended=False)
    text = render_markdown(report)
    assert "**`results.jsonl` was cut off before its end:** what it lacks counts as not run." in text
    assert "Not in these spec files, and only counted: `small/gone`." in text
    assert "cut off" not in render_markdown(report_of(case("adds")))


def test_nothing_at_all_is_still_a_summary(report_of: ReportOf) -> None:
    """A file without cases."""
    assert "\n\nNothing ran.\n\n" in render_markdown(report_of())


def _shown(text: str) -> str:
    """A hostile text's beginning as a code span shows it."""
    line = " ".join(text.split())[:60]
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in line)


@pytest.mark.parametrize("text", MARKUP, ids=lambda text: ascii(text[:24]))
def test_hostile_texts_of_implementations_stay_text(report_of: ReportOf, text: str) -> None:
    """Whatever an implementation says changes no element, is shown as it is, and mentions nobody."""

    def summary(word: str) -> str:
        bad = (finding(expected=word, observed=word, observation=word, aspect=word),)
        report = report_of(
            case("negates", "fail", findings=bad), case("adds", "crash", reason=word),
            case("sine", "unsupported", reason=word), case("adds", "fail", device=word[:1000], findings=bad),
            case(word[:1000]),
        )  # fmt: skip
        return render_markdown(report)

    written = summary(text)
    assert skeleton(written) == skeleton(summary("harmless"))
    assert not re.search(r"[@#]\w|://|www\.", plain(written))
    assert not [one for one in written if not (one.isprintable() or one == "\n")]
    assert [span for span in spans(written) if span.startswith(_shown(text))]


@pytest.mark.parametrize("text", [one for one in MARKUP if one.isprintable()], ids=lambda text: ascii(text[:24]))
def test_hostile_sentences_of_rules_stay_text(workshop: Workshop, tmp_path: Path, text: str) -> None:
    """The words of a spec file from anywhere are words, and read as they were written."""

    def summary(word: str) -> str:
        path = workshop.spec(rule("adds", "y = torch.add(x, x)", "y: 2 * x", says=json.dumps(word or "x")))
        whole = path.read_text(encoding="utf-8").replace("rules:", f"area: {json.dumps(word or 'x')}\nrules:", 1)
        path.write_text(whole, encoding="utf-8")
        results = results_of(tmp_path / "one.jsonl", case("adds", "fail"), case("adds", "fail", device="abacus"))
        return render_markdown(build_report([results], load([path])))

    written = summary(text)
    assert skeleton(written) == skeleton(summary("harmless"))
    assert not re.search(r"[@#]\w", plain(written))
    assert not re.search(r"(?<!:\\)//|www\.|(?<!\\)\$", written)  # GitHub makes links of addresses, and formulas
    assert " ".join(text.split())[:60] in plain(written).replace("\u2060", "")


def test_the_worst_case_is_far_below_the_limit(workshop: Workshop, tmp_path: Path) -> None:
    """GitHub drops a summary above 1 MiB: however many columns, rules and words there are, this one is shown."""
    slugs = [f"{'a' * 100}-{n}" for n in range(60)]
    words = "𝒳\U000e0001" * 500
    says = json.dumps("*𝒳" * 2000, ensure_ascii=False)
    rules = load([workshop.spec(*(rule(slug, "y = torch.add(x, x)", "y: 2 * x", says=says) for slug in slugs))])
    bad = (finding(expected=words, observed=words, observation=words, aspect=words),)
    cases = [
        case(slug, "fail", device=f"{n}{words[:200]}", findings=bad)
        if n % 2
        else case(slug, "unsupported", device=f"{n}{words[:200]}", reason=f"{slug}{words}")
        for slug in slugs
        for n in range(120)
    ]
    report = build_report([results_of(tmp_path / "many.jsonl", *cases)] * 30, rules)
    text = render_markdown(report)
    assert len(text.encode()) < 400_000
    for counted in ("And 20 more columns.", "and 35 more", "and in 54 more columns", "and 52 more\n", "and 10 more\n"):
        assert counted in text
