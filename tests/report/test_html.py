"""The page's source: valid, self-contained, bounded, and with nothing in it that results or rules could run."""

from __future__ import annotations

import base64
import hashlib
import json
import random
from pathlib import Path

import pytest

from conformance.known.judging import Judgement, Stale
from conformance.report.details import PLENTIES, rule_details
from conformance.report.html import packed, render_html
from conformance.report.model import build_report
from conformance.report.sources import safe_link, source_url
from conformance.results.reading import Results
from conformance.rules.loading import load
from conformance.rules.model import Rule
from tests.report.pages import HOSTILE, Page, known_to_fail, one_of_each, results_of
from tests.results.lines import case, finding
from tests.workshop import Workshop, rule


@pytest.fixture
def rules(workshop: Workshop) -> tuple[Rule, ...]:
    """The rules of a small spec file."""
    weaker = rule("extra", "y = torch.add(x, x)", "y: 2 * x", more="level: de-facto\nsince: 2.1\nmyth: It trebles.\n")
    return load([workshop.spec("pass", "fail", "unsupported", weaker)])


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """One case of each kind."""
    return one_of_each(tmp_path / "one.jsonl")


def page_of(rules: tuple[Rule, ...], *results: Results) -> str:
    """The page's source."""
    return render_html(build_report(results, rules))


def test_the_page_is_valid_and_self_contained(rules: tuple[Rule, ...], results: Results) -> None:
    """Every element is closed in order; nothing is loaded from anywhere, and only the page's own script runs."""
    source = page_of(rules, results)
    page = Page(source)
    assert source.lstrip().startswith("<!doctype html>")
    assert page.faults == []
    assert not {tag for tag, _ in page.elements} & {"link", "img", "iframe", "object", "embed"}
    assert not any("src" in attributes or "style" in attributes for _, attributes in page.elements)
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids)) > 0


