"""A report -> a badge: the data from which shields.io draws one, or an SVG image that needs nobody.

A badge speaks of one column: the worst of those it may speak of, for one that chose the best would promise too much.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from conformance.errors import ConformanceError
from conformance.report.model import Column, Report
from conformance.report.texts import counted
from conformance.results.summary import LevelCount, Verdict
from conformance.running.outcome import BAD

LABEL = "PyTorch semantics"
LABEL_COLOUR = "#24292f"

#: From bad to good; white text has a contrast of at least 4.5 on each of them.
GREY, RED, AMBER, GREEN = "#59636e", "#cf222e", "#9a6700", "#1a7f37"
_SEVERITY = (GREY, RED, AMBER, GREEN)
_NOTHING = "nothing ran"

_HEIGHT = 20
_MARGIN = 6.0
#: Widths of characters at 11 px; what is not named is as wide as a small letter.
_WIDTHS = {**dict.fromkeys(" .,:;'|!()[]/Iijlft", 4.2), **dict.fromkeys("rcs", 5.5), **dict.fromkeys("mw", 10.2)}
_SMALL_LETTER = 6.8


@dataclass(frozen=True)
class Badge:
    """What a badge says."""

    message: str
    colour: str

    @property
    def text(self) -> str:
        """The whole in words."""
        return f"{LABEL}: {self.message}"


def badge(report: Report, about: str = "") -> Badge:
    """The badge of the worst column.

    Args:
        report: what the badge sums up.
        about: only columns of this implementation (``torch``), or only this one (``torch/cuda:0``).

    Raises:
        ConformanceError: no column is called so.

    """
    columns = [one for one in report.columns if about in ("", one.implementation, _name(one))]
    if about and not columns:
        known = ", ".join(map(_name, report.columns)) or "none"
        raise ConformanceError(f"the results have no column '{about}'", f"they have {known}")
    if not columns:
        return Badge(_NOTHING, GREY)
    # A device on which everything is unsupported has nothing to say beside one on which something ran.
    speaking = [one.verdict for one in columns if one.verdict.executed or one.verdict.not_run or _bad(one.verdict)]
    worst = min(speaking or [one.verdict for one in columns], key=_rank)
    return Badge(_message(worst), _colour(worst))


def badge_json(said: Badge) -> str:
    """What an "endpoint" badge of shields.io reads."""
    data = {
        "schemaVersion": 1,
        "label": LABEL,
        "message": said.message,
        "color": said.colour,
        "labelColor": LABEL_COLOUR,
        "isError": said.colour != GREEN,
    }
    return json.dumps(data, indent=1) + "\n"


def badge_svg(said: Badge) -> str:
    """The badge as an image; a screen reader reads its text, and no font makes that wider than its box."""
    left, right = (_text_width(text) + 2 * _MARGIN for text in (LABEL, said.message))
    svg = Element("svg", xmlns="http://www.w3.org/2000/svg", width=_px(left + right), height=_px(_HEIGHT), role="img")
    svg.set("aria-label", said.text)
    SubElement(svg, "title").text = said.text
    SubElement(svg, "rect", width=_px(left), height=_px(_HEIGHT), fill=LABEL_COLOUR)
    SubElement(svg, "rect", x=_px(left), width=_px(right), height=_px(_HEIGHT), fill=said.colour)
    texts = SubElement(svg, "g", {"fill": "#fff", "font-family": "Verdana,DejaVu Sans,sans-serif", "font-size": "11"})
    for start, text in ((0.0, LABEL), (left, said.message)):
        length = {"textLength": _px(_text_width(text)), "lengthAdjust": "spacingAndGlyphs"}
        SubElement(texts, "text", length, x=_px(start + _MARGIN), y="14").text = text
    return tostring(svg, encoding="unicode") + "\n"


def _name(column: Column) -> str:
    return f"{column.implementation}/{column.device}"


def _bad(verdict: Verdict) -> int:
    return sum(verdict.cases.get(status, 0) for status in BAD)


def _colour(verdict: Verdict) -> str:
    if not verdict.executed:
        return GREY
    if verdict.conforms:
        return GREEN
    if verdict.acceptable:
        return AMBER
    return RED if any(count.level == "must" for count in _failing(verdict)) else AMBER


def _rank(verdict: Verdict) -> tuple[int, float]:
    """Sorts verdicts, the worst first."""
    conform = sum(count.conform for count in verdict.levels)
    applicable = sum(count.applicable for count in verdict.levels)
    return _SEVERITY.index(_colour(verdict)), conform / applicable if applicable else 0.0


def _failing(verdict: Verdict) -> Sequence[LevelCount]:
    return [count for count in verdict.levels if count.conform < count.applicable]


def _message(verdict: Verdict) -> str:
    """The count of the strongest level and of each that fails, with what they leave out."""
    if not verdict.executed:
        return _NOTHING
    failing = _failing(verdict)
    shown = [count for count in verdict.levels if count is verdict.levels[0] or count in failing]
    said = [f"{count.conform} of {count.applicable} {count.level}" for count in shown]
    known = sum(count.known for count in shown)
    if known:
        said.append(f"{known} known")
    if _bad(verdict) > verdict.known and not failing:  # a check of a weaker level than its rule's
        said.append(f"{counted(_bad(verdict), 'case')} failed")
    unsupported = sum(count.left_out.get("unsupported", 0) for count in shown)
    if unsupported:
        said.append(f"{unsupported} unsupported")
    if verdict.not_run:
        said.append(f"{counted(verdict.not_run, 'case')} not run")
    return ", ".join(said)


def _text_width(text: str) -> float:
    return sum(_WIDTHS.get(character, _SMALL_LETTER) for character in text)


def _px(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
