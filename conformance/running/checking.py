"""One observed value against the checks of its expectation: one function per aspect, found through a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from conformance.errors import said
from conformance.running.comparing import Exactness, Mismatch, describe, listed, match, read, same
from conformance.running.outcome import Kind, RuleBroken
from conformance.running.plain_data import as_data, equal, leaves
from conformance.running.program import CompiledCheck, CompiledObservation
from conformance.running.world import Snapshot, World

_FACT_KINDS: Mapping[str, Kind] = {"dtype": "dtype", "shape": "shape", "strides": "shape"}


def check_observation(world: World, observation: CompiledObservation, value: Any) -> None:
    """Check ``value`` against everything the rule expects of it; each check is recorded by itself."""
    for check in observation.checks:
        if check.condition is not None and not check.condition(world.oracle):
            continue
        world.checks += 1
        try:
            found = verdict(world, check, value)
        except (RuleBroken, KeyboardInterrupt):
            raise
        except BaseException as error:
            world.blame(error)
            found = Mismatch("unexpected error", "a value that can be looked at", said(error))
        if found is not None:
            where = f"{observation.left}{found.where}"
            world.find(
                found.kind, where, check.aspect, found.expected, found.observed, line=check.line, detail=found.detail
            )
        elif check.aspect == "unspecified":
            world.unspecified[observation.left] = describe(world, value)


def verdict(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    """None where the check holds of ``value``."""
    return _ASPECTS[check.aspect](world, check, value)


def _values(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    return match(world, value, check.operand(world.oracle), _exactness(world, check))


def _exactness(world: World, check: CompiledCheck) -> Exactness:
    scale = None if check.scale is None else float(np.abs(np.asarray(check.scale(world.oracle))).max(initial=0))
    return Exactness(check.exact, scale, check.within, lambda seed: check.operand(world.moved_oracle(seed)))


def _filled(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    snapshot = read(world, value)
    if snapshot is None:
        return Mismatch("values", f"filled with {check.operand(world.oracle)}", describe(world, value))

    def spread(environment: dict[str, Any]) -> Any:
        return np.full(snapshot.shape, check.operand(environment))

    how = _exactness(world, check)._replace(again=lambda seed: spread(world.moved_oracle(seed)))
    return match(world, snapshot, spread(world.oracle), how)


def _fact(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    aspect = check.aspect
    wanted = check.operand(world.oracle) if callable(check.operand) else check.operand
    found = _observe_fact(world, aspect, value)
    kind = _FACT_KINDS.get(aspect, "flag")
    if aspect == "device":
        equal = world.implementation.same_device(str(found), str(wanted))
    elif aspect in ("shape", "strides"):
        equal = tuple(int(side) for side in np.atleast_1d(np.asarray(wanted, dtype=int))) == found
    elif aspect in ("requires_grad", "is_leaf"):
        equal = found is bool(wanted)
    else:
        equal = isinstance(found, (int, str)) and found == (str(wanted) if aspect == "dtype" else wanted)
    return None if equal else Mismatch(kind, _plain(wanted), _plain(found))


def _observe_fact(world: World, aspect: str, value: Any) -> Any:
    implementation = world.implementation
    if isinstance(value, Snapshot):
        return value.dtype if aspect == "dtype" else value.shape if aspect == "shape" else None
    if implementation.is_tensor(value):
        return implementation.dtype_name(value) if aspect == "dtype" else implementation.fact(value, aspect)
    found = getattr(value, aspect, None)
    if aspect == "shape" and found is not None:
        return tuple(found) if isinstance(found, (tuple, list)) else found
    if aspect == "strides" and isinstance(value, np.ndarray):
        return tuple(stride // value.itemsize for stride in value.strides)
    return str(found).rpartition(".")[2] if aspect == "dtype" and found is not None else found


def _grad_fn(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    found = world.implementation.fact(value, "grad_fn") if world.implementation.is_tensor(value) else value
    wanted = check.operand if isinstance(check.operand, str) else check.operand(world.oracle)
    if wanted is None or wanted == "none":
        holds = found is None
    elif wanted == "present":
        holds = found is not None
    else:
        holds = found is not None and wanted in (type(found).__name__, _node_name(found))
    return None if holds else Mismatch("flag", str(wanted), "none" if found is None else type(found).__name__)


def _node_name(node: Any) -> str:
    name = getattr(node, "name", None)
    return str(name()) if callable(name) else ""


def _length(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    wanted = int(check.operand(world.oracle))
    try:
        found = len(value)
    except TypeError:
        return Mismatch("shape", f"{wanted} elements", describe(world, value))
    return None if found == wanted else Mismatch("shape", f"{wanted} elements", f"{found} elements")


def _keys(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    wanted = list(check.operand) if isinstance(check.operand, tuple) else list(check.operand(world.oracle))
    if hasattr(value, "keys"):
        found = list(value.keys())
    elif isinstance(value, (list, tuple)) and all(isinstance(pair, (str, tuple)) and pair for pair in value):
        found = [pair if isinstance(pair, str) else pair[0] for pair in value]
    else:
        return Mismatch("identity", str(wanted), describe(world, value))
    return None if found == wanted else Mismatch("identity", str(wanted), describe(world, found))


def _data(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    wanted = check.operand(world.oracle) if callable(check.operand) else check.operand
    wanted = wanted.tolist() if isinstance(wanted, np.ndarray) else wanted
    found = as_data(value)
    if equal(found, wanted):
        return None
    expected, observed = repr(wanted), describe(world, found)
    if expected == observed:  # a tensor of one element reads like its number
        observed += f", of which some is {' or '.join(sorted({type(leaf).__name__ for leaf in leaves(found)}))}"
    return Mismatch("values", expected, observed)


def _elements(value: Any) -> list[Any] | None:
    """The elements of a collection, those of a mapping without their keys; None where there are none to be had."""
    try:
        return list(value.values()) if isinstance(value, Mapping) else list(value)
    except TypeError:
        return None


def _type(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    wanted = eval(check.operand, world.made)
    found = type(value)
    plain = wanted in (tuple, list, dict, set)
    holds = issubclass(found, wanted) if plain else found is wanted
    return None if holds else Mismatch("flag", getattr(wanted, "__name__", str(wanted)), found.__name__)


def _is(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    if isinstance(check.operand, tuple):
        wanted = [eval(code, world.made) for code in check.operand]
    else:
        other = listed(eval(check.operand, world.made))
        if not isinstance(other, (list, tuple)):
            return None if value is other else Mismatch("identity", "the same object", "another object")
        wanted = list(other)
        if value is other:
            return None
    found = _elements(value) if not isinstance(value, Mapping) else None
    if found is None or len(found) != len(wanted):
        return Mismatch("identity", f"{len(wanted)} objects", describe(world, value))
    different = [index for index, (one, two) in enumerate(zip(found, wanted)) if one is not two]
    return Mismatch("identity", "the same objects", f"another at {different}") if different else None


def _shares_memory(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    codes = check.operand if isinstance(check.operand, tuple) else (check.operand,)
    for code in codes:
        shares = _share(world, value, eval(code, world.made))
        if shares is None:
            world.unread += 1
        elif not shares:
            return Mismatch("identity", "shared memory", "memory of its own")
    return None


def _share(world: World, left: Any, right: Any) -> bool | None:
    is_tensor = world.implementation.is_tensor
    if is_tensor(left) and is_tensor(right):
        return world.implementation.shares_memory(left, right)
    if not (_is_arraylike(left, is_tensor) and _is_arraylike(right, is_tensor)):
        return False
    arrays = [world.implementation.array(one) if is_tensor(one) else one for one in (left, right)]
    first, second = arrays
    return None if first is None or second is None else bool(np.may_share_memory(first, second))


def _is_arraylike(value: Any, is_tensor: Callable[[Any], bool]) -> bool:
    return isinstance(value, np.ndarray) or is_tensor(value)


def _same_as(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    return same(world, value, listed(eval(check.operand, world.made)))


def _close_to(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    other = _readable(world, listed(eval(check.operand, world.made)))
    return match(world, value, other, _exactness(world, check)._replace(again=None))


def _readable(world: World, value: Any) -> Any:
    """An observed value as arrays, to compare others with."""
    if isinstance(value, Mapping):
        return {key: _readable(world, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_readable(world, item) for item in value]
    snapshot = read(world, value)
    if snapshot is None:
        return value
    return np.empty(snapshot.shape) if snapshot.values is None else snapshot.values


def _unchanged(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    for name, given in world.made.items():
        if given is value and name in world.data:
            return match(world, value, world.oracle[name], Exactness(exact=True))
    return Mismatch("identity", "a given, unchanged", "something that is not a given")


def _not(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    for nested in check.operand:
        unread = world.unread
        if verdict(world, nested, value) is None and world.unread == unread:
            return Mismatch(_not_kind(nested.aspect), f"not {nested.aspect}", nested.aspect)
    return None


def _not_kind(aspect: str) -> Kind:
    if aspect in ("is", "shares_memory_with", "same_as"):
        return "identity"
    return _FACT_KINDS.get(aspect, "flag")


def _each(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    items = _elements(value)
    if not items:
        return Mismatch("shape", "at least one element", describe(world, value))
    for index, item in enumerate(items):
        for nested in check.operand:
            found = verdict(world, nested, item)
            if found is not None:
                return found.inside(f"[{index}]")
    return None


def _one_of(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    found = [[one for nested in group if (one := verdict(world, nested, value))] for group in check.operand]
    if not all(found):
        return None
    expected = " or ".join(", ".join(one.expected for one in group) for group in found)
    return Mismatch(found[0][0].kind, f"one of: {expected}", found[0][0].observed)


def _any_order(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    items = _elements(value)
    if items is None:
        return Mismatch("shape", "elements", describe(world, value))
    if not isinstance(check.operand, tuple):
        wanted = list(check.operand(world.oracle))
        tests = [partial(lambda one, item: match(world, item, one, Exactness()), one) for one in wanted]
    else:
        tests = [
            partial(lambda group, item: next((f for c in group if (f := verdict(world, c, item))), None), group)
            for group in check.operand
        ]
    if len(items) != len(tests):
        return Mismatch("shape", f"{len(tests)} elements", f"{len(items)}: {describe(world, items)}")
    left = list(items)
    for test in tests:
        index = next((i for i, item in enumerate(left) if test(item) is None), None)
        if index is None:
            return Mismatch("values", "these elements in any order", describe(world, items))
        left.pop(index)
    return None


def _elements_from(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    snapshot = read(world, value)
    if snapshot is None:
        return Mismatch("values", "a tensor", describe(world, value))
    if snapshot.values is None:
        world.unread += 1
        return None
    choices = [np.broadcast_to(np.asarray(one, dtype=float), snapshot.shape) for one in check.operand(world.oracle)]
    scale = max((float(np.abs(one).max(initial=0)) for one in choices), default=0.0)
    tolerance = 16 * world.eps_of(snapshot.dtype) * scale
    near = np.any([np.abs(snapshot.values.astype(float) - one) <= tolerance for one in choices], axis=0)
    if near.all():
        return None
    return Mismatch(
        "values", "each element one of the choices", f"{int((~near).sum())} of {near.size} are none of them"
    )


def _holds(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    snapshot = read(world, value)
    if snapshot is not None and snapshot.values is None:
        world.unread += 1
        return None
    it = _readable(world, value)
    if isinstance(it, np.ndarray) and it.dtype.kind == "f":
        it = it.astype(np.float64)
    for source, condition in check.operand:
        try:
            held = bool(np.all(condition({**world.oracle, "it": it})))
        except RuleBroken:  # what was observed is nothing that the condition could be true of
            held = False
        if not held:
            return Mismatch("values", source, describe(world, value))
    return None


def _text(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    wanted = check.operand(world.oracle) if callable(check.operand) else check.operand
    return None if isinstance(value, str) and value == wanted else Mismatch("values", repr(wanted), repr(value))


def _unspecified(world: World, check: CompiledCheck, value: Any) -> Mismatch | None:
    return None


def _plain(value: Any) -> str:
    if value is True or value is False or value is None:
        return str(value).lower()
    if isinstance(value, np.ndarray):
        return str(value.tolist())
    return str(list(value)) if isinstance(value, tuple) else str(value)


_ASPECTS: Mapping[str, Callable[[World, CompiledCheck, Any], Mismatch | None]] = {
    "values": _values,
    "filled": _filled,
    **dict.fromkeys(("dtype", "shape", "strides", "device", "requires_grad", "is_leaf", "version"), _fact),
    "grad_fn": _grad_fn,
    "length": _length,
    "keys": _keys,
    "data": _data,
    "text": _text,
    "type": _type,
    "is": _is,
    "shares_memory_with": _shares_memory,
    "same_as": _same_as,
    "close_to": _close_to,
    "unchanged": _unchanged,
    "not": _not,
    "each": _each,
    "one_of": _one_of,
    "any_order": _any_order,
    "elements_from": _elements_from,
    "holds": _holds,
    "unspecified": _unspecified,
}
