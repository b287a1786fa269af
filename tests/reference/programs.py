"""Random programs, run on torch and on the reference, and what of them is compared.

A program is a list of lines of ordinary PyTorch over variables v0, v1, ... and `lib`. After each line everything that
can be seen of every variable is noted: whether the line raised, values, flags, versions, strides, gradients, who shares
memory with whom, and what the hooks were called with. The first difference is the answer.

Not compared, because it is nobody's business: the version, the strides and whether it is a view of a gradient that
backward made itself, and the class of the error for None in place of a tensor.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

SHAPES = ((3,), (2, 3), (1, 3), (), (2, 1))
UNARY = "sin exp neg abs sqrt tanh relu sigmoid square clone detach log reciprocal floor sign cos".split()
BINARY = "add sub mul div maximum minimum pow".split()
VIEWS = (
    ".view(-1)", "[0]", ".t()", ".expand(2, 3)", ".unsqueeze(0)", ".squeeze()", ".reshape(-1)", "[..., 1:]",
    ".transpose(0, -1)", ".detach()", ".data", ".narrow(0, 0, 1)", ".permute(1, 0)", ".unbind(0)[0]", ".split(1)[0]",
    ".chunk(2)[0]", ".diagonal()", "[None]", ".select(-1, 0)", "[:, 0]", ".flatten()", ".as_strided((2,), (1,))",
    ".real", ".view(1, -1)", ".view_as({b})",
)  # fmt: skip
WRITES = (
    "{a}.mul_(2)", "{a}.add_({b})", "{a}.mul_({b})", "{a}.zero_()", "{a}.copy_({b})", "{a}[0] = 5.0", "{a}[0] = {b}",
    "{a}.sin_()", "{a}.fill_(2.0)", "{a}[...] = {b}", "{a}.sub_(1)", "{a}.exp_()", "{a}.detach_()",
    "{a}.requires_grad_()", "{a}.requires_grad_(False)", "{a}.pow_(2)", "{a}.clamp_(0, 1)", "{a}.div_({b})",
    "{a}.relu_()", "{a} += {b}", "{a}.data.mul_(3)", "{a}.neg_()", "{a}.sqrt_()", "{a}.squeeze_()",
)  # fmt: skip
REDUCTIONS = (
    "sum()", "mean()", "sum(0)", "max()", "prod()", "amax(0)", "max(0)[0]", "cumsum(0)", "var()", "norm()",
    "logsumexp(0)", "softmax(0)", "sort(0)[0]", "min(-1).values", "sum(0, keepdim=True)", "mean(-1)",
)  # fmt: skip
OTHERS = (
    "lib.cat([{a}, {b}])", "lib.stack([{a}, {b}])", "lib.where({a} > 1, {a}, {b})", "{a} @ {b}",
    "{a}[lib.tensor([0, 0])]", "{a}.index_select(0, lib.tensor([0]))", "{a}[{a} > 1]", "{a}.masked_fill({a} > 1, 0.0)",
    "{a}.flip(0)", "{a}.repeat(2, 1)", "{a}.lerp({b}, 0.3)", "{a}.clamp(0.0, 1.0)", "lib.zeros_like({a})",
    "{a}.double()", "{a}.roll(1, 0)", "{a} * 2.0", "2.0 - {a}", "{a} ** 2", "{a}.addcmul({b}, {b})",
)  # fmt: skip
HOOKS = ("{a}.retain_grad()", "hook({a}, '{a}')", "doubling_hook({a})", "post_hook({a})")
BACKWARD = (
    "{a}.sum().backward()", "{a}.backward()", "{a}.backward(lib.ones_like({a}))",
    "{a}.sum().backward(retain_graph=True)", "({a} * {a}).sum().backward(create_graph=True)",
    "({a} * {a}).sum().backward()", "{a}.sum().backward(inputs=[{b}])",
)  # fmt: skip
GRADS = (
    "lib.autograd.grad({a}.sum(), {b})[0]", "lib.autograd.grad({a}.sum(), {b}, allow_unused=True)[0]",
    "lib.autograd.grad(({a} * {a}).sum(), {b}, create_graph=True)[0]",
    "lib.autograd.grad({a}.sum(), [{b}], retain_graph=True, materialize_grads=True)[0]", "{a}.grad",
)  # fmt: skip
MODES = ("no_grad", "inference_mode", "enable_grad")
IN_MODE = (
    "{v} = {a} * 2",
    "{v} = {a}.view(-1)",
    "{a}.mul_(2)",
    "{v} = {a}.detach()",
    "{v} = {a}[0]",
    "{v} = {a}.clone()",
)


def _statement(kind: str, pick: Any) -> tuple[str, bool]:
    """A template with {v}, {a}, {b}, and whether it makes a new variable."""
    if kind == "write":
        return pick(WRITES), False
    if kind == "hook":
        return pick(HOOKS), False
    if kind == "backward":
        return pick(BACKWARD), False
    if kind == "mode":
        inside = pick(IN_MODE)
        return f"with lib.{pick(MODES)}(): {inside}", "{v}" in inside
    made = {
        "unary": lambda: "{a}." + pick(UNARY) + "()",
        "binary": lambda: "{a}." + pick(BINARY) + "({b})",
        "view": lambda: "{a}" + pick(VIEWS),
        "reduction": lambda: "{a}." + pick(REDUCTIONS),
        "other": lambda: pick(OTHERS),
        "grad": lambda: pick(GRADS),
    }[kind]()
    return "{v} = " + made, True


KINDS = (
    ["unary"] * 2 + ["binary"] * 2 + ["view"] * 2 + ["write"] * 3 + ["reduction", "other", "hook"] + ["backward"] * 2
    + ["grad", "mode"]
)  # fmt: skip


@st.composite
def programs(draw: Any, steps: int = 12) -> tuple[str, ...]:
    """Up to three leaves, then up to `steps` statements, mostly about recent variables."""

    def pick(options: Sequence[Any]) -> Any:
        return draw(st.sampled_from(options))

    lines = [
        f"v{number} = make({pick(SHAPES)}, {number + 1}, {pick([True, True, False])})"
        for number in range(draw(st.integers(1, 3)))
    ]
    count = len(lines)
    for _ in range(draw(st.integers(1, steps))):
        template, new = _statement(pick(KINDS), pick)
        a = max(count - 1 - draw(st.integers(0, 3)), 0)
        b = draw(st.integers(0, count - 1))
        lines.append(template.format(v=f"v{count}", a=f"v{a}", b=f"v{b}"))
        count += new
    return tuple(lines)


@dataclass
class Step:
    """What can be seen after one line."""

    line: str
    error: str = ""
    message: str = ""
    seen: dict[str, Any] = field(default_factory=dict)


def run(lib: Any, program: Sequence[str]) -> list[Step]:
    """The program on torch or on the reference."""
    log: list[Any] = []

    def make(shape: tuple[int, ...], seed: int, requires_grad: bool) -> Any:
        values = (np.arange(int(np.prod(shape))) * 0.37 + seed * 0.61 + 0.3).reshape(shape)
        return lib.tensor(values.tolist(), dtype=lib.float64, requires_grad=requires_grad)

    def hook(tensor: Any, name: str) -> None:
        tensor.register_hook(lambda grad: log.append((name, np.round(grad.detach().numpy(force=True), 6).tolist())))

    scope: dict[str, Any] = {
        "lib": lib,
        "make": make,
        "hook": hook,
        "doubling_hook": lambda tensor: tensor.register_hook(lambda grad: grad * 2),
        "post_hook": lambda tensor: tensor.register_post_accumulate_grad_hook(lambda leaf: log.append("post")),
    }
    gradients = {line.split(" = ")[0] for line in program if ".grad(" in line or line.endswith(".grad")}
    first: dict[str, int] = {}
    steps = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for line in program:
            step = Step(line)
            try:
                exec(line, scope)
            except Exception as error:
                step.error, step.message = error_class(error), str(error)
            tensors = {name: each for name, each in scope.items() if name[0] == "v" and isinstance(each, lib.Tensor)}
            step.seen = {name: facts(name, each, first, name in gradients) for name, each in tensors.items()}
            step.seen["memory"] = sharing(tensors)
            step.seen["hooks"] = list(log)
            steps.append(step)
            lib.set_grad_enabled(True)
    return steps


def error_class(error: Exception) -> str:
    """The class by which a user would catch it."""
    if isinstance(error, RuntimeError):
        return "RuntimeError"
    if isinstance(error, AttributeError) and "NoneType" in str(error):
        return "TypeError"
    return type(error).__name__


def facts(name: str, tensor: Any, first: dict[str, int], is_gradient: bool) -> dict[str, Any]:
    """Everything that can be seen of a tensor."""

    def see(look: Any) -> Any:
        try:
            return look(tensor)
        except Exception as error:
            return f"raises {error_class(error)}"

    found = {
        "values": see(lambda t: t.detach().numpy(force=True).copy()),
        "dtype": see(lambda t: str(t.dtype)),
        "requires_grad": see(lambda t: t.requires_grad),
        "is_leaf": see(lambda t: t.is_leaf),
        "has grad_fn": see(lambda t: t.grad_fn is not None),
        "retains_grad": see(lambda t: t.retains_grad),
        "is_inference": see(lambda t: t.is_inference()),
        "grad": see(lambda t: None if t.grad is None else t.grad.detach().numpy(force=True).copy()),
        "grad requires grad": see(lambda t: t.grad is not None and t.grad.requires_grad),
    }
    if not is_gradient:
        found["writes"] = see(lambda t: t._version - first.setdefault(name, t._version))
        found["is view"] = see(lambda t: t._is_view())
    return found


def sharing(tensors: dict[str, Any]) -> list[list[str]]:
    """The groups of names whose tensors lie in one storage."""
    groups: dict[int, list[str]] = {}
    for name, each in tensors.items():
        if each.numel():
            groups.setdefault(each.untyped_storage().data_ptr(), []).append(name)
    return sorted(groups.values())


def same(first: Any, second: Any) -> bool:
    """Equal, floats nearly."""
    if isinstance(first, np.ndarray):
        return (
            isinstance(second, np.ndarray)
            and first.shape == second.shape
            and bool(np.allclose(first, second, rtol=1e-6, atol=1e-8, equal_nan=True))
        )
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(same(a, b) for a, b in zip(first, second, strict=True))
    if isinstance(first, float) and isinstance(second, float):
        return bool(np.isclose(first, second, rtol=1e-5, atol=1e-6, equal_nan=True))
    return bool(first == second)


def difference(expected: Sequence[Step], found: Sequence[Step]) -> str:
    """The first thing in which two runs differ, in words; empty when there is none."""
    for theirs, ours in zip(expected, found, strict=True):
        if theirs.error != ours.error:
            return f"{theirs.line}: torch {theirs.error or 'runs'} ({theirs.message}), the reference {ours.error or 'runs'} ({ours.message})"  # noqa: E501
        for name in theirs.seen:
            for fact in theirs.seen[name] if isinstance(theirs.seen[name], dict) else [None]:
                expected_fact = theirs.seen[name] if fact is None else theirs.seen[name][fact]
                found_fact = ours.seen.get(name) if fact is None else ours.seen.get(name, {}).get(fact)
                if not same(expected_fact, found_fact):
                    return (
                        f"after {theirs.line}: {name} {fact or ''}: torch {expected_fact}, the reference {found_fact}"
                    )
    return ""