def test_the_policy_names_the_script_and_the_style_and_nothing_else(rules: tuple[Rule, ...], results: Results) -> None:
    """By their hashes: a script that gets into the page all the same is not run."""
    source = page_of(rules, results)
    page = Page(source)
    (policy,) = [one["content"] for one in page.having("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    style = source.split("<style>")[1].split("</style>")[0]

    def named(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert policy == (
        f"default-src 'none'; style-src {named(style)}; script-src {named(page.scripts[1])}; base-uri 'none'; "
        "form-action 'none'"
    )


def test_sentences_and_verdicts_are_in_the_source(rules: tuple[Rule, ...], results: Results) -> None:
    """What a reader sees without any script: verdicts with what they leave out, rules, cells, versions."""
    text = Page(page_of(rules, results)).text
    for part in (
        "✗ does not conform 1 of 2 1 unsupported", "1 fail, 2 pass, 1 unsupported",
        "✗ wrong values", "✗ wrong dtype", "✗ crash", "✓ pass 2", "○ unsupported",
        "Negation changes the sign.",
        "tiny 0.0-tiny", "abacus 1", "0123456789abcdef",
        "1 tiny on cpu: no torch.sin",
        "conformance explain RULE",
    ):  # fmt: skip
        assert part in text


def test_details_hold_what_the_page_of_a_rule_shows(rules: tuple[Rule, ...], results: Results) -> None:
    """Sources as links, the YAML, findings with their grids, the script, and commands to run it again."""
    found = Page(page_of(rules, results)).details["small/negates"]
    assert found["sources"] == [["torch.add", "https://docs.pytorch.org/docs/stable/generated/torch.add.html"]]
    assert "when: y = torch.neg(x)" in found["yaml"]
    cell = found["cells"]["0"]
    assert cell["script"] == "print('the fault')\n"
    assert cell["command"][0] == "conformance run -i tiny -d cpu small/negates"
    (bad,) = cell["cases"]
    assert bad["held"] == "2 of 3 checks hold"
    (one,) = bad["findings"]
    assert (one["kind"], one["apart"]) == ("wrong values", "at most 1.05e+06 ulp of float32 apart")
    assert one["grid"]["differs"] == [[False, True], [False, False]]
    assert "script" not in found["cells"]["1"]
    assert found["cells"]["1"]["cases"][0]["repro"] == "conformance repro 'small/negates[tiny-abacus]' > case.py"


def test_a_rule_that_has_more_shows_it(rules: tuple[Rule, ...], tmp_path: Path) -> None:
    """Level, release and myth."""
    page = Page(page_of(rules, results_of(tmp_path / "one.jsonl", case("extra", level="de-facto"))))
    found = page.details["small/extra"]
    assert (found["level"], found["since"], found["myth"]) == ("de-facto", "2.1", "It trebles.")
    assert "It trebles. What y = torch.add(x, x) leaves behind. small/extra" in page.text


def test_a_file_that_was_cut_off_says_so(rules: tuple[Rule, ...], tmp_path: Path) -> None:
    """An unfinished run is not taken for a whole one, nor a damaged file for a sound one."""
    unfinished = results_of(tmp_path / "torn.jsonl", case("adds"), ended=False)
    finished = results_of(tmp_path / "whole.jsonl", case("adds"))
    assert "torn.jsonl was cut off before its end:" in Page(page_of(rules, unfinished)).text
    assert "was cut off" not in Page(page_of(rules, finished)).text


def test_nothing_at_all_is_still_a_page(tmp_path: Path) -> None:
    """No rules, and a file without cases."""
    page = Page(page_of((), results_of(tmp_path / "none.jsonl")))
    assert page.faults == []
    assert "none.jsonl" in page.text


def test_known_failures_and_stale_entries_are_said(rules: tuple[Rule, ...], results: Results) -> None:
    """With the reason and the issue's link on the rule's page."""
    known = known_to_fail(results, "small/negates[tiny-cpu]")
    page = Page(render_html(build_report([results], rules, known)))
    assert "△ known: wrong values" in page.text
    (found,) = page.details["small/negates"]["cells"]["0"]["cases"]
    assert found["known"] == {"why": "the sign is lost", "issue": "https://example.org/issues/7"}
    entry = known.excused["small/negates[tiny-cpu]"]
    stale = Stale("passes", entry, entry.problem("this entry names what passes", "remove it"))
    text = Page(render_html(build_report([results], rules, Judgement(stale=(stale,))))).text
    assert "1 stale entry among the known failures: known.yaml:2:5: this entry names what passes (remove it)" in text


def test_changes_are_listed_worst_first(rules: tuple[Rule, ...], results: Results, tmp_path: Path) -> None:
    """New failures before what is fixed; without a baseline there is no such page."""
    before = results_of(tmp_path / "old.jsonl", case("negates"), case("sine", "fail"), case("gone"))
    page = Page(render_html(build_report([results], rules, baseline=before)))
    assert page.faults == []
    wanted = (
        "3 rules: new failures",
        "small/negates tiny on cpu: 1 case, pass before and fail now",
        "newly unsupported",
    )
    places = [page.text.index(part) for part in wanted]
    assert places == sorted(places)
    assert "Changes" not in Page(page_of(rules, results)).text


def skeleton(source: str) -> list[tuple[str, tuple[str, ...]]]:
    """The elements of a page with the names of their attributes: what no text may change."""
    return [(tag, tuple(attributes)) for tag, attributes in Page(source).elements]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:24]))
def test_hostile_texts_of_implementations_stay_text(rules: tuple[Rule, ...], tmp_path: Path, text: str) -> None:
    """An error message, a value or a device's name changes no element of the page, and is shown as it is."""

    def source_of(word: str) -> str:
        bad = case(
            "negates", "fail", reason=word, label=word[:50], script=word, left_behind=(word,),
            findings=(finding(expected=word, observed=word, observation=word, aspect=word),),
        )  # fmt: skip
        missing = case("sine", "unsupported", reason=word)
        return page_of(rules, results_of(tmp_path / "one.jsonl", bad, missing))

    source = source_of(text)
    page = Page(source)
    assert skeleton(source) == skeleton(source_of("harmless"))
    assert page.faults == []
    assert text[:100] in "".join(page.pieces)
    (found,) = page.details["small/negates"]["cells"]["0"]["cases"]
    for shown in (found["reason"], found["left"][0], found["findings"][0]["expected"]):
        assert shown.startswith(text[:1000])
    assert len(page.scripts) == 2


