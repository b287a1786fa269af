"""The scripts of failed cases: what results keep, so that a reader sees a fault wherever the results are read."""

from __future__ import annotations

from conformance.errors import ConformanceError
from conformance.repro.script import script
from conformance.running.cases import Case
from conformance.running.execute import Runner
from conformance.running.outcome import Status

_SHOWABLE: frozenset[Status] = frozenset({"fail", "crash", "hang"})


def script_of_failure(runner: Runner, case: Case, status: Status) -> str:
    """The standalone script of a case that came to ``status``.

    Raises:
        ConformanceError: none can be written; the message says why.

    """
    if case.rule.is_property:
        if status != "fail":
            raise ConformanceError(f"the values that made {case.id} a {status} went with its process")
        from conformance.running.properties import example

        return script(case, runner.implementation, runner.vocabulary, drawn=example(runner, case))
    if status != "fail" and any(given.form == "module" for given in case.rule.givens):
        raise ConformanceError(f"the layer of {case.id} would have to be built again", "it may be what broke")
    return script(case, runner.implementation, runner.vocabulary)


class FirstScripts:
    """A script for the first bad case of each rule on each device: one shows the fault, thousands fill a disk."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._written: set[tuple[str, str]] = set()

    def of(self, case: Case, status: Status) -> str:
        """The script, or nothing where the rule has one already, needs none, or none can be written."""
        key = (case.rule.id, case.device)
        if status not in _SHOWABLE or key in self._written:
            return ""
        try:
            text = script_of_failure(self._runner, case, status)
        except ConformanceError:
            return ""
        self._written.add(key)
        return text
