"""Calls that together use every differentiable operation of the tensor half, for tests that go over all of them.

A case is a function of (lib, *tensors), where lib is torch or the reference, and the float64 data it is called with.
The values keep away from kinks, ties and poles, so that gradients exist and finite differences find them.
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
    return lambda lib, x, *others: getattr(x, name)(*others, *args, **kwargs)


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
        Case("xlogy", lambda lib, x, y: lib.xlogy(x, y), (M, P)),
        Case("add alpha", _method("add", alpha=0.7), (M, V)),
        Case("rsub", lambda lib, x: 2 - x, (M,)),
        Case("div number", lambda lib, x: x / 3 + 3 / x, (P,)),
        Case("div floor", _method("div", rounding_mode="floor"), (M, P)),
        Case("div trunc", _method("div", rounding_mode="trunc"), (M, P)),
        Case("power number", lambda lib, x: x**3 + x**-1 + 2**x, (P,)),
        Case("clamp", _method("clamp", -0.7, 0.7), (M,)),
        Case("clamp tensors", lambda lib, x, low, high: x.clamp(low, high), (M, U - 1, U + 1)),
        Case("lerp", lambda lib, x, y, w: x.lerp(y, w), (M, P, U)),
        Case("lerp number", lambda lib, x, y: x.lerp(y, 0.3), (M, P)),
        Case("addcmul", lambda lib, x, y, z: x.addcmul(y, z, value=0.5), (M, P, U)),
        Case("addcdiv", lambda lib, x, y, z: x.addcdiv(y, z, value=0.5), (M, U, P)),
        Case("where", lambda lib, x, y: lib.where(x > 0, x * 2, y), (M, P)),
        Case("nan_to_num", _method("nan_to_num"), (M,)),
        Case("to float32 and back", lambda lib, x: x.to(lib.complex128).real, (M,)),
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
        Case("squeeze", lambda lib, x: x.unsqueeze(0).squeeze(0), (M,)),
        Case("reshape copy", lambda lib, x: x.t().reshape(6), (M,)),
        Case("slice", lambda lib, x: x[:, ::2], (M,)),
        Case("alias", lambda lib, x: x[...] * 2, (M,)),
        Case("unbind", lambda lib, x: x.unbind(1)[0] * x.unbind(1)[2], (M,)),
        Case("split", lambda lib, x: x.split([1, 2], 1)[1], (M,)),
        Case("chunk", lambda lib, x: x.chunk(2, 1)[0], (M,)),
        Case("overlapping windows", lambda lib, x: x.as_strided((2, 2), (1, 1)) * 2, (V,)),
        Case("cat", lambda lib, x, y: lib.cat([x, y, x], 1), (M, P)),
        Case("stack", lambda lib, x, y: lib.stack([x, y], 1), (M, P)),
        Case("complex", lambda lib, x, y: lib.complex(x, y), (M, P)),
        Case("view_as_real", lambda lib, x: lib.view_as_real(x), (C,)),
        Case("view_as_complex", lambda lib, x: lib.view_as_complex(x), (data(3, 2),)),
        Case("real and imag", lambda lib, x: x.real * x.imag, (C,)),
        Case("channels_last", lambda lib, x: x.contiguous(memory_format=lib.channels_last), (data(1, 2, 2, 2),)),
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
        *[
            Case(f"{name} values", lambda lib, x, name=name: getattr(x, name)(1)[0], (M,))
            for name in ("max", "min", "median")
        ],
        *[
            Case(f"{name} along", lambda lib, x, name=name: getattr(x, name)(1)[0], (M,))
            for name in ("cummax", "cummin")
        ],
        *[Case(f"norm {p}", _method("norm", p, 1), (M,)) for p in (1, 3, 0, float("inf"))],
        Case("sum dims", _method("sum", (0, 2)), (B,)),
        Case("var correction", lambda lib, x: x.var(1, correction=0), (M,)),
        Case("sort", lambda lib, x: x.sort(1, descending=True)[0], (M,)),
        Case("topk", lambda lib, x: x.topk(2, 1)[0], (M,)),
        Case("kthvalue", lambda lib, x: x.kthvalue(2, 1)[0], (M,)),
        Case("prod with zero", lambda lib, x: (x * lib.tensor([0.0, 1.0, 1.0], dtype=lib.float64)).prod(1), (M,)),
        Case("cumprod with zero", lambda lib, x: (x * lib.tensor([1.0, 0.0, 1.0], dtype=lib.float64)).cumprod(1), (M,)),
    ]


def _indexing() -> list[Case]:
    def put(lib: Any, x: Any, y: Any) -> Any:
        z = x * 1
        z[lib.tensor([0, 1]), lib.tensor([2, 0])] = y[0, :2]
        return z

    def written(lib: Any, x: Any, y: Any) -> Any:
        z = x * 1
        z[0, 1:] = y[1, 1:]
        z[1].mul_(y[0])
        return z

    def columns(lib: Any) -> Any:
        return lib.tensor([2, 0])

    return [
        Case("index", lambda lib, x: x[:, columns(lib)], (M,)),
        Case("index repeated", lambda lib, x: x[lib.tensor([1, 1])], (M,)),
        Case("mask", lambda lib, x: x[x > 0] * 2, (M,)),
        Case("index_put", put, (M, P)),
        Case("setitem", written, (M, P)),
        Case("index_put accumulate", lambda lib, x, y: x.index_put((lib.tensor([0, 0]),), y, accumulate=True), (M, P)),
        Case("index_select", lambda lib, x: x.index_select(1, columns(lib)), (M,)),
        Case("gather", lambda lib, x: x.gather(1, lib.tensor([[2, 2], [0, 1]])), (M,)),
        Case("scatter", lambda lib, x, y: x.scatter(1, lib.tensor([[2, 0, 1], [0, 1, 2]]), y), (M, P)),
        Case("scatter number", lambda lib, x: x.scatter(1, lib.tensor([[2], [0]]), 5.0), (M,)),
        Case("scatter_add", lambda lib, x, y: x.scatter_add(1, lib.tensor([[2, 2, 1], [0, 0, 0]]), y), (M, P)),
        Case("index_add", lambda lib, x, y: x.index_add(1, columns(lib), y[:, :2], alpha=2.0), (M, P)),
        Case("index_copy", lambda lib, x, y: x.index_copy(1, columns(lib), y[:, :2]), (M, P)),
        Case("index_fill", lambda lib, x: x.index_fill(1, columns(lib), 3.0), (M,)),
        Case("masked_fill", lambda lib, x: x.masked_fill(x > 0, 2.0), (M,)),
        Case("masked_fill tensor", lambda lib, x, y: x.masked_fill(x > 0, y), (M, S)),
        Case("masked_select", lambda lib, x: x.masked_select(x < 0), (M,)),
        Case("copy", lambda lib, x, y: (x * 1).copy_(y), (M, V)),
        Case("fill", lambda lib, x, y: (x * 1).fill_(y), (M, S)),
        Case("fill number", lambda lib, x: (x * 1).fill_(2.0) + x, (M,)),
        Case("take", lambda lib, x: x.take(lib.tensor([5, 0])), (M,)),
    ]


def _linear_algebra() -> list[Case]:
    return [
        Case("mm", lambda lib, x, y: x @ y, (M, W)),
        Case("mv", lambda lib, x, y: x @ y, (M, V)),
        Case("dot", lambda lib, x, y: x @ y, (V, V + 0.1)),
        Case("vector matrix", lambda lib, x, y: x @ y, (V, W)),
        Case("bmm", lambda lib, x, y: x.bmm(y), (B, data(2, 4, 2, seed=9))),
        Case("batched matmul", lambda lib, x, y: lib.matmul(x, y), (B, data(4, 2, seed=9))),
        Case("batched vector", lambda lib, x, y: lib.matmul(x, y), (B, data(4, seed=9))),
        Case("complex mm", lambda lib, x, y: x @ y, (C, D)),
        Case("outer", lambda lib, x, y: x.outer(y), (V, S + np.array([1.0, 2.0]))),
        Case("addmm", lambda lib, a, x, y: lib.addmm(a, x, y, beta=0.5, alpha=2.0), (data(2, 4), M, W)),
        Case("einsum", lambda lib, x, y: lib.einsum("bij,ji->b", x, y), (B, data(4, 3, seed=9))),
        Case("inv", lambda lib, x: lib.linalg.inv(x), (SPD,)),
        Case("det", lambda lib, x: lib.linalg.det(x), (SPD,)),
        Case("slogdet", lambda lib, x: lib.linalg.slogdet(x)[1], (SPD,)),
        Case("solve", lambda lib, x, y: lib.linalg.solve(x, y), (SPD, data(3, 2, seed=9))),
        Case("cholesky", lambda lib, x: lib.linalg.cholesky(x @ x.mT), (SPD,)),
        Case("trace", lambda lib, x: x.trace(), (SPD,)),
    ]


CASES = [*_elementwise(), *_shaping(), *_reductions(), *_indexing(), *_linear_algebra()]
