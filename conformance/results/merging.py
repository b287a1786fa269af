"""Several results -> one: the shards of a run, repeated runs, several implementations and devices.

What would make a verdict that is nobody's is refused: results of other rules, of two versions of an implementation,
and shards that do not make a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from conformance.errors import ResultsError
from conformance.results.model import CaseLine, EndLine, RunLine, SubjectLine
from conformance.results.reading import Results
from conformance.results.summary import announced_in_all
from conformance.rules.model import LEVELS
from conformance.running.shards import Shard

_Key = tuple[str, str]


def merged(results: Sequence[Results]) -> Results:
    """All of ``results``, of which there is at least one, as one run; of a case that has several, the latest result.

    Raises:
        ResultsError: they do not belong together; the message names two files, or the shard that is missing.

    """
    _same_rules(results)
    _same_versions(results)
    for key in dict.fromkeys(subject.key for one in results for subject in one.subjects):
        _whole(key, results)
    by_time = sorted(results, key=lambda one: one.run.started)
    latest = {line.id: line for one in by_time for line in one.cases}
    subjects = tuple(_announced(by_time, latest.values(), list(results)))
    order = {subject.key: number for number, subject in enumerate(subjects)}
    cases = sorted(latest.values(), key=lambda line: (order.get((line.implementation, line.device), -1), line.rule))
    return Results(
        path=results[0].path,
        run=_run([one.run for one in by_time]),
        subjects=subjects,
        cases=tuple(cases),
        end=_end(results, cases, subjects),
        whole_bytes=0,
        damaged=sum(one.damaged for one in results),
    )


def _same_rules(results: Sequence[Results]) -> None:
    first = results[0]
    for other in results[1:]:
        if other.run.rules_digest != first.run.rules_digest:
            hint = "only results of the same rules can be merged"
            raise ResultsError(f"{first.path} and {other.path} were written with different rules", hint)


def _same_versions(results: Sequence[Results]) -> None:
    seen: dict[_Key, tuple[Results, SubjectLine]] = {}
    for one in results:
        for subject in one.subjects:
            before, was = seen.setdefault(subject.key, (one, subject))
            if (was.version, was.release, was.device_name) != (subject.version, subject.release, subject.device_name):
                text = f"{before.path} has {_described(was)}, and {one.path} {_described(subject)}"
                raise ResultsError(text, "the verdict would be one on neither")


def _described(subject: SubjectLine) -> str:
    return f"{subject.implementation} {subject.version} on {subject.device_name}"


def _whole(key: _Key, results: Sequence[Results]) -> None:
    """Refuse shards of one implementation and device that are not, together, all of them."""
    parts = {subject.shard: one for one in results for subject in one.subjects if subject.key == key}
    if list(parts) == [""]:
        return
    named = " on ".join(key)
    if "" in parts:
        part, other = next((shard, one) for shard, one in parts.items() if shard)
        text = f"of {named}, {parts[''].path} has the whole run and {other.path} shard {part}"
        raise ResultsError(text, "merge the shards of one run, or whole runs")
    shards = {Shard.parse(part): one for part, one in parts.items()}
    first = next(iter(shards))
    for shard, one in shards.items():
        if shard.total != first.total:
            text = f"of {named}, {shards[first].path} has shard {first} and {one.path} shard {shard}: they overlap"
            raise ResultsError(text, "merge the shards of one run")
    missing = [str(Shard(n, first.total)) for n in range(1, first.total + 1) if Shard(n, first.total) not in shards]
    if missing:
        what = f"shard {missing[0]} is" if len(missing) == 1 else f"shards {', '.join(missing)} are"
        raise ResultsError(f"of {named}, {what} missing", "a verdict needs them all")


def _announced(
    by_time: Sequence[Results], cases: Iterable[CaseLine], in_order: Iterable[Results]
) -> Iterable[SubjectLine]:
    """A line for each implementation and device: what whole runs announced last, or all that narrowed ones ran."""
    whole = announced_in_all(subject for one in by_time if not one.run.narrowed for subject in one.subjects)
    narrowed = announced_in_all(subject for one in by_time for subject in one.subjects)
    counted = _counted(cases)
    for key in dict.fromkeys(subject.key for one in in_order for subject in one.subjects):
        if key in whole:
            yield whole[key]
            continue
        number, levels = counted.get(key, (0, {}))
        before = narrowed[key]
        yield replace(
            before,
            planned=max(number, before.planned),
            planned_rules={
                level: most
                for level in LEVELS
                if (most := max(levels.get(level, 0), before.planned_rules.get(level, 0)))
            },
        )


def _counted(cases: Iterable[CaseLine]) -> Mapping[_Key, tuple[int, Mapping[str, int]]]:
    """The cases, and the rules by level, of each implementation and device."""
    grouped: dict[_Key, list[CaseLine]] = {}
    for line in cases:
        grouped.setdefault((line.implementation, line.device), []).append(line)
    return {
        key: (len(lines), Counter({line.rule: line.level for line in lines}.values())) for key, lines in grouped.items()
    }


def _run(runs: Sequence[RunLine]) -> RunLine:
    """The line of all ``runs``, the earliest first."""
    everywhere = not all(run.topics for run in runs)
    return replace(
        runs[-1],
        started=runs[0].started,
        python=", ".join(dict.fromkeys(run.python for run in runs)),
        platform=", ".join(dict.fromkeys(run.platform for run in runs)),
        topics=() if everywhere else tuple(dict.fromkeys(topic for run in runs for topic in run.topics)),
        selection=runs[-1].selection if all(run.selection for run in runs) else (),
        shard="",
        narrowed=all(run.narrowed for run in runs),
    )


def _end(results: Sequence[Results], cases: Sequence[CaseLine], subjects: Iterable[SubjectLine]) -> EndLine | None:
    """The end, where there is a result for everything that was announced."""
    ends = [one.end for one in results if one.end is not None]
    if not ends or len(cases) < sum(subject.planned for subject in subjects):
        return None
    counts = Counter(case.status for case in cases)
    return EndLine(max(end.finished for end in ends), round(sum(end.seconds for end in ends), 3), dict(counts))
