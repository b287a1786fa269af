"""Helpers that differ with the implementation or the device: ``name__flavour`` is one of several texts for ``name``.

Which script gets which is :class:`conformance.repro.subject.Subject`'s to say.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from conformance.repro.helpers import device, implementation, missing_members, torch
from conformance.repro.helpers.values import Reading, is_tensor

if TYPE_CHECKING:
    from conformance.repro.helpers.flavours import absent__torch as absent
    from conformance.repro.helpers.flavours import absent__torch as otherwise_absent
    from conformance.repro.helpers.flavours import absent__torch as unsupported
    from conformance.repro.helpers.flavours import have_one_storage__torch as of_tensors


def absent__lacking(error: BaseException) -> bool:
    """Whether an error says that something is not there, a member of tensors or something else: that is no failure."""
    lacking = isinstance(error, AttributeError) and is_tensor(error.obj) and error.name in missing_members
    return lacking or unsupported(error)


def absent__without_float64(error: BaseException) -> bool:
    """Whether an error says that something is not there, float64 or something else: that is no failure."""
    return (isinstance(error, TypeError) and "float64" in str(error)) or otherwise_absent(error)


def stops__cuda(error: BaseException) -> bool:
    """Whether an error says that something is absent or broken, so that it cannot be the verdict of a check."""
    broken = "CUDA error" in str(error) or type(error).__name__ in ("AcceleratorError", "OutOfMemoryError")
    return broken or isinstance(error, (MemoryError, RecursionError)) or absent(error)


def stops__adapter(error: BaseException) -> bool:
    """Whether an error says that something is absent or broken, so that it cannot be the verdict of a check."""
    return implementation.fatal(error) or isinstance(error, (MemoryError, RecursionError)) or absent(error)


def absent__torch(error: BaseException) -> bool:
    """Whether an error says that there is no kernel: that is no failure."""
    kinds = "meta|mps|cuda|cpu|xpu|half|bfloat16|complex"
    missing = rf"not implemented for '?\w+|not (yet )?supported (for|on) (the )?'?({kinds})"
    unsupported = isinstance(error, RuntimeError) and re.search(missing, str(error), re.IGNORECASE) is not None
    return isinstance(error, NotImplementedError) or unsupported


def absent__meta(error: BaseException) -> bool:
    """Whether an error says that there is no kernel, or that values are needed where there are none: no failure."""
    kinds = "meta|mps|cuda|cpu|xpu|half|bfloat16|complex"
    missing = rf"not implemented for '?\w+|not (yet )?supported (for|on) (the )?'?({kinds})"
    needed = r"meta tensor|Meta tensors|meta device|'Meta' backend|data-dependent|DataDependent"
    unsupported = isinstance(error, RuntimeError) and re.search(missing, str(error), re.IGNORECASE) is not None
    return isinstance(error, NotImplementedError) or unsupported or re.search(needed, str(error)) is not None


def absent__namespace(error: BaseException) -> bool:
    """Whether an error says that something is not there: that is no failure."""
    return isinstance(error, NotImplementedError)


def absent__adapter(error: BaseException) -> bool:
    """Whether an error says that something is not there: that is no failure."""
    return implementation.unsupported(error, device) is not None


def is_tensor__adapter(value: Any) -> bool:
    """Whether ``value`` is a tensor."""
    return bool(implementation.is_tensor(value))


def reading_of__torch(tensor: Any) -> Reading:
    """The values of a tensor, also of one that is sparse, or zero and stored nowhere."""
    plain = tensor.detach().to_dense()
    plain = torch.zeros(plain.shape, dtype=plain.dtype) if plain._is_zerotensor() else plain
    return Reading(plain.tolist(), tensor.shape, str(tensor.dtype).rpartition(".")[2])


def reading_of__meta(tensor: Any) -> Reading:
    """The values of a tensor; on meta there are none."""
    values = None if tensor.device.type == "meta" else tensor.detach().to_dense().tolist()
    return Reading(values, tensor.shape, str(tensor.dtype).rpartition(".")[2])


def reading_of__namespace(tensor: Any) -> Reading:
    """The values of a tensor, through NumPy, which has no bfloat16."""
    name = str(tensor.dtype).rpartition(".")[2]
    plain = tensor.detach().to(torch.float32) if name == "bfloat16" else tensor.detach()
    return Reading(plain.cpu().numpy().tolist(), tensor.shape, name)


def reading_of__numpy_or_meta(tensor: Any) -> Reading:
    """The values of a tensor, through NumPy, which has no bfloat16; on meta there are none."""
    name = str(tensor.dtype).rpartition(".")[2]
    plain = tensor.detach().to(torch.float32) if name == "bfloat16" else tensor.detach()
    values = None if tensor.device.type == "meta" else plain.cpu().numpy().tolist()
    return Reading(values, tensor.shape, name)


def reading_of__adapter(tensor: Any) -> Reading:
    """The values of a tensor, where they can be read."""
    array = implementation.array(tensor)
    values = None if array is None else array.tolist()
    return Reading(values, implementation.fact(tensor, "shape"), implementation.dtype_name(tensor))


def have_one_storage__torch(left: Any, right: Any) -> bool | None:
    """Whether two tensors share memory."""
    if not (is_tensor(left) and is_tensor(right)):
        return False
    return bool(left.untyped_storage().data_ptr() == right.untyped_storage().data_ptr())


def have_one_storage__meta(left: Any, right: Any) -> bool | None:
    """Whether two tensors share memory; None on meta, which has none."""
    if not (is_tensor(left) and is_tensor(right)):
        return False
    if "meta" in (left.device.type, right.device.type):
        return None
    return bool(left.untyped_storage().data_ptr() == right.untyped_storage().data_ptr())


def have_one_storage__adapter(left: Any, right: Any) -> bool | None:
    """Whether two tensors share memory."""
    if not (is_tensor(left) and is_tensor(right)):
        return False
    shared: bool | None = implementation.shares_memory(left, right)
    return shared


def have_one_storage__numpy(left: Any, right: Any) -> bool | None:
    """Whether two tensors or arrays share memory."""
    if is_tensor(left) and is_tensor(right):
        return of_tensors(left, right)
    if not all(is_tensor(one) or isinstance(one, np.ndarray) for one in (left, right)):
        return False
    return bool(np.may_share_memory(*(one.detach().cpu().numpy() if is_tensor(one) else one for one in (left, right))))


def have_one_storage__arrays(left: Any, right: Any) -> bool | None:
    """Whether two tensors or arrays share memory."""
    if is_tensor(left) and is_tensor(right):
        return of_tensors(left, right)
    if not all(is_tensor(one) or isinstance(one, np.ndarray) for one in (left, right)):
        return False
    first, second = (implementation.array(one) if is_tensor(one) else one for one in (left, right))
    return None if first is None or second is None else bool(np.may_share_memory(first, second))


def fact__adapter(value: Any, name: str) -> Any:
    """What a value says of itself: None where it says nothing; a dtype or device by its name."""
    if is_tensor(value):
        return implementation.dtype_name(value) if name == "dtype" else implementation.fact(value, name)
    found = getattr(value, name, None)
    if found is None or name not in ("dtype", "shape"):
        return found
    return tuple(found) if name == "shape" else str(found).rpartition(".")[2]


@contextlib.contextmanager
def recording_warnings__torch() -> Iterator[list[Any]]:
    """Collects every warning, also those that are otherwise given only once."""
    torch.set_warn_always(True)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield caught
    finally:
        torch.set_warn_always(False)


@contextlib.contextmanager
def recording_warnings__namespace() -> Iterator[list[Any]]:
    """Collects every warning, also those that are otherwise given only once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def recording_warnings__adapter() -> Any:
    """Collects every warning, also those that are otherwise given only once."""
    return implementation.recording_warnings()


def allocated__reference() -> int:
    """The bytes of tensor storage that are alive on the device."""
    return int(torch.memory.allocated(device))


def allocated__namespace() -> int:
    """The bytes of tensor storage that are alive on the device, which nobody counts."""
    raise NotImplementedError(f"no count of the memory allocated on {device}")


def allocated__adapter() -> int:
    """The bytes of tensor storage that are alive on the device."""
    return int(implementation.allocated(device))


def fill__adapter(module: Any, data: dict[str, Any]) -> None:
    """Write numbers into the parameters of a layer, in place and unrecorded."""
    parameters = dict(module.named_parameters())
    for name, numbers in data.items():
        shape = implementation.fact(parameters[name], "shape")
        implementation.fill(parameters[name], np.array(numbers).reshape(shape))
