"""A seed means on the reference what it means to torch's CPU generator, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conformance import reference

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.skipif(
    torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"),
    reason="the vectorised normal numbers are those of x86-64 with AVX2",
)

FLOATING = ["float32", "float64", "float16", "bfloat16"]
COUNTS = [0, 1, 2, 15, 16, 17, 33, 640]

DRAWS = [
    "t.rand(n, dtype=d)",
    "t.randn(n, dtype=d)",
    "t.empty(n, dtype=d).uniform_(-0.3, 0.77)",
    "t.empty(n, dtype=d).normal_(1.3, 0.6)",
    "t.empty(n, dtype=d).bernoulli_(0.3)",
    "t.bernoulli(t.rand(n, dtype=d))",
    "t.empty(n, dtype=d).exponential_(1.7)",
    "t.empty(n, dtype=d).log_normal_(0.3, 1.7)",
    "t.empty(n, dtype=d).geometric_(0.3)",
    "t.empty(n, dtype=d).cauchy_(0.3, 2)",
    "t.empty(n, dtype=d).random_()",
    "t.empty(3, n, dtype=d).t().normal_(2, 5)",
    "t.empty(2 * n, dtype=d)[::2].uniform_(2, 5)",
    "t.rand_like(t.ones(2, n, dtype=d))",
    "t.randn_like(t.ones(2, n, dtype=d))",
    "t.normal(t.arange(n).to(d), t.ones(n, dtype=d) * 2)",
    "t.poisson(t.rand(n, dtype=d) * 30)",
]

OTHER_DRAWS = [
    "t.randint(-7, 90, (n,))",
    "t.randint(0, 1 << 28, (n,))",
    "t.randint(-5, (1 << 40), (n,))",
    "t.randint(5, (n,), dtype=t.uint8)",
    "t.randint(high=9, size=(n,), dtype=t.float32)",
    "t.randint_like(t.ones(n), 3)",
    "t.empty(n, dtype=t.int64).random_()",
    "t.empty(n, dtype=t.int32).random_()",
    "t.empty(n, dtype=t.uint8).random_(3)",
    "t.empty(n, dtype=t.bool).random_()",
    "t.randperm(n)",
    "t.randn(n, dtype=t.complex64)",
    "t.rand(n, dtype=t.complex128)",
    "t.multinomial(t.tensor([0.1, 0.2, 0.7]), 2)",
    "t.multinomial(t.tensor([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]]), 5, replacement=True)",
    "t.nn.functional.dropout(t.ones(3, n), 0.3)",
    "t.nn.functional.dropout2d(t.ones(3, 4, n, 1), 0.3)",
    "t.nn.init.trunc_normal_(t.empty(3, n))",
    "t.nn.init.kaiming_normal_(t.empty(3, n + 1))",
    "t.nn.init.xavier_uniform_(t.empty(3, n + 1))",
    "t.nn.init.sparse_(t.empty(9, n), 0.4)",
]


def _bits(tensor: Any) -> Any:
    if str(tensor.dtype) == "torch.bfloat16":
        tensor = tensor.float()
    return np.ascontiguousarray(tensor.detach().numpy()).view(np.uint8)


def _agree(source: str, n: int, dtype: str) -> None:
    for seed in (0, 42, -3):
        drawn = []
        for t in (reference, torch):
            t.manual_seed(seed)
            first = eval(source, {"t": t, "n": n, "d": getattr(t, dtype)})
            # What was left over of a pair of normal numbers, and where the stream stands.
            drawn.append((first, t.randn(3), t.get_rng_state()))
        for found, expected in zip(*drawn, strict=True):
            assert found.dtype is reference.uint8 or str(found.dtype) == str(expected.dtype)
            np.testing.assert_array_equal(_bits(found), _bits(expected))


@pytest.mark.parametrize("dtype", FLOATING)
@pytest.mark.parametrize("source", DRAWS)
def test_floating_numbers_are_those_of_torch(source: str, dtype: str) -> None:
    """Of every floating type and of counts below and above sixteen, values and the state afterwards are the same."""
    for n in COUNTS:
        _agree(source, n, dtype)


@pytest.mark.parametrize("source", OTHER_DRAWS)
def test_other_draws_are_those_of_torch(source: str) -> None:
    """Integers, permutations, masks and first values are the same, and so is the state afterwards."""
    for n in (1, 5, 40):
        _agree(source, n, "float32")


def test_a_state_taken_from_torch_goes_on_as_there() -> None:
    """The bytes of torch's get_rng_state, kept normal number included, can be loaded."""
    torch.manual_seed(5)
    torch.randn(7)
    reference.set_rng_state(reference.from_numpy(torch.get_rng_state().numpy().copy()))
    assert reference.randn(5).tolist() == torch.randn(5).tolist()


