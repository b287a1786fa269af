"""What the tests of pages share: results made without running anything, and a page as a parser reads it."""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from conformance.known.judging import Judgement
from conformance.known.model import Entry
from conformance.results.model import CaseLine, EndLine, Line, encoded
from conformance.results.reading import Results, read_results
from tests.results.lines import RUN, case, finding, subject

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
        self.scripts: list[str] = []
        self.feed(source)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self._open]

    @property
    def text(self) -> str:
        """The text of the page, its white space collapsed."""
        return " ".join("".join(self.pieces).split())

    @property
    def details(self) -> dict[str, Any]:
        """What the page's script knows of rules."""
        found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(self.scripts[0])))
        return found

    def having(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if len(dict(attrs)) != len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice")
        if tag not in VOID:
            self._open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing that is open")

    def handle_data(self, data: str) -> None:
        if "script" in self._open:
            self.scripts[-1] += data
        elif "style" not in self._open:
            self.pieces.append(data)


def results_of(path: Path, *cases: CaseLine, ended: bool = True) -> Results:
    """A results file with these cases."""
    planned = Counter(one.device for one in cases)
    lines: list[Line] = [RUN, *(subject(number, device=device) for device, number in planned.items()), *cases]
    if ended:
        lines.append(EndLine("2026-01-02T03:04:06+00:00", 1.5, {}))
    path.write_bytes(b"".join(encoded(line) + b"\n" for line in lines))
    return read_results(path)


def one_of_each(path: Path) -> Results:
    """Results with a case of each kind, on two devices, for the rules adds, negates and sine."""
    detail = {
        "expected": [[1.5, 2.0], [3.0, 4.0]], "observed": [[1.5, 2.25], [3.0, 4.0]],
        "differs": [[False, True], [False, False]], "tolerance": 0.0, "dtype": "float32",
    }  # fmt: skip
    wrong = finding(expected="[-1.5]", observed="[1.5]", detail=detail)
    return results_of(
        path,
        case("adds", label="times=3"),
        case("adds", label="times=5"),
        case("negates", "fail", findings=(wrong,), script="print('the fault')\n", checks=3),
        case("sine", "unsupported", reason="no torch.sin"),
        case("adds", "crash", device="abacus", reason="the process was ended by SIGABRT"),
        case("negates", "fail", device="abacus", findings=(finding(kind="dtype", aspect="dtype"),)),
    )


def known_to_fail(results: Results, *ids: str) -> Judgement:
    """These cases as known failures, with a reason and a link."""
    entry = Entry((), "the sign is lost", "known.yaml", 2, 5, 0, issue="https://example.org/issues/7")
    return Judgement({line.id: entry for line in results.cases if line.id in ids})
