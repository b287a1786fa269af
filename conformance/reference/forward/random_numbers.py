"""Random numbers on arrays: torch's CPU generator and the way torch samples each distribution from it.

Everything here was established by experiment against torch 2.13 on x86-64 and agrees with it bit for bit: the words of
the Mersenne twister, how many of them a sample consumes, the order in which it consumes them, and the rounding of the
arithmetic that follows, fused multiply-adds included. A function takes an engine and a count and returns a flat array
in the order in which torch fills memory.

Elsewhere: `Generator`, the default generator and all that makes tensors are in `conformance.reference.randomness`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any

__all__ = [
    "MersenneTwister",
    "bernoulli",
    "cauchy",
    "exponential",
    "geometric",
    "integers",
    "log_normal",
    "normal",
    "permutation",
    "poisson",
    "unbounded_integers",
    "uniform",
]

_WORDS = 624
_NORMAL_BLOCK = 16
_STATE = struct.Struct(f"<QiiQ{_WORDS}QdddiIf?xxx")


class MersenneTwister:
    """MT19937 as torch seeds it, with the one normal sample torch keeps for the next call.

    Only the low 32 bits of the seed reach the twister. `kept_normal` is the second value of the last Box-Muller pair
    that was drawn one at a time; a later `normal` of fewer than 16 elements returns it first.
    """

    __slots__ = ("_bits", "_untouched", "kept_normal", "seed")

    def __init__(self, seed: int) -> None:
        self._bits = np.random.MT19937()
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Start again from `seed`, forgetting the kept normal sample."""
        self.seed = seed
        self._bits._legacy_seeding(seed & 0xFFFFFFFF)
        self._untouched = True
        self.kept_normal: float | None = None

    def words(self, count: int) -> Array:
        """The next `count` 32-bit words, each in a uint64."""
        self._untouched = self._untouched and count == 0
        return self._bits.random_raw(count)

    def long_words(self, count: int) -> Array:
        """The next `count` 64-bit words: two draws each, the first one the upper half."""
        words = self.words(2 * count)
        return (words[0::2] << np.uint64(32)) | words[1::2]

    def state(self) -> bytes:
        """The 5056 bytes that `torch.Generator.get_state` gives for the same history."""
        key, position = self._bits.state["state"]["key"], int(self._bits.state["state"]["pos"])
        used = 0 if self._untouched else position
        left = 1 if self._untouched else _WORDS + 1 - position
        kept = 0.0 if self.kept_normal is None else self.kept_normal
        return _STATE.pack(
            self.seed, left, 1, used, *key.tolist(), 0.0, kept, 0.0, self.kept_normal is not None, 0, 0.0, False
        )

    def load_state(self, state: bytes) -> None:
        """Go on from bytes that `state` returned; a ValueError where they have another size or make no sense."""
        if len(state) != _STATE.size:
            raise ValueError(f"expected a state of {_STATE.size} bytes, found {len(state)}")
        seed, left, seeded, used, *rest = _STATE.unpack(state)
        key, (_, kept, _, has_kept, *_) = rest[:_WORDS], rest[_WORDS:]
        if not seeded or not 0 < left <= _WORDS or used > _WORDS:
            raise ValueError("the bytes are not the state of a Mersenne twister")
        self.seed = seed
        self._untouched = used == 0
        state_of_bits = self._bits.state
        state_of_bits["state"] = {"key": np.array(key, np.uint32), "pos": used or _WORDS}
        self._bits.state = state_of_bits
        self.kept_normal = kept if has_kept else None


def _computed_in(dtype: np.dtype[Any]) -> type[np.floating[Any]]:
    """The type torch computes samples of `dtype` in: double for double, float for the rest."""
    return np.float64 if dtype == np.float64 else np.float32


def _unit(engine: MersenneTwister, count: int, computed: type[np.floating[Any]]) -> Any:
    """Uniform over [0, 1): 53 random bits of a long word for double, 24 of one word for float."""
    if computed is np.float64:
        return (engine.long_words(count) & np.uint64((1 << 53) - 1)).astype(np.float64) * 2.0**-53
    return (engine.words(count) & np.uint64((1 << 24) - 1)).astype(np.float32) * np.float32(2.0**-24)


def _fused(factor: Array, scale: Any, shift: Any) -> Any:
    """`factor` * scale + shift, rounded once, as the processor's fused multiply-add gives it."""
    if factor.dtype == np.float32:
        return (factor.astype(np.float64) * np.float64(scale) + np.asarray(shift, np.float64)).astype(np.float32)
    product = factor * scale
    (high, low), (scale_high, scale_low) = _halves(factor), _halves(scale)
    lost_in_product = ((high * scale_high - product) + high * scale_low + low * scale_high) + low * scale_low
    total = product + shift
    part = total - product
    lost_in_sum = (product - (total - part)) + (shift - part)
    return total + (lost_in_sum + lost_in_product)


