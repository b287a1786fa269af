"""The library's own tests: that it computes the right numbers. How it behaves is the conformance suite's to say."""

import numpy as np
import rushlight as torch


def numeric(f, x, eps=1e-6):
    """Central differences of a function to one number."""
    grad = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = eps
        high, low = (f(torch.tensor(x + s, dtype=torch.float64)).item() for s in (step, -step))
        grad[i] = (high - low) / (2 * eps)
    return grad


def test_gradients_are_the_slopes():
    x = np.array([[0.5, -1.5, 3.0], [2.5, 0.75, -0.25]])
    for f in (
        lambda x: (x * x / (x + 7)).sum(),
        lambda x: (x.exp() - x).mean(),
        lambda x: ((x.reshape(3, 2) @ x).relu() ** 2).sum(0)[1],
    ):
        leaf = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        f(leaf).backward()
        np.testing.assert_allclose(leaf.grad.array, numeric(f, x), rtol=1e-5)


def test_a_small_network_learns():
    torch.manual_seed(7)
    x = torch.randn(64, 3)
    y = x[:, :1] * 2 - x[:, 1:2]
    net = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 20
