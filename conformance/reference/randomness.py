"""Random tensors: factories and the in-place fills. All of torch.random is here, generators and seeds included.

`manual_seed(n)` and what follows it give the numbers that torch's CPU generator gives; how they are drawn is in
`conformance.reference.forward.random_numbers`, and the generators are in `conformance.reference.generators`.
What is sampled from tensors of parameters has a gradient of zero toward them.
Openly lacking: binomial.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.reference import dtypes
from conformance.reference.dispatch import Operation, declare, write
from conformance.reference.dtypes import FLOATING
from conformance.reference.forward import random_numbers as numbers
from conformance.reference.generators import (
    Generator,
    default_generator,
    engine_of,
    fork_rng,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from conformance.reference.modes import no_grad
from conformance.reference.operations import creation
from conformance.reference.tensors import Tensor, wrap

__all__ = [
    "Generator",
    "bernoulli",
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "multinomial",
    "normal",
    "poisson",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
    "seed",
    "set_rng_state",
]

TORCH_NAMES = tuple(name for name in __all__ if name != "fork_rng")
"""What the torch namespace shows of this module, which itself is `torch.random`."""

# -- fills -------------------------------------------------------------------------------------------------------------

Draw = Callable[[numbers.MersenneTwister, int, Any, bool], Any]
"""(engine, count, NumPy type, whether the target is contiguous) -> a flat array."""


def _operation(name: str) -> Operation:
    """An operation that overwrites: nothing flows back to what was there before."""
    return Operation(name, lambda self, values: values, {"self": lambda grad: grad * 0}, ("self",), ("values",))


_FILLS = {
    name: _operation(name)
    for name in ("uniform", "normal", "bernoulli", "exponential", "log_normal", "geometric", "cauchy", "random")
}


def _fill(self: Tensor, name: str, generator: Generator | None, draw: Draw) -> Tensor:
    """Overwrite every element in the order of memory, as torch does."""
    array = self._array
    order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
    engine = engine_of(generator, self._device)
    if array.dtype.kind == "c":
        real = np.empty(0, array.dtype).real.dtype
        flat = np.asarray(draw(engine, 2 * array.size, real, array.flags.c_contiguous)).astype(real).view(array.dtype)
    else:
        flat = np.asarray(draw(engine, array.size, array.dtype, array.flags.c_contiguous))
    ordered = flat.reshape([array.shape[axis] for axis in order]).transpose(np.argsort(order))
    return write(self, _FILLS[name], (self,), (ordered.astype(array.dtype, copy=False),))


def _in_single_first(values: Any, dtype: Any) -> Any:
    """Doubles reach a 16-bit type by way of float32."""
    return values.astype(np.float32) if dtype.itemsize == 2 else values


def _require_floating(self: Tensor, kernel: str) -> None:
    if self.dtype.category < FLOATING:
        name = {"bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int"}
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{name.get(self.dtype.name, 'Long')}'")


def uniform_(self: Tensor, from_: float = 0, to: float = 1, *, generator: Generator | None = None) -> Tensor:
    """Fill with uniform numbers of [from, to)."""
    _require_floating(self, "check_uniform_bounds")
    if from_ > to:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={from_} > to={to}")
    return _fill(self, "uniform", generator, lambda e, n, dtype, _: numbers.uniform(e, n, from_, to, dtype))


def normal_(self: Tensor, mean: float = 0, std: float = 1, *, generator: Generator | None = None) -> Tensor:
    """Fill with normal numbers; of complex ones the two parts have variance std ** 2 / 2 each."""
    _require_floating(self, "normal_kernel_cpu")
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    part = std * math.sqrt(0.5) if self.dtype.is_complex else std
    return _fill(
        self, "normal", generator, lambda e, n, dtype, whole: numbers.normal(e, n, mean, part, dtype, contiguous=whole)
    )


def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill with ones at probability p, a number or a tensor of probabilities, and zeros elsewhere."""
    if isinstance(p, Tensor):
        each = np.broadcast_to(p._array, self._array.shape)
        if not ((each >= 0) & (each <= 1)).all():
            raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true, but got false.")
        return _fill(self, "bernoulli", generator, lambda e, n, *_: numbers.bernoulli(e, n, each.ravel()))
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    return _fill(self, "bernoulli", generator, lambda e, n, *_: numbers.bernoulli(e, n, p))


