"""Optimizers and schedules on the reference and on torch take the same steps."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from conformance import reference

torch = pytest.importorskip("torch")

OPTIMIZERS = [
    "SGD(p, lr=0.1)",
    "SGD(p, lr=0.1, momentum=0.9, dampening=0.2, weight_decay=0.1)",
    "SGD(p, lr=0.1, momentum=0.9, nesterov=True, maximize=True)",
    "SGD([{'params': p[:1], 'lr': 0.5}, {'params': p[1:]}], lr=0.1, momentum=0.5)",
    "Adam(p, lr=0.1)",
    "Adam(p, lr=0.1, betas=(0.5, 0.7), eps=0.1, weight_decay=0.2, amsgrad=True)",
    "Adam(p, lr=0.1, weight_decay=0.2, decoupled_weight_decay=True, maximize=True)",
    "AdamW(p, lr=0.1)",
    "AdamW(p, lr=0.1, amsgrad=True, weight_decay=0.3)",
    "Adamax(p, lr=0.1, weight_decay=0.1)",
    "NAdam(p, lr=0.1, weight_decay=0.1)",
    "NAdam(p, lr=0.1, weight_decay=0.1, decoupled_weight_decay=True)",
    "RAdam(p, lr=0.1, betas=(0.5, 0.8), weight_decay=0.1)",
    "RMSprop(p, lr=0.1)",
    "RMSprop(p, lr=0.1, momentum=0.5, centered=True, weight_decay=0.1)",
    "Adagrad(p, lr=0.1, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.2)",
    "Adadelta(p, lr=0.5, rho=0.7, weight_decay=0.1)",
    "Rprop(p, lr=0.1, etas=(0.4, 1.5), step_sizes=(0.05, 0.3))",
]


def _train(t: Any, source: str, steps: int = 8) -> tuple[list[Any], Any]:
    values = np.random.default_rng(2).standard_normal((2, 3)).astype(np.float32)
    p = [t.tensor(row, requires_grad=True) for row in values]
    optimizer = eval(source, {**vars(t.optim), "p": p})
    for step in range(steps):
        optimizer.zero_grad()
        ((p[0] - step) ** 2 + p[1] * p[0] * 0.3).sum().backward()
        optimizer.step()
    return p, optimizer


@pytest.mark.parametrize("source", OPTIMIZERS)
def test_optimizer_takes_the_steps_of_torch(source: str) -> None:
    """Parameters, state and options after eight steps are torch's."""
    (ours, our_optimizer), (theirs, their_optimizer) = (_train(t, source) for t in (reference, torch))
    for found, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=2e-6, atol=1e-6)
    found, expected = our_optimizer.state_dict(), their_optimizer.state_dict()
    assert found["param_groups"] == expected["param_groups"]
    assert found["state"].keys() == expected["state"].keys()
    for number, state in expected["state"].items():
        assert {key for key, value in found["state"][number].items() if value is not None} == {
            key for key, value in state.items() if value is not None
        }
        for key, value in state.items():
            if value is not None:
                np.testing.assert_allclose(found["state"][number][key].numpy(), value.numpy(), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("source", [*OPTIMIZERS, "LBFGS(p)"])
def test_optimizer_prints_and_saves_as_torch(source: str) -> None:
    """A fresh optimizer has torch's options, text and groups."""
    found, expected = (_train(t, source, steps=0)[1] for t in (reference, torch))
    assert repr(found) == repr(expected)
    assert found.defaults == expected.defaults


def test_lbfgs_minimises_as_torch() -> None:
    """Two steps of L-BFGS on a quartic end where torch's end, and return the first loss."""
    results = []
    for t in (reference, torch):
        x = t.tensor([3.0, -2.0], requires_grad=True)
        optimizer = t.optim.LBFGS([x], lr=0.5, max_iter=6, history_size=3)

        def closure(t: Any = t, x: Any = x, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = (x**4).sum() + (x[0] * x[1] - 1) ** 2
            loss.backward()
            return loss

        losses = [optimizer.step(closure).item() for _ in range(2)]
        results.append([*losses, *x.detach().tolist()])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4)


SCHEDULES = [
    "StepLR(o, 3, gamma=0.5)",
    "MultiStepLR(o, [2, 2, 5], gamma=0.5)",
    "ExponentialLR(o, 0.8)",
    "LambdaLR(o, lambda e: 1 / (e + 1))",
    "MultiplicativeLR(o, lambda e: 0.5 + 0.1 * e)",
    "ConstantLR(o, 0.4, total_iters=3)",
    "LinearLR(o, 0.2, 0.9, total_iters=4)",
    "PolynomialLR(o, 6, power=2)",
    "CosineAnnealingLR(o, 4, eta_min=0.01)",
    "CosineAnnealingWarmRestarts(o, 2, T_mult=2)",
    "OneCycleLR(o, 0.5, total_steps=12)",
    "OneCycleLR(o, 0.5, epochs=4, steps_per_epoch=3, three_phase=True, anneal_strategy='linear')",
    "SequentialLR(o, [ConstantLR(o, 0.1, 2), ExponentialLR(o, 0.9), StepLR(o, 2)], [3, 6])",
    "swa.SWALR(o, 0.05, anneal_epochs=4)",
    "swa.SWALR(o, 0.05, anneal_epochs=6, anneal_strategy='linear')",
    "swa.SWALR(o, 0.05, anneal_epochs=0)",
    "ChainedScheduler([ConstantLR(o, 0.1, 2), ExponentialLR(o, 0.9)])",
]


@pytest.mark.parametrize("source", SCHEDULES)
def test_schedule_gives_the_rates_of_torch(source: str) -> None:
    """Eleven epochs' learning rates and momenta, and the saved state, are torch's."""
    results, states = [], []
    for t in (reference, torch):
        p = t.ones(1, requires_grad=True)
        o = t.optim.SGD([p], lr=0.3, momentum=0.9)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scheduler = eval(source, {**vars(t.optim.lr_scheduler), "o": o, "swa": t.optim.swa_utils})
        rates = []
        for _ in range(11):
            rates.append([o.param_groups[0]["lr"], o.param_groups[0]["momentum"], *scheduler.get_last_lr()])
            o.step()
            scheduler.step()
        results.append(rates)
        states.append({key for key in scheduler.state_dict() if not key.startswith("_")})
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12)
    assert states[0] == states[1]


