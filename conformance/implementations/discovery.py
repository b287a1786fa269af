"""A name on the command line -> an implementation.

``torch`` and ``reference`` come with the suite; other packages register theirs under the entry-point group
``conformance.implementations``; ``package.module`` is a torch-like module, ``package.module:Attribute`` an adapter
class, an adapter, or a torch-like namespace.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from conformance.errors import ImplementationNotFound, described
from conformance.implementations.contract import Implementation

GROUP = "conformance.implementations"
_MAKING = "an adapter class is made without arguments"
_BUILT_IN = {
    "torch": "conformance.implementations.torch:TorchImplementation",
    "reference": "conformance.implementations.reference:ReferenceImplementation",
}


def available() -> list[str]:
    """The names that :func:`find` knows without an import path."""
    return [*_BUILT_IN, *sorted({point.name for point in entry_points(group=GROUP)} - _BUILT_IN.keys())]


def find(name: str) -> Implementation:
    """The implementation called ``name``.

    Raises:
        ImplementationNotFound: nothing answers to the name, or importing it failed.

    """
    found = named(name)
    if isinstance(found, type) and issubclass(found, Implementation):
        try:
            found = found()  # type: ignore[call-arg]
        except Exception as error:
            raise ImplementationNotFound(f"making '{name}' failed: {described(error)}", _MAKING) from error
    if isinstance(found, Implementation):
        return _named(found, name)
    if not hasattr(found, "Tensor"):
        hint = "a torch-like namespace has at least Tensor and tensor; anything else subclasses Implementation"
        kind = type(found).__name__
        raise ImplementationNotFound(f"'{name}' is a {kind} and not an implementation", hint)
    return Implementation(found, name.replace(":", "."))


def named(name: str) -> Any:
    """The object that a name stands for: an adapter or its class, a namespace, a module that looks like torch or not.

    Raises:
        ImplementationNotFound: there is no such object, or importing it failed.

    """
    points: dict[str, EntryPoint] = {point.name: point for point in entry_points(group=GROUP)}
    target = _BUILT_IN.get(name) or (points[name].value.partition("[")[0].strip() if name in points else name)
    return _import(name, target)


def _named(implementation: Implementation, name: str) -> Implementation:
    implementation.name = name.replace(":", ".")
    return implementation


def _import(name: str, target: str) -> Any:
    module_name, _, attribute = target.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise _unknown(name)
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        owner, _, last = module_name.rpartition(".")
        if owner and not attribute and error.name == module_name and hasattr(sys.modules.get(owner), last):
            return getattr(sys.modules[owner], last)  # the name of an adapter as case ids have it
        raise _not_found(name, module_name, error) from None
    except (Exception, SystemExit) as error:
        raise ImplementationNotFound(f"importing '{module_name}' failed: {described(error)}") from error
    for part in filter(None, attribute.split(".")):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise ImplementationNotFound(f"module '{module_name}' has no '{part}'", "is the name right?") from None
    return found


def _not_found(name: str, module_name: str, error: ModuleNotFoundError) -> ImplementationNotFound:
    if name == "torch" and error.name == "torch":
        return ImplementationNotFound(
            "torch is not installed", "install it, or run '-i reference', which needs only NumPy"
        )
    if error.name and not (module_name + ".").startswith(error.name + "."):
        return ImplementationNotFound(f"importing '{module_name}' needs '{error.name}', which is not installed")
    return _unknown(name)


def _unknown(name: str) -> ImplementationNotFound:
    close = difflib.get_close_matches(name, available(), n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(available())}, or package.module[:Attribute]"
    return ImplementationNotFound(f"no implementation is called '{name}'", hint)
