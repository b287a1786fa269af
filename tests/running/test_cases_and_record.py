"""Which rules are selected, and what a run writes about itself."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from conformance.rules.loading import load
from conformance.rules.model import Rule
from conformance.running.cases import select
from conformance.running.record import now, rules_digest, run_line
from tests.rules.marked import HEAD, loaded, rule, write

BODY = "    then: {torch.is_grad_enabled(): true}\n"


@pytest.fixture
def rules(tmp_path: Path) -> tuple[Rule, ...]:
    """t/a, t/b and u/a."""
    more = HEAD.partition("rules:\n")[2].replace("t/a", "t/b") + BODY
    other = HEAD.replace("topic: t", "topic: u").replace("t/a", "u/a") + BODY
    return load([write(tmp_path, HEAD + BODY + more), write(tmp_path, other, "u.conformance.yaml")])


@pytest.mark.parametrize(
    ("patterns", "ids"),
    [
        ([], ["t/a", "t/b", "u/a"]),
        (["t/b"], ["t/b"]),
        (["t"], ["t/a", "t/b"]),
        (["t/"], ["t/a", "t/b"]),
        (["*/a"], ["t/a", "u/a"]),
        (["t/[bc]", "u"], ["t/b", "u/a"]),
        (["T"], []),
        (["a"], []),
    ],
)
def test_patterns_are_ids_topics_or_globs(patterns: list[str], ids: list[str], rules: tuple[Rule, ...]) -> None:
    """A rule is selected once, in its place, by any of them."""
    assert [one.id for one in select(rules, patterns)] == ids


def test_the_digest_follows_the_rules_texts(tmp_path: Path, rules: tuple[Rule, ...]) -> None:
    """The same rules have the same digest in any order and file; any change of a rule or its oracle has another."""
    assert rules_digest(rules) == rules_digest(reversed(rules))
    plain = rules_digest([loaded(tmp_path, rule())])
    moved = rules_digest(load([write(tmp_path, rule(), "moved.conformance.yaml")]))
    assert plain == moved
    changed = [
        rule(then="x: [1.5, -2.5]"),
        rule(when="y = 1"),
        rule().replace("rules:", "oracle: |\n  a = 1\nrules:"),
    ]
    assert len({plain, *(rules_digest([loaded(tmp_path, text)]) for text in changed)}) == 4


def test_the_first_line_says_what_was_run(rules: tuple[Rule, ...]) -> None:
    """The suite, the rules, the machine and the selection."""
    line = run_line(rules, ["t"])
    assert (line.rules, line.selection, line.rules_digest) == (3, ("t",), rules_digest(rules))
    assert line.python.count(".") == 2
    assert datetime.datetime.fromisoformat(line.started).utcoffset() == datetime.timedelta(0)
    assert "." not in now()
