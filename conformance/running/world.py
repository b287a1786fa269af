"""What one case has around it while it runs: its environments, its data, and the record of its checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

import numpy as np

from conformance.errors import printable
from conformance.implementations.contract import Array, Implementation
from conformance.rules.model import Level
from conformance.running.data import EPS, Datum
from conformance.running.outcome import Finding, Kind

Environment = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The values of a tensor at one moment; ``values`` is None where they cannot be read."""

    values: Array | None
    shape: tuple[int, ...]
    dtype: str


@dataclass(slots=True)
class World:
    """The state of one running case. ``made`` is what `when` sees, ``oracle`` what expectations see.

    ``stop`` tells whether an error says that something is absent or broken; ``blame`` raises an error for which the
    implementation's behaviour is not to blame, and returns where it is.
    """

    implementation: Implementation
    device: str
    dtype: str
    level: Level
    line: int
    dtypes: frozenset[str] = frozenset()
    made: Environment = field(default_factory=dict)
    oracle: Environment = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    expect: CodeType | None = None
    checks: int = 0
    unread: int = 0
    findings: list[Finding] = field(default_factory=list)
    unspecified: dict[str, str] = field(default_factory=dict)
    stop: Callable[[BaseException], bool] = lambda error: False
    blame: Callable[[BaseException], None] = lambda error: None

    def find(
        self,
        kind: Kind,
        observation: str,
        aspect: str,
        expected: str,
        observed: str,
        *,
        level: Level | None = None,
        line: int | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Record a check that did not hold."""
        texts = (printable(observation), aspect, printable(expected), printable(observed))
        self.findings.append(Finding(kind, *texts, level or self.level, line or self.line, detail))

    def eps_of(self, dtype: str | None) -> float:
        """The eps of a dtype; a Python float counts as the case's dtype, whose precision it carries."""
        return EPS.get(dtype or self.dtype, EPS["float32"])

    def snapshot(self, value: Any) -> Any:
        """The values of tensors now, inside lists, tuples, mappings and modules as well."""
        if self.implementation.is_tensor(value):
            values = self.implementation.array(value)
            shape = self.implementation.fact(value, "shape")
            return Snapshot(None if values is None else values.copy(), shape, self.implementation.dtype_name(value))
        if isinstance(value, Mapping):
            return {key: self.snapshot(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return (
                [self.snapshot(item) for item in value] if isinstance(value, list) else tuple(map(self.snapshot, value))
            )
        if isinstance(value, np.ndarray):
            return Snapshot(value.copy(), value.shape, str(value.dtype))
        module = getattr(self.implementation.nn, "Module", None)
        if module is not None and isinstance(value, module):
            return {key: self.snapshot(item) for key, item in value.state_dict().items()}
        return value

    def moved_oracle(self, seed: int) -> Environment:
        """The oracle's environment with every floating given moved by at most one eps of its dtype."""
        generator = np.random.Generator(np.random.PCG64(seed))
        environment = dict(self.oracle)

        def moved(value: Any) -> Any:
            if isinstance(value, Datum):
                eps = EPS.get(value.dtype)
                return (
                    value.shown
                    if eps is None
                    else value.shown * (1 + eps * generator.choice((-1, 1), value.shown.shape))
                )
            if isinstance(value, dict):
                return {key: moved(item) for key, item in value.items()}
            return [moved(item) for item in value] if isinstance(value, list) else value

        environment.update({name: moved(value) for name, value in self.data.items()})
        if self.expect is not None:
            exec(self.expect, environment)
        return environment


def shown(data: Any) -> Any:
    """What an expectation sees of a given: arrays in place of data, nested as the given is."""
    if isinstance(data, Datum):
        return data.shown
    if isinstance(data, dict):
        return {key: shown(item) for key, item in data.items()}
    return [shown(item) for item in data] if isinstance(data, list) else data
