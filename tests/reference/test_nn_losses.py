"""Losses on the reference and on torch give the same values, gradients and classes of error."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from conformance import reference

torch = pytest.importorskip("torch")

# Expressions over: a, b (4, 3) real; p, q probabilities; n, m (4,); c classes (4,); s signs (4,) of 1 and -1.
LOSSES = [
    *[
        f"F.{name}(a, b, reduction='{reduction}'{options})"
        for name, options in (
            ("mse_loss", ""),
            ("l1_loss", ""),
            ("smooth_l1_loss", ""),
            ("smooth_l1_loss", ", beta=0.3"),
            ("smooth_l1_loss", ", beta=0"),
            ("huber_loss", ", delta=0.4"),
        )
        for reduction in ("mean", "sum", "none")
    ],
    *[
        f"F.{name}(a{softmax}, c, reduction='{reduction}'{options})"
        for name, softmax in (("nll_loss", ".log_softmax(1)"), ("cross_entropy", ""))
        for reduction in ("mean", "sum", "none")
        for options in ("", ", weight=w", ", ignore_index=1", ", weight=w, ignore_index=2")
    ],
    *[
        f"F.cross_entropy(a, c, label_smoothing=0.2, reduction='{reduction}'{options})"
        for reduction in ("mean", "sum", "none")
        for options in ("", ", weight=w, ignore_index=2")
    ],
    "F.cross_entropy(a, b.softmax(1))",
    "F.cross_entropy(a, b.softmax(1), weight=w, label_smoothing=0.1, reduction='none')",
    "F.cross_entropy(a[0], c[0])",
    "F.cross_entropy(a.reshape(2, 3, 2), c.reshape(2, 2), weight=w)",
    "F.cross_entropy(a, c * 0 - 100)",
    "F.binary_cross_entropy(p, q)",
    "F.binary_cross_entropy(p, q, weight=w.reshape(1, 3), reduction='sum')",
    "F.binary_cross_entropy(p.round(), q)",
    "F.binary_cross_entropy_with_logits(a, q)",
    "F.binary_cross_entropy_with_logits(a * 60, q, pos_weight=w, weight=w, reduction='none')",
    "F.kl_div(a.log_softmax(1), q, reduction='batchmean')",
    "F.kl_div(a.log_softmax(1), b.log_softmax(1), log_target=True, reduction='sum')",
    "F.kl_div(a.log_softmax(1), q.round(), reduction='none')",
    "F.poisson_nll_loss(a, q * 3, full=True)",
    "F.poisson_nll_loss(p, q * 3, log_input=False, reduction='none')",
    "F.gaussian_nll_loss(a, b, q, full=True)",
    "F.soft_margin_loss(n, s)",
    "F.hinge_embedding_loss(n, s)",
    "F.margin_ranking_loss(n, m, s, margin=0.3)",
    "F.cosine_embedding_loss(a, b, s, margin=0.1)",
    "F.multi_margin_loss(a, c, weight=w)",
    "F.multi_margin_loss(a, c, p=2, margin=0.5, reduction='none')",
    "F.multilabel_soft_margin_loss(a, q, weight=w)",
    "F.triplet_margin_loss(a, b, b.flip(0), swap=True)",
    "F.cosine_similarity(a, b)",
    "F.pairwise_distance(a, b, p=1, keepdim=True)",
    "nn.CrossEntropyLoss(weight=w, label_smoothing=0.1)(a, c)",
    "nn.MSELoss(reduction='sum')(a, b)",
    "nn.L1Loss(size_average=False)(a, b)",
    "nn.BCEWithLogitsLoss(pos_weight=w)(a, q)",
    "nn.NLLLoss(ignore_index=0)(a, c)",
    "nn.KLDivLoss()(a, q)",
    "nn.HuberLoss(delta=0.2)(a, b)",
    "nn.SmoothL1Loss(beta=0.2)(a, b)",
    "nn.TripletMarginLoss()(a, b, b.flip(0))",
    "nn.GaussianNLLLoss()(a, b, q)",
    "F.mse_loss(a, b[:1])",
]

REFUSED = [
    "F.mse_loss(a, b, reduction='average')",
    "F.mse_loss(a, b[:, :2])",
    "F.cross_entropy(a, c + 3)",
    "F.cross_entropy(a, c - 5)",
    "F.cross_entropy(a, c[:2])",
    "F.cross_entropy(a, c.int())",
    "F.cross_entropy(a, n.detach())",
    "F.cross_entropy(a, c, weight=w[:2])",
    "F.cross_entropy(a, c, weight=w.double())",
    "F.cross_entropy(a, c, label_smoothing=2)",
    "F.nll_loss(a, b)",
    "F.binary_cross_entropy(a * 9, q)",
    "F.binary_cross_entropy(p, q[:2])",
    "F.binary_cross_entropy(p, c)",
    "F.binary_cross_entropy_with_logits(a, q[:1])",
    "F.smooth_l1_loss(a, b, beta=-1)",
    "F.huber_loss(a, b, delta=0)",
    "F.gaussian_nll_loss(a, b, -q)",
    "F.soft_margin_loss(n, m)",
    "nn.MultiMarginLoss(p=3)",
    "nn.TripletMarginLoss(margin=-1)",
]


def _names(t: Any) -> dict[str, Any]:
    rng = np.random.default_rng(5)

    def real(*sizes: int) -> Any:
        return t.tensor(rng.standard_normal(sizes).astype(np.float32), requires_grad=True)

    def probability(*sizes: int) -> Any:
        return t.tensor(rng.uniform(0.05, 0.95, sizes).astype(np.float32))

    a, b, n, m = real(4, 3), real(4, 3), real(4), real(4)
    return {
        "F": t.nn.functional,
        "nn": t.nn,
        "a": a,
        "b": b,
        "n": n,
        "m": m,
        "p": probability(4, 3).requires_grad_(),
        "q": probability(4, 3),
        "c": t.tensor([0, 2, 1, 2]),
        "s": t.tensor([1.0, -1.0, 1.0, -1.0]),
        "w": t.tensor([0.5, 1.0, 2.0]),
    }


@pytest.mark.parametrize("source", LOSSES)
def test_loss_agrees_with_torch(source: str) -> None:
    """Value and every gradient are torch's."""
    results = []
    for t in (reference, torch):
        names = _names(t)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loss = eval(source, names)
            loss.sum().backward()
        gradients = [names[key].grad for key in "abnmp"]
        results.append([loss.detach(), *gradients])
    for found, expected in zip(*results, strict=True):
        assert (found is None) == (expected is None)
        if expected is not None:
            assert found.shape == expected.shape
            np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=3e-5, atol=2e-6)


@pytest.mark.parametrize("source", REFUSED)
def test_wrong_use_is_refused_with_the_same_class_of_error(source: str) -> None:
    """What torch refuses, the reference refuses with the same exception class."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(Exception) as expected:
            eval(source, _names(torch))
        with pytest.raises(Exception) as found:
            eval(source, _names(reference))
    assert found.type is expected.type


@pytest.mark.parametrize("source", ["F.mse_loss(a, b[:1])", "F.l1_loss(a, b[:1])", "F.kl_div(a, q)"])
def test_doubtful_use_warns(source: str) -> None:
    """Targets of another size and the ambiguous mean of kl_div give a UserWarning."""
    with pytest.warns(UserWarning, match="size|batchmean"):
        eval(source, _names(reference))
