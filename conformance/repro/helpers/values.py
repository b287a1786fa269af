"""Recording checks and comparing values with numbers, as :mod:`conformance.running.comparing` does, in plain Python."""

from __future__ import annotations

import itertools
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from conformance.repro.helpers import dtype, torch

if TYPE_CHECKING:
    from conformance.repro.helpers.flavours import absent__torch as absent
    from conformance.repro.helpers.flavours import reading_of__torch as reading_of

checks: list[str] = []
failures: list[str] = []


def record(what: str, holds: bool, expected: str, observed: str) -> None:
    """Count a check; where it does not hold, say what was expected and what was observed."""
    checks.append(what)
    if not holds:
        failures.append(what)
        print(f"{what}: expected {expected}, observed {observed}")


def run(case: Callable[[], None]) -> None:
    """Run the case and say how many checks hold: exit status 1 where one does not, 77 where something is absent."""
    warnings.simplefilter("ignore")
    try:
        case()
    except Exception as error:
        if not absent(error):
            raise
        if not failures:
            print(f"unsupported: {error}")
            sys.exit(77)
    if failures:
        sys.exit(f"{len(failures)} of {len(checks)} checks do not hold")
    print(f"all {len(checks)} checks hold")


def stops(error: BaseException) -> bool:
    """Whether an error says that something is absent or broken, so that it cannot be the verdict of a check."""
    return isinstance(error, (MemoryError, RecursionError)) or absent(error)


def check(what: str, look: Callable[[], Any], expected: Any, **how: Any) -> None:
    """Check values and shape against numbers, or lists of numbers."""
    check_that(what, look, show(expected), lambda it: close(it, expected, **how))


def check_close(what: str, look: Callable[[], Any], other: Callable[[], Any], **how: Any) -> None:
    """Check values and shape against those of another value."""
    check_that(what, look, "the values of the other", lambda it: close(it, numbers_of(listed(other())), **how))


def check_fact(what: str, look: Callable[[], Any], expected: Any) -> None:
    """Check against a plain Python value."""
    check_that(what, look, repr(expected), lambda it: isinstance(it, type(expected)) and it == expected)


def show_open(what: str, look: Callable[[], Any]) -> None:
    """Show what the documentation leaves open; only an error fails."""
    check_that(what, look, "a value", lambda it: print(f"{what} is left open; here it is {show(it)}"))


def name_of(dtype: Any) -> str:
    """The name of a dtype of tensors or arrays."""
    return str(dtype).rpartition(".")[2]


def check_that(what: str, look: Callable[[], Any], expected: str, test: Callable[[Any], bool | None]) -> None:
    """Check what ``look()`` returns by ``test``, which returns None where values cannot be read."""
    try:
        observed = listed(look())
        holds, text = test(observed) is not False, show(observed)
    except Exception as error:
        if stops(error):
            raise
        holds, text = False, f"{type(error).__name__}: {error}"
    record(what, holds, expected, text)


class Reading:
    """The values of something at one moment, as nested lists (None: they cannot be read), its shape and its dtype."""

    def __init__(self, values: Any, shape: tuple[int, ...], dtype: str) -> None:
        self.values, self.shape, self.dtype = values, tuple(shape), dtype


def read(value: Any) -> Reading | None:
    """A tensor, array or number as a reading; None for anything else."""
    if isinstance(value, Reading):
        return value
    if is_tensor(value):
        return reading_of(value)
    if isinstance(value, (bool, int)):
        return Reading(value, (), "bool" if isinstance(value, bool) else "int")
    if isinstance(value, (float, complex)):
        return Reading(value, (), str(dtype).rpartition(".")[2])
    if type(value).__module__ == "numpy" and value.dtype.kind in "biufc":
        return Reading(value.tolist(), value.shape, str(value.dtype))
    return None


def is_tensor(value: Any) -> bool:
    """Whether ``value`` is a tensor."""
    return isinstance(value, torch.Tensor)


def close(observed: Any, expected: Any, **how: Any) -> bool:
    """Whether values and shape are equal, element by element inside lists."""
    if expected is None or isinstance(expected, str):
        return isinstance(observed, type(expected)) and observed == expected
    if isinstance(observed, (list, tuple)):
        same_length = isinstance(expected, list) and len(observed) == len(expected)
        return same_length and all(close(one, wanted, **how) for one, wanted in zip(observed, expected))
    found = read(observed)
    return False if found is None else close_numbers(found, expected, **how) is not False


def close__nested(observed: Any, expected: Any, **how: Any) -> bool | None:
    """Whether values and shape are equal, element by element inside lists and mappings; None: they cannot be read."""
    if expected is None or isinstance(expected, str):
        return isinstance(observed, type(expected)) and observed == expected
    if isinstance(observed, (list, tuple)):
        observed = dict(enumerate(observed))
        expected = dict(enumerate(expected)) if isinstance(expected, list) else None
    if isinstance(observed, Mapping):
        if not isinstance(expected, dict) or set(observed) != set(expected):
            return False
        return every(close(observed[key], expected[key], **part(how, key)) for key in observed)
    found = read(observed)
    return False if found is None else close_numbers(found, expected, **how)


