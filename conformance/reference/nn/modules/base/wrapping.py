"""Layers that only keep some settings and pass them to a function: made from a table instead of written out.

`layer(name, module, function, says, **settings)` makes a class whose constructor takes the settings, in order and with
their defaults, keeps each as an attribute, and whose forward calls `function(input, **settings)`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from conformance.reference.nn.modules.module import Module

__all__ = ["REQUIRED", "layer"]

REQUIRED = inspect.Parameter.empty


def layer(name: str, module: str, function: Callable[..., Any], says: str, /, **settings: Any) -> type[Module]:
    """A Module class called `name`, defined in `module`, whose docstring is `says`.

    A setting whose default is `REQUIRED` has none. `inplace` is printed only when it is true.
    """
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(key, kind, default=default) for key, default in settings.items()]
    signature = inspect.Signature(parameters)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807  it becomes the class's
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name}.__init__() {error}") from None
        bound.apply_defaults()
        Module.__init__(self)
        for key, value in bound.arguments.items():
            setattr(self, key, value)

    def forward(self: Any, input: Any) -> Any:
        return function(input, **{key: getattr(self, key) for key in settings})

    def forward_with_training(self: Any, input: Any) -> Any:
        return function(input, training=self.training, **{key: getattr(self, key) for key in settings})

    def extra_repr(self: Any) -> str:
        shown = ((key, getattr(self, key)) for key in settings)
        return ", ".join(f"{key}={value!r}" for key, value in shown if key != "inplace" or value)

    __init__.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter("self", kind), *parameters]
    )
    takes_training = "training" in inspect.signature(function).parameters
    members = {
        "__init__": __init__,
        "__doc__": says,
        "__module__": module,
        "forward": forward_with_training if takes_training else forward,
        "extra_repr": extra_repr,
        "__constants__": list(settings),
    }
    return type(name, (Module,), members)
