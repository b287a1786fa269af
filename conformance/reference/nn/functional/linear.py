"""Linear maps, bilinear forms, table look-ups and one-hot vectors."""

from __future__ import annotations

from typing import Any

from conformance.reference import dtypes
from conformance.reference.dispatch import ops
from conformance.reference.modes import no_grad
from conformance.reference.operations.creation import arange

__all__ = ["bilinear", "embedding", "linear", "one_hot"]


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """`x` (*, in) and weight (out, in) -> x weight^T + bias (*, out)."""
    if input.dtype is not weight.dtype:
        raise RuntimeError(f"mat1 and mat2 must have the same dtype, but got {input.dtype} and {weight.dtype}")
    product = input.matmul(weight.t())
    return product if bias is None else product + bias


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """x1 (*, in1), x2 (*, in2), weight (out, in1, in2) -> x1^T weight x2 for each output (*, out)."""
    if input1.dim() != input2.dim():
        raise RuntimeError(f"bilinear(): input dimensions do not match: got {input1.dim()} and {input2.dim()}")
    if input1.shape[-1] != weight.shape[1] or input2.shape[-1] != weight.shape[2]:
        raise RuntimeError("bilinear(): the inputs' last dimensions do not match those of weight")
    outputs, first, second = weight.shape
    rows1, rows2 = input1.reshape(-1, first), input2.reshape(-1, second)
    through = rows1.matmul(weight.permute(1, 0, 2).reshape(first, outputs * second))
    result = (through.reshape(-1, outputs, second) * rows2.unsqueeze(1)).sum(-1).reshape(*input1.shape[:-1], outputs)
    return result if bias is None else result + bias


def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """Rows of weight (rows, features) at integer positions (*) -> (*, features).

    The row `padding_idx` gets no gradient. With `max_norm` the rows used are first shrunk, in place. Sparse gradients
    and scaling by frequency are openly lacking.
    """
    from conformance.reference.errors import NotSupported

    if sparse or scale_grad_by_freq:
        raise NotSupported("embedding with sparse=True or scale_grad_by_freq=True")
    if input.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            f"{input.dtype} instead (while checking arguments for embedding)"
        )
    rows = weight.shape[0]
    if padding_idx is not None:
        if not -rows <= padding_idx < rows:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= rows
    if max_norm is not None:
        with no_grad():
            used = input.reshape(-1).unique()
            chosen = weight[used]
            norms = chosen.norm(norm_type, 1, keepdim=True)
            weight[used] = ops.where(norms > max_norm, chosen * (max_norm / (norms + 1e-7)), chosen)
    return ops.embedding(weight, input, -1 if padding_idx is None else padding_idx)


def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """Classes (*) -> int64 (*, num_classes) with a one in the place of each class."""
    if tensor.dtype is not dtypes.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if tensor.numel() and int(tensor.min()) < 0:
        raise RuntimeError("Class values must be non-negative.")
    if num_classes == -1:
        if not tensor.numel():
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        num_classes = int(tensor.max()) + 1
    elif tensor.numel() and int(tensor.max()) >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    return (tensor.unsqueeze(-1) == arange(num_classes, device=tensor.device)).to(dtypes.int64)
