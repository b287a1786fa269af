"""Faults of retained gradients and of hooks on tensors and modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.hooks import RemovableHandle

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase

# -- retained gradients ------------------------------------------------------------------------------------------


@mutant(
    "retain_grad() does nothing.",
    catches=["leaf/retain-grad-keeps-intermediate"],
    reaches=["accumulation", "autograd-grad", "hooks", "retain-grad"],
)
def retain_grad_does_nothing(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch.Tensor, "retain_grad", lambda tensor: None)


@mutant(
    "A retained gradient is overwritten by the next backward, not added to.",
    catches=["leaf/retain-grad-keeps-intermediate"],
    reaches=["accumulation", "autograd-grad", "retain-grad"],
)
def retained_gradients_are_overwritten(torch_: MonkeyPatch) -> None:
    def retain_grad(tensor: torch.Tensor) -> None:
        def keep(gradient: torch.Tensor) -> None:
            tensor.grad = gradient

        TensorBase.retain_grad(tensor)
        torch.Tensor.register_hook(tensor, lambda gradient: setattr(tensor, "grad", None))

    torch_.setattr(torch.Tensor, "retain_grad", retain_grad)


@mutant(
    "retain_grad() keeps the gradient as it was before the tensor's hooks.",
    catches=["hooks/retained-grad-is-the-replaced-one"],
    reaches=["retain-grad"],
)
def retained_gradients_precede_hooks(torch_: MonkeyPatch) -> None:
    right = torch.Tensor.register_hook

    def register_hook(tensor: torch.Tensor, hook: Callable[[Any], Any]) -> Any:
        def then_put_back(gradient: torch.Tensor) -> Any:
            changed = hook(gradient)
            if changed is not None and not tensor.is_leaf:
                torch.autograd.Variable._execution_engine.queue_callback(lambda: _put(tensor, gradient))
            return changed

        return right(tensor, then_put_back)

    def _put(tensor: torch.Tensor, gradient: torch.Tensor) -> None:
        if tensor.retains_grad:
            tensor.grad = gradient

    torch_.setattr(torch.Tensor, "register_hook", register_hook)


# -- hooks -------------------------------------------------------------------------------------------------------


def _replace_hooks(torch_: MonkeyPatch, change: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    right = torch.Tensor.register_hook
    torch_.setattr(torch.Tensor, "register_hook", lambda tensor, hook: right(tensor, change(hook)))


@mutant(
    "What a hook returns is ignored.",
    catches=["hooks/hook-return-value-replaces-gradient", "hooks/registration-order"],
    reaches=["hooks-post-accumulate", "retain-grad"],
)
def hook_results_are_ignored(torch_: MonkeyPatch) -> None:
    def change(hook: Callable[..., Any]) -> Callable[..., Any]:
        def run(gradient: torch.Tensor) -> None:
            hook(gradient)

        return run

    _replace_hooks(torch_, change)


@mutant(
    "A hook that returns None clears the gradient to zeros.",
    catches=["hooks/hook-that-returns-none-keeps-gradient"],
    reaches=["backward", "backward-multi", "hooks-multi", "hooks-post-accumulate", "leaf"],
)
def hooks_must_return(torch_: MonkeyPatch) -> None:
    def change(hook: Callable[..., Any]) -> Callable[..., Any]:
        def run(gradient: torch.Tensor) -> torch.Tensor:
            changed = hook(gradient)
            return torch.zeros_like(gradient) if changed is None else changed

        return run

    _replace_hooks(torch_, change)


@mutant(
    "A hook runs twice in a backward.",
    catches=[
        "hooks/register-hook-sees-intermediate-grad",
        "hooks/runs-once-on-the-sum-of-all-uses",
        "backward/shared-intermediate-visited-once",
        "backward-multi/shared-graph-single-pass",
    ],
    reaches=["backward", "backward-multi", "hooks-multi", "hooks-node", "hooks-post-accumulate", "leaf"],
)
def hooks_run_twice(torch_: MonkeyPatch) -> None:
    def change(hook: Callable[..., Any]) -> Callable[..., Any]:
        def run(gradient: torch.Tensor) -> Any:
            hook(gradient)
            return hook(gradient)

        return run

    _replace_hooks(torch_, change)


@mutant(
    "A hook runs in the first backward only.",
    catches=["hooks/runs-once-on-the-sum-of-all-uses"],
    reaches=["hooks-multi"],
)
def hooks_run_once(torch_: MonkeyPatch) -> None:
    def change(hook: Callable[..., Any]) -> Callable[..., Any]:
        seen: list[None] = []

        def run(gradient: torch.Tensor) -> Any:
            seen.append(None)
            return hook(gradient) if len(seen) == 1 else None

        return run

    _replace_hooks(torch_, change)


@mutant(
    "Hooks run in reverse order of registration.",
    catches=["hooks/registration-order"],
    reaches=["retain-grad"],
)
def hooks_run_in_reverse(torch_: MonkeyPatch) -> None:
    right = torch.Tensor.register_hook

    def register_hook(tensor: Any, hook: Callable[..., Any]) -> Any:
        handle = right(tensor, hook)
        reverse = sorted(tensor._backward_hooks.items(), reverse=True)
        tensor._backward_hooks.clear()
        tensor._backward_hooks.update(reverse)
        return handle

    torch_.setattr(torch.Tensor, "register_hook", register_hook)


@mutant(
    "Registering a hook replaces the one before.",
    catches=["hooks/registration-order"],
    reaches=["hooks-post-accumulate", "retain-grad"],
)
def hooks_replace_each_other(torch_: MonkeyPatch) -> None:
    right = torch.Tensor.register_hook

    def register_hook(tensor: Any, hook: Callable[..., Any]) -> Any:
        if tensor._backward_hooks:
            tensor._backward_hooks.clear()
        return right(tensor, hook)

    torch_.setattr(torch.Tensor, "register_hook", register_hook)


@mutant(
    "remove() of a handle does nothing.",
    catches=["hooks/hook-remove-stops-calls", "hooks/module-forward-hooks-record-activations"],
    reaches=["hooks-*", "module-hooks", "optim"],
)
def hooks_are_not_removed(torch_: MonkeyPatch) -> None:
    torch_.setattr(RemovableHandle, "remove", lambda handle: None)


@mutant(
    "remove() of a handle removes all hooks.",
    catches=["hooks/hook-remove-stops-calls"],
)
def removing_a_hook_removes_all(torch_: MonkeyPatch) -> None:
    def remove(handle: Any) -> None:
        hooks = handle.hooks_dict_ref()
        if hooks is not None:
            hooks.clear()

    torch_.setattr(RemovableHandle, "remove", remove)


@mutant(
    "register_hook accepts a tensor that does not require grad.",
    catches=["hooks/register-hook-needs-requires-grad"],
)
def hooks_on_untracked_tensors(torch_: MonkeyPatch) -> None:
    right = torch.Tensor.register_hook

    def register_hook(tensor: torch.Tensor, hook: Callable[..., Any]) -> Any:
        return right(tensor, hook) if tensor.requires_grad else None

    torch_.setattr(torch.Tensor, "register_hook", register_hook)


@mutant(
    "What a forward hook returns is ignored.",
    catches=["hooks/module-forward-hooks-record-activations"],
)
def forward_hook_results_are_ignored(torch_: MonkeyPatch) -> None:
    right = torch.nn.Module.register_forward_hook

    def register(module: Any, hook: Callable[..., Any], **options: Any) -> Any:
        def run(*args: Any) -> None:
            hook(*args)

        return right(module, run, **options)

    torch_.setattr(torch.nn.Module, "register_forward_hook", register)


@mutant(
    "A forward hook runs before the module and sees no output.",
    catches=["hooks/module-forward-hooks-record-activations"],
)
def forward_hooks_run_before(torch_: MonkeyPatch) -> None:
    def register(module: Any, hook: Callable[..., Any], **options: Any) -> Any:
        def run(owner: Any, args: Any) -> None:
            hook(owner, args, None)

        return module.register_forward_pre_hook(run)

    torch_.setattr(torch.nn.Module, "register_forward_hook", register)


@mutant(
    "What a full backward hook returns is ignored.",
    catches=["hooks/module-backward-hooks-can-change-gradient"],
)
def backward_hook_results_are_ignored(torch_: MonkeyPatch) -> None:
    right = torch.nn.Module.register_full_backward_hook

    def register(module: Any, hook: Callable[..., Any], **options: Any) -> Any:
        def run(*args: Any) -> None:
            hook(*args)

        return right(module, run, **options)

    torch_.setattr(torch.nn.Module, "register_full_backward_hook", register)


@mutant(
    "A full backward hook is given the gradients of inputs and outputs in exchanged places.",
    catches=["hooks/module-backward-hooks-can-change-gradient"],
)
def backward_hook_arguments_are_exchanged(torch_: MonkeyPatch) -> None:
    right = torch.nn.Module.register_full_backward_hook

    def register(module: Any, hook: Callable[..., Any], **options: Any) -> Any:
        return right(module, lambda owner, inputs, outputs: hook(owner, outputs, inputs), **options)

    torch_.setattr(torch.nn.Module, "register_full_backward_hook", register)


# -- whose hooks they are ----------------------------------------------------------------------------------------


@mutant("clone() and view() carry the hooks of their source.", catches=["hooks/not-inherited"])
def hooks_are_inherited(torch_: MonkeyPatch) -> None:
    def inheriting(right: Callable[..., Any]) -> Callable[..., Any]:
        def run(tensor: Any, *args: Any, **options: Any) -> Any:
            made = right(tensor, *args, **options)
            hooks = list((tensor._backward_hooks or {}).values()) if made is not tensor else []
            if hooks and made.requires_grad:
                for hook in hooks:
                    made.register_hook(hook)
            return made

        return run

    for name in ("clone", "view"):
        torch_.setattr(torch.Tensor, name, inheriting(getattr(TensorBase, name)))


@mutant(
    "The gradients that hooks receive have no history, with create_graph=True neither.",
    catches=["hooks/grad-mode-inside"],
)
def hooks_receive_detached_gradients(torch_: MonkeyPatch) -> None:
    _replace_hooks(torch_, lambda hook: lambda gradient: hook(gradient.detach()))
