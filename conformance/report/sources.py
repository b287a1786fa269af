"""The names of documented objects and pages -> links; nothing else on a page becomes one."""

from __future__ import annotations

import re

from conformance.rules.sources import PAGES

_DOCUMENTATION = "https://docs.pytorch.org/docs/stable"
_OBJECT = re.compile(r"torch(\.[A-Za-z_][A-Za-z0-9_]*)+", re.ASCII)
_LINK = re.compile(r"https://[A-Za-z0-9.-]+(/[A-Za-z0-9._~/#?=&%+-]*)?", re.ASCII)


def source_url(source: str) -> str | None:
    """Where a documented object or page is, or None where the name does not tell."""
    if source in PAGES:
        return f"{_DOCUMENTATION}/{source}.html"
    if _OBJECT.fullmatch(source):
        return f"{_DOCUMENTATION}/generated/{source}.html"
    return None


def safe_link(text: str) -> str | None:
    """An https address that a spec file names, as it stands; None for anything else."""
    return text if _LINK.fullmatch(text) else None
