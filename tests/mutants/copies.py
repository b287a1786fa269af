"""Faults of copies, moves to other devices, and seeds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.utils.data

from tests.mutants.mutant import MonkeyPatch, mutant
from tests.mutants.originals import TensorBase
from tests.mutants.swapping import swap

# -- copies ------------------------------------------------------------------------------------------------------


@mutant(
    "to() always copies.",
    catches=["device/to-device-same-as-cuda-on-gpu"],
)
def to_always_copies(torch_: MonkeyPatch) -> None:
    right = TensorBase.to

    def to(tensor: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
        made: torch.Tensor = right(tensor, *args, **options)
        return made.clone() if made is tensor else made

    torch_.setattr(torch.Tensor, "to", to)


@mutant("as_tensor() cuts the history of a tensor.", catches=["requires-grad/as-tensor-preserves-history"])
def as_tensor_detaches(torch_: MonkeyPatch) -> None:
    right = torch.as_tensor

    def as_tensor(data: Any, *args: Any, **options: Any) -> torch.Tensor:
        made = right(data, *args, **options)
        return TensorBase.detach(made) if isinstance(data, torch.Tensor) else made

    torch_.setattr(torch, "as_tensor", as_tensor)


@mutant(
    "to(copy=True) returns the tensor itself where nothing changes.",
    catches=["device/to-copies-where-asked-or-needed"],
    reaches=["leaf"],
)
def to_never_copies(torch_: MonkeyPatch) -> None:
    right = TensorBase.to

    def to(tensor: torch.Tensor, *args: Any, copy: bool = False, **options: Any) -> torch.Tensor:
        made: torch.Tensor = right(tensor, *args, **options)
        return made

    torch_.setattr(torch.Tensor, "to", to)


@mutant(
    "cpu() always copies.",
    catches=["device/to-device-same-as-cuda-on-gpu", "host/tensor-numpy-shares-memory"],
)
def cpu_copies(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch.Tensor, "cpu", lambda tensor: TensorBase.cpu(tensor).clone())


@mutant(
    "float() of a float32 tensor copies.",
    catches=["host/from-numpy-shares-then-float-copies"],
)
def float_copies(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch.Tensor, "float", lambda tensor: TensorBase.float(tensor).clone())


@mutant(
    "A move to another device is not recorded.",
    catches=["device/to-device-of-leaf-is-not-leaf"],
    reaches=["detach"],
)
def moves_are_not_recorded(torch_: MonkeyPatch) -> None:
    right = TensorBase.to

    def to(tensor: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
        made: torch.Tensor = right(tensor, *args, **options)
        return made if made.device == tensor.device else TensorBase.detach(made).requires_grad_(tensor.requires_grad)

    torch_.setattr(torch.Tensor, "to", to)


@mutant(
    "clone() shares the memory of its source.",
    catches=["host/tensor-numpy-shares-memory"],
    reaches=["accumulation", "deepcopy", "freezing", "gradcheck", "inference-mode", "inplace", "views"],
)
def clone_shares_memory(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch.Tensor, "clone", lambda tensor, **options: tensor.view_as(tensor))


@mutant(
    "clone() has no history.",
    catches=["leaf/is-leaf-partitions-tensors"],
    reaches=["inplace"],
)
def clone_detaches(torch_: MonkeyPatch) -> None:
    torch_.setattr(
        torch.Tensor, "clone", lambda tensor, **options: TensorBase.clone(TensorBase.detach(tensor), **options)
    )


@mutant("reshape() always copies.", catches=["graph/grad-fn-printed-name-viewbackward"], reaches=["views"])
def reshape_copies(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch.Tensor, "reshape", lambda tensor, *shape: TensorBase.reshape(tensor, *shape).clone())


@mutant(
    "Variable(tensor) copies.",
    catches=["legacy/variable-wrapper-returns-tensor"],
)
def variable_copies(torch_: MonkeyPatch) -> None:
    def variable(kind: Any, data: torch.Tensor, requires_grad: bool = False, **options: Any) -> torch.Tensor:
        return data.clone().requires_grad_(requires_grad)

    torch_.setattr(torch.autograd.Variable, "__new__", variable, raising=False)


@mutant(
    "Reading and writing volatile warns of nothing.",
    catches=["legacy/variable-volatile-read-is-false-with-warning", "legacy/variable-volatile-write-ignored"],
)
def volatile_is_silent(torch_: MonkeyPatch) -> None:
    silent = property(lambda tensor: False, lambda tensor, value: None)
    torch_.setattr(torch.Tensor, "volatile", silent, raising=False)


def _sliced(right: Any) -> Any:
    def getitem(x: Any, index: Any) -> Any:
        if isinstance(index, list) and index == list(range(len(index))):
            return right(x, slice(len(index)))
        return right(x, index)

    return getitem


swap(
    "leading_elements_are_sliced",
    "A list of the first indices gives a view.",
    torch.Tensor,
    "__getitem__",
    _sliced,
    catches=["views/non-view-ops-copy"],
)


def _masked(right: Any) -> Any:
    def getitem(x: Any, index: Any) -> Any:
        masked = isinstance(index, torch.Tensor) and index.dtype == torch.bool
        return right(x.detach() if masked else x, index)

    return getitem


swap(
    "masks_cut_the_history",
    "What a mask selects has no history.",
    torch.Tensor,
    "__getitem__",
    _masked,
    catches=["views/selected-elements-get-the-gradient"],
    reaches=["*"],
)

# -- devices and seeds -------------------------------------------------------------------------------------------


@mutant(
    "cuda() without CUDA returns the tensor on the CPU.",
    catches=["device/cuda-non-blocking-on-cpu-only-build"],
)
def cuda_falls_back(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch.Tensor, "cuda", lambda tensor, *args, **options: tensor)


@mutant(
    "Seeding does nothing.",
    catches=["rng/manual-seed-reproduces-across-runs"],
    reaches=["batchnorm", "detach", "requires-grad", "train-eval"],
)
def seeding_does_nothing(torch_: MonkeyPatch) -> None:
    torch_.setattr(torch, "manual_seed", lambda seed: torch.default_generator)


@mutant(
    "Every seed is the same seed.",
    catches=["rng/manual-seed-reproduces-across-runs"],
    reaches=["batchnorm", "detach", "requires-grad", "train-eval"],
)
def seeds_are_all_alike(torch_: MonkeyPatch) -> None:
    right = torch.manual_seed
    torch_.setattr(torch, "manual_seed", lambda seed: right(7))


@mutant(
    "Seeding CUDA seeds the CPU generator.",
    catches=["rng/cuda-seeding-safe-without-gpu"],
)
def cuda_seeds_the_cpu(torch_: MonkeyPatch) -> None:
    for name in ("manual_seed", "manual_seed_all"):
        torch_.setattr(torch.cuda, name, lambda seed: torch.default_generator.manual_seed(seed))


@mutant(
    "Seeding CUDA raises where there is none.",
    catches=["rng/cuda-seeding-safe-without-gpu"],
    reaches=["batchnorm", "checkpoint", "detach", "requires-grad", "train-eval"],
)
def cuda_seeding_raises(torch_: MonkeyPatch) -> None:
    def refuse(seed: int) -> None:
        raise RuntimeError("no CUDA")

    for name in ("manual_seed", "manual_seed_all"):
        torch_.setattr(torch.cuda, name, refuse)


@mutant(
    "Random numbers ignore the generator's state: every draw is the same.",
    catches=["rng/manual-seed-reproduces-across-runs"],
    reaches=["batchnorm"],
)
def every_draw_is_the_same(torch_: MonkeyPatch) -> None:
    right = torch.randn

    def randn(*args: Any, **options: Any) -> torch.Tensor:
        state = torch.get_rng_state()
        made = right(*args, **options)
        torch.set_rng_state(state)
        return made

    torch_.setattr(torch, "randn", randn)


def _settled(right: Any) -> Any:
    @contextmanager
    def fork(*args: Any, **options: Any) -> Iterator[None]:
        state = torch.get_rng_state()
        yield
        torch.set_rng_state(state)

    return fork


swap(
    "forks_do_not_survive_errors",
    "fork_rng puts nothing back where an error ends its block, and cannot be switched off.",
    torch.random,
    "fork_rng",
    _settled,
    catches=["rng/fork-rng-restores-state", "rng/fork-rng-can-be-switched-off"],
    reaches=["checkpoint"],
)
swap(
    "shuffling_has_no_generator",
    "A DataLoader shuffles with the default generator.",
    torch.utils.data.RandomSampler,
    "__init__",
    lambda right: lambda sampler, data, *args, generator=None, **options: right(sampler, data, *args, **options),
    catches=["rng/dataloader-shuffle-follows-generator"],
)


class _Forgetful(torch.Generator):
    """Keeps the seed itself, where seed() does not look."""

    def manual_seed(self, seed: int) -> torch.Generator:
        self.known = seed
        return super().manual_seed(seed)

    def initial_seed(self) -> int:
        return self.known


swap(
    "generators_know_the_first_seed",
    "A generator tells the seed that manual_seed gave it, whatever seed() did since.",
    torch,
    "Generator",
    lambda right: _Forgetful,
    catches=["rng/a-generator-knows-its-seed"],
    reaches=["*"],
)
