"""Results -> one self-contained HTML page: no script, no request, works from ``file://``.

Texts of rules and of implementations are data: Jinja2 escapes them all, and the page's own policy forbids everything
but its inline style.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from conformance import __version__
from conformance.report.model import build_page
from conformance.results.reading import Results
from conformance.rules.model import Rule

_DOCUMENTATION = "https://docs.pytorch.org/docs/stable"


def render(results: Sequence[Results], rules: Iterable[Rule]) -> str:
    """The page for some results files; ``rules`` supply the sentences and texts of what was run."""
    environment = Environment(
        loader=PackageLoader("conformance.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["source_url"] = source_url
    return environment.get_template("page.html.j2").render(page=build_page(results, rules), version=__version__)


def source_url(source: str) -> str | None:
    """Where a documented object or page is, or None where the name does not tell."""
    if source.startswith("notes/"):
        return f"{_DOCUMENTATION}/{source}.html"
    if source.startswith("torch.") and source.replace(".", "").replace("_", "").isalnum():
        return f"{_DOCUMENTATION}/generated/{source}.html"
    if source in ("autograd", "tensor_view", "tensor_attributes", "nn.init", "checkpoint"):
        return f"{_DOCUMENTATION}/{source}.html"
    return None
