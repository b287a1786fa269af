"""Lines as JSON: what is written is what the published schema says, and reads back as it was."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.results.model import CaseLine, EndLine, Line, encoded, serializable, subject_line
from conformance.results.reading import parse_line, results_schema
from conformance.rules.loading import load
from conformance.running.cases import Case, expand
from tests.results.lines import RUN, case, finding, subject
from tests.workshop import REPOSITORY, RULES

ODD = case(
    "odd", "fail", checks=3, findings=(finding(detail={"expected": [1.0]}), finding(kind="flag", aspect="is_leaf"))
)
LINES: list[Line] = [
    RUN,
    subject(planned_rules={"must": 2, "de-facto": 1}),
    case("plain"),
    ODD,
    case("left", "error", reason="TypeError: no", left_behind=("grad mode",), unread=2, seconds=0.25, label="n=1"),
    EndLine("2026-01-02T03:04:06+00:00", 1.5, {"pass": 1, "not run": 2}),
]
VALIDATOR = jsonschema.Draft202012Validator(results_schema())


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.kind}-{getattr(line, 'rule', '')}")
class TestEveryKindOfLine:
    def test_reads_back_equal(self, line: Line) -> None:
        """A line that was encoded and parsed is the line it was."""
        assert parse_line(json.loads(encoded(line))) == line

    def test_is_valid_by_the_schema(self, line: Line) -> None:
        """What is written satisfies the schema that is published."""
        VALIDATOR.validate(json.loads(encoded(line)))

    def test_names_its_kind_first(self, line: Line) -> None:
        """A reader, or grep, tells the kind of a line from its first bytes."""
        assert encoded(line).startswith(b'{"kind":"%s",' % line.kind.encode())


def test_a_case_line_leaves_out_what_is_at_its_default() -> None:
    """A passing case, the most frequent line by far, carries nothing that says nothing."""
    assert list(serializable(case("plain"))) == [
        "kind", "id", "rule", "parameters", "implementation", "device", "level", "status",
    ]  # fmt: skip


def test_the_schema_refuses_what_is_no_line() -> None:
    """The schema can fail: an unknown status, a missing id and an unknown kind are refused."""
    good = json.loads(encoded(ODD))
    missing = {key: value for key, value in good.items() if key != "id"}
    for bad in ({**good, "status": "fine"}, missing, {**good, "kind": "hearsay"}):
        assert not VALIDATOR.is_valid(bad)


def test_the_published_schema_is_current() -> None:
    """docs/results.schema.json is what the classes say now; ``nox -s schemas`` writes it."""
    published = json.loads((REPOSITORY / "docs" / "results.schema.json").read_text(encoding="utf-8"))
    assert published == results_schema()


@given(text=st.text(st.characters(codec=None)), number=st.floats())
def test_whatever_an_implementation_says_becomes_one_line_of_strict_json(text: str, number: float) -> None:
    """Lone surrogates, control characters, newlines, NaN and infinities leave one line that any JSON parser reads."""
    line = case("odd", "fail", reason=text, findings=(finding(observed=text, detail={"tolerance": number}),))
    raw = encoded(line)
    assert b"\n" not in raw
    assert b"\r" not in raw

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    data = json.loads(raw.decode("utf-8"), parse_constant=refuse)
    again = parse_line(data)
    assert isinstance(again, CaseLine)
    assert again.reason == text
    assert again.findings[0].observed == text


def test_a_subject_announces_cases_and_rules_by_level(tmp_path: Path) -> None:
    """The numbers that 'not run' is counted from: a rule of two cases counts once among the rules."""
    from conformance.implementations import Implementation
    from tests.implementations import tiny

    path = tmp_path / "small.conformance.yaml"
    weaker = RULES["fail"] + "    level: de-facto\n"
    path.write_text(f"topic: small\ntitle: Small\nrules:\n{RULES['pass']}{weaker}", encoding="utf-8")
    implementation = Implementation(tiny, "tiny")
    cases: list[Case] = list(expand(load([path]), implementation, "cpu"))
    line = subject_line(implementation, "cpu", cases)
    assert (line.planned, line.planned_rules) == (3, {"must": 1, "de-facto": 1})
    assert (line.key, line.version, line.release) == (("tiny", "cpu"), "0.0-tiny", "2.13")
