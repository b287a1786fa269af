"""Known-failures files: what they may say, and every mistake at once, each at its position."""

from __future__ import annotations

import datetime
from pathlib import Path

import jsonschema
import pytest
import yaml

from conformance.errors import KnownFailuresErrors
from conformance.known.form import KnownForm
from conformance.known.loading import load_known, parse_known
from conformance.known.model import Entry
from conformance.rules.schema import json_schema
from tests.results.lines import case, finding, subject

VALIDATOR = jsonschema.Draft202012Validator(json_schema(KnownForm))
WHOLE = """\
# what we know
known:
  - rules: [small/adds, other]
    implementation: tiny
    device: [cuda*, cpu]
    version: ">=2.10,<2.14"
    kinds: values
    reason: >-
      rounds
      twice
    issue: https://example.org/1
    flaky: true
    until: 2027-01-31
  - cases: small/negates[n=1-tiny-cpu]
    reason: never mind
"""
DAY = datetime.date(2026, 7, 1)


def entry(text: str) -> Entry:
    """The entry of these keys, in one line."""
    _, known = parse_known(f"known: [{{{text}, reason: r}}]", "known.yaml")
    return known.entries[0]


def problems(text: str) -> list[str]:
    """What is wrong with a file."""
    with pytest.raises(KnownFailuresErrors) as caught:
        parse_known(text, "known.yaml")
    return str(caught.value).splitlines()


def test_an_entry_has_all_that_the_file_says(tmp_path: Path) -> None:
    """Patterns, conditions, reason and link, dates as dates, and where it stands."""
    path = tmp_path / "known.yaml"
    path.write_text(WHOLE, encoding="utf-8")
    first, second = load_known(path).entries
    assert [(one.of, one.text) for one in first.patterns] == [("rules", "small/adds"), ("rules", "other")]
    assert (first.implementation, first.device, str(first.version)) == (("tiny",), ("cuda*", "cpu"), "<2.14,>=2.10")
    assert (first.kinds, first.flaky, first.until) == ({"values"}, True, datetime.date(2027, 1, 31))
    assert first.why == "rounds twice (https://example.org/1)"
    assert (first.position, first.column) == (f"{path}:3", 5)
    assert [(one.of, one.text) for one in second.patterns] == [("cases", "small/negates[n=1-tiny-cpu]")]
    assert (second.version, second.until, second.flaky, second.why) == (None, None, False, "never mind")


def test_a_file_without_entries_is_written_with_an_empty_list() -> None:
    """An empty file is more often a mistake, and the hint says how to mean it."""
    assert parse_known("known: []\n", "known.yaml")[1].entries == ()
    hint = "(a known-failures file has 'known:', a list that may be empty: [])"
    assert problems("# nothing\n") == [f"known.yaml:1:1: the file holds nothing {hint}"]
    assert problems("known:\n") == [f"known.yaml:1:1: nothing stands here {hint}"]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("rules: a/b", "1:9: 'reason:' is missing"),
        ("reason: r", "1:9: neither 'rules:' nor 'cases:' stands here"),
        ("rules: a/b, reason: r, isue: x", "1:33: unknown key 'isue' (did you mean 'issue'?)"),
        ("rules: a/b, reason: ''", "1:30: found '' (expected text that is not empty)"),
        ("rules: a/b, reason: ", "1:22: nothing stands here (say it, or leave out 'reason:')"),
        ("rules: , reason: r", "1:10: nothing stands here (say it, or leave out 'rules:')"),
        ("rules: 3, reason: r", "1:17: found 3 (expected text, or a list of texts)"),
        ("rules: [a, 3], reason: r", "1:17: found ['a', 3] (expected text, or a list of texts)"),
        ("rules: [], reason: r", "1:17: found [] (expected at least one entry)"),
        ("rules: 'a/b[c]', reason: r", "1:17: found a case's id, 'a/b[c]' (put it under 'cases:')"),
        ("cases: [a/b], reason: r", "1:18: found 'a/b' (a case's id ends in brackets"),
        ("rules: a, reason: r, version: 2.10", "1:40: found '2.10' (expected versions such as '>=2.10,<2.14'"),
        ("rules: a, reason: r, kinds: value", "1:38: found 'value' (expected kinds of failure: values, dtype"),
        ("rules: a, reason: r, issue: 123", "1:38: found 123 (expected text)"),
        ("rules: a, reason: r, issue: '#123'", "1:38: found '#123' (expected a link: https://"),
        ("rules: a, reason: r, until: 31.1.2027", "1:38: found '31.1.2027' (expected a date such as 2027-01-31)"),
        ("rules: a, reason: r, until: 2027-02-30", "1:38: found '2027-02-30' (expected a date such as"),
        ("rules: a, reason: r, flaky: 'yes'", "1:38: found 'yes' (expected true or false)"),
        ("rules: a, reason: r, flaky: true", "1:31: 'until:' is missing (what is flaky has a day of reckoning)"),
    ],
)  # fmt: skip
def test_each_mistake_is_named_at_its_position(entry: str, problem: str) -> None:
    """What was found, what was expected, and where."""
    [found] = problems(f"known: [{{{entry}}}]")
    assert found.startswith(f"known.yaml:{problem}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- rules: a", "1:1: found [{'rules': 'a'}] (expected a mapping)"),
        ("known: {rules: a}", "1:8: found {'rules': 'a'} (expected a list)"),
        ("known: [small/adds]", "1:9: found 'small/adds' (expected a mapping: '- rules: …' and 'reason: …')"),
        ("known: []\nnkown: []", "2:1: unknown key 'nkown' (did you mean 'known'?)"),
        ("known: []\nknown: []", "2:1: duplicate key 'known'"),
        ("known: [", "2:1: not valid YAML"),
    ],
)
def test_a_file_that_is_something_else(text: str, problem: str) -> None:
    """Another file is named by mistake, or its YAML is broken."""
    assert problems(text)[0].startswith(f"known.yaml:{problem}")


