"""Faults of the losses: what they divide by, which targets they take, what they refuse, what their modules keep."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it

from tests.mutants.mutant import MonkeyPatch, mutant

Loss = Callable[..., Any]


def _replace(torch_: MonkeyPatch, change: Callable[[Loss], Loss], *names: str) -> None:
    for name in names:
        torch_.setattr(F, name, change(getattr(F, name)))


def _mean_divides_by(torch_: MonkeyPatch, count: Callable[[Any, Any], int], *names: str) -> None:
    """The mean of these losses becomes their sum over ``count(input, target)``."""

    def change(right: Loss) -> Loss:
        def loss(x: Any, y: Any, *args: Any, reduction: str = "mean", **options: Any) -> Any:
            if reduction != "mean":
                return right(x, y, *args, reduction=reduction, **options)
            return right(x, y, *args, reduction="sum", **options) / count(x, y)

        return loss

    _replace(torch_, change, *names)


# -- binary cross entropy ----------------------------------------------------------------------------------------


@mutant(
    "The mean of binary cross entropy divides by the samples only.",
    catches=[
        "loss-bce/formula-and-mean-over-elements",
        "loss-bce/with-logits-equals-sigmoid-bce-but-stable",
        "loss-bce/pos-weight",
        "loss/losses-reduce-to-scalar-by-default",
    ],
)
def binary_losses_average_over_samples(torch_: MonkeyPatch) -> None:
    names = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
    _mean_divides_by(torch_, lambda x, y: x.shape[0] if x.dim() else 1, *names)


@mutant(
    "The mean of weighted binary cross entropy divides by the sum of the weights.",
    catches=["loss-bce/formula-and-mean-over-elements"],
)
def binary_means_divide_by_weights(torch_: MonkeyPatch) -> None:
    def change(right: Loss) -> Loss:
        def loss(x: Any, y: Any, weight: Any = None, *args: Any, reduction: str = "mean", **options: Any) -> Any:
            if weight is None or reduction != "mean":
                return right(x, y, weight, *args, reduction=reduction, **options)
            return right(x, y, weight, *args, reduction="sum", **options) / weight.expand_as(x).sum()

        return loss

    _replace(torch_, change, "binary_cross_entropy")


@mutant(
    "Binary cross entropy with logits takes targets above a half for 1 and the others for 0.",
    catches=["loss-bce/with-logits-equals-sigmoid-bce-but-stable", "loss-bce/pos-weight"],
    reaches=["loss"],
)
def binary_targets_are_rounded(torch_: MonkeyPatch) -> None:
    def change(right: Loss) -> Loss:
        return lambda x, y, *args, **options: right(x, (y > 0.5).to(y.dtype), *args, **options)

    _replace(torch_, change, "binary_cross_entropy_with_logits")


# -- cross entropy -----------------------------------------------------------------------------------------------


@mutant(
    "Cross entropy finds the classes along the last dimension.",
    catches=["loss-ce/class-dimension-and-k-dim", "loss-ce/probability-targets-of-images"],
)
def classes_lie_along_the_last_dimension(torch_: MonkeyPatch) -> None:
    def change(right: Loss) -> Loss:
        def loss(x: Any, y: Any, *args: Any, **options: Any) -> Any:
            if x.dim() < 3:
                return right(x, y, *args, **options)
            moved = x.movedim(-1, 1)
            return right(
                moved, y.movedim(-1, 1) if y.is_floating_point() else y.reshape(moved[:, 0].shape), *args, **options
            )

        return loss

    _replace(torch_, change, "cross_entropy")


@mutant(
    "The mean of cross entropy divides by the number of logits.",
    catches=["loss-ce/equals-log-softmax-plus-nll", "loss-ce/gradient-to-logits"],
    reaches=["*"],
)
def cross_entropy_averages_over_logits(torch_: MonkeyPatch) -> None:
    _mean_divides_by(torch_, lambda x, y: x.numel(), "cross_entropy")


@mutant(
    "The mean of cross entropy divides by the number of samples, whatever further dimensions there are.",
    catches=["loss-ce/class-dimension-and-k-dim", "loss-ce/probability-targets-of-images"],
)
def cross_entropy_averages_over_the_batch(torch_: MonkeyPatch) -> None:
    def change(right: Loss) -> Loss:
        def loss(x: Any, y: Any, *args: Any, reduction: str = "mean", **options: Any) -> Any:
            found = right(x, y, *args, reduction=reduction, **options)
            return found * x[0, 0].numel() if reduction == "mean" and x.dim() > 2 else found

        return loss

    _replace(torch_, change, "cross_entropy")


@mutant(
    "Cross entropy adds up unreduced losses, so that the gradient of each is that of their mean.",
    catches=["loss-ce/gradient-to-logits"],
)
def unreduced_gradients_are_averaged(torch_: MonkeyPatch) -> None:
    def change(right: Loss) -> Loss:
        def loss(x: Any, y: Any, *args: Any, reduction: str = "mean", **options: Any) -> Any:
            found = right(x, y, *args, reduction=reduction, **options)
            if reduction != "none" or not found.requires_grad or found.dim() == 0:
                return found
            share = found / found.numel()
            return share + (found - share).detach()

        return loss

    _replace(torch_, change, "cross_entropy")


@mutant(
    "Cross entropy takes integers of the logits' shape for one-hot targets, and indices in any integer dtype.",
    catches=["loss-ce/integer-targets-are-indices"],
)
def integers_may_be_one_hot(torch_: MonkeyPatch) -> None:
    def change(right: Loss) -> Loss:
        def loss(x: Any, y: Any, *args: Any, **options: Any) -> Any:
            integers = not y.is_floating_point()
            return right(x, y.to(x.dtype if y.shape == x.shape else torch.int64) if integers else y, *args, **options)

        return loss

    _replace(torch_, change, "cross_entropy")


@mutant("Cross entropy drops targets beyond the batch.", catches=["loss-ce/index-target-shape-is-checked"])
def further_targets_are_dropped(torch_: MonkeyPatch) -> None:
    def change(right: Loss) -> Loss:
        return lambda x, y, *args, **options: right(x, y[: x.shape[0]] if x.dim() > 1 else y, *args, **options)

    _replace(torch_, change, "cross_entropy")


@mutant(
    "Cross entropy of probabilities leaves out the class ignore_index.",
    catches=["loss-ce/ignore-index-not-for-probabilities"],
)
def ignored_classes_of_probabilities(torch_: MonkeyPatch) -> None:
    def change(right: Loss) -> Loss:
        def loss(x: Any, y: Any, *args: Any, ignore_index: int = -100, **options: Any) -> Any:
            if not y.is_floating_point():
                return right(x, y, *args, ignore_index=ignore_index, **options)
            kept = torch.arange(x.shape[1]) != ignore_index
            return right(x, y * kept, *args, **options)

        return loss

    _replace(torch_, change, "cross_entropy")


# -- regression --------------------------------------------------------------------------------------------------

_ELEMENTWISE = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")


@mutant(
    "The means of regression divide by the samples only.",
    catches=["loss-regression/mse-mean-over-all-elements", "loss-regression/both-arguments-differentiable"],
    reaches=["*"],
)
def regression_averages_over_samples(torch_: MonkeyPatch) -> None:
    _mean_divides_by(torch_, lambda x, y: x.shape[0] if x.dim() else 1, *_ELEMENTWISE)


@mutant(
    "Losses of regression broadcast arguments of different sizes without a word.",
    catches=["loss-regression/size-mismatch-warns-and-broadcasts"],
)
def mismatched_sizes_are_silent(torch_: MonkeyPatch) -> None:
    def change(right: Loss) -> Loss:
        def loss(*args: Any, **options: Any) -> Any:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return right(*args, **options)

        return loss

    _replace(torch_, change, *_ELEMENTWISE)


@mutant(
    "Losses of regression take arguments of different sizes element by element, as far as the shorter goes.",
    catches=["loss-regression/size-mismatch-warns-and-broadcasts"],
)
def mismatched_sizes_are_cut(torch_: MonkeyPatch) -> None:
    def change(right: Loss) -> Loss:
        def loss(x: Any, y: Any, *args: Any, **options: Any) -> Any:
            if x.shape == y.shape:
                return right(x, y, *args, **options)
            warnings.warn("different sizes", stacklevel=2)
            size = min(x.numel(), y.numel())
            return right(x.flatten()[:size], y.flatten()[:size], *args, **options)

        return loss

    _replace(torch_, change, *_ELEMENTWISE)


@mutant(
    "The absolute error has a gradient of 1 where there is no difference.",
    catches=["loss-regression/l1-gradient-sign"],
    reaches=["subgradient"],
)
def l1_has_a_gradient_at_zero(torch_: MonkeyPatch) -> None:
    def change(right: Loss) -> Loss:
        def loss(x: Any, y: Any, *args: Any, reduction: str = "mean", **options: Any) -> Any:
            right(x, y, *args, reduction=reduction, **options)  # checks what it is given
            d = x - y
            each = torch.where(d >= 0, d, -d)
            return {"none": lambda: each, "sum": each.sum, "mean": each.mean}[reduction]()

        return loss

    _replace(torch_, change, "l1_loss")


@mutant(
    "SmoothL1Loss and HuberLoss take the absolute value of their bound.",
    catches=["loss-regression/smooth-l1-bounds"],
)
def bounds_are_not_checked(torch_: MonkeyPatch) -> None:
    smooth, huber = F.smooth_l1_loss, F.huber_loss

    def smooth_l1_loss(x: Any, y: Any, *args: Any, beta: float = 1.0, **options: Any) -> Any:
        return smooth(x, y, *args, beta=abs(beta), **options)

    def huber_loss(x: Any, y: Any, reduction: str = "mean", delta: float = 1.0, **options: Any) -> Any:
        return huber(x, y, reduction, abs(delta) or 1e-30, **options)

    torch_.setattr(F, "smooth_l1_loss", smooth_l1_loss)
    torch_.setattr(F, "huber_loss", huber_loss)


@mutant(
    "Losses that know no gradient of their target take one that requires grad for a constant.",
    catches=["loss/target-that-cannot-be-differentiated"],
)
def undifferentiable_targets_are_constants(torch_: MonkeyPatch) -> None:
    def change(right: Loss) -> Loss:
        return lambda x, y, *args, **options: right(x, y.detach(), *args, **options)

    _replace(torch_, change, "soft_margin_loss")


# -- what the modules keep ---------------------------------------------------------------------------------------


def _keep(torch_: MonkeyPatch, keep: Callable[[Any, str, Any], None]) -> None:
    """Loss modules keep a weight by ``keep(module, name, weight)`` instead of registering a buffer."""
    right = torch.nn.Module.register_buffer

    def register_buffer(module: Any, name: str, tensor: Any, *args: Any, **options: Any) -> None:
        if isinstance(module, torch.nn.modules.loss._Loss):
            keep(module, name, tensor)
        else:
            right(module, name, tensor, *args, **options)

    torch_.setattr(torch.nn.Module, "register_buffer", register_buffer)


@mutant(
    "The weights of a loss are plain attributes, outside of its state.",
    catches=["loss-common/class-weight-is-a-buffer", "loss-common/pos-weight-is-a-buffer"],
)
def loss_weights_are_attributes(torch_: MonkeyPatch) -> None:
    _keep(torch_, lambda module, name, tensor: module.__dict__.__setitem__(name, tensor))


@mutant(
    "The weights of a loss are parameters.",
    catches=["loss-common/class-weight-is-a-buffer"],
    reaches=["loss-bce", "loss-ce", "loss-nll"],
)
def loss_weights_are_learned(torch_: MonkeyPatch) -> None:
    def keep(module: Any, name: str, tensor: Any) -> None:
        module.register_parameter(name, None if tensor is None else torch.nn.Parameter(tensor))

    _keep(torch_, keep)


@mutant(
    "A loss without pos_weight keeps a one in its place.",
    catches=["loss-common/pos-weight-is-a-buffer"],
)
def missing_loss_weights_are_ones(torch_: MonkeyPatch) -> None:
    right = torch.nn.Module.register_buffer

    def keep(module: Any, name: str, tensor: Any) -> None:
        right(module, name, torch.ones(()) if tensor is None and name == "pos_weight" else tensor)

    _keep(torch_, keep)


# -- what all of them share --------------------------------------------------------------------------------------


@mutant("A reduction that is not known is taken for the mean.", catches=["loss/unknown-reduction-is-refused"])
def unknown_reductions_are_means(torch_: MonkeyPatch) -> None:
    def change(right: Loss) -> Loss:
        def loss(*args: Any, reduction: str = "mean", **options: Any) -> Any:
            return right(*args, reduction=reduction if reduction in ("none", "sum") else "mean", **options)

        return loss

    names = ("binary_cross_entropy_with_logits", "cross_entropy", "nll_loss")
    _replace(torch_, change, "mse_loss", "l1_loss", "smooth_l1_loss", *names)


@mutant(
    "Binary cross entropy and the Kullback-Leibler divergence take their target for a constant.",
    catches=["loss-bce/target-receives-a-gradient", "loss-regression/kl-div-conventions"],
)
def probable_targets_are_constants(torch_: MonkeyPatch) -> None:
    def change(right: Loss) -> Loss:
        return lambda x, y, *args, **options: right(x, y.detach(), *args, **options)

    _replace(torch_, change, "binary_cross_entropy", "kl_div")


@mutant(
    "The gradient of weighted or smoothed cross entropy is that of the plain one.",
    catches=[
        "loss-ce/class-weight-mean-divides-by-weight-sum",
        "loss-ce/label-smoothing-with-weights",
        "loss-ce/probability-targets",
    ],
    reaches=["training"],
)
def gradients_forget_weights(torch_: MonkeyPatch) -> None:
    def change(right: Loss) -> Loss:
        def loss(x: Any, y: Any, weight: Any = None, *args: Any, **options: Any) -> Any:
            full = right(x, y, weight, *args, **options)
            if weight is None or not x.requires_grad:
                return full
            plain = right(x, y, None, *args, **options)
            return plain + (full - plain).detach()

        return loss

    _replace(torch_, change, "cross_entropy")
