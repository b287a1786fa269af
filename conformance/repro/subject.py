"""The implementation as a script has it: how it is imported, and which helpers read it.

Real torch and torch-like modules are imported under the name ``torch``. An adapter (a subclass of
:class:`~conformance.implementations.contract.Implementation`) is asked for everything that it may answer in its own
way; its methods come with the script (:mod:`conformance.repro.adapters`), or else it is imported, and the suite with
it. Ids have ``.`` where the implementation's name had ``:``, so what is imported is taken from the object: a module's
own name, an adapter's class, or the attribute that the name leads to.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, Literal

from conformance.errors import ConformanceError
from conformance.implementations.contract import Implementation

_BUILT_IN = {"conformance.implementations.torch": "torch", "conformance.implementations.reference": "reference"}
_NAMESPACES = {"nn": "torch.nn", "F": "torch.nn.functional", "optim": "torch.optim"}
_FLAVOURED = ("absent", "reading_of", "have_one_storage", "recording_warnings")


@dataclass(frozen=True)
class Subject:
    """An implementation in a script: ``imports`` bind ``torch``, and ``implementation`` for an adapter.

    ``without_adapter`` binds ``torch`` in a script that brings the adapter's methods along.
    """

    kind: Literal["torch", "namespace", "adapter"]
    imports: tuple[str, ...]
    name: str = "torch"
    version: str = ""
    flavour: Mapping[str, str] = field(default_factory=dict)
    has_meta: bool = False
    without_adapter: str = ""

    @property
    def is_adapter(self) -> bool:
        """Whether everything is asked of an adapter."""
        return self.kind == "adapter"

    @property
    def is_brought(self) -> bool:
        """Whether the script has the text of the adapter's methods."""
        return bool(self.without_adapter) and self.imports == (self.without_adapter,)

    def bringing(self) -> Subject:
        """The same in a script that has the text of the adapter's methods."""
        return replace(self, imports=(self.without_adapter,))

    def namespaces(self, used: frozenset[str]) -> list[str]:
        """The lines that bind those of ``nn``, ``F`` and ``optim`` that are used; torch's own are imported."""
        if self.is_adapter and not self.is_brought:
            return [f"{name} = implementation.{name}" for name in ("nn", "F", "optim") if name in used]
        if self.kind == "torch":
            return []
        return [f"{name} = {where}" for name, where in _NAMESPACES.items() if name in used]

    def import_lines(self, used: frozenset[str]) -> list[str]:
        """The imports of the implementation."""
        lines = list(self.imports)
        if self.kind == "torch" and "F" in used:
            lines.append("import torch.nn.functional as F")
        both = [name for name in ("nn", "optim") if name in used]
        if self.kind == "torch" and both:
            lines.append(f"from torch import {', '.join(both)}")
        return lines

    def dtype(self, name: str) -> str:
        """The dtype called ``name``, as source."""
        return f'implementation.dtype("{name}")' if self.is_adapter else f"torch.{name}"

    def helpers(
        self, device: str, text: str, *, nested: bool, missing_members: bool, has_float64: bool
    ) -> dict[str, str]:
        """Which text stands for a helper, on this device and in a script whose own lines are ``text``."""
        unreadable = self.has_meta and (device == "meta" or "meta" in text)
        chosen = {name: f"{name}__{self.kind}" for name in _FLAVOURED} | dict(self.flavour)
        if self.kind == "torch" and device == "meta":
            chosen["absent"] = "absent__meta"
        elif self.kind == "torch" and device not in ("cpu", "mps"):
            chosen["stops"] = "stops__cuda"
        if unreadable:
            reading = "reading_of__meta" if self.kind == "torch" else "reading_of__numpy_or_meta"
            chosen.update(reading_of=reading, have_one_storage="have_one_storage__meta")
        if "numpy" in text or "np." in text:
            arrays = "have_one_storage__arrays" if self.is_adapter else "have_one_storage__numpy"
            chosen.update(have_one_storage=arrays, of_tensors=chosen["have_one_storage"])
        if nested or unreadable or self.is_adapter:
            chosen["close"] = "close__nested"
        if not has_float64 and not self.is_adapter:
            chosen.update(absent="absent__without_float64", otherwise_absent=chosen["absent"])
        if missing_members:
            chosen.update(absent="absent__lacking", unsupported=chosen["absent"])
        return chosen


_TORCH = Subject("torch", ("import torch",), has_meta=True)


def subject_of(implementation: Implementation | None) -> Subject:
    """How a script has ``implementation``; None is torch, which is not installed here.

    Raises:
        ConformanceError: no import leads to it.

    """
    if implementation is None:
        return _TORCH
    name, version = implementation.name, implementation.version
    own = _BUILT_IN.get(type(implementation).__module__)
    if own == "torch":
        return replace(_TORCH, name=name, version=version)
    flavour = {"have_one_storage": "have_one_storage__torch", "allocated": "allocated__namespace"}
    if own == "reference":
        statement = "import conformance.reference as torch"
        flavour["allocated"] = "allocated__reference"
        return Subject("namespace", (statement,), name, version, flavour, has_meta=True)
    if type(implementation) is Implementation:
        return Subject("namespace", (_import_of(implementation.torch, name),), name, version, flavour)
    return _adapter(implementation)


def _import_of(namespace: Any, name: str) -> str:
    if isinstance(namespace, ModuleType):
        return f"import {namespace.__name__} as torch"
    module, attribute = _lead_to(namespace, name)
    if "." in attribute:
        return f"from {module} import {attribute.partition('.')[0]}\ntorch = {attribute}"
    return f"from {module} import {attribute} as torch"


def _adapter(implementation: Implementation) -> Subject:
    kind = type(implementation)
    try:
        module, attribute = _lead_to(implementation, implementation.name)
        made = attribute
    except ConformanceError:
        module, attribute = kind.__module__, kind.__qualname__
        made = f"{attribute}()"
        if "<locals>" in attribute:
            raise
    statement = f"from {module} import {attribute.partition('.')[0]}"
    lines = (statement, f"implementation = {made}", "torch = implementation.torch")
    asked = (
        "absent", "stops", "is_tensor", "reading_of", "have_one_storage", "recording_warnings", "fact", "fill",
        "allocated",
    )  # fmt: skip
    chosen = {name: f"{name}__adapter" for name in asked}
    try:
        alone = _import_of(implementation.torch, implementation.name)
    except ConformanceError:
        alone = ""
    return Subject("adapter", lines, implementation.name, implementation.version, chosen, without_adapter=alone)


def _lead_to(wanted: Any, name: str) -> tuple[str, str]:
    """The module and the attribute that are ``wanted``, where ``name`` has a dot between them."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:length])
        found: Any = sys.modules.get(module)
        for part in parts[length:]:
            found = getattr(found, part, None)
        if found is wanted:
            return module, ".".join(parts[length:])
    hint = "give the module that it can be imported from, as package.module or package.module:Attribute"
    raise ConformanceError(f"a script cannot import '{name}'", hint)
