"""Shards: every rule in exactly one, whatever the number of shards, and always in the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.rules.loading import load
from conformance.running.shards import Shard


@given(rule=st.text(), total=st.integers(1, 1000))
def test_every_rule_is_in_exactly_one_shard(rule: str, total: int) -> None:
    """Nothing is run twice and nothing is left out."""
    assert sum(Shard(number, total).holds(rule) for number in range(1, total + 1)) == 1


def test_shards_are_those_that_they_always_were() -> None:
    """Results of different machines and days belong together: the hash is part of the format."""
    names = [f"topic/rule-{n}" for n in range(8)]
    assert [next(i for i in range(1, 5) if Shard(i, 4).holds(name)) for name in names] == [1, 4, 2, 4, 2, 3, 3, 2]


def test_the_suites_rules_are_spread_evenly() -> None:
    """No shard of four has more than a third of the rules."""
    rules = load()
    parts = [Shard(number, 4).of(rules) for number in (1, 2, 3, 4)]
    assert sum(map(len, parts)) == len(rules)
    assert max(map(len, parts)) < len(rules) / 3


@pytest.mark.parametrize("text", ["", "3", "0/3", "4/3", "1/0", "-1/3", "1/3/5", "a/b", " 1/3", "²/3", "1/9999999"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    """With what is expected."""
    with pytest.raises(ValueError, match="is no shard: expected I/N"):
        Shard.parse(text)


def test_a_shard_reads_as_it_is_written() -> None:
    """2/5 is 2/5."""
    assert str(Shard.parse("2/5")) == "2/5"
