"""Results file -> lines, losing nothing that can be read.

A torn last line is what a killed run leaves: it is dropped and the file counts as unfinished. Any other line that is
none of ours is passed over and counted as damaged; a file without a line that says what was run is one clear error.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from conformance.errors import ResultsError
from conformance.results.model import FORMAT, CaseLine, EndLine, Line, RunLine, SubjectLine

_LONGEST = 1 << 26  # no line of ours comes near it; what is longer is not even kept in memory
_BEGINNING = b'{"kind":"run",'


@dataclass(frozen=True)
class Results:
    """What one file holds.

    ``whole_bytes`` is the length of the file up to its last whole line, before any end; ``damaged`` counts lines that
    were left out because they cannot be read.
    """

    path: Path
    run: RunLine
    subjects: tuple[SubjectLine, ...]
    cases: tuple[CaseLine, ...]
    end: EndLine | None
    whole_bytes: int
    damaged: int = 0


def read_results(path: Path) -> Results:
    """Read the results file at ``path``.

    Raises:
        ResultsError: it cannot be opened, is no results file, was written by a newer suite, or holds several runs.

    """
    lines: list[Line] = []
    whole = damaged = offset = 0
    try:
        with path.open("rb") as file:
            for chunk, length in _chunks(file):
                offset += length
                line = _parse(chunk, path)
                if line is None:
                    damaged += chunk.endswith(b"\n")  # a torn last line is no damage: the run was cut off
                    continue
                lines.append(line)
                if not isinstance(line, EndLine) and chunk.endswith(b"\n"):
                    whole = offset
    except OSError as error:
        raise ResultsError(f"cannot read {path}: {error.strerror or error}", "is the path right?") from error
    return Results(
        path=path,
        run=_the_run(lines, path),
        subjects=tuple({line.key: line for line in lines if isinstance(line, SubjectLine)}.values()),
        cases=tuple({line.id: line for line in lines if isinstance(line, CaseLine)}.values()),
        end=next((line for line in reversed(lines) if isinstance(line, EndLine)), None),
        whole_bytes=whole,
        damaged=damaged,
    )


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Each line with its length in the file; of one that is longer than any line of ours only the newline is left."""
    while chunk := file.readline(_LONGEST):
        length = len(chunk)
        if length < _LONGEST:
            yield chunk, length
            continue
        while chunk and not chunk.endswith(b"\n"):
            chunk = file.readline(_LONGEST)
            length += len(chunk)
        yield chunk[-1:], length


def _the_run(lines: Sequence[Line], path: Path) -> RunLine:
    """The line of the run, which comes first; there may be more of them only where they are of the same rules."""
    if not lines or not isinstance(lines[0], RunLine):
        raise ResultsError(f"{path} is not a results file", "'conformance run -o FILE' writes one")
    first = lines[0]
    for line in lines[1:]:
        if isinstance(line, RunLine) and (line.rules_digest, line.shard) != (first.rules_digest, first.shard):
            hint = "keep a file for each; 'conformance merge' joins shards"
            raise ResultsError(f"{path} holds runs of different rules or shards", hint)
    return first


def never_began(path: Path) -> bool:
    """Whether the file is what a run leaves that was cut off before its first line was whole."""
    raw = path.read_bytes()
    return b"\n" not in raw and (raw.startswith(_BEGINNING) or _BEGINNING.startswith(raw))


def _parse(chunk: bytes, path: Path) -> Line | None:
    """One line; None where it is damaged."""
    try:
        data = json.loads(chunk)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or data.get("kind") not in _adapters():
        return None
    if data["kind"] == "run" and data.get("format", FORMAT) != FORMAT:
        hint = "install a newer version of this package"
        raise ResultsError(f"{path} has format {data['format']}; this version reads up to {FORMAT}", hint)
    try:
        return parse_line(data)
    except ValueError:
        return None


def parse_line(data: dict[str, Any]) -> Line:
    """Plain data, as JSON holds it, as a line; raises ValueError where it is none."""
    line: Line = _adapters()[data["kind"]].validate_python(data)
    return line


@cache
def _adapters() -> dict[str, Any]:
    from pydantic import TypeAdapter

    classes = {"run": RunLine, "subject": SubjectLine, "case": CaseLine, "end": EndLine}
    return {kind: TypeAdapter(cls) for kind, cls in classes.items()}


def results_schema() -> dict[str, Any]:
    """The JSON Schema of one line of a results file."""
    from pydantic import TypeAdapter

    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A line of a results file, format {FORMAT}",
        **TypeAdapter(Line).json_schema(),
    }
