"""AdaptiveLogSoftmaxWithLoss: frequent classes directly, rarer ones through clusters with smaller projections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from conformance.reference.nn.modules.container import ModuleList, Sequential
from conformance.reference.nn.modules.linear import Linear
from conformance.reference.nn.modules.module import Module
from conformance.reference.operations.combining import cat

__all__ = ["AdaptiveLogSoftmaxWithLoss"]


class _ASMoutput(NamedTuple):
    output: Any
    loss: Any


class AdaptiveLogSoftmaxWithLoss(Module):
    """(N, in_features) and classes (N,) -> their log-probabilities (N,) and the mean loss.

    The head scores the first cutoffs[0] classes and one entry for each cluster; cluster i scores its own classes
    through a projection to in_features / div_value ** (i + 1).
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        bounds = list(cutoffs)
        increasing = bounds == sorted(set(bounds)) and all(int(bound) == bound for bound in bounds)
        if not bounds or not increasing or bounds[0] <= 0 or bounds[-1] > n_classes - 1:
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each "
                "value is between 1 and n_classes-1"
            )
        self.in_features, self.n_classes, self.cutoffs = in_features, n_classes, [*bounds, n_classes]
        self.div_value, self.head_bias = div_value, head_bias
        self.shortlist_size, self.n_clusters = bounds[0], len(bounds)
        self.head_size = self.shortlist_size + self.n_clusters
        options = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **options)
        self.tail = ModuleList()
        for number in range(self.n_clusters):
            hidden = int(in_features // div_value ** (number + 1))
            size = self.cutoffs[number + 1] - self.cutoffs[number]
            inner, outer = (Linear(*sizes, bias=False, **options) for sizes in ((in_features, hidden), (hidden, size)))
            self.tail.append(Sequential(inner, outer))

    def reset_parameters(self) -> None:
        """Draw every parameter anew."""
        self.head.reset_parameters()
        for inner, outer in self.tail:
            inner.reset_parameters()
            outer.reset_parameters()

    def log_prob(self, input: Any) -> Any:
        """The log-probabilities of all classes, (N, n_classes)."""
        head = self.head(input).log_softmax(1)
        parts = [head[:, : self.shortlist_size]]
        for number, cluster in enumerate(self.tail):
            chance = head[:, self.shortlist_size + number].unsqueeze(1)
            parts.append(cluster(input).log_softmax(1) + chance)
        return cat(parts, 1)

    def forward(self, input_: Any, target_: Any) -> _ASMoutput:
        if target_.dim() > 1:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        if input_.dim() != target_.dim() + 1:
            raise RuntimeError(f"a {target_.dim()}D target needs an input of one dimension more, found {input_.shape}")
        batched = target_.dim() == 1
        input, target = (input_, target_) if batched else (input_.unsqueeze(0), target_.unsqueeze(0))
        if input.shape[0] != target.shape[0]:
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        if target.numel() and not bool(((target >= 0) & (target < self.n_classes)).all()):
            raise RuntimeError(f"Target values should be in [0, {self.n_classes - 1}], but others were found.")
        output = self.log_prob(input).gather(1, target.unsqueeze(1)).squeeze(1)
        loss = -output.mean()
        return _ASMoutput(output if batched else output.squeeze(0), loss)

    def predict(self, input: Any) -> Any:
        """The likeliest class of each row, (N,)."""
        return self.log_prob(input).argmax(1)
