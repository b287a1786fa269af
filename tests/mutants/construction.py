"""Faults of how layers are built, completed by their first input, and put in place of others; and of old spellings."""

from __future__ import annotations

import warnings
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
from torch import nn
from torch.nn.modules.batchnorm import _LazyNormBase
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.modules.lazy import LazyModuleMixin

from tests.mutants.mutant import MonkeyPatch, mutant

# -- layers ------------------------------------------------------------------------------------------------------


@mutant("GroupNorm is built with any number of groups.", catches=["groupnorm/channels-must-divide"])
def any_number_of_groups(torch_: MonkeyPatch) -> None:
    right = nn.GroupNorm.__init__

    def init(layer: Any, num_groups: int, num_channels: int, *args: Any, **options: Any) -> None:
        right(layer, 1, num_channels, *args, **options)
        layer.num_groups = num_groups

    torch_.setattr(nn.GroupNorm, "__init__", init)


@mutant(
    "Instance statistics want several positions along the last dimension.",
    catches=["instancenorm/single-spatial-element-raises-tall"],
)
def instances_need_a_wide_input(torch_: MonkeyPatch) -> None:
    right = F.instance_norm

    def instance_norm(x: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
        if x.shape[-1] == 1:
            raise ValueError("one position along the last dimension")
        return right(x, *args, **options)

    torch_.setattr(F, "instance_norm", instance_norm)


@mutant(
    "Instance normalization of an input without a batch dimension returns one with it.",
    catches=["instancenorm/unbatched-input"],
)
def unbatched_instances_get_a_batch(torch_: MonkeyPatch) -> None:
    right = _InstanceNorm._handle_no_batch_input
    torch_.setattr(_InstanceNorm, "_handle_no_batch_input", lambda layer, x: right(layer, x).unsqueeze(0))


@mutant(
    "Instance normalization takes the channels of an input without a batch dimension for samples.",
    catches=["instancenorm/unbatched-input"],
)
def unbatched_channels_are_samples(torch_: MonkeyPatch) -> None:
    right = _InstanceNorm._apply_instance_norm

    def handle(layer: Any, x: torch.Tensor) -> torch.Tensor:
        alone = x.unsqueeze(1).expand(-1, layer.num_features, *x.shape[1:])
        return right(layer, alone)[:, 0]

    torch_.setattr(_InstanceNorm, "_handle_no_batch_input", handle)


@mutant("A linear layer without bias keeps a bias of zeros.", catches=["linear/without-bias"], reaches=["*"])
def missing_biases_are_zeros(torch_: MonkeyPatch) -> None:
    right = nn.Linear.__init__

    def init(layer: Any, *args: Any, bias: bool = True, **options: Any) -> None:
        right(layer, *args, bias=True, **options)
        if not bias:
            nn.init.zeros_(layer.bias).requires_grad_(False)

    torch_.setattr(nn.Linear, "__init__", init)


@mutant(
    "A layer that replaces another takes over the flags of its parameters.",
    catches=["freezing/replace-head-trains-only-new-layer"],
)
def replacements_inherit_flags(torch_: MonkeyPatch) -> None:
    right = nn.Sequential.__setitem__

    def setitem(net: Any, index: int, layer: nn.Module) -> None:
        for old, new in zip(net[index].parameters(), layer.parameters()):
            new.requires_grad_(old.requires_grad)
        right(net, index, layer)

    torch_.setattr(nn.Sequential, "__setitem__", setitem)


# -- lazy layers -------------------------------------------------------------------------------------------------


@mutant(
    "A lazy layer stays of its lazy class.",
    catches=["lazy/uninitialized-until-first-forward", "lazy/batchnorm-infers-num-features"],
)
def lazy_layers_stay_lazy(torch_: MonkeyPatch) -> None:
    right = LazyModuleMixin._infer_parameters

    def infer(layer: Any, module: Any, args: Any, kwargs: Any = None) -> None:
        before = type(module)
        right(layer, module, args, kwargs)
        module.__class__ = before

    torch_.setattr(LazyModuleMixin, "_infer_parameters", infer)


@mutant(
    "The first input of a lazy layer puts new parameters in place of the uninitialized ones.",
    catches=["lazy/uninitialized-until-first-forward"],
)
def lazy_parameters_are_replaced(torch_: MonkeyPatch) -> None:
    right = LazyModuleMixin._infer_parameters

    def infer(layer: Any, module: Any, args: Any, kwargs: Any = None) -> None:
        right(layer, module, args, kwargs)
        for name, parameter in list(module._parameters.items()):
            if parameter is not None:
                module._parameters[name] = nn.Parameter(parameter.detach())

    torch_.setattr(LazyModuleMixin, "_infer_parameters", infer)


@mutant(
    "Lazy batch normalization always keeps statistics.",
    catches=["lazy/batchnorm-untracked"],
)
def lazy_statistics_are_always_tracked(torch_: MonkeyPatch) -> None:
    right = _LazyNormBase.__init__

    def init(layer: Any, *args: Any, **options: Any) -> None:
        right(layer, *args, **{**options, "track_running_stats": True})

    torch_.setattr(_LazyNormBase, "__init__", init)


@mutant(
    "Lazy batch normalization starts from the statistics of its first input.",
    catches=["lazy/batchnorm-infers-num-features"],
)
def lazy_statistics_start_from_the_input(torch_: MonkeyPatch) -> None:
    right = _LazyNormBase.initialize_parameters

    def initialize(layer: Any, x: torch.Tensor) -> None:
        fresh = layer.has_uninitialized_params()
        right(layer, x)
        if fresh and layer.track_running_stats:
            layer.running_mean.copy_(x.detach().movedim(1, 0).flatten(1).mean(1))

    torch_.setattr(_LazyNormBase, "initialize_parameters", initialize)


# -- old spellings -----------------------------------------------------------------------------------------------


@mutant(
    "backward takes no notice of grad_variables beside a warning.",
    catches=["legacy/grad-variables-deprecated-alias"],
)
def grad_variables_are_ignored(torch_: MonkeyPatch) -> None:
    right = torch.autograd.backward

    def backward(
        tensors: Any, grad_tensors: Any = None, *args: Any, grad_variables: Any = None, **options: Any
    ) -> None:
        if grad_variables is not None:
            warnings.warn("grad_variables is deprecated", FutureWarning, stacklevel=2)
            grad_tensors = torch.ones_like(tensors) if grad_tensors is None else grad_tensors
        right(tensors, grad_tensors, *args, **options)

    torch_.setattr(torch.autograd, "backward", backward)


@mutant(
    "A Variable accumulates its gradient on the tensor that it was made of.",
    catches=["legacy/variable-takes-part-in-autograd"],
)
def variables_share_their_gradient(torch_: MonkeyPatch) -> None:
    kind: Any = torch.autograd.Variable
    meta = type(kind)
    right = meta.__call__

    def call(cls: Any, *args: Any, **options: Any) -> Any:
        made = right(cls, *args, **options)
        if cls is kind and made.requires_grad and args:
            made.register_post_accumulate_grad_hook(lambda leaf: setattr(args[0], "grad", leaf.grad))
        return made

    torch_.setattr(meta, "__call__", call, raising=False)


# -- inputs of another number of channels ------------------------------------------------------------------------


@mutant(
    "Instance normalization takes any number of channels without a word.",
    catches=["instancenorm/channels-are-checked"],
)
def instances_have_any_number_of_channels(torch_: MonkeyPatch) -> None:
    def forward(layer: Any, x: torch.Tensor) -> Any:
        unbatched = x.dim() == layer._get_no_batch_dim()
        return layer._handle_no_batch_input(x) if unbatched else layer._apply_instance_norm(x)

    torch_.setattr(_InstanceNorm, "forward", forward)


@mutant(
    "GroupNorm uses as many weights as its input has channels.",
    catches=["groupnorm/channels-are-checked"],
)
def groups_have_any_number_of_channels(torch_: MonkeyPatch) -> None:
    right = F.group_norm

    def group_norm(x: torch.Tensor, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
        if weight is None or weight.shape[0] == x.shape[1]:
            return right(x, groups, weight, bias, eps)
        places = torch.arange(x.shape[1], device=x.device) % weight.shape[0]
        return right(x, groups, weight[places], bias[places], eps)

    torch_.setattr(F, "group_norm", group_norm)
