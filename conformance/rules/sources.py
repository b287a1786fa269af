"""Where rules are documented, and whether that has changed since they were last read.

A source is the name of a documented object of torch (``torch.Tensor.backward``) or of a page of its documentation
(``notes/autograd``). ``specs/sources.lock`` keeps a hash of each object's docstring for the release at which its rules
were read; the sentences themselves stay where they are. With another torch installed, the objects whose hash differs
are a reading list.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.errors import ConformanceError
from conformance.rules.model import Rule
from conformance.rules.vocabulary import specs_folder

#: Pages of the documentation, which have no docstring to compare; spelt as in their addresses.
PAGES = frozenset(
    """accelerator autograd checkpoint complex_numbers cppdocs/notes/inference_mode cuda data deterministic
    distributions fft func func.ux_limitations jit linalg meta name_inference nn nn.functional nn.init
    notes/amp_examples notes/autograd notes/broadcasting notes/cuda notes/extending notes/faq notes/gradcheck
    notes/modules notes/multiprocessing notes/numerical_accuracy notes/randomness notes/serialization optim random
    size sparse storage tensor_attributes tensor_view tensors testing torch type_info""".split()
)
_DIGITS = 16


@dataclass(frozen=True)
class Lock:
    """The hashes of docstrings at one release of torch."""

    release: str
    objects: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> Lock:
        """The lock in the file at ``path``.

        Raises:
            ConformanceError: there is none, or it is no lock.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            return cls(str(data["torch"]), dict(data["objects"]))
        except FileNotFoundError:
            raise ConformanceError(f"there is no {path.name}", "'conformance sources --update' writes it") from None
        except (ValueError, KeyError, TypeError) as error:
            raise ConformanceError(f"{path} is not a lock of sources: {error}", "'--update' writes it anew") from None

    def text(self) -> str:
        """What the file holds."""
        data = {"torch": self.release, "objects": dict(sorted(self.objects.items()))}
        return json.dumps(data, indent=1) + "\n"


@dataclass(frozen=True)
class Reading:
    """What must be read again: ``changed`` and ``added`` objects, and sources that name nothing."""

    changed: tuple[str, ...]
    added: tuple[str, ...]
    unknown: tuple[str, ...]


def lock_path() -> Path:
    """Where the lock lies."""
    return specs_folder() / "sources.lock"


def sources_of(rules: Iterable[Rule]) -> dict[str, list[str]]:
    """Every source, with the ids of the rules that name it."""
    found: dict[str, list[str]] = {}
    for rule in rules:
        for source in rule.sources:
            found.setdefault(source, []).append(rule.id)
    return dict(sorted(found.items()))


def hash_sources(sources: Iterable[str]) -> dict[str, str]:
    """The hash of each source that is an object of the installed torch; pages and unknown names are left out."""
    return {source: digest for source in sources if (digest := _digest(source)) is not None}


def compare(sources: Iterable[str], lock: Lock) -> Reading:
    """What of ``sources`` differs between the installed torch and the lock."""
    sources = list(sources)
    now = hash_sources(sources)
    return Reading(
        changed=tuple(name for name, digest in now.items() if lock.objects.get(name, digest) != digest),
        added=tuple(name for name in now if name not in lock.objects),
        unknown=tuple(name for name in sources if name not in now and name not in PAGES),
    )


def _digest(source: str) -> str | None:
    try:
        found = _resolve(source)
    except (ImportError, AttributeError):
        return None
    text = inspect.getdoc(found) or ""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:_DIGITS]


def _resolve(source: str) -> Any:
    root, *rest = source.split(".")
    if root != "torch":
        raise AttributeError(source)
    found: Any = importlib.import_module("torch")
    path = root
    for part in rest:
        path = f"{path}.{part}"
        try:
            found = getattr(found, part)
        except AttributeError:
            found = importlib.import_module(path)
    return found
