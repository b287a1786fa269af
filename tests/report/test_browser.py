"""The page in a real browser: what a reader does with it, by mouse, keyboard and fragment, in light and dark.

Debian's ``chromium``, driven by Playwright. A machine without either skips these tests and says so.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.report.html import render_html
from conformance.report.model import build_report
from conformance.rules.loading import load
from tests.report.pages import HOSTILE, one_of_each, results_of
from tests.results.lines import case, finding
from tests.workshop import RULES, Workshop, rule

api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = os.environ.get("CONFORMANCE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("no chromium on this machine", allow_module_level=True)

VIEWS = ("matrix", "clusters", "lacking", "myths", "disagreements", "runs")
MYTH = "level: de-facto\nmyth: It trebles.\ndisagreement: {says: It trebles., upstream: 'https://github.com/x/y/issues/1'}\n"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for all tests."""
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


class Reader:
    """Somebody with the page open; whatever the page asks of the network or complains of is kept."""

    def __init__(self, page: Any, path: Path) -> None:
        self.page = page
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        self.address = path.as_uri()
        page.goto(self.address)

    def go(self, fragment: str) -> None:
        """Open the page anew in a state."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}#{fragment}")
        if "rule=" in fragment:  # its details are unpacked first
            self.page.wait_for_selector("#rule h2")

    @property
    def shown(self) -> list[str]:
        """The slugs of the rules that can be seen in the matrix."""
        rows = self.page.locator("tr.rule:visible")
        return [rows.nth(index).get_attribute("data-id").partition("/")[2] for index in range(rows.count())]

    @property
    def fragment(self) -> str:
        """The state in the address."""
        return str(self.page.evaluate("location.hash"))


@pytest.fixture
def page_file(workshop: Workshop) -> Path:
    """A page with a case of each kind, a myth, and two topics."""
    extra = rule("extra", "y = torch.add(x, x)", "y: 2 * x", more=MYTH)
    other = workshop.spec(RULES["pass"].replace("small/", "other/"), name="other.conformance.yaml")
    rules = load([workshop.spec("pass", "fail", "unsupported", extra), other])
    more = results_of(workshop.folder / "two.jsonl", case("extra", level="de-facto"))
    path = workshop.folder / "report.html"
    results = [one_of_each(workshop.folder / "one.jsonl"), more]
    path.write_text(render_html(build_report(results, rules)), encoding="utf-8")
    return path


@pytest.fixture
def reader(browser: Any, page_file: Path) -> Iterator[Reader]:
    """A reader at a desk."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    reader = Reader(context.new_page(), page_file)
    yield reader
    assert reader.asked == [url for url in reader.asked if url.startswith(("file:", "about:", "data:", "blob:"))]
    assert reader.complaints == []
    context.close()


def test_failing_topics_are_open_from_the_start(reader: Reader) -> None:
    """Where little fails it is seen without a click; the failing rule stands before those that pass."""
    assert reader.shown == ["adds", "negates", "extra", "sine"]
    assert reader.fragment == "#open=small"


def test_a_red_cell_leads_to_a_script(reader: Reader) -> None:
    """One click from the matrix: what was expected and observed, how far apart, and a script with a copy button."""
    reader.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    reader.page.click("tr[data-id='small/negates'] td.bad a >> nth=0")
    reader.page.wait_for_selector("#rule h2")
    text = reader.page.inner_text("#rule")
    for part in ("Negation changes the sign.", "wrong values", "1.05e+06 ulp of float32 apart", "print('the fault')"):
        assert part in text
    assert reader.page.locator("#rule td.differs").all_inner_texts() == ["2", "2.25"]
    assert not reader.page.is_visible("#matrix")
    reader.page.click("button[aria-label='Copy script for tiny cpu']")
    reader.page.wait_for_selector("button:text('Copied')")
    assert reader.page.evaluate("navigator.clipboard.readText()") == "print('the fault')\n"


