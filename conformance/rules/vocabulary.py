"""The vocabulary: every API name that rules may use, its kind, and the capability it belongs to."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

NAMESPACES = frozenset({"torch", "nn", "F", "optim"})
_MEMBER_KINDS = ("tensor", "module", "node", "members")
_NAME_KINDS = ("factories", "functions", "values", "classes", "layers")


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Names by namespace and members by owner; ``capability_of`` answers for both."""

    kinds: Mapping[str, str]
    capability: Mapping[str, str]
    members: Mapping[str, frozenset[str]]
    tensor_members: frozenset[str]
    observers: frozenset[str]
    about: Mapping[str, str]

    def takes_device(self, name: str) -> bool:
        """Whether the compiler may add ``device=`` to a call of ``name``."""
        return self.kinds.get(name) in ("factories", "layers")

    def member_capability(self, name: str) -> str | None:
        """The capability of a member, where its name alone decides it."""
        found = self.members.get(name)
        return next(iter(found)) if found and len(found) == 1 else None

    def nearest(self, name: str, among: Iterable[str] | None = None) -> str:
        """A hint that suggests the nearest name, or where names come from."""
        pool = list(among) if among is not None else [*self.kinds, *self.members]
        close = difflib.get_close_matches(name, pool, n=1, cutoff=0.6)
        return f"did you mean '{close[0]}'?" if close else "names come from specs/vocabulary.yaml"


def build_vocabulary(data: Mapping[str, object]) -> Vocabulary:
    """A vocabulary from the data of its file, validated against :class:`~conformance.rules.schema.VocabularyFile`."""
    from conformance.rules.schema import VocabularyFile

    file = VocabularyFile.model_validate(data)
    kinds: dict[str, str] = {}
    capability: dict[str, str] = {}
    members: dict[str, set[str]] = {}
    tensor_members: set[str] = set()
    for name, entry in file.capabilities.items():
        for kind in _NAME_KINDS:
            for full in getattr(entry, kind):
                kinds[full] = kind
                capability[full] = name
        for kind in _MEMBER_KINDS:
            for member in getattr(entry, kind):
                members.setdefault(member, set()).add(name)
                if kind == "tensor":
                    tensor_members.add(member)
    return Vocabulary(
        kinds=kinds,
        capability=capability,
        members={member: frozenset(owners) for member, owners in members.items()},
        tensor_members=frozenset(tensor_members),
        observers=frozenset(file.observers),
        about={name: entry.about for name, entry in file.capabilities.items()},
    )


def specs_folder() -> Path:
    """Where the rules lie: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "specs"
    return inside if inside.is_dir() else package.parent / "specs"


@cache
def load_vocabulary() -> Vocabulary:
    """The vocabulary that comes with the package."""
    from conformance.errors import SpecErrors
    from conformance.rules.documents import read_document

    document, problems = read_document(specs_folder() / "vocabulary.yaml")
    if document is None or problems:
        raise SpecErrors(problems)
    return build_vocabulary(document.data)
