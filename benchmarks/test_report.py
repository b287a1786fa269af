"""The report of a thousand rules by eight columns in a real browser: its size, opening it, and filtering it."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks.conftest import Record
from benchmarks.figures import Figure
from conformance.report.html import render_html
from conformance.report.model import build_report
from conformance.results.model import CaseLine, EndLine, RunLine, SubjectLine, encoded
from conformance.results.reading import Results, read_results
from conformance.rules.loading import load
from conformance.rules.model import Rule
from conformance.running.outcome import Finding

COLUMNS = 8
RED = 0.2
OPENINGS = 9
_SEARCHES = ("g", "gr", "gra", "grad", "batch", "momentum", "leaf", "no such words", "")

#: Opening: from the navigation's start until the second frame after the page's script ran.
_OPENED = """async () => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now();
}"""
#: A filter: from the event until the browser has laid the page out and is ready to paint.
_FILTERED = """async (text) => {
  const form = document.querySelector('#filters');
  form.elements.q.value = text;
  const started = performance.now();
  form.dispatchEvent(new Event('input', {bubbles: true}));
  document.body.offsetHeight;
  return performance.now() - started;
}"""


#: As long as what scripts have in common.
_HELPERS = "".join(f"def helper_{n}(value):\n    return {n**7}\n" for n in range(120))


def _results(path: Path, rules: list[Rule]) -> Results:
    """Every rule in every column; of five cells one is red, with findings and a script."""
    chance = random.Random(0)
    lines: list[Any] = [RunLine("0", len(rules), "0" * 16, "3.11", "Linux", "2026-01-01T00:00:00+00:00")]
    for column in range(COLUMNS):
        name, device = f"implementation{column // 2}", ("cpu", "cuda")[column % 2]
        lines.append(SubjectLine(name, "1.0", "2.13", device, device, len(rules)))
        lines += [_case(rule, name, device, chance) for rule in rules]
    lines.append(EndLine("2026-01-01T00:00:00+00:00", 1.0))
    path.write_bytes(b"".join(encoded(line) + b"\n" for line in lines))
    return read_results(path)


def _case(rule: Rule, name: str, device: str, chance: random.Random) -> CaseLine:
    id_ = f"{rule.id}[{name}-{device}]"
    if chance.random() >= RED:
        return CaseLine(id_, rule.id, "", name, device, rule.level, "pass", 3)
    values = [[chance.random() for _ in range(3)] for _ in range(4)]
    detail = {
        "expected": values, "observed": [[2 * one for one in row] for row in values],
        "differs": [[True] * 3] * 4, "tolerance": 1e-6, "dtype": "float32",
    }  # fmt: skip
    finding = Finding("values", "x.grad", "values", str(values), str(values), rule.level, rule.line + 5, detail)
    script = f"# {id_}\nfrom {name} import torch\n\n{rule.when}\n{values}\n{_HELPERS}"
    return CaseLine(id_, rule.id, "", name, device, rule.level, "fail", 3, (finding,), script=script)


def test_report(benchmark: Any, record: Record, tmp_path: Path) -> None:
    """Written once; opened several times in a browser that has nothing in its cache."""
    api = pytest.importorskip("playwright.sync_api")
    chromium = os.environ.get("CONFORMANCE_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    rules = list(load())[:1000]
    results = _results(tmp_path / "many.jsonl", rules)
    page = tmp_path / "report.html"

    def write() -> None:
        page.write_text(render_html(build_report([results], rules)), encoding="utf-8")

    benchmark.pedantic(write, rounds=3, iterations=1)
    scale = {"rules": len(rules), "columns": COLUMNS}
    opened, filtered = [], []
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        for _ in range(OPENINGS):
            context = browser.new_context(viewport={"width": 1400, "height": 1000})
            tab = context.new_page()
            tab.goto(page.as_uri())
            opened.append(tab.evaluate(_OPENED) / 1e3)
            filtered += [tab.evaluate(_FILTERED, text) for text in _SEARCHES]
            context.close()
        browser.close()
    size = page.stat().st_size / 1e6
    record(Figure.of("report/size", "the report's size", "MB", [size], 3.0, **scale))
    record(Figure.of("report/open", "opening the report in Chromium, until it is painted", "s", opened, 1.0))
    record(Figure.of("report/filter", "filtering it by what is typed, layout included", "ms", filtered, 100.0))