def test_fork_rng_puts_the_stream_back() -> None:
    """What is drawn inside leaves no trace outside."""
    reference.manual_seed(1)
    expected = reference.rand(4).tolist()
    reference.manual_seed(1)
    with reference.random.fork_rng():
        reference.randn(100)
    assert reference.rand(4).tolist() == expected


def test_generators_are_independent() -> None:
    """A generator of one's own neither moves nor follows the default one."""
    reference.manual_seed(1)
    expected = reference.rand(2).tolist()
    generator = reference.Generator().manual_seed(1)
    reference.manual_seed(1)
    assert reference.rand(2, generator=generator).tolist() == expected
    assert reference.rand(2).tolist() == expected


def test_an_accelerator_has_a_stream_of_its_own() -> None:
    """Drawing on a synthetic accelerator does not move the processor's generator."""
    reference.manual_seed(1)
    expected = reference.rand(2).tolist()
    reference.manual_seed(1)
    reference.rand(8, device="accel")
    assert reference.rand(2).tolist() == expected


@pytest.mark.parametrize(
    "source",
    [
        "t.ones(3).uniform_(1, 0)",
        "t.ones(3).normal_(0, -1)",
        "t.ones(3).bernoulli_(2.0)",
        "t.bernoulli(t.tensor([2.0]))",
        "t.randint(3, 3, (2,))",
        "t.randperm(-1)",
        "t.rand(2, dtype=t.int64)",
        "t.randn(2, dtype=t.int64)",
        "t.manual_seed(2**64)",
        "t.multinomial(t.tensor([0.0, 0.0]), 1)",
        "t.multinomial(t.tensor([1.0, -1.0]), 1)",
        "t.multinomial(t.tensor([1.0, 1.0]), 3)",
        "t.multinomial(t.ones(2, 2, 2), 1)",
        "t.set_rng_state(t.zeros(3, dtype=t.uint8))",
        "t.set_rng_state(t.zeros(3))",
        "t.ones(3, requires_grad=True).uniform_()",
        "t.ones(3).exponential_(-1)",
        "t.ones(3).geometric_(2)",
        "t.poisson(t.tensor([-1.0]))",
        "t.poisson(t.tensor([1]))",
    ],
)
def test_wrong_use_is_refused_with_the_same_class_of_error(source: str) -> None:
    """What torch refuses, the reference refuses with the same exception class."""
    raised = []
    for t in (torch, reference):
        with pytest.raises(Exception) as caught:
            eval(source, {"t": t})
        raised.append(caught.type)
    assert raised[1] is raised[0]


def test_a_fill_is_recorded_and_lets_no_gradient_through() -> None:
    """uniform_ on a tensor with history leaves it with history and a gradient of zero."""
    x = reference.ones(3, requires_grad=True)
    y = x * 2
    y.uniform_()
    y.sum().backward()
    assert y.grad_fn is not None
    assert x.grad.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "source", ["t.bernoulli(p)", "t.poisson(p)", "t.normal(p, 1.0)", "t.normal(0.0, p)", "t.normal(p, p)"]
)
def test_sampling_is_recorded_and_lets_no_gradient_through(source: str) -> None:
    """What is drawn by parameters that require grad requires grad; the parameters get zeros."""
    p = reference.full((3,), 0.5, requires_grad=True)
    y = eval(source, {"t": reference, "p": p})
    assert y.requires_grad
    y.sum().backward()
    assert p.grad.tolist() == [0, 0, 0]
