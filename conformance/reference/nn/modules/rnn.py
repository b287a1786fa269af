"""Recurrent layers and their cells, written as a loop over time. Packed sequences are openly lacking.

Gates lie one after the other in the weights: input, forget, cell, output for LSTM; reset, update, new for GRU.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

from conformance.reference.nn import functional as F
from conformance.reference.nn import init
from conformance.reference.nn.modules.module import Module
from conformance.reference.nn.parameter import Parameter
from conformance.reference.operations.combining import cat, stack
from conformance.reference.operations.creation import empty

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell"]

Weights = tuple[Any, ...]
"""(weight_ih, weight_hh, bias_ih or None, bias_hh or None)."""


def _rnn_step(activation: Callable[[Any], Any]) -> Callable[..., Any]:
    def step(x: Any, state: Any, weights: Weights) -> Any:
        w_ih, w_hh, b_ih, b_hh = weights
        return activation(F.linear(x, w_ih, b_ih) + F.linear(state, w_hh, b_hh))

    return step


def _gru_step(x: Any, state: Any, weights: Weights) -> Any:
    w_ih, w_hh, b_ih, b_hh = weights
    from_input, from_state = F.linear(x, w_ih, b_ih).chunk(3, -1), F.linear(state, w_hh, b_hh).chunk(3, -1)
    reset = (from_input[0] + from_state[0]).sigmoid()
    update = (from_input[1] + from_state[1]).sigmoid()
    new = (from_input[2] + reset * from_state[2]).tanh()
    return (state - new) * update + new


def _lstm_step(x: Any, state: tuple[Any, Any], weights: Weights, projection: Any = None) -> tuple[Any, Any]:
    w_ih, w_hh, b_ih, b_hh = weights
    hidden, cell = state
    gates = F.linear(x, w_ih, b_ih) + F.linear(hidden, w_hh, b_hh)
    enter, forget, candidate, leave = gates.chunk(4, -1)
    cell = forget.sigmoid() * cell + enter.sigmoid() * candidate.tanh()
    hidden = leave.sigmoid() * cell.tanh()
    return (hidden if projection is None else F.linear(hidden, projection)), cell


_GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "GRU": 3, "LSTM": 4}
_STEPS: dict[str, Callable[..., Any]] = {
    "RNN_TANH": _rnn_step(lambda x: x.tanh()),
    "RNN_RELU": _rnn_step(lambda x: x.relu()),
    "GRU": _gru_step,
}


def _reset(module: Module, hidden_size: int) -> None:
    bound = 1.0 / math.sqrt(hidden_size) if hidden_size > 0 else 0
    for parameter in module.parameters():
        init.uniform_(parameter, -bound, bound)


class RNNBase(Module):
    """Layers of one kind of recurrence, each in one direction or two."""

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if hidden_size <= 0 or num_layers <= 0:
            raise ValueError("hidden_size and num_layers must be greater than zero")
        if not isinstance(dropout, (int, float)) or isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
            )
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}",
                stacklevel=3,
            )
        if proj_size and (mode != "LSTM" or not 0 <= proj_size < hidden_size):
            raise ValueError("proj_size is for LSTM only, and has to be smaller than hidden_size")
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        self._names: list[list[str]] = []
        gates, output = _GATES[mode] * hidden_size, proj_size or hidden_size
        for layer in range(num_layers):
            for direction in range(2 if bidirectional else 1):
                entering = input_size if layer == 0 else output * (2 if bidirectional else 1)
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (gates, entering), "weight_hh": (gates, output)}
                if bias:
                    shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                suffix = f"_l{layer}" + ("_reverse" if direction else "")
                self._names.append([f"{name}{suffix}" for name in shapes])
                for name, shape in shapes.items():
                    setattr(self, f"{name}{suffix}", Parameter(empty(shape, device=device, dtype=dtype)))
        self.reset_parameters()

    @property
    def all_weights(self) -> list[list[Any]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._names]

    def reset_parameters(self) -> None:
        """Draw every parameter uniformly within 1 / sqrt(hidden_size)."""
        _reset(self, self.hidden_size)

    def flatten_parameters(self) -> None:
        """Nothing: there is one layout in memory only."""

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """Input (L, N, features), or (N, L, features) if batch_first, or (L, features) -> output and last states."""
        if input.dim() not in (2, 3):
            raise ValueError(f"{self.mode}: Expected input to be 2D or 3D, got {input.dim()}D instead")
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.shape[-1]}"
            )
        batched = input.dim() == 3
        x = input if batched else input.unsqueeze(1)
        if self.batch_first and batched:
            x = x.transpose(0, 1)
        states = self._first_states(x, hx, batched)
        output, last = self._run_layers(x, states)
        stacked: list[Any] = [stack(each) for each in zip(*last)]
        if not batched:
            output, stacked = output.squeeze(1), [each.squeeze(1) for each in stacked]
        elif self.batch_first:
            output = output.transpose(0, 1)
        return output, tuple(stacked) if self.mode == "LSTM" else stacked[0]

    def _first_states(self, x: Any, hx: Any, batched: bool) -> list[tuple[Any, ...]]:
        """The states of each layer and direction at the start: (hidden,) or (hidden, cell)."""
        sizes = [self.proj_size or self.hidden_size] + ([self.hidden_size] if self.mode == "LSTM" else [])
        count = len(self._names)
        if hx is None:
            return [tuple(x.new_zeros(x.shape[1], size) for size in sizes) for _ in range(count)]
        given = hx if self.mode == "LSTM" else (hx,)
        given = given if batched else tuple(each.unsqueeze(1) for each in given)
        for each, size in zip(given, sizes):
            expected = (count, x.shape[1], size)
            if tuple(each.shape) != expected:
                raise RuntimeError(f"Expected hidden size {expected}, got {list(each.shape)}")
        return [tuple(each[number] for each in given) for number in range(count)]

    def _run_layers(self, x: Any, states: list[tuple[Any, ...]]) -> tuple[Any, list[tuple[Any, ...]]]:
        directions = 2 if self.bidirectional else 1
        last = []
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(directions):
                number = layer * directions + direction
                output, state = self._run_direction(x, states[number], self.all_weights[number], direction == 1)
                outputs.append(output)
                last.append(state)
            x = outputs[0] if directions == 1 else cat(outputs, -1)
            if self.dropout and layer < self.num_layers - 1:
                x = F.dropout(x, self.dropout, self.training)
        return x, last

    def _run_direction(
        self, x: Any, state: tuple[Any, ...], parameters: list[Any], backward: bool
    ) -> tuple[Any, tuple[Any, ...]]:
        projection = parameters[-1] if self.proj_size else None
        weights = tuple(parameters[:4]) if self.bias else (*parameters[:2], None, None)
        outputs = []
        times = range(x.shape[0])
        for time in reversed(times) if backward else times:
            if self.mode == "LSTM":
                state = _lstm_step(x[time], state, weights, projection)
            else:
                state = (_STEPS[self.mode](x[time], state[0], weights),)
            outputs.append(state[0])
        return stack(outputs[::-1] if backward else outputs), state

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        if self.proj_size:
            text += f", proj_size={self.proj_size}"
        if self.num_layers != 1:
            text += f", num_layers={self.num_layers}"
        if not self.bias:
            text += f", bias={self.bias}"
        if self.batch_first:
            text += f", batch_first={self.batch_first}"
        if self.dropout:
            text += f", dropout={self.dropout}"
        return text + (f", bidirectional={self.bidirectional}" if self.bidirectional else "")


class RNN(RNNBase):
    """h = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of it."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", **options: Any
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, **options)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory; its states are (hidden, cell)."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__("LSTM", *args, **options)


