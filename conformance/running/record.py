"""What a run was: the header of its results, and the digest by which rules are told apart."""

from __future__ import annotations

import datetime
import hashlib
import platform
from collections.abc import Iterable

from conformance import __version__
from conformance.results.model import RunLine
from conformance.rules.model import Rule


def run_line(
    rules: Iterable[Rule],
    selection: Iterable[str] = (),
    *,
    topics: Iterable[str] = (),
    shard: str = "",
    narrowed: bool = False,
) -> RunLine:
    """The first line of a results file; ``rules`` are those of all shards."""
    rules = list(rules)
    return RunLine(
        suite=__version__,
        rules=len(rules),
        rules_digest=rules_digest(rules),
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        started=now(),
        selection=tuple(selection),
        topics=tuple(topics),
        shard=shard,
        narrowed=narrowed,
    )


def rules_digest(rules: Iterable[Rule]) -> str:
    """A digest of the rules' texts: the same rules have the same digest, in whatever file they stand."""
    digest = hashlib.sha256()
    for rule in sorted(rules, key=lambda one: one.id):
        digest.update(f"{rule.id}\0{rule.yaml}\0{rule.topic.oracle}\0".encode())
    return digest.hexdigest()[:16]


def now() -> str:
    """The time, in UTC, as ISO 8601."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
