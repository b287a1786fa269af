"""Givens -> the assignments that make the same data in a script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from conformance.repro.literals import Source, call, literal, stored
from conformance.repro.subject import Subject
from conformance.running.data import Datum
from conformance.running.program import CompiledGiven
from conformance.running.world import World

_MANY = 64  # equal numbers above this are not written one by one


class Givens:
    """Renders the givens of one case; ``used`` collects the helpers that the lines need.

    Args:
        world: the case with its data made.
        subject: the implementation as the script has it.
        place: an expression in the language of `when` -> its source with the row's code in place.

    """

    def __init__(self, world: World, subject: Subject, place: Callable[[str], str]) -> None:
        self.world = world
        self.subject = subject
        self.place = place
        self.used: set[str] = set()

    def lines(self, compiled: CompiledGiven) -> Iterator[str]:
        """The statements that bind one given."""
        given = compiled.given
        if given.form != "module":
            yield self._made(f"{given.name} = ", compiled, self.world.data[given.name], 0)
            return
        yield f"{given.name} = {self.place(given.value)}"
        if given.name in self.world.data:
            yield from self._filled(given.name, self.world.data[given.name])

    def _filled(self, name: str, data: dict[str, Datum]) -> Iterator[str]:
        parameters = dict(self.world.made[name].named_parameters())
        numbers = {key: stored(datum) for key, datum in data.items() if key in parameters}
        if numbers:
            self.used.add("fill")
            yield call("fill", [Source(name), numbers])

    def _made(self, head: str, compiled: CompiledGiven, data: Any, indent: int) -> str:
        """``head`` followed by the source that makes ``data``; nested givens one part on each line."""
        if isinstance(data, list) and compiled.parts:
            pairs = [("", part, item) for part, item in zip(compiled.parts, data)]
            return self._nested(f"{head}[", pairs, "]", indent)
        if isinstance(data, dict) and compiled.parts:
            pairs = [(f"{literal(key)}: ", part, data[key]) for key, part in zip(data, compiled.parts)]
            return self._nested(f"{head}{{", pairs, "}", indent)
        if not isinstance(data, Datum):
            return f"{head}{literal(data)}"
        return self._from_datum(head, compiled, data, indent)

    def _nested(self, head: str, pairs: list[tuple[str, CompiledGiven, Any]], end: str, indent: int) -> str:
        blank = " " * (indent + 4)
        inside = "".join(f"{blank}{self._made(key, part, item, indent + 4)},\n" for key, part, item in pairs)
        return f"{head}\n{inside}{' ' * indent}{end}"

    def _from_datum(self, head: str, compiled: CompiledGiven, datum: Datum, indent: int) -> str:
        kind = compiled.given.kind
        if kind == "numpy":
            return self._array(head, datum, indent)
        if kind == "list":
            return head + literal(datum.stored.tolist())
        wanted = compiled.requires_grad
        requires_grad = bool(wanted(self.world.oracle) if wanted else compiled.given.requires_grad)
        if kind == "parameter":
            frozen = "" if requires_grad else ", requires_grad=False"
            return f"{self._tensor(f'{head}{self._parameter()}(', datum, False, indent)}{frozen})"
        return self._tensor(head, datum, requires_grad, indent)

    def _parameter(self) -> str:
        return "implementation.nn.Parameter" if self.subject.is_adapter else "nn.Parameter"

    def _tensor(self, head: str, datum: Datum, requires_grad: bool, indent: int) -> str:
        if self.subject.is_adapter:
            array = Source(self._array("", datum, indent))
            arguments = [array, datum.dtype, Source("device"), *([True] if requires_grad else [])]
            return call(f"{head}implementation.tensor", arguments, indent)
        same = datum.dtype == self.world.dtype
        options = [Source(f"dtype={'dtype' if same else self.subject.dtype(datum.dtype)}"), Source("device=device")]
        if requires_grad:
            options.append(Source("requires_grad=True"))
        if datum.stored.size == 0:  # lists do not show every empty shape
            return call(f"{head}torch.empty", [datum.stored.shape, *options], indent)
        numbers = stored(datum)
        if datum.stored.size > _MANY and self.subject.kind == "torch" and (datum.stored == datum.stored.flat[0]).all():
            return call(f"{head}torch.full", [datum.stored.shape, _first(numbers), *options], indent)
        return call(f"{head}torch.tensor", [numbers, *options], indent)

    def _array(self, head: str, datum: Datum, indent: int) -> str:
        self.used.add("np")
        array = datum.stored
        dtype = "bool" if array.dtype.kind == "b" else f"np.{array.dtype}"
        if array.size == 0:
            return call(f"{head}np.empty", [array.shape, Source(f"dtype={dtype}")], indent)
        return call(f"{head}np.array", [stored(datum), Source(f"dtype={dtype}")], indent)


def _first(numbers: Any) -> Any:
    while isinstance(numbers, list):
        numbers = numbers[0]
    return numbers
