"""Writing in place: what may be written, the write itself, the version, and the history afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from conformance.reference import dtypes
from conformance.reference.declarations import INPUT, OUTPUT, Operation, OperationNode
from conformance.reference.graph import SavedTensor, gradient_edge
from conformance.reference.modes import state
from conformance.reference.operands import common_device
from conformance.reference.recording import record, wants_grad
from conformance.reference.storages import may_overlap, overlaps_partially
from conformance.reference.tensors import Tensor, geometry_of
from conformance.reference.views import check_inplace, rebase_history


def write(
    target: Tensor, operation: Operation, inputs: Sequence[Any], params: Sequence[Any] = (), overlap: bool = False
) -> Tensor:
    """Compute an operation whose first input is `target` and put the result into `target`, with its history.

    `overlap` allows a target several of whose elements share memory (for writes of one value everywhere).
    """
    recorded = state.grad and wants_grad(inputs)
    if not overlap:
        check_writable(target, inputs)
    check_inplace(target, recorded)
    common_device(inputs)
    node: OperationNode | None = None
    if recorded:
        # Inputs are saved before the write: one that shares the target's memory is then found to have changed.
        edge = gradient_edge(target)
        node = record(operation, (keep_original(target, operation, inputs), *inputs[1:]), params, None)
        node.edges = (edge, *node.edges[1:])
    try:
        computed = operation.forward(*operation.arrays(inputs), *params)
    except ValueError as error:
        raise RuntimeError(f"{operation.name}_: {error}") from None
    store(target, computed)
    if node is not None and node.saved is not None:
        for position, (kind, index) in enumerate(node.plan.sources):
            if kind == OUTPUT:
                node.saved[position] = SavedTensor(target, index)
        node.outputs = [(target._array.shape, target._array.dtype, target._device)]
        rebase_history(target, node)
    return target


def keep_original(target: Tensor, operation: Operation, inputs: Sequence[Any]) -> Tensor:
    """`target` itself, or a copy of it when some gradient will need the values that are about to be overwritten."""
    mask = 0
    for position, each in enumerate(inputs):
        if isinstance(each, Tensor) and each.requires_grad:
            mask |= 1 << position
    needed = (INPUT, 0) in operation.plan(mask).sources
    return target.clone() if needed else target


def check_writable(target: Tensor, inputs: Sequence[Any] = ()) -> None:
    """RuntimeError when elements of the target share memory with each other, or with another input's in part."""
    array = target._array
    if target._storage is not None:
        for each in inputs:
            beside = isinstance(each, Tensor) and each._storage is target._storage and each is not target
            if beside and overlaps_partially(geometry_of(target), geometry_of(each)):
                raise RuntimeError(
                    "unsupported operation: some elements of the input tensor and the written-to tensor refer to a "
                    "single memory location. Please clone() the tensor before performing the operation."
                )
    if array.size and 0 in array.strides and may_overlap(array.shape, array.strides):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
            "Please clone() the tensor before performing the operation."
        )


def store(target: Tensor, computed: Any) -> None:
    """Write an array into a tensor and bump its version; RuntimeError for another shape or a higher category."""
    array = target._array
    if computed.shape != array.shape and np.broadcast_shapes(computed.shape, array.shape) != array.shape:
        raise RuntimeError(
            f"output with shape {list(array.shape)} doesn't match the broadcast shape {list(computed.shape)}"
        )
    if computed.dtype != array.dtype:
        result, wanted = dtypes.of_numpy(computed.dtype), target.dtype
        if not dtypes.can_cast(result, wanted):
            raise RuntimeError(f"result type {result!r} can't be cast to the desired output type {wanted!r}")
    array[...] = computed
    check_version(target)
    target._counter[0] += 1


def check_version(target: Tensor) -> None:
    """RuntimeError when an inference tensor is written to in normal mode (by then it is written, as in PyTorch)."""
    if target._inference and not state.inference and not target._versioned:
        raise RuntimeError(
            "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a "
            "normal tensor before doing inplace update."
        )
