"""Layers on the reference and on torch, made from the same seed and fed the same numbers, agree."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from conformance import reference

torch = pytest.importorskip("torch")

# (how to make the layer, sizes of its input)
LAYERS: list[tuple[str, tuple[int, ...]]] = [
    ("nn.Linear(4, 3)", (2, 5, 4)),
    ("nn.Linear(4, 3, bias=False)", (4,)),
    ("nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2)", (2, 4, 9)),
    ("nn.Conv2d(3, 4, (3, 2), padding='same')", (2, 3, 5, 6)),
    ("nn.Conv2d(2, 4, 3, padding=2, padding_mode='reflect')", (2, 2, 5, 6)),
    ("nn.Conv2d(2, 4, 3, padding=1, padding_mode='circular', bias=False)", (2, 5, 6)),
    ("nn.Conv3d(2, 3, 2)", (2, 2, 3, 4, 3)),
    ("nn.ConvTranspose1d(3, 4, 3, stride=2, padding=1, output_padding=1)", (2, 3, 5)),
    ("nn.ConvTranspose2d(4, 6, 3, stride=3, groups=2, dilation=2)", (2, 4, 3, 4)),
    ("nn.ConvTranspose3d(2, 3, 2)", (1, 2, 2, 3, 2)),
    ("nn.MaxPool1d(3, stride=2, padding=1)", (2, 3, 8)),
    ("nn.MaxPool2d(2, ceil_mode=True)", (2, 3, 5, 7)),
    ("nn.MaxPool2d(3, 1, dilation=2)", (3, 7, 8)),
    ("nn.MaxPool3d(2)", (1, 2, 4, 4, 4)),
    ("nn.AvgPool1d(3, 2, padding=1)", (2, 3, 8)),
    ("nn.AvgPool2d(3, 2, padding=1, ceil_mode=True, count_include_pad=False)", (2, 3, 6, 7)),
    ("nn.AvgPool2d(2, divisor_override=3)", (3, 6, 7)),
    ("nn.AvgPool3d(2)", (1, 2, 4, 4, 4)),
    ("nn.LPPool1d(3, 2)", (2, 3, 6)),
    ("nn.LPPool2d(2, 2)", (2, 3, 6, 6)),
    ("nn.AdaptiveAvgPool1d(3)", (2, 3, 8)),
    ("nn.AdaptiveAvgPool2d((2, None))", (2, 3, 5, 4)),
    ("nn.AdaptiveMaxPool2d((3, 2))", (2, 3, 5, 4)),
    ("nn.BatchNorm1d(3)", (5, 3)),
    ("nn.BatchNorm1d(3, momentum=None)", (5, 3, 4)),
    ("nn.BatchNorm2d(3, affine=False, eps=0.1)", (2, 3, 4, 2)),
    ("nn.BatchNorm2d(3, track_running_stats=False)", (2, 3, 4, 2)),
    ("nn.BatchNorm3d(2)", (2, 2, 2, 3, 2)),
    ("nn.InstanceNorm1d(3)", (2, 3, 5)),
    ("nn.InstanceNorm2d(3, affine=True, track_running_stats=True)", (2, 3, 4, 5)),
    ("nn.LayerNorm(4)", (2, 3, 4)),
    ("nn.LayerNorm([3, 4], bias=False)", (2, 3, 4)),
    ("nn.GroupNorm(2, 4)", (2, 4, 5)),
    ("nn.RMSNorm(4)", (2, 3, 4)),
    ("nn.LocalResponseNorm(3)", (2, 5, 4)),
    ("nn.Dropout(0.3)", (4, 5)),
    ("nn.Dropout1d(0.3)", (4, 5, 3)),
    ("nn.Dropout2d(0.3)", (4, 5, 3, 2)),
    ("nn.Dropout3d(0.3)", (4, 5, 3, 2, 1)),
    ("nn.AlphaDropout(0.3)", (4, 5)),
    ("nn.FeatureAlphaDropout(0.3)", (4, 5, 3)),
    ("nn.CELU(0.7)", (4, 5)),
    ("nn.ELU(0.7)", (4, 5)),
    ("nn.GELU()", (4, 5)),
    ("nn.GELU('tanh')", (4, 5)),
    ("nn.GLU()", (4, 6)),
    ("nn.Hardshrink()", (4, 5)),
    ("nn.Hardsigmoid()", (4, 5)),
    ("nn.Hardswish()", (4, 5)),
    ("nn.Hardtanh(-0.5, 0.7)", (4, 5)),
    ("nn.LeakyReLU(0.2)", (4, 5)),
    ("nn.LogSigmoid()", (4, 5)),
    ("nn.LogSoftmax(1)", (4, 5)),
    ("nn.Mish()", (4, 5)),
    ("nn.PReLU(5)", (4, 5)),
    ("nn.RReLU()", (4, 5)),
    ("nn.ReLU6()", (4, 5)),
    ("nn.SELU()", (4, 5)),
    ("nn.SiLU()", (4, 5)),
    ("nn.Softmax(0)", (4, 5)),
    ("nn.Softmax2d()", (2, 3, 4, 5)),
    ("nn.Softmin(1)", (4, 5)),
    ("nn.Softplus(2.0, 1.0)", (4, 5)),
    ("nn.Softshrink(0.3)", (4, 5)),
    ("nn.Softsign()", (4, 5)),
    ("nn.Tanhshrink()", (4, 5)),
    ("nn.Threshold(0.1, 20.0)", (4, 5)),
    ("nn.ConstantPad2d((1, 2, -1, 0), 3.5)", (1, 2, 3, 4)),
    ("nn.ReflectionPad1d(2)", (2, 3, 4)),
    ("nn.ReplicationPad2d((1, 2, 0, 1))", (1, 2, 3, 4)),
    ("nn.CircularPad1d((1, 2))", (1, 2, 3)),
    ("nn.CircularPad1d((2, -1))", (1, 2, 3)),
    ("nn.GroupNorm(2, 4)", (0, 4, 5)),
    ("nn.MaxPool1d(2)", (0, 2, 4)),
    ("nn.Upsample(scale_factor=2)", (1, 2, 3, 2)),
    ("nn.Flatten(1, 2)", (2, 3, 4, 5)),
    ("nn.Unflatten(1, (2, 2))", (2, 4, 3)),
    ("nn.LazyLinear(3)", (2, 5)),
    ("nn.LazyConv2d(3, 2)", (2, 4, 3, 3)),
    ("nn.LazyBatchNorm1d()", (4, 3)),
    ("nn.PixelShuffle(2)", (1, 8, 2, 3)),
    ("nn.PixelUnshuffle(2)", (1, 2, 4, 6)),
    ("nn.ChannelShuffle(2)", (1, 6, 2, 3)),
    ("nn.Unfold((2, 3), dilation=(2, 1), padding=1, stride=(1, 2))", (2, 3, 5, 6)),
    ("nn.Fold((4, 5), (2, 2), padding=1, stride=2)", (2, 8, 9)),
    ("nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Linear(8, 2))", (6, 4)),
]

# Layers that return several tensors, or take states of their own.
RECURRENT: list[tuple[str, tuple[int, ...]]] = [
    ("nn.RNN(3, 4, 2)", (5, 2, 3)),
    ("nn.RNN(3, 4, nonlinearity='relu', bias=False)", (5, 3)),
    ("nn.LSTM(3, 4, 2, bidirectional=True)", (5, 2, 3)),
    ("nn.LSTM(3, 4, batch_first=True, proj_size=2)", (2, 5, 3)),
    ("nn.GRU(3, 4, 2, dropout=0.5, bidirectional=True)", (5, 2, 3)),
    ("nn.RNNCell(3, 4, bias=False)", (2, 3)),
    ("nn.LSTMCell(3, 4)", (3,)),
    ("nn.GRUCell(3, 4)", (2, 3)),
]


def _tensors(output: Any) -> list[Any]:
    return [each for part in output for each in _tensors(part)] if isinstance(output, tuple) else [output]


def _run(t: Any, source: str, sizes: tuple[int, ...]) -> list[tuple[str, Any]]:
    """Two calls in training and one in evaluation, with a backward pass: everything that can be compared."""
    t.manual_seed(7)
    layer = eval(source, {"nn": t.nn})
    seen: list[tuple[str, Any]] = [("repr before", repr(layer))]
    x = t.tensor(np.random.default_rng(3).standard_normal(sizes).astype(np.float32), requires_grad=True)
    for number in range(3):
        if number == 2:
            layer.eval()
        for y in _tensors(layer(x)):
            seen.append((f"output {number}", y))
            weight = t.arange(1.0, y.numel() + 1).reshape(y.shape) / y.numel()
            (y * y * weight).sum().backward(retain_graph=True)
    seen.append(("gradient of the input", x.grad))
    seen += [(name, parameter) for name, parameter in layer.named_parameters()]
    seen += [(f"gradient of {name}", parameter.grad) for name, parameter in layer.named_parameters()]
    seen += [(name, buffer) for name, buffer in layer.named_buffers()]
    seen.append(("repr after", repr(layer)))
    return seen


@pytest.mark.parametrize(("source", "sizes"), LAYERS + RECURRENT, ids=[source for source, _ in LAYERS + RECURRENT])
def test_layer_agrees_with_torch(source: str, sizes: tuple[int, ...]) -> None:
    """Outputs, gradients, first parameters, buffers and repr are torch's, in training and in evaluation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = _run(reference, source, sizes), _run(torch, source, sizes)
    assert [name for name, _ in ours] == [name for name, _ in theirs]
    for (name, found), (_, expected) in zip(ours, theirs, strict=True):
        if isinstance(expected, str):
            assert found == expected
        else:
            array = expected.detach().numpy()
            assert found.shape == expected.shape, name
            np.testing.assert_allclose(found.detach().numpy(), array, rtol=2e-5, atol=2e-6, err_msg=name)


def test_adaptive_softmax_agrees_with_torch() -> None:
    """Output, loss, gradients and predictions of the adaptive softmax are torch's."""
    results = []
    for t in (reference, torch):
        t.manual_seed(3)
        layer = t.nn.AdaptiveLogSoftmaxWithLoss(8, 12, [4, 9], div_value=2.0)
        x = t.tensor(np.random.default_rng(3).standard_normal((5, 8)).astype(np.float32))
        output, loss = layer(x, t.tensor([0, 3, 5, 11, 9]))
        loss.backward()
        seen = [output, loss, layer.predict(x), layer.log_prob(x), *[each.grad for each in layer.parameters()]]
        results.append([each.detach().numpy() for each in seen])
    for found, expected in zip(*results, strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)