@pytest.mark.parametrize("text", [one for one in HOSTILE if one.isprintable()], ids=lambda text: ascii(text[:24]))
def test_hostile_texts_of_rules_stay_text(workshop: Workshop, tmp_path: Path, text: str) -> None:
    """A spec file from anywhere cannot put anything but text on the page."""

    def source_of(word: str) -> str:
        quoted = json.dumps(word)
        path = workshop.spec(
            rule("adds", "y = torch.add(x, x)", "y: 2 * x", says=quoted, more=f"myth: {quoted}\nlevel: de-facto\n"
                 f"disagreement: {{says: {quoted}, upstream: {quoted}}}\n").replace(
                "source: torch.add", f"source: [{quoted}]")
        )  # fmt: skip
        whole = path.read_text(encoding="utf-8").replace("title: Small rules", f"title: {quoted}\nabout: {quoted}")
        path.write_text(whole.replace("rules:", f"area: {quoted}\nrules:"), encoding="utf-8")
        return page_of(load([path]), results_of(tmp_path / "one.jsonl", case("adds", level="de-facto")))

    source = source_of(text)
    assert skeleton(source) == skeleton(source_of("harmless"))
    assert Page(source).faults == []
    assert Page(source).details["small/adds"]["sources"][0][1] is None


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("torch.Tensor.detach", "https://docs.pytorch.org/docs/stable/generated/torch.Tensor.detach.html"),
        ("notes/autograd", "https://docs.pytorch.org/docs/stable/notes/autograd.html"),
        ("javascript:alert(1)", None),
        ("torch.x' onclick='", None),
        ("torch.x\n", None),
        ("somebody's blog", None),
    ],
)
def test_sources_link_to_the_documentation_or_nowhere(source: str, url: str | None) -> None:
    """A source is a name; only names of documented objects and pages become links."""
    assert source_url(source) == url


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("https://github.com/pytorch/pytorch/issues/1#issuecomment-2", True),
        ("http://github.com/", False),
        ("javascript:alert(1)", False),
        ("https://x.org/ onclick=alert(1)", False),
        ('https://x.org/"><script>', False),
        ("https://x.org@evil.org/", False),
    ],
)
def test_upstream_links_are_https_and_plain(text: str, safe: bool) -> None:
    """What a spec file calls a link is one only where it can be nothing else."""
    assert safe_link(text) == (text if safe else None)


def test_a_thousand_rules_by_eight_columns_fit(workshop: Workshop, tmp_path: Path) -> None:
    """At most 3 MB, with a fifth of the cells red and a script of common size for each."""
    chance = random.Random(0)
    names = [f"rule-number-{n}" for n in range(1000)]
    texts = [rule(name, "y = torch.add(x, x)", "y: 2 * x", more=_prose(chance)) for name in names]
    rules = load([workshop.spec(*texts)])
    helpers = _lines(chance, 150)
    cases = [
        case(name, "fail", device=f"device-{n}", script=_lines(chance, 15) + helpers)
        if chance.random() < 0.2
        else case(name, device=f"device-{n}")
        for name in names
        for n in range(8)
    ]
    source = page_of(rules, results_of(tmp_path / "many.jsonl", *cases))
    assert source.count("✗ wrong values") > 1400
    assert len(source.encode()) < 3_000_000


def test_a_page_that_would_be_too_large_tells_less(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer cases of a cell first, then a script for one column of each rule; what is left out is counted."""
    chance = random.Random(0)
    cases = [
        case("negates", "fail", label=f"n={n}", device=device, script="" if n else _lines(chance, 9))
        for device in ("a", "b")
        for n in range(12)
    ]
    rules = load([workshop.spec("fail")])
    report = build_report([results_of(tmp_path / "many.jsonl", *cases)], rules)
    for plenty, shown, scripts in zip(PLENTIES, (8, 2, 1), (2, 2, 1)):
        room = len(packed(rule_details(report, plenty)))
        monkeypatch.setattr("conformance.report.html._ROOM", room)
        cells = Page(render_html(report)).details["small/negates"]["cells"].values()
        assert [(len(cell["cases"]), cell["more"]) for cell in cells] == [(shown, 12 - shown)] * 2
        assert sum("script" in cell for cell in cells) == scripts


def _lines(chance: random.Random, number: int) -> str:
    return "".join(f"check_that('line {n}', lambda: {chance.random()})\n" for n in range(number))


def _prose(chance: random.Random) -> str:
    words = [f"word{chance.randrange(5000)}" for _ in range(60)]
    return f"myth: >-\n  {' '.join(words)}\n"
