"""The page: valid, self-contained HTML that shows what the results say and runs nothing that they contain."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from conformance.report.html import render, source_url
from conformance.results.model import CaseLine, EndLine, Line, encoded
from conformance.results.reading import Results, read_results
from conformance.rules.loading import load
from conformance.rules.model import Rule
from tests.results.lines import RUN, case, finding, subject
from tests.workshop import Workshop, rule

VOID = frozenset({"meta", "br", "link", "hr", "img", "input"})
HOSTILE = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</pre></details><h1>mine</h1>",
    '" onmouseover="alert(1)" x=\'',
    "<img src=x onerror=alert(1)>",
    "{{ 7 * 7 }} {% raw %}",
    "<!-- ",
    "]]>",
    "&lt;b&gt; &amp; &#60;",
    "\u202egnihton\u2066",
    "a\x00b\x1b[31m",
    "y" * 100_000,
]


class Page(HTMLParser):
    """What a browser would make of a page: its elements, its text, and whether every element is closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self._open: list[str] = []
        self.pieces: list[str] = []
        self.feed(source)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self._open]

    @property
    def text(self) -> str:
        """The text of the page, its white space collapsed."""
        return " ".join("".join(self.pieces).split())

    def having(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if len(dict(attrs)) != len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing that is open")

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.pieces.append(data)


def results_of(path: Path, *cases: CaseLine, ended: bool = True) -> Results:
    """A results file with these cases."""
    devices = list(dict.fromkeys(one.device for one in cases))
    lines: list[Line] = [RUN, *(subject(len(cases), device=device) for device in devices), *cases]
    if ended:
        lines.append(EndLine("2026-01-02T03:04:06+00:00", 1.5, {}))
    path.write_bytes(b"".join(encoded(line) + b"\n" for line in lines))
    return read_results(path)


@pytest.fixture
def rules(workshop: Workshop) -> tuple[Rule, ...]:
    """The rules of a small spec file."""
    weaker = rule("extra", "y = torch.add(x, x)", "y: 2 * x", more="level: de-facto\nsince: 2.1\nmyth: It trebles.\n")
    return load([workshop.spec("pass", "fail", "unsupported", weaker)])


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """One case of each kind."""
    return results_of(
        tmp_path / "one.jsonl",
        case("adds", label="times=3"),
        case("adds", label="times=5"),
        case("negates", "fail", findings=(finding(expected="[-1.5]", observed="[1.5]"),)),
        case("sine", "unsupported", reason="no torch.sin"),
        case("adds", "crash", device="abacus", reason="the process was ended by SIGABRT"),
    )


def test_the_page_is_valid_and_self_contained(rules: tuple[Rule, ...], results: Results) -> None:
    """Every element is closed in order; nothing is loaded from anywhere and nothing can run."""
    source = render([results], rules)
    page = Page(source)
    assert source.startswith("<!doctype html>")
    assert page.faults == []
    assert not {tag for tag, _ in page.elements} & {"script", "link", "img", "iframe", "object", "embed", "form"}
    policy = [one["content"] for one in page.having("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids)) > 0


def test_sentences_verdicts_and_findings_are_on_it(rules: tuple[Rule, ...], results: Results) -> None:
    """What a reader wants: what holds, what does not, what was expected and observed, and how to see it oneself."""
    text = Page(render([results], rules)).text
    for part in (
        "Negation changes the sign.",
        "1 of 2 applicable must-rules conform; 1 unsupported, 0 not run",
        "tiny 0.0-tiny", "abacus 1",
        "[-1.5]", "[1.5]",
        "the process was ended by SIGABRT",
        "unsupported: no torch.sin",
        "conformance repro 'small/negates[tiny-cpu]'",
        "when: y = torch.neg(x)",
        "rules 0123456789abcdef",
    ):  # fmt: skip
        assert part in text


def test_every_cell_says_its_status_in_words(rules: tuple[Rule, ...], results: Results) -> None:
    """Colour alone says nothing to many readers."""
    text = Page(render([results], rules)).text
    for part in ("tiny cpu: pass 2", "tiny cpu: fail", "tiny cpu: unsupported", "tiny abacus: crash", "tiny abacus: –"):
        assert part in text


def test_several_files_stand_side_by_side(rules: tuple[Rule, ...], results: Results, tmp_path: Path) -> None:
    """Implementations and devices of all files are columns of one page."""
    other = results_of(tmp_path / "two.jsonl", case("adds", device="meta"))
    text = Page(render([results, other], rules)).text
    assert "tiny abacus: crash" in text
    assert "tiny meta: pass" in text
    assert "one.jsonl: suite 0.1.0" in text
    assert "two.jsonl: suite 0.1.0" in text


def test_a_file_that_was_cut_off_says_so(rules: tuple[Rule, ...], tmp_path: Path) -> None:
    """An unfinished run is not taken for a whole one."""
    unfinished = results_of(tmp_path / "torn.jsonl", case("adds"), ended=False)
    finished = results_of(tmp_path / "whole.jsonl", case("adds"))
    assert "torn.jsonl was cut off before its end." in Page(render([unfinished], rules)).text
    assert "was cut off" not in Page(render([finished], rules)).text


def test_results_of_rules_that_the_spec_files_lack_are_named(rules: tuple[Rule, ...], tmp_path: Path) -> None:
    """They count in the verdict, so the page must not drop them silently."""
    found = results_of(tmp_path / "one.jsonl", case("adds"), case("gone", "fail"))
    text = Page(render([found], rules)).text
    assert "Results of rules that these spec files do not have: small/gone" in text
    assert "1 of 2 applicable" in text


def test_nothing_at_all_is_still_a_page(tmp_path: Path) -> None:
    """No rules, and a file without cases."""
    page = Page(render([results_of(tmp_path / "none.jsonl")], ()))
    assert page.faults == []
    assert "none.jsonl" in page.text


def test_a_rule_that_has_more_shows_it(rules: tuple[Rule, ...], tmp_path: Path) -> None:
    """Level, release and myth."""
    text = Page(render([results_of(tmp_path / "one.jsonl", case("extra", level="de-facto"))], rules)).text
    for part in ("de-facto", "since torch 2.1", "Myth: It trebles."):
        assert part in text


def skeleton(source: str) -> list[tuple[str, tuple[str, ...]]]:
    """The elements of a page with the names of their attributes: what no text may change."""
    return [(tag, tuple(attributes)) for tag, attributes in Page(source).elements]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:24]))
