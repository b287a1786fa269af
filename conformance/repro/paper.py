"""A case with its data made and nothing run: to write a case down takes no implementation, only the arrays."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from conformance.errors import ConformanceError
from conformance.implementations.contract import Implementation
from conformance.rules.vocabulary import Vocabulary
from conformance.running.cases import Case
from conformance.running.execute import Runner
from conformance.running.program import Program
from conformance.running.world import World


def on_paper(
    case: Case, drawn: Mapping[str, Any], vocabulary: Vocabulary, dtypes: frozenset[str]
) -> tuple[Program, World]:
    """The program of ``case`` and its world, whose tensors are arrays, on a device that has these ``dtypes``.

    Raises:
        ConformanceError: the data cannot be made.

    """
    return prepared(case, Runner(_Paper(dtypes), vocabulary), drawn)


def prepared(case: Case, runner: Runner, drawn: Mapping[str, Any]) -> tuple[Program, World]:
    """The program of ``case`` and its world with the data made by ``runner``, which is left as it was.

    Raises:
        ConformanceError: the data cannot be made.

    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return runner.prepare(case, drawn)
        except Exception as error:
            raise ConformanceError(f"the data of {case.id} cannot be made: {error}") from error
        finally:
            runner.put_back(case)


class _Paper(Implementation):
    """Makes no tensors: what is written down of the data is the arrays."""

    def __init__(self, dtypes: frozenset[str]) -> None:
        super().__init__(SimpleNamespace(nn=SimpleNamespace(Parameter=lambda data, requires_grad: data)), "paper")
        self._all = dtypes

    def dtypes(self, device: str) -> frozenset[str]:
        return self._all

    def dtype(self, name: str) -> Any:
        return name

    def tensor(self, array: Any, dtype: str, device: str, requires_grad: bool = False) -> Any:
        return array

    def set_default_dtype(self, dtype: str) -> None:
        """There is none."""
