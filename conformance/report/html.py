"""A report -> one HTML page that needs nothing else: no network, no other file, and no script but its own.

What rules and implementations say reaches the page as text only: Jinja escapes it, the details of rules travel as
compressed JSON that the page's script turns into text nodes, and a Content-Security-Policy lets nothing run whose hash
it does not name.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from conformance import __version__
from conformance.report.details import PLENTIES, bounded, rule_details
from conformance.report.findings import clusters, lacking
from conformance.report.model import Report
from conformance.report.sources import safe_link, source_url
from conformance.results.comparing import CHANGE_KINDS
from conformance.rules.model import LEVELS

#: A cell's sign, by status; the sign and the words say what the colour says.
SIGNS = {
    "pass": "✓", "fail": "✗", "crash": "✗", "hang": "✗", "error": "✗", "unsupported": "○", "unspecified": "·",
    "not run": "·",
}  # fmt: skip


#: Bytes for the details of rules; the rest of a page of a thousand rules by eight columns takes one megabyte.
_ROOM = 1_800_000


def render_html(report: Report) -> str:
    """The page."""
    style, script = _asset("page.css"), _asset("page.js")
    environment = Environment(
        loader=PackageLoader("conformance.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(source_url=source_url, safe_link=safe_link, bounded=bounded)
    return environment.get_template("page.html.j2").render(
        report=report,
        clusters=clusters(report),
        lacking=lacking(report),
        signs=SIGNS,
        levels=LEVELS,
        change_kinds=CHANGE_KINDS,
        details=packed_details(report),
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; "
        "form-action 'none'",
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        version=__version__,
    )


def packed_details(report: Report) -> str:
    """What is told of every rule, as much as there is room for: a page that is too large is not opened."""
    for plenty in PLENTIES:
        text = packed(rule_details(report, plenty))
        if len(text) <= _ROOM:
            break
    return text


def packed(data: Any) -> str:
    """Plain data as base64 of compressed JSON: a tenth of its size, and no character that HTML knows."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    return base64.b64encode(gzip.compress(text, mtime=0)).decode("ascii")


def _asset(name: str) -> str:
    return files("conformance.report").joinpath("templates").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"
