"""What a session's options leave out, and what they say is known to fail."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from conformance.errors import ConformanceError
from conformance.known.loading import load_known
from conformance.known.model import KnownFailures
from conformance.plugin import option
from conformance.rules.loading import spec_files
from conformance.rules.model import Rule
from conformance.running.shards import Shard


def shard(config: pytest.Config) -> Shard | None:
    """The part of the rules that the session runs.

    Raises:
        ConformanceError: the option names none.

    """
    given = option(config, "shard")
    try:
        return Shard.parse(given) if given else None
    except ValueError as error:
        raise ConformanceError(f"--conformance-shard: {error}") from None


def known_failures(config: pytest.Config) -> KnownFailures:
    """The known failures of the file that is named; none with ``--runxfail``, as for any test.

    A file named in the configuration lies beside it.

    Raises:
        KnownFailuresErrors: the file is wrong.

    """
    given = option(config, "known")
    if not given or config.getoption("runxfail", False):
        return KnownFailures()
    beside = config.inipath.parent if config.inipath and config.getoption("conformance_known") is None else Path()
    return load_known(beside / given)


def topics(config: pytest.Config, rules: Iterable[Rule]) -> tuple[str, ...]:
    """The topics of ``rules`` where pytest was told to look at some files only; empty where it looked everywhere."""
    rules = list(rules)
    base = config.invocation_params.dir
    looked_at = {(base / argument.partition("::")[0]).resolve() for argument in config.args}
    everywhere = {(config.rootpath / one).resolve() for one in config.getini("testpaths")} or {config.rootpath}
    read = {Path(rule.topic.file).resolve() for rule in rules}
    if config.rootpath in looked_at or everywhere <= looked_at or {one.resolve() for one in spec_files()} <= read:
        return ()
    return tuple(dict.fromkeys(rule.topic.name for rule in rules))