def test_hostile_texts_of_implementations_stay_text(rules: tuple[Rule, ...], tmp_path: Path, text: str) -> None:
    """An error message, a value or a device's name changes no element of the page, and is shown as it is."""

    def page_of(word: str) -> str:
        bad = case(
            "negates", "fail", reason=word, label=word[:50],
            findings=(finding(expected=word, observed=word, observation=word, aspect=word),),
        )  # fmt: skip
        missing = case("sine", "unsupported", reason=word)
        return render([results_of(tmp_path / "one.jsonl", bad, missing)], rules)

    source = page_of(text)
    assert skeleton(source) == skeleton(page_of("harmless"))
    assert Page(source).faults == []
    assert text in "".join(Page(source).pieces)
    assert "<script" not in source


@pytest.mark.parametrize("text", [one for one in HOSTILE if one.isprintable()], ids=lambda text: ascii(text[:24]))
def test_hostile_texts_of_rules_stay_text(workshop: Workshop, tmp_path: Path, text: str) -> None:
    """A spec file from anywhere cannot put anything but text on the page."""

    def page_of(word: str) -> str:
        quoted = json.dumps(word)
        path = workshop.spec(
            rule("adds", "y = torch.add(x, x)", "y: 2 * x", says=quoted, more=f"myth: {quoted}\nlevel: de-facto\n"
                 f"disagreement: {{says: {quoted}}}\n").replace("source: torch.add", f"source: [{quoted}]")
        )  # fmt: skip
        whole = path.read_text(encoding="utf-8").replace("title: Small rules", f"title: {quoted}\nabout: {quoted}")
        path.write_text(whole, encoding="utf-8")
        return render([results_of(tmp_path / "one.jsonl", case("adds", level="de-facto"))], load([path]))

    source = page_of(text)
    assert skeleton(source) == skeleton(page_of("harmless"))
    assert Page(source).faults == []
    assert "<script" not in source


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("torch.Tensor.detach", "https://docs.pytorch.org/docs/stable/generated/torch.Tensor.detach.html"),
        ("notes/autograd", "https://docs.pytorch.org/docs/stable/notes/autograd.html"),
        ("javascript:alert(1)", None),
        ("torch.x' onclick='", None),
        ("somebody's blog", None),
    ],
)
def test_links_go_to_the_documentation_or_nowhere(source: str, url: str | None) -> None:
    """A source is a name; only names of documented objects and pages become links."""
    assert source_url(source) == url


class TestCommand:
    def test_makes_the_page_from_files(self, workshop: Workshop) -> None:
        """Folders on the way are made; what was read is said."""
        workshop.spec("pass", "fail")
        workshop.run()
        found = workshop.conformance("report", "results.jsonl", "--specs", ".", "-o", "pages/report.html")
        assert (found.returncode, found.stderr) == (0, "")
        assert found.stdout == "pages/report.html: 3 cases from 1 file\n"
        page = Page((workshop.folder / "pages" / "report.html").read_text(encoding="utf-8"))
        assert page.faults == []
        assert "Negation changes the sign." in page.text

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["gone.jsonl", "-o", "x.html"], "cannot read gone.jsonl: No such file"),
            (["tiny.py", "-o", "x.html"], "tiny.py is not a results file ("),
            (["whole.jsonl", "-o", "."], "cannot write .: Is a directory"),
        ],
        ids=["missing", "foreign", "unwritable"],
    )
    def test_wrong_input_is_a_sentence(self, workshop: Workshop, arguments: list[str], said: str) -> None:
        """With status 2, and no traceback."""
        workshop.spec("pass")
        results_of(workshop.folder / "whole.jsonl", case("adds"))
        found = workshop.conformance("report", *arguments, "--specs", ".")
        assert found.returncode == 2
        assert found.stderr.startswith(f"conformance: {said}")
