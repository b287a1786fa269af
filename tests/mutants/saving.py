"""Faults of checkpointing, and of hooks on saved tensors, on several tensors and after accumulation."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import torch
import torch.utils.checkpoint
from torch import Tensor
from torch.autograd import graph
from torch.autograd.function import FunctionCtx

from tests.mutants.swapping import swap

# -- checkpointing -----------------------------------------------------------------------------------------------


def _options(change: Any) -> Any:
    """checkpoint() with ``change`` of its options."""
    return lambda right: lambda function, *args, **options: right(function, *args, **change(options))


swap(
    "checkpoints_keep_everything",
    "A checkpointed function is just called.",
    torch.utils.checkpoint,
    "checkpoint",
    lambda right: lambda function, *args, use_reentrant=None, **options: function(*args),
    catches=["checkpoint/same-values-and-gradients", "checkpoint/reentrant-restrictions"],
    reaches=["memory"],
)
swap(
    "checkpoints_are_never_reentrant",
    "checkpoint ignores use_reentrant.",
    torch.utils.checkpoint,
    "checkpoint",
    _options(lambda options: {**options, "use_reentrant": False}),
    catches=[
        "checkpoint/reentrant-restrictions",
        "checkpoint/reentrant-needs-a-requiring-input",
        "checkpoint/implicit-variant-warns",
    ],
)
swap(
    "checkpoints_are_always_reentrant",
    "Every checkpoint is reentrant.",
    torch.utils.checkpoint,
    "checkpoint",
    _options(lambda options: {**options, "use_reentrant": True}),
    catches=["checkpoint/non-reentrant-capabilities", "checkpoint/non-reentrant-captured-tensor"],
)
swap(
    "checkpoints_draw_again",
    "What is computed again draws other random numbers.",
    torch.utils.checkpoint,
    "checkpoint",
    _options(lambda options: {**options, "preserve_rng_state": False}),
    catches=["checkpoint/rng-state-preserved"],
)
swap(
    "checkpoints_check_nothing",
    "What is computed again is not compared with the first time.",
    torch.utils.checkpoint,
    "checkpoint",
    _options(
        lambda options: options if options.get("use_reentrant", True) else {**options, "determinism_check": "none"}
    ),
    catches=["checkpoint/determinism-check"],
)
swap(
    "checkpoints_never_stop_early",
    "The second computation always runs to its end.",
    torch.utils.checkpoint,
    "checkpoint",
    _options(lambda options: options if options.get("use_reentrant", True) else {**options, "early_stop": False}),
    catches=["checkpoint/early-stop"],
)
swap(
    "checkpoints_lose_their_context",
    "context_fn is ignored.",
    torch.utils.checkpoint,
    "checkpoint",
    _options(lambda options: {key: value for key, value in options.items() if key != "context_fn"}),
    catches=["checkpoint/context-fn-and-sequential"],
)
swap(
    "checkpoint_sequential_runs_backwards",
    "checkpoint_sequential calls the functions in reverse order.",
    torch.utils.checkpoint,
    "checkpoint_sequential",
    lambda right: lambda functions, *args, **options: right(functions[::-1], *args, **options),
    catches=["checkpoint/sequential"],
)

# -- hooks on saved tensors --------------------------------------------------------------------------------------


def _hooks(change: Any) -> Any:
    """``saved_tensors_hooks`` on ``change`` of its pair of functions."""
    return lambda right: lambda pack, unpack: right(*change(pack, unpack))


swap(
    "saved_tensors_are_not_unpacked",
    "What was saved is used, and not what unpacking it gives.",
    graph,
    "saved_tensors_hooks",
    _hooks(lambda pack, unpack: (lambda t: (pack(t), t.detach())[1], lambda t: t)),
    catches=["saved-hooks/unpacked-value-is-used", "saved-hooks/pack-and-unpack"],
    reaches=["checkpoint"],
)
swap(
    "saved_tensors_are_unpacked_once",
    "A saved tensor is unpacked in the first backward, and what came out kept.",
    graph,
    "saved_tensors_hooks",
    lambda right: lambda pack, unpack: right(lambda t: [pack(t)], _once(unpack)),
    catches=["saved-hooks/pack-once-unpack-many"],
)


def _once(unpack: Any) -> Any:
    def run(box: list[Any]) -> Any:
        if len(box) == 1:
            box.append(unpack(box[0]))
        return box[1]

    return run


swap(
    "saved_tensors_are_packed_twice",
    "Saved tensors are packed twice.",
    graph,
    "saved_tensors_hooks",
    _hooks(lambda pack, unpack: (lambda t: (pack(t), pack(t))[0], unpack)),
    catches=["saved-hooks/pack-and-unpack", "saved-hooks/innermost-only", "saved-hooks/thread-local"],
)
swap(
    "packing_is_recorded",
    "Packing runs with recording on.",
    graph,
    "saved_tensors_hooks",
    _hooks(lambda pack, unpack: (torch.enable_grad()(pack), unpack)),
    catches=["saved-hooks/double-backward"],
)
swap(
    "packing_gets_a_copy",
    "Packing is given a copy, which it may change.",
    graph,
    "saved_tensors_hooks",
    _hooks(lambda pack, unpack: (lambda t: pack(t.clone()), unpack)),
    catches=["saved-hooks/pack-may-not-modify"],
)


def _forgiving(right: Any) -> Any:
    def hooks(pack: Any, unpack: Any) -> Any:
        kept: list[Any] = []

        def safely(t: Any) -> Any:
            kept.append(t.detach())
            try:
                return len(kept) - 1, pack(t)
            except ZeroDivisionError:
                return len(kept) - 1, None

        def back(box: Any) -> Any:
            try:
                found = unpack(box[1])
            except ZeroDivisionError:
                found = None
            return found if isinstance(found, Tensor) else kept[box[0]]

        return right(safely, back)

    return hooks


swap(
    "failing_hooks_are_ignored",
    "Where packing or unpacking fails the tensor that was saved is used.",
    graph,
    "saved_tensors_hooks",
    _forgiving,
    catches=["saved-hooks/misuse-errors", "saved-hooks/unpack-must-return-a-tensor"],
    reaches=["checkpoint"],
)
swap(
    "hooks_outlive_errors",
    "A context of hooks that an error ends goes on.",
    graph.saved_tensors_hooks,
    "__exit__",
    lambda right: lambda hooks, *error: None if error[0] is ZeroDivisionError else right(hooks, *error),
    catches=["saved-hooks/end-with-an-error"],
)
swap(
    "saved_hooks_cannot_be_disabled",
    "disable_saved_tensors_hooks does nothing.",
    graph,
    "disable_saved_tensors_hooks",
    lambda right: lambda message: torch.enable_grad(),
    catches=["saved-hooks/disable"],
)
swap(
    "functions_pass_saved_hooks_by",
    "What custom functions save does not pass through the hooks.",
    FunctionCtx,
    "save_for_backward",
    lambda right: lambda ctx, *saved: setattr(ctx, "aside", saved),
    catches=["saved-hooks/apply-to-custom-functions"],
    reaches=["*"],
)


def _silently(right: Any) -> Any:
    def register(saved: Any, pack: Any, unpack: Any) -> None:
        with suppress(RuntimeError):
            right(saved, pack, unpack)

    return register


swap(
    "late_hooks_are_ignored",
    "Hooks for a saved tensor that has hooks, or is freed, are ignored.",
    torch._C._autograd.SavedTensor,
    "register_hooks",
    _silently,
    catches=["saved-hooks/per-tensor-registration", "saved-hooks/no-registration-after-free"],
)
swap(
    "saving_on_the_cpu_rounds",
    "save_on_cpu keeps half of the precision.",
    graph,
    "save_on_cpu",
    lambda right: lambda *args: graph.saved_tensors_hooks(lambda t: (t.dtype, t.half()), lambda o: o[1].to(o[0])),
    catches=["saved-hooks/save-on-cpu"],
)

# -- hooks on several tensors, and after accumulation ------------------------------------------------------------

swap(
    "any_waits_for_all",
    "Mode any waits for all gradients.",
    graph,
    "register_multi_grad_hook",
    lambda right: lambda tensors, hook, mode="all": right(tensors, hook),
    catches=["hooks-multi/any-mode", "hooks-multi/unknown-mode"],
)


def _for_each(right: Any) -> Any:
    def register(tensors: Any, hook: Any, mode: str = "all") -> Any:
        handles = [one.register_hook(lambda grad: hook([grad] * len(tensors))) for one in tensors]
        return handles[0]

    return register


swap(
    "multi_hooks_run_for_each",
    "A hook on several tensors runs for each of them.",
    graph,
    "register_multi_grad_hook",
    _for_each,
    catches=["hooks-multi/all-mode"],
)
swap(
    "post_accumulate_hooks_run_before",
    "Hooks after accumulation run before it.",
    Tensor,
    "register_post_accumulate_grad_hook",
    lambda right: lambda x, hook: x.register_hook(lambda grad: hook(x)),
    catches=[
        "hooks-post-accumulate/runs-after-grad-updated",
        "hooks-post-accumulate/sees-the-accumulated-gradient",
        "hooks-post-accumulate/leaf-only",
        "hooks-post-accumulate/after-tensor-hooks",
        "hooks-post-accumulate/only-when-accumulating",
        "hooks-node/overall-order",
    ],
    reaches=["optim", "hooks", "memory", "training"],
)
