"""torch.utils.data, the part that tests of training need: datasets, batches, shuffling by a generator."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from conformance.reference import dtypes
from conformance.reference.errors import NotSupported
from conformance.reference.operations.combining import stack
from conformance.reference.operations.creation import as_tensor, empty, tensor
from conformance.reference.randomness import Generator, randperm
from conformance.reference.tensors import Tensor

__all__ = ["DataLoader", "Dataset", "TensorDataset", "default_collate"]


class Dataset:
    """Base of datasets: `__getitem__` gives a sample, `__len__` their number."""

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")


class TensorDataset(Dataset):
    """Samples are the rows of several tensors."""

    def __init__(self, *tensors: Any) -> None:
        if any(each.shape[0] != tensors[0].shape[0] for each in tensors):
            raise AssertionError("Size mismatch between tensors")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple(each[index] for each in self.tensors)

    def __len__(self) -> int:
        return int(self.tensors[0].shape[0])


def default_collate(batch: Sequence[Any]) -> Any:
    """Samples as one batch: tensors stacked, numbers as a tensor, tuples and dicts field by field."""
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(list(batch))
    if isinstance(first, np.ndarray):
        return stack([as_tensor(each) for each in batch])
    if isinstance(first, float):
        return tensor(list(batch), dtype=dtypes.float64)
    if isinstance(first, (bool, int, np.number)):
        return tensor(list(batch))
    if isinstance(first, str):
        return list(batch)
    if isinstance(first, Mapping):
        return {key: default_collate([each[key] for each in batch]) for key in first}
    if isinstance(first, (tuple, list)):
        return [default_collate(field) for field in zip(*batch, strict=True)]
    raise TypeError(
        f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {type(first)}"
    )


class DataLoader:
    """Batches of a dataset, in order or shuffled anew for each pass; loading in other processes is lacking."""

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        *,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        drop_last: bool = False,
        generator: Generator | None = None,
        pin_memory: bool = False,
    ) -> None:
        if num_workers:
            raise NotSupported("DataLoader with num_workers > 0")
        self.dataset, self.batch_size, self.shuffle = dataset, batch_size, bool(shuffle)
        self.collate_fn, self.drop_last, self.generator = collate_fn or default_collate, drop_last, generator

    def __len__(self) -> int:
        count = len(self.dataset)
        if self.batch_size is None:
            return count
        return count // self.batch_size if self.drop_last else math.ceil(count / self.batch_size)

    def _order(self) -> list[int]:
        # A pass draws a seed for its workers first, of which there are none here, so that the same numbers follow.
        _draw_seed(self.generator)
        if not self.shuffle:
            return list(range(len(self.dataset)))
        generator = self.generator or Generator().manual_seed(_draw_seed(None))
        return list(randperm(len(self.dataset), generator=generator).tolist())

    def __iter__(self) -> Iterator[Any]:
        order = self._order()
        if self.batch_size is None:
            return iter([self.dataset[at] for at in order])
        return (
            self.collate_fn([self.dataset[at] for at in order[start : start + self.batch_size]])
            for start in range(0, len(self) * self.batch_size, self.batch_size)
        )


def _draw_seed(generator: Generator | None) -> int:
    drawn: Any = empty([], dtype=dtypes.int64)
    return int(drawn.random_(generator=generator))
