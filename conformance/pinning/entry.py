"""A case of a property and one example of its data -> the entry of a rule that has just this data.

The sentence, the statements and the expectations are the property's own. Its parameters keep the one row of the case,
drawn numbers and choices become parameters, and all other data is written out: seeded by the rule's id, it would be
other data under a new one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from conformance.errors import ConformanceError
from conformance.repro.literals import literal, stored
from conformance.repro.paper import on_paper
from conformance.rules.documents import parse_document
from conformance.rules.loading import AS_TEXT
from conformance.rules.model import Axis, Code, DType, Rule
from conformance.rules.parameters import DTYPES
from conformance.rules.vocabulary import Vocabulary, load_vocabulary
from conformance.running.cases import Case
from conformance.running.data import Datum, default_dtype
from conformance.running.program import CompiledGiven
from conformance.running.world import World

_KEPT = ("says", "source", "level", "since", "until", "disagreement", "needs")
_DIGITS = 8

Entry = dict[str, Any]


def pinned(case: Case, drawn: Mapping[str, Any], topic: str, vocabulary: Vocabulary | None = None) -> Entry:
    """The entry of a rule of ``topic`` whose only case is ``case`` with the values ``drawn``.

    Raises:
        ConformanceError: some of the data cannot be written down.

    """
    rule = case.rule
    layer = next((given.name for given in rule.givens if given.form == "module"), None)
    if layer is not None:
        raise ConformanceError(f"{rule.id} cannot be pinned: '{layer}' is a layer, whose numbers no rule can state")
    program, world = on_paper(case, drawn, vocabulary or load_vocabulary(), DTYPES)
    parameters, givens = dict(_parameters(case)), {}
    for compiled in program.givens:
        name, data = compiled.given.name, world.data[compiled.given.name]
        if compiled.given.form == "any" and not isinstance(data, Datum):
            parameters[name] = _from_drawn(data)
        else:
            givens[name] = _given(world, compiled, data)
    raw = _raw(rule)
    blocks = [block.strip("\n") + "\n" for block in (rule.topic.oracle, rule.expect) if block.strip()]
    body = {
        "with": parameters,
        "given": givens,
        "when": rule.when,
        "expect": "\n".join(blocks),
        "then": raw.get("then"),
    }
    return {
        "id": f"{topic}/{rule.id.replace('/', '-')}-pinned-{_digest(rule.id, parameters, givens)}",
        **{key: raw[key] for key in _KEPT if key in raw},
        **{key: value for key, value in body.items() if value},
    }


def _raw(rule: Rule) -> Entry:
    """The rule as its file has it."""
    document, _ = parse_document(rule.topic.text, rule.topic.file, as_text=AS_TEXT)
    assert document is not None, "the rule was loaded from this text"
    found: Entry = next(entry for entry in document.data["rules"] if entry["id"] == rule.id)
    return found


def _digest(rule_id: str, parameters: Entry, givens: Entry) -> str:
    return hashlib.sha256(repr((rule_id, parameters, givens)).encode()).hexdigest()[:_DIGITS]


# -- parameters ------------------------------------------------------------------------------------------------------


def _parameters(case: Case) -> Iterator[tuple[str, Any]]:
    """Each axis with the one alternative of the case."""
    for axis, chosen in zip(case.rule.axes, case.row):
        bound = {name: value.source if isinstance(value, Code) else value for name, value in chosen.bindings}
        if axis.other_devices:
            yield axis.name, "devices"
        elif _is_data(axis, dict(chosen.bindings)):
            yield axis.name, _from_data(bound[axis.name])
        else:
            condition = {} if chosen.condition is None else {"if": chosen.condition.source}
            yield axis.name, {chosen.label: {**bound, **condition}}


def _is_data(axis: Axis, bindings: Mapping[str, Any]) -> bool:
    return bindings.keys() == {axis.name} and not isinstance(bindings[axis.name], Code)


def _from_data(value: Any) -> Any:
    """What binds ``value`` and nothing else: a list of it, or code where such a list would name a dtype."""
    if isinstance(value, DType):
        return [str(value)]
    return {value: repr(value)} if isinstance(value, str) and value in DTYPES else [value]


def _from_drawn(value: Any) -> Any:
    """Numbers are data; the code for anything else, in which no text is taken for an expression."""
    return [value] if isinstance(value, (int, float)) else {"drawn": repr(value)}


# -- data ------------------------------------------------------------------------------------------------------------


def _given(world: World, compiled: CompiledGiven, data: Any) -> Any:
    if isinstance(data, list):
        return [_given(world, part, item) for part, item in zip(compiled.parts, data)]
    if isinstance(data, dict):
        return {key: _given(world, part, item) for part, (key, item) in zip(compiled.parts, data.items())}
    given = compiled.given
    entry: Entry = {"values": _numbers(data)}
    if data.dtype != default_dtype("values", data.stored, world.dtype):
        entry["dtype"] = data.dtype
    wanted = compiled.requires_grad
    requires_grad = bool(wanted(world.oracle) if wanted else given.requires_grad)
    if given.kind != "tensor":
        entry["as"] = given.kind
    if requires_grad != (given.kind == "parameter"):
        entry["requires_grad"] = requires_grad
    return entry


def _numbers(datum: Datum) -> Any:
    """The numbers as lists, or as the NumPy expression for what lists of numbers do not show."""
    array = datum.stored
    if not array.size and (array.ndim > 1 or array.dtype.kind == "b"):
        zeros = f"np.zeros({array.shape})"
        return f"{zeros} > 0" if array.dtype.kind == "b" else zeros
    return literal(stored(datum)) if array.dtype.kind == "c" else stored(datum)
