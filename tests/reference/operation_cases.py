"""Calls that together use every differentiable operation of the tensor half, for tests that go over all of them.

A case is a function of (T, *tensors), where T is torch or the reference, and the float64 data it is called with. The
values keep away from kinks, ties and poles, so that gradients exist and finite differences find them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    name: str
    call: Callable[..., Any]
    inputs: tuple[Any, ...]


def data(*shape: int, low: float = -2.0, high: float = 2.0, seed: int = 0, kind: str = "real") -> Any:
    """Distinct values in [low, high], none within 0.05 of a whole number."""
    generator = np.random.default_rng((seed, *shape))
    count = int(np.prod(shape))
    grid = np.linspace(low, high, 4 * count + 3)
    grid = grid[np.abs(grid - np.round(grid)) > 0.05]
    values = generator.choice(grid, size=count, replace=False).reshape(shape)
    if kind == "complex":
        return values + 1j * data(*shape, low=low, high=high, seed=seed + 1)
    return values


M, V, S, P = data(2, 3), data(3, seed=1), data(seed=2), data(2, 3, low=0.2, high=1.9, seed=3)
B, W, U = data(2, 3, 4, seed=4), data(3, 4, seed=5), data(2, 3, low=-0.9, high=0.9, seed=6)
C, D = data(2, 2, kind="complex"), data(2, 2, kind="complex", seed=8)
SPD = np.array([[3.0, 0.5, 0.2], [0.5, 2.0, -0.3], [0.2, -0.3, 1.5]])

UNARY = {
    "neg abs square exp exp2 expm1 sin cos tan atan sinh cosh tanh asinh sigmoid erf erfc relu frac sgn sign floor "
    "ceil trunc round positive": M,
    "log log2 log10 sqrt rsqrt reciprocal log1p": P,
    "asin acos atanh": U,
}
COMPLEX_UNARY = "neg square exp sin cos tanh sigmoid reciprocal abs sgn angle conj sinh cosh log sqrt"


def _method(name: str, *args: Any, **kwargs: Any) -> Callable[..., Any]:
    return lambda T, x, *others: getattr(x, name)(*others, *args, **kwargs)


def _elementwise() -> list[Case]:
    cases = [Case(name, _method(name), (x,)) for names, x in UNARY.items() for name in names.split()]
    cases += [Case(f"complex {name}", _method(name), (C,)) for name in COMPLEX_UNARY.split()]
    cases.append(Case("acosh", _method("acosh"), (P + 1,)))
    for name in "add sub mul div maximum minimum fmax fmin atan2 hypot logaddexp remainder fmod copysign".split():
        cases.append(Case(name, _method(name), (M, P)))
        cases.append(Case(f"{name} broadcast", _method(name), (M, V)))
    cases += [Case(f"complex {name}", _method(name), (C, D)) for name in ("add", "sub", "mul", "div", "pow")]
    return [
        *cases,
        Case("pow", _method("pow"), (P, M)),
        Case("xlogy", lambda T, x, y: T.xlogy(x, y), (M, P)),
        Case("add alpha", _method("add", alpha=0.7), (M, V)),
        Case("rsub", lambda T, x: 2 - x, (M,)),
        Case("div number", lambda T, x: x / 3 + 3 / x, (P,)),
        Case("div floor", _method("div", rounding_mode="floor"), (M, P)),
        Case("div trunc", _method("div", rounding_mode="trunc"), (M, P)),
        Case("power number", lambda T, x: x**3 + x**-1 + 2**x, (P,)),
        Case("clamp", _method("clamp", -0.7, 0.7), (M,)),
        Case("clamp tensors", lambda T, x, low, high: x.clamp(low, high), (M, U - 1, U + 1)),
        Case("lerp", lambda T, x, y, w: x.lerp(y, w), (M, P, U)),
        Case("lerp number", lambda T, x, y: x.lerp(y, 0.3), (M, P)),
        Case("addcmul", lambda T, x, y, z: x.addcmul(y, z, value=0.5), (M, P, U)),
        Case("addcdiv", lambda T, x, y, z: x.addcdiv(y, z, value=0.5), (M, U, P)),
        Case("where", lambda T, x, y: T.where(x > 0, x * 2, y), (M, P)),
        Case("nan_to_num", _method("nan_to_num"), (M,)),
        Case("to float32 and back", lambda T, x: x.to(T.complex128).real, (M,)),
    ]


def _shaping() -> list[Case]:
    methods: dict[str, tuple[Any, ...]] = {
        "view": (3, 2), "reshape": (6,), "transpose": (0, 1), "permute": (1, 0), "t": (), "unsqueeze": (1,),
        "select": (1, 2), "narrow": (1, 1, 2), "diagonal": (1,), "unfold": (1, 2, 1), "flatten": (),
        "as_strided": ((2, 2), (1, 2), 1), "unflatten": (1, (3, 1)), "movedim": (0, 1), "flip": (1,), "roll": (1, 0),
        "repeat": (2, 2), "tril": (), "triu": (1,), "clone": (), "contiguous": (), "broadcast_to": ((2, 2, 3),),
        "repeat_interleave": (2, 1), "tile": (2,), "diag_embed": (),
    }  # fmt: skip
    return [
        *[Case(name, _method(name, *args), (M,)) for name, args in methods.items()],
        Case("expand", _method("expand", 2, 3), (V,)),
        Case("squeeze", lambda T, x: x.unsqueeze(0).squeeze(0), (M,)),
        Case("reshape copy", lambda T, x: x.t().reshape(6), (M,)),
        Case("slice", lambda T, x: x[:, ::2], (M,)),
        Case("alias", lambda T, x: x[...] * 2, (M,)),
        Case("unbind", lambda T, x: x.unbind(1)[0] * x.unbind(1)[2], (M,)),
        Case("split", lambda T, x: x.split([1, 2], 1)[1], (M,)),
        Case("chunk", lambda T, x: x.chunk(2, 1)[0], (M,)),
        Case("overlapping windows", lambda T, x: x.as_strided((2, 2), (1, 1)) * 2, (V,)),
        Case("cat", lambda T, x, y: T.cat([x, y, x], 1), (M, P)),
        Case("stack", lambda T, x, y: T.stack([x, y], 1), (M, P)),
        Case("complex", lambda T, x, y: T.complex(x, y), (M, P)),
        Case("view_as_real", lambda T, x: T.view_as_real(x), (C,)),
        Case("view_as_complex", lambda T, x: T.view_as_complex(x), (data(3, 2),)),
        Case("real and imag", lambda T, x: x.real * x.imag, (C,)),
        Case("channels_last", lambda T, x: x.contiguous(memory_format=T.channels_last), (data(1, 2, 2, 2),)),
    ]


def _reductions() -> list[Case]:
    spread: dict[str, tuple[Any, ...]] = {
        "sum": (), "mean": (), "prod": (), "var": (), "std": (), "amax": (1,), "amin": (0,), "max": (), "min": (),
        "median": (), "norm": (), "cumsum": (1,), "cumprod": (1,), "logsumexp": (1,), "softmax": (1,),
        "log_softmax": (0,),
    }  # fmt: skip
    return [
        *[Case(name, _method(name, *args), (M,)) for name, args in spread.items()],
        *[Case(f"{name} dim", _method(name, 1), (M,)) for name in ("sum", "mean", "prod", "var", "std")],
        *[Case(f"{name} keepdim", _method(name, 0, keepdim=True), (M,)) for name in ("sum", "mean", "prod", "var")],
        *[Case(f"{name} values", lambda T, x, name=name: getattr(x, name)(1)[0], (M,)) for name in ("max", "min", "median")],
        *[Case(f"{name} along", lambda T, x, name=name: getattr(x, name)(1)[0], (M,)) for name in ("cummax", "cummin")],
        *[Case(f"norm {p}", _method("norm", p, 1), (M,)) for p in (1, 3, 0, float("inf"))],
        Case("sum dims", _method("sum", (0, 2)), (B,)),
        Case("var correction", lambda T, x: x.var(1, correction=0), (M,)),
        Case("sort", lambda T, x: x.sort(1, descending=True)[0], (M,)),
        Case("topk", lambda T, x: x.topk(2, 1)[0], (M,)),
        Case("kthvalue", lambda T, x: x.kthvalue(2, 1)[0], (M,)),
        Case("prod with zero", lambda T, x: (x * T.tensor([0.0, 1.0, 1.0], dtype=T.float64)).prod(1), (M,)),
        Case("cumprod with zero", lambda T, x: (x * T.tensor([1.0, 0.0, 1.0], dtype=T.float64)).cumprod(1), (M,)),
    ]


def _indexing() -> list[Case]:
    def put(T: Any, x: Any, y: Any) -> Any:
        z = x * 1
        z[T.tensor([0, 1]), T.tensor([2, 0])] = y[0, :2]
        return z

    def written(T: Any, x: Any, y: Any) -> Any:
        z = x * 1
        z[0, 1:] = y[1, 1:]
        z[1].mul_(y[0])
        return z

    def columns(T: Any) -> Any:
        return T.tensor([2, 0])

    return [
        Case("index", lambda T, x: x[:, columns(T)], (M,)),
        Case("index repeated", lambda T, x: x[T.tensor([1, 1])], (M,)),
        Case("mask", lambda T, x: x[x > 0] * 2, (M,)),
        Case("index_put", put, (M, P)),
        Case("setitem", written, (M, P)),
        Case("index_put accumulate", lambda T, x, y: x.index_put((T.tensor([0, 0]),), y, accumulate=True), (M, P)),
        Case("index_select", lambda T, x: x.index_select(1, columns(T)), (M,)),
        Case("gather", lambda T, x: x.gather(1, T.tensor([[2, 2], [0, 1]])), (M,)),
        Case("scatter", lambda T, x, y: x.scatter(1, T.tensor([[2, 0, 1], [0, 1, 2]]), y), (M, P)),
        Case("scatter number", lambda T, x: x.scatter(1, T.tensor([[2], [0]]), 5.0), (M,)),
        Case("scatter_add", lambda T, x, y: x.scatter_add(1, T.tensor([[2, 2, 1], [0, 0, 0]]), y), (M, P)),
        Case("index_add", lambda T, x, y: x.index_add(1, columns(T), y[:, :2], alpha=2.0), (M, P)),
        Case("index_copy", lambda T, x, y: x.index_copy(1, columns(T), y[:, :2]), (M, P)),
        Case("index_fill", lambda T, x: x.index_fill(1, columns(T), 3.0), (M,)),
        Case("masked_fill", lambda T, x: x.masked_fill(x > 0, 2.0), (M,)),
        Case("masked_fill tensor", lambda T, x, y: x.masked_fill(x > 0, y), (M, S)),
        Case("masked_select", lambda T, x: x.masked_select(x < 0), (M,)),
        Case("copy", lambda T, x, y: (x * 1).copy_(y), (M, V)),
        Case("fill", lambda T, x, y: (x * 1).fill_(y), (M, S)),
        Case("fill number", lambda T, x: (x * 1).fill_(2.0) + x, (M,)),
        Case("take", lambda T, x: x.take(T.tensor([5, 0])), (M,)),
    ]


def _linear_algebra() -> list[Case]:
    return [
        Case("mm", lambda T, x, y: x @ y, (M, W)),
        Case("mv", lambda T, x, y: x @ y, (M, V)),
        Case("dot", lambda T, x, y: x @ y, (V, V + 0.1)),
        Case("vector matrix", lambda T, x, y: x @ y, (V, W)),
        Case("bmm", lambda T, x, y: x.bmm(y), (B, data(2, 4, 2, seed=9))),
        Case("batched matmul", lambda T, x, y: T.matmul(x, y), (B, data(4, 2, seed=9))),
        Case("batched vector", lambda T, x, y: T.matmul(x, y), (B, data(4, seed=9))),
        Case("complex mm", lambda T, x, y: x @ y, (C, D)),
        Case("outer", lambda T, x, y: x.outer(y), (V, S + np.array([1.0, 2.0]))),
        Case("addmm", lambda T, a, x, y: T.addmm(a, x, y, beta=0.5, alpha=2.0), (data(2, 4), M, W)),
        Case("einsum", lambda T, x, y: T.einsum("bij,ji->b", x, y), (B, data(4, 3, seed=9))),
        Case("inv", lambda T, x: T.linalg.inv(x), (SPD,)),
        Case("det", lambda T, x: T.linalg.det(x), (SPD,)),
        Case("slogdet", lambda T, x: T.linalg.slogdet(x)[1], (SPD,)),
        Case("solve", lambda T, x, y: T.linalg.solve(x, y), (SPD, data(3, 2, seed=9))),
        Case("cholesky", lambda T, x: T.linalg.cholesky(x @ x.mT), (SPD,)),
        Case("trace", lambda T, x: x.trace(), (SPD,)),
    ]


CASES = [*_elementwise(), *_shaping(), *_reductions(), *_indexing(), *_linear_algebra()]