def test_the_column_that_was_clicked_comes_first(reader: Reader) -> None:
    """A rule that fails in two columns shows first the one that the reader came from."""
    reader.go("rule=small%2Fnegates&in=1")
    headings = reader.page.locator("#rule h3").all_inner_texts()
    assert headings == ["The rule", "tiny abacus", "tiny cpu"]


def test_the_line_that_does_not_hold_is_marked(reader: Reader, page_file: Path) -> None:
    """In the rule's YAML, by the line of its file; where nothing is known to be wrong nothing is marked."""
    reader.go("rule=small%2Fadds")
    assert reader.page.locator("#rule .faulty").count() == 0
    rules = load([page_file.parent / "small.conformance.yaml"])
    (negates,) = (one for one in rules if one.id == "small/negates")
    bad = case("negates", "fail", findings=(finding(line=negates.last_line),))
    page_file.write_text(
        render_html(build_report([results_of(page_file.parent / "x.jsonl", bad)], rules)), encoding="utf-8"
    )
    reader.go("rule=small%2Fnegates")
    assert reader.page.locator("#rule .faulty").all_inner_texts() == ["then: {y: -x}\n"]


def test_search_narrows_and_its_state_is_in_the_address(reader: Reader) -> None:
    """What is typed is in the fragment, which opened anew shows the same; 'Show all' puts all back."""
    reader.page.fill("input[name=q]", "negation SIGN")
    assert reader.shown == ["negates"]
    assert reader.page.inner_text("#shown") == "1 of 4 rules"
    assert "q=negation%20SIGN" in reader.fragment
    reader.go(reader.fragment[1:])
    assert reader.shown == ["negates"]
    assert reader.page.input_value("input[name=q]") == "negation SIGN"
    reader.page.click("text=Show all >> visible=true")
    reader.page.wait_for_selector("#shown:text-is('4 rules')")


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("outcome=bad", ["adds", "negates"]),
        ("outcome=bad&column=0", ["negates"]),
        ("outcome=unsupported", ["sine"]),
        ("level=de-facto", ["extra"]),
        ("passes=0&not=1", ["adds", "extra"]),
        ("outcome=bad&passes=0&not=1", ["adds"]),
        ("column=1", ["adds", "negates"]),
        ("q=nothing-at-all", []),
    ],
)
def test_filters_show_what_they_say(reader: Reader, state: str, shown: list[str]) -> None:
    """By outcome, level and column, and what passes in one column and not in another."""
    reader.go(state)
    assert reader.shown == shown
    assert reader.page.is_visible("#nothing") == (not shown)


def test_the_keyboard_is_enough(reader: Reader) -> None:
    """A topic opens by Enter, a rule's page by Enter with its heading focused, Escape leads back, / to the search."""
    reader.go("view=matrix")
    reader.page.focus("tbody[data-topic=small] button")
    reader.page.keyboard.press("Enter")
    assert len(reader.shown) == 4
    reader.page.focus("tr[data-id='small/negates'] td.bad a")
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_selector("#rule h2")
    assert reader.page.evaluate("document.activeElement.tagName") == "H2"
    reader.page.keyboard.press("Escape")
    reader.page.wait_for_selector("#matrix", state="visible")
    assert len(reader.shown) == 4
    reader.page.keyboard.press("/")
    assert reader.page.evaluate("document.activeElement.name") == "q"


def test_back_and_next_stay_within_what_was_filtered(reader: Reader) -> None:
    """A reader works through the failures, and the browser's own back button does what it says."""
    reader.go("outcome=bad")
    reader.page.click("tr[data-id='small/adds'] td.bad a")
    reader.page.wait_for_selector("#rule h2")
    reader.page.click("text=Next rule")
    reader.page.wait_for_selector("#rule h2:has-text('Negation')")
    assert reader.page.locator("text=Next rule").count() == 0
    reader.page.go_back()
    reader.page.go_back()
    reader.page.wait_for_selector("#matrix", state="visible")
    assert reader.shown == ["adds", "negates"]


