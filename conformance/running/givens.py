"""Compiled givens -> what `when` finds under their names, and what expectations see of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.running.data import Datum, default_dtype, draw, draw_rounded, round_to
from conformance.running.program import CompiledGiven
from conformance.running.world import World, shown


def make_given(world: World, compiled: CompiledGiven, key: str, drawn: Any = None) -> None:
    """Make one given and bind it in both environments; ``key`` seeds what is random, ``drawn`` is Hypothesis's."""
    given = compiled.given
    made, data = _make(world, compiled, f"{key}:{given.name}", drawn)
    world.made[given.name] = made
    world.data[given.name] = data
    world.oracle[given.name] = shown(data)


def _make(world: World, compiled: CompiledGiven, key: str, drawn: Any) -> tuple[Any, Any]:
    given = compiled.given
    if given.form == "sequence":
        pairs = [_make(world, part, f"{key}[{index}]", None) for index, part in enumerate(compiled.parts)]
        return [made for made, _ in pairs], [data for _, data in pairs]
    if given.form == "mapping":
        named = {name: _make(world, part, f"{key}.{name}", None) for name, part in zip(given.value, compiled.parts)}
        return {name: made for name, (made, _) in named.items()}, {name: data for name, (_, data) in named.items()}
    if given.form == "module":
        return _module(world, compiled, key)
    if given.form == "any" and not isinstance(drawn, np.ndarray):
        return drawn, drawn
    datum = _datum(world, compiled, key, drawn)
    return _tensor(world, compiled, datum), datum


def _datum(world: World, compiled: CompiledGiven, key: str, drawn: Any) -> Datum:
    given = compiled.given
    dtype = compiled.dtype(world.oracle) if compiled.dtype else given.dtype
    if compiled.rounded is not None:
        wanted = str(dtype or world.dtype)
        found = compiled.rounded.get(wanted)
        if found is None:
            values = np.asarray(compiled.value(world.oracle)) if compiled.value else np.empty(0)
            found = round_to(values, str(dtype or default_dtype("values", values, world.dtype)))
            compiled.rounded[wanted] = found
        return found
    if given.form == "any":
        values = drawn
    elif given.form == "like":
        values = draw("normal", np.shape(world.oracle[given.value]), {}, key)
        twin = world.data.get(given.value)
        dtype = dtype or (twin.dtype if isinstance(twin, Datum) else None)
    elif given.form == "values":
        values = np.asarray(compiled.value(world.oracle)) if compiled.value else np.empty(0)
    else:
        options = {name: option(world.oracle) for name, option in compiled.options.items()}
        shape = compiled.value(world.oracle) if compiled.value else ()
        return draw_rounded(given.form, shape, options, key, None if dtype is None else str(dtype), world.dtype)
    return round_to(values, str(dtype or default_dtype(given.form, values, world.dtype)))


def _tensor(world: World, compiled: CompiledGiven, datum: Datum) -> Any:
    given, implementation = compiled.given, world.implementation
    if given.kind == "numpy":
        return datum.stored.copy()
    if given.kind == "list":
        return datum.stored.tolist()
    if datum.dtype not in world.dtypes:
        raise NotImplementedError(f"dtype {datum.dtype} on {world.device}")
    requires_grad = compiled.requires_grad(world.oracle) if compiled.requires_grad else given.requires_grad
    array = datum.stored.copy()  # should an adapter keep it, what is written there stays with this case
    if given.kind == "parameter":
        tensor = implementation.tensor(array, datum.dtype, world.device)
        return implementation.nn.Parameter(tensor, requires_grad=bool(requires_grad))
    return implementation.tensor(array, datum.dtype, world.device, bool(requires_grad))


def _module(world: World, compiled: CompiledGiven, key: str) -> tuple[Any, Any]:
    """A layer whose parameters hold the harness's data; its buffers keep the values they begin with."""
    implementation = world.implementation
    module = eval(compiled.module, world.made)  # type: ignore[arg-type]
    data: dict[str, Datum] = {}
    for name, parameter in module.named_parameters():
        dtype = implementation.dtype_name(parameter)
        values = draw("normal", implementation.fact(parameter, "shape"), {}, f"{key}.{name}")
        data[name] = round_to(values, dtype)
        implementation.fill(parameter, data[name].stored)
    for name, buffer in module.named_buffers():
        initial = implementation.array(buffer)
        if initial is not None:
            data[name] = round_to(initial, implementation.dtype_name(buffer))
    return module, data
