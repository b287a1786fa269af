"""Figures: what was measured, how far it spread, and the files in which figures are kept.

Measuring itself is in :mod:`benchmarks.measuring`, and what is measured in the ``test_`` modules.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

_LIBRARIES = ("torch", "numpy", "pytest")
_PREAMBLE = """\
# Benchmarks

Written by `nox -s bench`, with the figures as data in `reports/benchmarks.json`. Where two things are compared they
alternate round by round in one run; a ratio is the median of the rounds' own ratios, and the spread is the middle half
of the rounds. torch runs in one thread. The machine is a shared one: what runs in one process is measured in processor
time, commands by the clock unless a line says otherwise; absolute times are for orientation, ratios are what counts.
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number: the median of ``rounds``, and the quartiles ``low`` and ``high``."""

    name: str
    says: str
    unit: str
    value: float
    low: float
    high: float
    rounds: int
    target: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        name: str,
        says: str,
        unit: str,
        values: Sequence[float],
        target: float | None = None,
        **details: Any,
    ) -> Figure:
        """The figure of the values of all rounds."""
        low, middle, high = _quartiles(values)
        return cls(name, says, unit, _rounded(middle), _rounded(low), _rounded(high), len(values), target, details)


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def _rounded(value: float) -> float:
    """Four significant digits: more would only be noise."""
    return float(f"{value:.4g}")


def write_figures(figures: Iterable[Figure], data: Path, page: Path) -> None:
    """Put ``figures`` into the JSON file ``data``, where others of an earlier run stay, and write ``page`` anew."""
    kept: dict[str, Any] = {}
    if data.exists():
        kept = {entry["name"]: entry for entry in json.loads(data.read_text("utf-8"))["figures"]}
    conditions = _conditions()
    for figure in figures:
        kept[figure.name] = {**asdict(figure), "conditions": conditions}
    entries = [kept[name] for name in sorted(kept)]
    data.parent.mkdir(exist_ok=True)
    data.write_text(json.dumps({"figures": entries}, indent=1) + "\n", "utf-8")
    page.write_text(_page(entries), "utf-8")


def _conditions() -> dict[str, Any]:
    return {
        "measured": datetime.now(timezone.utc).date().isoformat(),
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
        "platform": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
    }


def _page(entries: Sequence[Mapping[str, Any]]) -> str:
    lines = [_PREAMBLE]
    for group in dict.fromkeys(entry["name"].partition("/")[0] for entry in entries):
        lines += [f"## {group.replace('-', ' ').capitalize()}", ""]
        lines += ["| what | median | middle half | target | rounds |", "|---|--:|--:|--:|--:|"]
        lines += [_row(entry) for entry in entries if entry["name"].partition("/")[0] == group]
        lines.append("")
    notes = sorted({_condition_text(entry["conditions"]) for entry in entries})
    return "\n".join([*lines, *(f"Measured {note}." for note in notes), ""])


def _row(entry: Mapping[str, Any]) -> str:
    unit = "×" if entry["unit"] == "x" else f" {entry['unit']}"
    details = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in entry["details"].items())
    what = entry["says"] + (f" ({details})" if details else "")
    spread = f"{entry['low']:g} to {entry['high']:g}" if entry["rounds"] > 1 else ""
    target = "" if entry["target"] is None else f"≤ {entry['target']:g}{unit}"
    return f"| {what} | {entry['value']:g}{unit} | {spread} | {target} | {entry['rounds']} |"


def _condition_text(conditions: Mapping[str, Any]) -> str:
    libraries = ", ".join(f"{name} {conditions[name]}" for name in _LIBRARIES)
    machine = f"{conditions['platform']}, {conditions['cores']} cores"
    return f"on {conditions['measured']} with Python {conditions['python']}, {libraries} on {machine}"