def _halves(value: Any) -> tuple[Any, Any]:
    """A double as the sum of two of 26 bits each, so that products of such parts are exact (Veltkamp)."""
    spread = value * 134217729.0
    high = spread - (spread - value)
    return high, value - high


def _each(function: Callable[[float], float], values: Array) -> Array:
    """The C library's function at each value; NumPy's own may differ from it in the last bit."""
    return np.array([function(value) for value in values.ravel().tolist()], np.float64).reshape(values.shape)


def uniform(engine: MersenneTwister, count: int, low: float, high: float, dtype: np.dtype[Any]) -> Array:
    """Uniform over [low, high); what rounds up to `high` in a 16-bit type becomes `low`."""
    computed = _computed_in(dtype)
    unit = _unit(engine, count, computed)
    start, stop = computed(low), computed(high)
    values = unit if (low, high) == (0, 1) else _fused(unit, stop - start, start)
    if dtype.itemsize > 2:
        return values.astype(dtype)
    values = values.astype(dtype)
    return np.where(values >= np.array(high).astype(dtype), np.array(low).astype(dtype), values)


def normal(
    engine: MersenneTwister, count: int, mean: float, std: float, dtype: np.dtype[Any], *, contiguous: bool = True
) -> Array:
    """Normal numbers, by either of two ways as torch does.

    Sixteen or more contiguous elements are filled with uniform numbers first; each block of sixteen then becomes eight
    Box-Muller pairs, and where the count is no multiple of sixteen the last sixteen elements are drawn anew. Anything
    else is drawn pair by pair in double, with the second half of an unfinished pair kept for the next call.
    """
    computed = _computed_in(dtype)
    if count < _NORMAL_BLOCK or not contiguous:
        values = _fused(_normal_by_pairs(engine, count), np.float64(std), np.float64(mean))
        return values.astype(computed).astype(dtype)
    whole = count - count % _NORMAL_BLOCK
    uniform_numbers = _unit(engine, whole if dtype.itemsize == 2 else count, computed)[:whole]
    if whole != count:
        uniform_numbers = np.concatenate([uniform_numbers, _unit(engine, _NORMAL_BLOCK, computed)])
    pairs = uniform_numbers.reshape(-1, 2, _NORMAL_BLOCK // 2)
    made = _box_muller(pairs[:, 0], pairs[:, 1]).reshape(-1)
    filled = np.concatenate([made[: count - _NORMAL_BLOCK], made[-_NORMAL_BLOCK:]])
    return _fused(filled, computed(std), computed(mean)).astype(dtype)


def _normal_by_pairs(engine: MersenneTwister, count: int) -> Array:
    kept = [] if engine.kept_normal is None or count == 0 else [engine.kept_normal]
    pairs = (count - len(kept) + 1) // 2
    unit = _unit(engine, 2 * pairs, np.float64).reshape(pairs, 2)
    radius = np.sqrt(-2.0 * _each(math.log1p, -unit[:, 1]))
    angle = 2.0 * math.pi * unit[:, 0]
    drawn = np.stack([radius * _each(math.cos, angle), radius * _each(math.sin, angle)], 1).ravel()
    values = np.concatenate([kept, drawn])
    if count:
        engine.kept_normal = float(values[count]) if len(values) > count else None
    return values[:count]


def _box_muller(first: Array, second: Array) -> Array:
    """Blocks (n, 8) and (n, 8) of uniform numbers -> (n, 2, 8) of normal numbers."""
    one, minus_two, turn = (first.dtype.type(value) for value in (1, -2, 2 * math.pi))
    if first.dtype == np.float64:
        radius = np.sqrt(minus_two * _each(math.log, one - first))
        sine, cosine = _each(math.sin, turn * second), _each(math.cos, turn * second)
    else:
        radius = np.sqrt(minus_two * _vector_log(one - first))
        sine, cosine = _vector_sine_and_cosine(turn * second)
    return np.stack([radius * cosine, radius * sine], 1)


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = _fused_arrays(value, x, np.float32(coefficient))
    return value


def _fused_arrays(a: Array, b: Any, c: Any) -> Any:
    return (a.astype(np.float64) * b + c).astype(np.float32)


def _vector_log(x: Array) -> Array:
    """The logarithm of float32 in (0, 1] by the Cephes polynomial that torch's vectorised kernel uses."""
    bits = x.view(np.uint32)
    exponent = ((bits >> np.uint32(23)).astype(np.int32) - 126).astype(np.float32)
    mantissa = ((bits & np.uint32(0x007FFFFF)) | np.uint32(0x3F000000)).view(np.float32)
    small = mantissa < np.float32(math.sqrt(0.5))
    exponent -= small
    x = mantissa - np.float32(1) + np.where(small, mantissa, np.float32(0))
    square = x * x
    value = _polynomial(_LOG, x) * x
    value = _fused_arrays(value, square, exponent * np.float32(-2.12194440e-4))
    value = _fused_arrays(square, np.float32(-0.5), value)
    return _fused_arrays(exponent, np.float32(0.693359375), x + value)


def _vector_sine_and_cosine(x: Array) -> tuple[Array, Array]:
    """Sine and cosine of float32 in [0, 2 pi], again by the Cephes polynomials: octant, reduction, polynomial."""
    octant = ((x * np.float32(4 / math.pi)).astype(np.int32) + 1) & ~1
    for part in _EIGHTH_OF_A_TURN:
        x = _fused_arrays(octant, np.float32(-part), x)
    square = x * x
    even = _polynomial(_COSINE, square) * square
    even = _fused_arrays(even, square, -(square * np.float32(0.5))) + np.float32(1)
    odd = _fused_arrays(_polynomial(_SINE, square) * square, x, x)
    upright = (octant & 2) == 0
    sine, cosine = np.where(upright, odd, even), np.where(upright, even, odd)
    return np.where(octant & 4, -sine, sine), np.where((octant + 2) & 4, -cosine, cosine)


_LOG = (
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
_SINE = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COSINE = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
_EIGHTH_OF_A_TURN = (0.78515625, 2.4187564849853515625e-4, 3.77489497744594108e-8)


def integers(engine: MersenneTwister, count: int, low: int, high: int) -> Array:
    """Integers of [low, high): the remainder of one word, or of a long word where the range has 2**28 or more."""
    span = high - low
    words = engine.long_words(count) if span >= 1 << 28 else engine.words(count)
    return ((words % np.uint64(span)) + np.uint64(low & 0xFFFFFFFFFFFFFFFF)).view(np.int64)


def unbounded_integers(engine: MersenneTwister, count: int, limit: int, *, long: bool) -> Array:
    """Integers of [0, limit] as `Tensor.random_()` draws them; `long` for the 64-bit types."""
    return (engine.long_words(count) if long else engine.words(count)) % np.uint64(limit + 1)


def permutation(engine: MersenneTwister, count: int) -> Array:
    """0 .. count-1 shuffled from the front, one word for each place but the last."""
    order = list(range(count))
    for place, word in enumerate(engine.words(max(count - 1, 0)).tolist()):
        other = place + word % (count - place)
        order[place], order[other] = order[other], order[place]
    return np.array(order, np.int64)


def bernoulli(engine: MersenneTwister, count: int, probability: float | Array) -> Array:
    """True with the given probability; 53-bit draws for a number or float64 probabilities, else 24-bit ones."""
    single = isinstance(probability, np.ndarray) and probability.dtype != np.float64
    return _unit(engine, count, np.float32 if single else np.float64) < probability


def exponential(engine: MersenneTwister, count: int, rate: float) -> Array:
    """Exponential numbers of the given rate, as float64."""
    return -1.0 / rate * _each(math.log1p, -_unit(engine, count, np.float64))


def log_normal(engine: MersenneTwister, count: int, mean: float, std: float) -> Array:
    """The exponential of normal numbers, drawn pair by pair, as float64."""
    return _each(math.exp, _fused(_normal_by_pairs(engine, count), np.float64(std), np.float64(mean)))


def geometric(engine: MersenneTwister, count: int, probability: float) -> Array:
    """How many trials until the first success, as float64."""
    unit = _unit(engine, count, np.float64)
    return np.ceil(_each(lambda value: math.log(value) if value else -math.inf, unit) / math.log1p(-probability))


def cauchy(engine: MersenneTwister, count: int, median: float, sigma: float) -> Array:
    """Cauchy numbers, as float64."""
    return _fused(_each(math.tan, math.pi * (_unit(engine, count, np.float64) - 0.5)), np.float64(sigma), median)


def poisson(engine: MersenneTwister, rates: Array) -> Array:
    """A Poisson number for each rate, as float64; how many draws one takes depends on what they are."""
    return np.array([_poisson(engine, rate) for rate in rates.ravel().tolist()], np.float64)


def _poisson(engine: MersenneTwister, rate: float) -> int:
    """Hoermann's transformed rejection (PTRS) for rates from 10 upward, products of uniform numbers below."""

    def draw() -> float:
        return float(_unit(engine, 1, np.float64)[0])

    if rate < 10:
        count, product, limit = 0, 1.0 if rate == 0 else draw(), math.exp(-rate)
        while rate and product > limit:
            count += 1
            product *= draw()
        return count
    root = math.sqrt(rate)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    scale, accept_at_once = 1.1239 + 1.1328 / (b - 3.4), 0.9277 - 3.6224 / (b - 2)
    while True:
        u, v = draw() - 0.5, draw()
        distance = 0.5 - abs(u)
        count = math.floor((2 * a / distance + b) * u + rate + 0.43)
        if distance >= 0.07 and v <= accept_at_once:
            return count
        if count < 0 or (distance < 0.013 and v > distance):
            continue
        hat = math.log(v) + math.log(scale) - math.log(a / (distance * distance) + b)
        if hat <= -rate + count * math.log(rate) - math.lgamma(count + 1):
            return count