def exponential_(self: Tensor, lambd: float = 1, *, generator: Generator | None = None) -> Tensor:
    """Fill with exponential numbers of rate lambd."""
    if lambd <= 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    return _fill(
        self, "exponential", generator, lambda e, n, d, _: _in_single_first(numbers.exponential(e, n, lambd), d)
    )


def log_normal_(self: Tensor, mean: float = 1, std: float = 2, *, generator: Generator | None = None) -> Tensor:
    """Fill with the exponentials of normal numbers."""
    if std <= 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    return _fill(
        self, "log_normal", generator, lambda e, n, d, _: _in_single_first(numbers.log_normal(e, n, mean, std), d)
    )


def geometric_(self: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """Fill with the number of trials until the first success of probability p."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    return _fill(self, "geometric", generator, lambda e, n, d, _: _in_single_first(numbers.geometric(e, n, p), d))


def cauchy_(self: Tensor, median: float = 0, sigma: float = 1, *, generator: Generator | None = None) -> Tensor:
    """Fill with Cauchy numbers."""
    if sigma <= 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    return _fill(self, "cauchy", generator, lambda e, n, d, _: _in_single_first(numbers.cauchy(e, n, median, sigma), d))


def random_(self: Tensor, *bounds: int, generator: Generator | None = None) -> Tensor:
    """Fill with integers: of all the type holds from zero upward, of [0, to), or of [from, to)."""
    if bounds:
        low, high = bounds if len(bounds) == 2 else (0, bounds[0])
        _check_range(low, high)
        return _fill(self, "random", generator, lambda e, n, *_: numbers.integers(e, n, low, high))
    dtype = self.dtype
    if dtype.category >= FLOATING:
        limit = 1 << {2: 8 if dtype.name.endswith("bfloat16") else 11, 4: 24, 8: 53}[dtype.itemsize]
    else:
        limit = 1 if dtype is dtypes.bool_ else dtypes.iinfo(dtype).max
    long = dtype.itemsize == 8
    return _fill(self, "random", generator, lambda e, n, *_: numbers.unbounded_integers(e, n, limit, long=long))


def _check_range(low: int, high: int) -> None:
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")


def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """A tensor like `input` of ones and zeros: `input` holds the probabilities, unless `p` is given for all."""
    made = wrap(np.empty(input._array.shape, input._array.dtype), input._device)
    return _sampled(input, bernoulli_(made, input if p is None else p, generator=generator))


_sample = declare(
    "sample",
    lambda first, second, values: values,
    {"first": lambda grad: grad * 0, "second": lambda grad: grad * 0},
    ("first", "second"),
)


def _sampled(first: Any, values: Tensor, second: Any = None) -> Tensor:
    """Numbers drawn by parameters, with a history of which no gradient comes but zero."""
    sampled: Tensor = _sample(first, second, values._array)
    return sampled


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """A Poisson number for each rate, in the rates' type."""
    _require_floating(input, "poisson_cpu")
    if (input._array < 0).any():
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    drawn = numbers.poisson(engine_of(generator, input._device), input._array)
    values = _in_single_first(drawn, input._array.dtype).astype(input._array.dtype).reshape(input._array.shape)
    return _sampled(input, wrap(values, input._device))


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Indices drawn by the weights of each row: input (classes) or (rows, classes) -> int64 (..., num_samples)."""
    weights = input._array
    if weights.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    _require_floating(input, "multinomial")
    if not replacement and num_samples > weights.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if (weights.sum(-1) <= 0).any():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    engine = engine_of(generator, input._device)
    rows = weights.reshape(-1, weights.shape[-1])
    if replacement:
        levels = [np.cumsum(row, dtype=row.dtype) for row in rows]
        unit = numbers.uniform(engine, len(rows) * num_samples, 0, 1, np.dtype(np.float64))
        chosen = np.stack(
            [
                np.searchsorted(level / level[-1], draws)
                for level, draws in zip(levels, unit.reshape(len(rows), -1), strict=True)
            ]
        )
    else:
        waits = numbers.exponential(engine, rows.size, 1.0).reshape(rows.shape)
        chosen = np.argsort(-(rows / waits.astype(rows.dtype)), axis=1, kind="stable")[:, :num_samples]
    return wrap(chosen.astype(np.int64).reshape(*weights.shape[:-1], num_samples), input._device)


# -- factories ---------------------------------------------------------------------------------------------------------


def _made(
    fill: Callable[..., Tensor], sizes: tuple[int, ...], default: Any, requires_grad: bool, options: dict[str, Any]
) -> Tensor:
    """Make and fill; `options` are dtype, device, generator, out, and layout and pin_memory, which change nothing."""
    generator, out = options.get("generator"), options.get("out")
    unknown = set(options) - {"dtype", "device", "generator", "out", "layout", "pin_memory", "memory_format"}
    if unknown:
        raise TypeError(f"got an unexpected keyword argument '{min(unknown)}'")
    dtype = options.get("dtype") or default
    made = out if out is not None else creation.finish(np.empty(sizes, dtype.numpy), options.get("device"))
    fill(made, generator=generator)
    if requires_grad:
        made.requires_grad = True
    return made


def rand(*size: Any, requires_grad: bool = False, **options: Any) -> Tensor:
    """Uniform numbers of [0, 1). Options: generator, out, dtype, device."""
    sizes = creation.shape_of(size or (options.pop("size"),))
    return _made(uniform_, sizes, dtypes.get_default_dtype(), requires_grad, options)


def randn(*size: Any, requires_grad: bool = False, **options: Any) -> Tensor:
    """Standard normal numbers. Options: generator, out, dtype, device."""
    sizes = creation.shape_of(size or (options.pop("size"),))
    return _made(normal_, sizes, dtypes.get_default_dtype(), requires_grad, options)


def randint(*arguments: Any, requires_grad: bool = False, **options: Any) -> Tensor:
    """Integers of [low, high), int64; called with (high, size) or (low, high, size)."""
    names = (
        ("high", "size") if len(arguments) + ("high" in options) + ("size" in options) <= 2 else ("low", "high", "size")
    )
    given = [name for name in names if name not in options]
    options.update(zip(given, arguments, strict=False))
    low, high, size = int(options.pop("low", 0)), int(options.pop("high")), options.pop("size")

    def fill(made: Tensor, generator: Generator | None) -> Tensor:
        return random_(made, low, high, generator=generator)

    return _made(fill, creation.shape_of((size,)), dtypes.int64, requires_grad, options)


def randperm(n: int, requires_grad: bool = False, **options: Any) -> Tensor:
    """The integers 0 .. n - 1 in random order, int64."""

    def fill(made: Tensor, generator: Generator | None) -> Tensor:
        return _fill(made, "random", generator, lambda engine, count, *_: numbers.permutation(engine, count))

    return _made(fill, creation.shape_of((n,)), dtypes.int64, requires_grad, options)


def _like(input: Tensor, options: dict[str, Any]) -> dict[str, Any]:
    return {**options, "dtype": options.get("dtype") or input.dtype, "device": options.get("device") or input.device}


def rand_like(input: Tensor, **options: Any) -> Tensor:
    """Uniform numbers in the shape, type and device of `input`."""
    return rand(input.shape, **_like(input, options))


def randn_like(input: Tensor, **options: Any) -> Tensor:
    """Standard normal numbers in the shape, type and device of `input`."""
    return randn(input.shape, **_like(input, options))


def randint_like(input: Tensor, *bounds: int, **options: Any) -> Tensor:
    """Integers of [low, high) in the shape, type and device of `input`."""
    return randint(*bounds, size=input.shape, **_like(input, options))


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, **options: Any) -> Tensor:
    """Normal numbers of given means and deviations, numbers or tensors; two numbers need a `size`."""
    if size is not None:
        drawn = randn(size, **options)
    else:
        shapes = [each._array.shape for each in (mean, std) if isinstance(each, Tensor)]
        like = mean if isinstance(mean, Tensor) else std
        drawn = randn(np.broadcast_shapes(*shapes), **_like(like, options))
    with no_grad():
        values: Tensor = drawn * std + mean
    first, second = (each if isinstance(each, Tensor) else None for each in (mean, std))
    return values if first is None and second is None else _sampled(first, values, second)


METHODS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        bernoulli,
        bernoulli_,
        cauchy_,
        exponential_,
        geometric_,
        log_normal_,
        multinomial,
        normal_,
        random_,
        uniform_,
    )
}
"""The methods of Tensor that are defined here."""

for _name, _method in METHODS.items():
    setattr(Tensor, _name, _method)