def test_pages_show_one_view_each(reader: Reader) -> None:
    """The navigation says where one is; a view that does not exist is the matrix; an unknown rule says so."""
    for view in (*VIEWS, "nonsense"):
        reader.go(f"view={view}")
        expected = view if view in VIEWS else "matrix"
        assert reader.page.locator("[data-view]:visible").evaluate_all("all => all.map(one => one.id)") == [expected]
        assert reader.page.get_attribute("nav a[aria-current=page]", "href") == f"#view={expected}"
    reader.go("rule=no%2Fsuch")
    assert "These results have no rule called 'no/such'." in reader.page.inner_text("#rule")


def test_without_scripts_everything_but_single_rules_is_there(browser: Any, page_file: Path) -> None:
    """All views stand one under another, all topics are open, and the page says what is missing."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.locator("tr.rule:visible").count() == 4
    assert page.locator("[data-view]:visible").count() == len(VIEWS)
    assert "Without JavaScript the pages of single rules are missing" in page.inner_text("body")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390], ids=["desk", "phone"])
def test_accessibility(browser: Any, page_file: Path, scheme: str, width: int) -> None:
    """axe-core finds no violation in any view and theme, at a desk and on a phone, which nothing is wider than."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    reader = Reader(context.new_page(), page_file)
    states = [*(f"view={view}" for view in VIEWS), "outcome=bad", "q=nothing-at-all", "rule=small%2Fnegates&in=0"]
    for state in states:
        reader.go(state)
        found = axe.run(reader.page).response["violations"]
        assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found] == []
        assert reader.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), state
    context.close()


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:24]))
def test_hostile_texts_run_nothing(browser: Any, workshop: Workshop, text: str) -> None:
    """Whatever results and rules say, the page asks nothing of the network, opens no dialog, and shows it as text."""
    quoted = json.dumps(text if text.isprintable() else "plain")[:2000]
    quoted = quoted if quoted.endswith('"') else f'{quoted}"'
    own = rule("negates", "y = torch.neg(x)", "y: -x", says=quoted, more=f"myth: {quoted}\n")
    bad = case(
        "negates", "fail", reason=text, label=text[:40], script=text,
        findings=(finding(expected=text, observed=text, observation=text, aspect=text),),
    )  # fmt: skip
    report = build_report([results_of(workshop.folder / "one.jsonl", bad)], load([workshop.spec(own)]))
    path = workshop.folder / "report.html"
    path.write_text(render_html(report), encoding="utf-8")
    context = browser.new_context()
    reader = Reader(context.new_page(), path)
    reader.go("rule=small%2Fnegates&in=0")
    shown = reader.page.locator("#rule").text_content()
    assert text.replace("\0", "\ufffd")[:300] in shown or text[:300] in shown
    assert reader.page.evaluate("document.scripts.length") == 2
    assert reader.page.locator("#rule script, #rule img, #rule h1, #rule [onmouseover]").count() == 0
    assert reader.complaints == []
    assert {url.partition(":")[0] for url in reader.asked} <= {"file", "about", "blob"}
    context.close()


def test_a_script_that_got_in_is_not_run(browser: Any, page_file: Path) -> None:
    """The policy holds even where escaping would not: what is put into the source by hand stays dead."""
    source = page_file.read_text(encoding="utf-8")
    planted = "<script>document.title = 'taken'</script><img src='x' onerror=\"document.title = 'taken'\">"
    page_file.write_text(source.replace("<main", f"{planted}<main"), encoding="utf-8")
    context = browser.new_context()
    reader = Reader(context.new_page(), page_file)
    assert reader.page.title() == "Conformance with PyTorch's semantics"
    assert any("Content Security Policy" in said for said in reader.complaints)
    context.close()


def test_on_paper_there_are_no_controls(reader: Reader) -> None:
    """What prints is what is read."""
    reader.go("outcome=bad")
    reader.page.emulate_media(media="print")
    assert reader.page.locator("form:visible, nav:visible, button:visible").count() == 0
    assert reader.shown == ["adds", "negates"]
