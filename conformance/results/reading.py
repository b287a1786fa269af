"""Results file -> lines, losing nothing that can be read.

A torn last line is what a killed run leaves: it is dropped and the file counts as unfinished. Anything else that is no
line of ours is one clear error.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from conformance.errors import ResultsError
from conformance.results.model import FORMAT, CaseLine, EndLine, Line, RunLine, SubjectLine

_BEGINNING = b'{"kind":"run",'


@dataclass(frozen=True)
class Results:
    """What one file holds. ``whole_bytes`` is the length of the file up to its last whole line, before any end."""

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
        ResultsError: it cannot be opened, is no results file, or was written by a newer suite.

    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ResultsError(f"cannot read {path}: {error.strerror or error}", "is the path right?") from error
    lines: list[Line] = []
    whole = damaged = offset = 0
    for number, chunk in enumerate(raw.splitlines(keepends=True), 1):
        offset += len(chunk)
        line = _parse(chunk, number, path)
        if line is None:
            damaged += chunk.endswith(b"\n")  # a torn last line is no damage: the run was cut off
            continue
        lines.append(line)
        if not isinstance(line, EndLine) and chunk.endswith(b"\n"):
            whole = offset
    if not lines or not isinstance(lines[0], RunLine):
        raise ResultsError(f"{path} is not a results file", "'conformance run -o FILE' writes one")
    return Results(
        path=path,
        run=lines[0],
        subjects=tuple({line.key: line for line in lines if isinstance(line, SubjectLine)}.values()),
        cases=tuple({line.id: line for line in lines if isinstance(line, CaseLine)}.values()),
        end=next((line for line in reversed(lines) if isinstance(line, EndLine)), None),
        whole_bytes=whole,
        damaged=damaged,
    )


def never_began(path: Path) -> bool:
    """Whether the file is what a run leaves that was cut off before its first line was whole."""
    raw = path.read_bytes()
    return b"\n" not in raw and (raw.startswith(_BEGINNING) or _BEGINNING.startswith(raw))


def _parse(chunk: bytes, number: int, path: Path) -> Line | None:
    """One line; None where it is damaged."""
    try:
        data = json.loads(chunk)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or data.get("kind") not in _adapters():
        return None
    if data["kind"] == "run" and isinstance(data.get("format"), int) and data["format"] > FORMAT:
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