def test_all_mistakes_are_told_at_once() -> None:
    """In the order of lines."""
    text = "known:\n  - rules: a\n  - reason: r\n  - {rules: a, reason: r, until: soon}\n"
    assert [line.split(": ")[0] for line in problems(text)] == ["known.yaml:2:5", "known.yaml:3:5", "known.yaml:4:34"]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """The system's reason."""
    with pytest.raises(KnownFailuresErrors, match=r"known\.yaml:1:1: cannot be read: No such file"):
        load_known(tmp_path / "known.yaml")


def test_the_schema_accepts_and_refuses_with_the_loader() -> None:
    """Editors say what the loader says."""
    good = yaml.load(WHOLE, yaml.BaseLoader)
    good["known"][0]["flaky"] = True
    VALIDATOR.validate(good)
    for bad in ("known: [{rules: a}]", "known: [{reason: a}]", "known: [{rules: a, reason: b, isue: c}]", "{}"):
        assert not VALIDATOR.is_valid(yaml.safe_load(bad))


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("rules: small/adds", True),
        ("rules: small", True),
        ("rules: small/", True),
        ("rules: '*/a?ds'", True),
        ("rules: small/add", False),
        ("rules: smal", False),
        ("cases: 'small/adds[n=1-tiny-cpu]'", True),
        ("cases: 'small/adds[*-tiny-cpu]'", True),
        ("cases: '*[n=1-*]'", True),
        ("cases: 'small/adds[n=1-tiny-cp?]'", True),
        ("cases: 'small/adds[n=2-tiny-cpu]'", False),
        ("cases: 'small/adds[n=1-tiny-cp]'", False),
        ("cases: 'small/addsn'", None),
    ],
)
def test_patterns(pattern: str, matched: bool | None) -> None:
    """Of rules as on the command line; of cases with brackets that are brackets and no choice of characters."""
    if matched is None:
        assert problems(f"known: [{{{pattern}, reason: r}}]")
    else:
        found = entry(pattern)
        assert [one.names(case("adds", label="n=1")) for one in found.patterns] == [matched]


@pytest.mark.parametrize(
    ("condition", "version", "applies"),
    [
        ("implementation: tiny", "2.12", True),
        ("implementation: [torch, ti*]", "2.12", True),
        ("implementation: torch", "2.12", False),
        ("device: c*", "2.12", True),
        ("device: cuda", "2.12", False),
        ("version: '>=2.10,<2.14'", "2.12", True),
        ("version: '>=2.10,<2.14'", "2.9", False),
        ("version: '==2.13.0'", "2.13.0+cpu", True),
        ("version: '>=2.13'", "2.14.0.dev20260101", True),
        ("version: '==0.0'", "0.0-tiny", True),
        ("version: '>=0'", "unknown", False),
    ],
)
def test_conditions(condition: str, version: str, applies: bool) -> None:
    """2.9 is older than 2.10; what is no version by the standard counts by its leading numbers, if it has any."""
    from dataclasses import replace

    assert entry(f"rules: small, {condition}").applies_to(replace(subject(), version=version)) == applies


@pytest.mark.parametrize("status", ["crash", "hang", "error", "not run", "unsupported", "pass"])
def test_only_a_failure_is_ever_excused(status: str) -> None:
    """A crash is not a known failure, whatever the entry says."""
    assert entry("rules: small").excuses(case("x", "fail"), DAY)
    assert not entry("rules: small").excuses(case("x", status), DAY)  # type: ignore[arg-type]


def test_kinds_narrow_what_is_excused() -> None:
    """A case that begins to fail in another way as well is a failure that nobody knew of."""
    one = entry("rules: small, kinds: [values, dtype]")
    assert one.excuses(case("x", "fail"), DAY)
    assert not one.excuses(case("x", "fail", findings=(finding(), finding(kind="shape"))), DAY)


def test_an_entry_holds_through_its_last_day() -> None:
    """And excuses nothing from the next day on."""
    one = entry("rules: small, until: 2026-07-01")
    assert one.excuses(case("x", "fail"), DAY)
    assert not one.excuses(case("x", "fail"), DAY + datetime.timedelta(days=1))