def close_numbers(
    found: Reading, expected: Any, exact: bool = False, scale: Any = None, within: float = 0.0, widened: Any = 0.0
) -> bool | None:
    """Within 16 eps of the observed dtype at the scale of the largest expected number; integers and bools exactly.

    ``widened`` is how far the expected numbers move when the data moves by one eps, four times.
    """
    numbers = flat(expected)
    of_bools = all(isinstance(b, bool) for b in numbers) if numbers else getattr(expected, "kind", None) is bool
    if shape_of(expected) != found.shape or of_bools != (found.dtype == "bool"):
        return False
    if found.values is None:
        return None
    pairs = list(zip(flat(found.values), numbers))
    if exact or found.dtype.startswith(("bool", "int", "uint")):
        return all(a == b or (a != a and b != b) for a, b in pairs)
    eps = {"float16": 2**-10, "bfloat16": 2**-7, "float64": 2**-52, "complex128": 2**-52}.get(found.dtype, 2**-23)
    if scale is None:
        scale = max((abs(b) for b in numbers if abs(b) < float("inf")), default=0.0)
    tolerance = max(16 * eps * scale, within) + max(flat(widened), default=0.0)
    return all(a == b or abs(a - b) <= tolerance or (a != a and b != b) for a, b in pairs)


def part(how: dict[str, Any], key: Any) -> dict[str, Any]:
    """The options for one element: its own ``widened`` where there is one for each."""
    widened = how.get("widened", 0.0)
    return {**how, "widened": widened[key]} if isinstance(widened, (list, dict)) else how


def every(answers: Iterable[bool | None]) -> bool | None:
    """False where one answer is; else None where one is; else True."""
    found = list(answers)
    return False if False in found else None if None in found else True


def listed(value: Any) -> Any:
    """Iterators and views of mappings as lists."""
    if hasattr(value, "__next__"):
        return list(itertools.islice(value, 10_000))  # some do not end
    views = ("dict_values", "dict_keys", "dict_items", "odict_values")
    return list(value) if type(value).__name__ in views else value


def flat(numbers: Any) -> list[Any]:
    """The numbers inside nested lists."""
    return [one for item in numbers for one in flat(item)] if isinstance(numbers, list) else [numbers]


def shape_of(numbers: Any) -> tuple[Any, ...]:
    """The shape of nested lists."""
    if hasattr(numbers, "shape"):
        return tuple(numbers.shape)
    if not isinstance(numbers, list):
        return ()
    shapes = {shape_of(item) for item in numbers} or {()}
    return (len(numbers), *shapes.pop()) if len(shapes) == 1 else ("ragged",)


class empty(list[Any]):  # noqa: N801 - reads as torch.empty does
    """No numbers, in a shape that nested lists cannot show."""

    def __init__(self, *shape: int, kind: type | None = None) -> None:
        super().__init__()
        self.shape, self.kind = shape, kind


def show(value: Any) -> str:
    """A value in a few words."""
    found = read(value)
    if found is None and isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(show, value)) + "]"
    text = repr(value) if found is None else str(found.values)
    return text if len(text) <= 300 else text[:299] + "..."


def numbers_of(value: Any) -> Any:
    """A value as nested lists of numbers, to compare others with."""
    if isinstance(value, Mapping):
        return {key: numbers_of(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [numbers_of(item) for item in value]
    found = read(value)
    if found is None:
        return value
    values = spread(0.0, found.shape) if found.values is None else found.values
    return values if shape_of(values) == found.shape else empty(*found.shape)


def spread(numbers: Any, shape: tuple[int, ...]) -> Any:
    """Numbers as nested lists of ``shape``, as broadcasting would have them."""
    if not shape:
        return numbers
    rows = numbers if len(shape_of(numbers)) == len(shape) else [numbers]
    rows = rows * shape[0] if len(rows) == 1 else rows
    if len(rows) != shape[0]:
        raise ValueError(f"cannot be spread to shape {shape}")
    return [spread(row, shape[1:]) for row in rows]


def filled(value: Any, numbers: Any, **how: Any) -> bool | None:
    """Whether every element is this, whatever the shape."""
    found = read(value)
    if found is None:
        return False
    if 0 in found.shape:
        return isinstance(numbers, bool) == (found.dtype == "bool")
    return close_numbers(found, spread(numbers, found.shape), **how)


def elements_from(value: Any, *choices: Any) -> bool | None:
    """Whether each element is one of the choices at its place."""
    found = read(value)
    if found is None or found.values is None:
        return None if found else False
    eps = {"float16": 2**-10, "bfloat16": 2**-7, "float64": 2**-52}.get(found.dtype, 2**-23)
    columns = [flat(spread(choice, found.shape)) for choice in choices]
    tolerance = 16 * eps * max((abs(b) for column in columns for b in column), default=0.0)
    return all(any(abs(a - b) <= tolerance for b in wanted) for a, *wanted in zip(flat(found.values), *columns))
