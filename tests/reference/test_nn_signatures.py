"""What the reference calls by torch's names takes torch's arguments: names, order and defaults."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest

from conformance import reference  # noqa: F401  the namespace, before its parts

torch = pytest.importorskip("torch")

NAMESPACES = [
    "nn",
    "nn.functional",
    "nn.init",
    "nn.utils",
    "nn.utils.parametrize",
    "optim",
    "optim.lr_scheduler",
    "optim.swa_utils",
]

# Where torch's own signature says less than it takes: recurrent layers pass everything on.
UNTOLD = {"nn.RNN", "nn.LSTM", "nn.GRU", "nn.RNNCell", "nn.LazyConv1d", "nn.LazyConv2d", "nn.LazyConv3d"} | {
    f"nn.LazyConvTranspose{spatial}d" for spatial in (1, 2, 3)
}


def _arguments(value: Any) -> list[tuple[str, Any, bool]] | None:
    """(name, default, keyword-only) of each argument; None where Python cannot tell."""
    target = value.__init__ if inspect.isclass(value) else value
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        return None
    if any(each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) for each in parameters):
        return None
    return [
        (each.name, "tensor" if "Tensor" in str(each.default) else each.default, each.kind is each.KEYWORD_ONLY)
        for each in parameters
        if each.name != "self"
    ]


def _pairs() -> list[tuple[str, Any, Any]]:
    found = []
    for namespace in NAMESPACES:
        ours = importlib.import_module(f"conformance.reference.{namespace}")
        theirs = importlib.import_module(f"torch.{namespace}")
        for name in sorted(vars(ours)):
            value = getattr(ours, name)
            public = not name.startswith("_") and callable(value) and hasattr(theirs, name)
            if public and getattr(value, "__module__", "").startswith("conformance.reference"):
                told = _arguments(value), _arguments(getattr(theirs, name))
                if None not in told and f"{namespace}.{name}" not in UNTOLD:
                    found.append((f"{namespace}.{name}", *told))
    return found


PAIRS = _pairs()


@pytest.mark.parametrize(("ours", "theirs"), [pair[1:] for pair in PAIRS], ids=[name for name, _, _ in PAIRS])
def test_arguments_are_those_of_torch(ours: list[Any], theirs: list[Any]) -> None:
    """Each argument has torch's name, place and default."""
    assert ours == theirs


def test_most_names_were_compared() -> None:
    """The comparison is not empty: most signatures are told on both sides."""
    assert len(PAIRS) > 200