@pytest.mark.parametrize(
    "options", ["", "mode='max'", "threshold_mode='abs', threshold=0.2", "cooldown=2, min_lr=0.02"]
)
def test_plateau_reduces_as_torch(options: str) -> None:
    """ReduceLROnPlateau reduces in the epochs in which torch's does."""
    metrics = [3.0, 2.0, 2.1, 1.99995, 1.9, 1.95, 1.92, 2.5, 2.6, 2.7, 2.8, 0.5, 0.6, 0.7, 0.8, 0.9]
    rates = []
    for t in (reference, torch):
        o = t.optim.SGD([t.ones(1, requires_grad=True)], lr=0.3)
        scheduler = eval(
            f"S(o, patience=1, factor=0.5, {options})", {"S": t.optim.lr_scheduler.ReduceLROnPlateau, "o": o}
        )
        rates.append([])
        for metric in metrics:
            scheduler.step(metric)
            rates[-1].append(o.param_groups[0]["lr"])
    assert rates[0] == rates[1]


REFUSED = [
    "SGD(p[0], lr=0.1)",
    "SGD([], lr=0.1)",
    "SGD([p[0] * 2], lr=0.1)",
    "SGD([3.0], lr=0.1)",
    "SGD([{'params': {*p}}], lr=0.1)",
    "SGD([{'params': p}, {'params': p[:1]}], lr=0.1)",
    "SGD([('a', p[0]), p[1]], lr=0.1)",
    "SGD(p, lr=-1)",
    "SGD(p, lr=0.1, nesterov=True)",
    "SGD(p, lr=0.1, momentum=-1)",
    "SGD(p, lr=0.1).add_param_group([p[0]])",
    "SGD(p, lr=0.1, fused=True, foreach=True)",
    "SGD(p, lr=0.1).load_state_dict({'state': {}, 'param_groups': []})",
    "SGD(p, lr=0.1).load_state_dict(SGD(p[:1], lr=0.1).state_dict())",
    "Adam(p, betas=(1.0, 0.9))",
    "Adam(p, eps=-1)",
    "RMSprop(p, alpha=-1)",
    "Adadelta(p, rho=2)",
    "LBFGS([{'params': p[:1]}, {'params': p[1:]}])",
    "LBFGS(p).step()",
    "lr_scheduler.StepLR(p, 2)",
    "lr_scheduler.StepLR(SGD(p, lr=0.1), 2, last_epoch=3)",
    "lr_scheduler.LambdaLR(SGD(p, lr=0.1), [lambda e: e] * 2)",
    "lr_scheduler.ConstantLR(SGD(p, lr=0.1), factor=2)",
    "lr_scheduler.LinearLR(SGD(p, lr=0.1), start_factor=0)",
    "lr_scheduler.SequentialLR(SGD(p, lr=0.1), [], [])",
    "lr_scheduler.ReduceLROnPlateau(SGD(p, lr=0.1), factor=1)",
    "lr_scheduler.ReduceLROnPlateau(SGD(p, lr=0.1), mode='up')",
    "lr_scheduler.OneCycleLR(SGD(p, lr=0.1), 0.1)",
    "lr_scheduler.CosineAnnealingWarmRestarts(SGD(p, lr=0.1), 0)",
]


@pytest.mark.parametrize("source", REFUSED)
def test_wrong_use_is_refused_with_the_same_class_of_error(source: str) -> None:
    """What torch refuses, the reference refuses with the same exception class."""
    raised = []
    for t in (torch, reference):
        p = [t.ones(2, requires_grad=True), t.ones(3, requires_grad=True)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(Exception) as caught:
                eval(source, {**vars(t.optim), "p": p})
        raised.append(caught.type)
    assert raised[1] is raised[0]


def test_state_dict_round_trip_resumes_exactly() -> None:
    """Training that is saved, loaded and continued equals training in one go."""
    straight, _ = _train(reference, "Adam(p, lr=0.1, amsgrad=True)", steps=8)
    p, optimizer = _train(reference, "Adam(p, lr=0.1, amsgrad=True)", steps=4)
    resumed = reference.optim.Adam(p, lr=0.7)
    resumed.load_state_dict(optimizer.state_dict())
    for step in range(4, 8):
        resumed.zero_grad()
        ((p[0] - step) ** 2 + p[1] * p[0] * 0.3).sum().backward()
        resumed.step()
    assert [each.tolist() for each in p] == [each.tolist() for each in straight]


def test_step_hooks_run_around_the_step_and_may_be_removed() -> None:
    """A pre-hook sees the parameter before the step, a post-hook after it."""
    p = reference.ones(1, requires_grad=True)
    optimizer = reference.optim.SGD([p], lr=0.5)
    seen: list[Any] = []
    handle = optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(("before", p.item())))
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(("after", p.item())))
    p.grad = reference.ones(1)
    optimizer.step()
    handle.remove()
    optimizer.step()
    assert seen == [("before", 1.0), ("after", 0.5), ("after", 0.0)]