class GRU(RNNBase):
    """Gated recurrent units."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__("GRU", *args, **options)


class _Cell(Module):
    """One step of a recurrence on (N, features) or (features,)."""

    gates = 1
    weight_ih: Any
    weight_hh: Any
    bias_ih: Any
    bias_hh: Any

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = self.gates * hidden_size
        self.weight_ih = Parameter(empty(rows, input_size, device=device, dtype=dtype))
        self.weight_hh = Parameter(empty(rows, hidden_size, device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty(rows, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter uniformly within 1 / sqrt(hidden_size)."""
        _reset(self, self.hidden_size)

    def _weights(self) -> Weights:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def _zeros(self, input: Any) -> Any:
        if input.dim() not in (1, 2):
            raise ValueError(f"{self._get_name()}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        return input.new_zeros(*input.shape[:-1], self.hidden_size)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(_Cell):
    """One step of RNN."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", **options: Any
    ) -> None:
        super().__init__(input_size, hidden_size, bias, **options)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Any:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        zeros = self._zeros(input)
        return _STEPS[f"RNN_{self.nonlinearity.upper()}"](input, zeros if hx is None else hx, self._weights())


class LSTMCell(_Cell):
    """One step of LSTM."""

    gates = 4

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        zeros = self._zeros(input)
        return _lstm_step(input, (zeros, zeros) if hx is None else hx, self._weights())


class GRUCell(_Cell):
    """One step of GRU."""

    gates = 3

    def forward(self, input: Any, hx: Any = None) -> Any:
        zeros = self._zeros(input)
        return _gru_step(input, zeros if hx is None else hx, self._weights())
