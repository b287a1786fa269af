"""What a badge says, its data, and its image."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest

from conformance.errors import ConformanceError
from conformance.report.badge import AMBER, GREEN, GREY, LABEL, LABEL_COLOUR, RED, Badge, badge, badge_json, badge_svg
from conformance.results.model import CaseLine
from tests.report.conftest import ReportOf
from tests.results.lines import case, finding

WEAK = (finding(level="should"),)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("cases", "message", "colour"),
    [
        ([case("adds"), case("negates")], "2 of 2 must", GREEN),
        ([case("adds"), case("sine", "unsupported")], "1 of 1 must, 1 unsupported", GREEN),
        ([case("adds"), case("negates", "fail")], "1 of 2 must", RED),
        ([case("adds"), case("negates", "crash")], "1 of 2 must", RED),
        ([case("adds"), case("negates", "fail", level="should")], "1 of 1 must, 0 of 1 should", AMBER),
        ([case("adds"), case("negates", level="should")], "1 of 1 must", GREEN),
        ([case("adds"), case("negates", "fail", findings=WEAK)], "2 of 2 must, 1 case failed", AMBER),
        ([case("adds"), case("negates", "not run")], "1 of 1 must, 1 case not run", AMBER),
        ([case("adds", level="de-facto")], "1 of 1 de-facto", GREEN),
        ([case("adds", "unsupported")], "nothing ran", GREY),
        ([], "nothing ran", GREY),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_badge_says_what_conforms_and_what_is_left_out(
    report_of: ReportOf, cases: list[CaseLine], message: str, colour: str
) -> None:
    """The strongest level and each that fails; green means that everything that ran conforms, and all that can did."""
    assert badge(report_of(*cases)) == Badge(message, colour)


def test_of_several_columns_the_worst_is_meant(report_of: ReportOf) -> None:
    """A must that fails is worse than a should, and of two that fail the one with less that conforms."""
    columns = [
        case("adds"), case("negates"),
        case("adds", device="weak"), case("negates", "fail", device="weak", findings=WEAK),
        case("adds", device="bad"), case("negates", "fail", device="bad"),
        case("adds", "fail", device="worst"), case("negates", "fail", device="worst"), case("sine", device="worst"),
    ]  # fmt: skip
    assert badge(report_of(*columns)).message == "1 of 3 must"
    assert badge(report_of(*columns[:-3])).message == "1 of 2 must"
    assert badge(report_of(*columns[:4])) == Badge("2 of 2 must, 1 case failed", AMBER)


def test_a_device_that_lacks_everything_counts_only_where_nothing_ran(report_of: ReportOf) -> None:
    """But one that should have run and did not, or where we broke, is the worst of all."""
    assert badge(report_of(case("adds"), case("adds", "unsupported", device="abacus"))).message == "1 of 1 must"
    assert badge(report_of(case("adds", "fail"), case("adds", "not run", device="abacus"))).message == "nothing ran"
    assert badge(report_of(case("adds", "fail"), case("adds", "error", device="abacus"))).message == "nothing ran"


def test_a_badge_can_be_about_one_implementation_or_device(report_of: ReportOf) -> None:
    """By the names that cases have; a name that no column has is answered with those there are."""
    report = report_of(case("adds"), case("adds", "fail", device="abacus:1"))
    assert badge(report, "tiny/cpu").colour == GREEN
    assert badge(report, "tiny/abacus:1").colour == badge(report, "tiny").colour == RED
    with pytest.raises(ConformanceError) as caught:
        badge(report, "tiny/gpu")
    assert str(caught.value) == "the results have no column 'tiny/gpu' (they have tiny/cpu, tiny/abacus:1)"


@pytest.mark.parametrize("colour", [GREEN, AMBER, RED, GREY])
def test_data_are_those_of_an_endpoint_badge(colour: str) -> None:
    """Version 1; whatever is not green is an error, whose colour nobody can paint over."""
    data = json.loads(badge_json(Badge("1 of 2 must", colour)))
    assert data == {
        "schemaVersion": 1, "label": LABEL, "message": "1 of 2 must", "color": colour, "labelColor": LABEL_COLOUR,
        "isError": colour != GREEN,
    }  # fmt: skip


def test_an_image_reads_as_its_text() -> None:
    """For those who see it and those who hear it."""
    svg = ElementTree.fromstring(badge_svg(Badge("1 of 2 must", RED)))
    assert svg.tag == f"{SVG}svg"
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == svg.findtext(f"{SVG}title") == "PyTorch semantics: 1 of 2 must"
    assert [text.text for text in svg.iter(f"{SVG}text")] == [LABEL, "1 of 2 must"]


def test_texts_lie_inside_their_boxes() -> None:
    """The boxes fill the image side by side, and no font makes a text wider than its own."""
    svg = ElementTree.fromstring(badge_svg(Badge("749 of 751 must, 12 unsupported", RED)))
    boxes = [(float(one.get("x", 0)), float(one.get("width", 0))) for one in svg.iter(f"{SVG}rect")]
    texts = [(float(one.get("x", 0)), float(one.get("textLength", 0))) for one in svg.iter(f"{SVG}text")]
    assert [start for start, _ in boxes] == [0, boxes[0][1]]
    assert float(svg.get("width", 0)) == pytest.approx(sum(width for _, width in boxes))
    for (start, width), (text_start, length) in zip(boxes, texts):
        assert start < text_start < text_start + length < start + width
        assert length > 90


def test_an_image_escapes_what_it_says() -> None:
    """A message is text whatever it says."""
    text = "</text><script>alert(1)</script>&\"'"
    svg = ElementTree.fromstring(badge_svg(Badge(text, RED)))
    assert [one.text for one in svg.iter(f"{SVG}text")][1] == text
    assert not list(svg.iter(f"{SVG}script"))


@pytest.mark.parametrize("colour", [LABEL_COLOUR, GREEN, AMBER, RED, GREY])
def test_colours_have_contrast_with_white(colour: str) -> None:
    """WCAG 2 asks for 4.5 where letters are small."""

    def linear(channel: str) -> float:
        value = int(channel, 16) / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = map(linear, re.findall("[0-9a-f]{2}", colour))
    assert 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) >= 4.5
