"""Making tensors: from data, filled, counted."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from conformance.reference import devices, dtypes
from conformance.reference.tensors import Tensor, wrap

DType = dtypes.dtype | None


def finish(array: Any, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new leaf around a fresh array; RuntimeError when its type cannot require grad."""
    where = devices.resolve(device)
    made = wrap(array, where)
    if where is not devices.cpu:
        devices.check_dtype(where, made.dtype)
    if requires_grad:
        if made.dtype.category < dtypes.FLOATING:
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        made._requires_grad = True
    return made


def array_of(data: Any, dtype: DType = None) -> Any:
    """Data as a fresh array: nested sequences, numbers, arrays or tensors, in the given type or the inferred one."""
    if isinstance(data, Tensor):
        array = data._array
        return np.array(array, dtype=dtype.numpy if dtype else array.dtype, order="C")
    if isinstance(data, (np.ndarray, np.generic)):
        if dtype is None:
            dtypes.of_numpy(data.dtype)
        return np.array(data, dtype=dtype.numpy if dtype else data.dtype.newbyteorder("="), order="C")
    if hasattr(data, "__array__") and not isinstance(data, (list, tuple)):
        return array_of(np.asarray(data), dtype)
    kinds: set[Any] = set()
    plain = _plain(data, kinds)
    if dtype is None:
        dtype = dtypes.get_default_dtype()
        for position, each in enumerate(sorted(kinds, key=lambda kind: kind.category)):
            dtype = each if position == 0 else dtypes.promote_types(dtype, each)
    return _to_array(plain, dtype)


def _to_array(plain: Any, dtype: dtypes.dtype) -> Any:
    if dtype.category == dtypes.INTEGER:
        try:
            return np.array(plain, dtype=dtype.numpy)
        except OverflowError:
            if dtype is not dtypes.uint8:
                raise RuntimeError(f"value cannot be converted to type {dtype!r} without overflow") from None
            return np.array(plain).astype(dtype.numpy)
    with np.errstate(all="ignore"):
        return (
            np.array(plain).astype(dtype.numpy)
            if dtype.category < dtypes.FLOATING
            else np.array(plain, dtype=dtype.numpy)
        )


def _plain(data: Any, kinds: set[Any]) -> Any:
    """Nested lists of numbers with tensors and NumPy values taken out, and the types met on the way."""
    if isinstance(data, (bool, int, float, complex)):
        kinds.add(dtypes.of_number(data))
        return data
    if isinstance(data, Tensor):
        kinds.add(data.dtype)
        return data.tolist()
    if isinstance(data, (np.ndarray, np.generic)):
        kinds.add(dtypes.of_numpy(data.dtype))
        return data.tolist()
    if isinstance(data, (list, tuple, range)):
        rows = [_plain(each, kinds) for each in data]
        lengths = {len(each) if isinstance(each, list) else -1 for each in rows}
        if len(lengths) > 1:
            raise ValueError(f"expected sequence of length {len(rows[0]) if isinstance(rows[0], list) else 1} at dim 1")
        return rows
    if isinstance(data, str):
        raise TypeError("new(): invalid data type 'str'")
    raise RuntimeError(f"Could not infer dtype of {type(data).__name__}")


def _warn_of_copy(name: str) -> None:
    warnings.warn(
        f"{name} of a tensor copies it; source.detach().clone(), with requires_grad_(True) where wanted, says so.",
        UserWarning,
        stacklevel=3,
    )


def tensor(data: Any, *, dtype: DType = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new leaf with a copy of `data`; warns when data is a tensor, as clone().detach() says it better."""
    if isinstance(data, Tensor):
        _warn_of_copy("torch.tensor")
        device = data._device if device is None else device
    return finish(array_of(data, dtype), device, requires_grad)


def shape_of(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given one by one or as one sequence; TypeError or RuntimeError for anything else."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    found = tuple([each.__index__() for each in sizes])
    if any(each < 0 for each in found):
        raise RuntimeError(f"Trying to create tensor with negative dimension: {list(found)}")
    return found


def _numpy(dtype: DType) -> np.dtype[Any]:
    return (dtype or dtypes.get_default_dtype()).numpy


def zeros(*size: Any, dtype: DType = None, device: Any = None, requires_grad: bool = False, **other: Any) -> Tensor:
    """Filled with 0."""
    size = size or (other.pop("size"),)
    return finish(np.zeros(shape_of(size), _numpy(dtype)), device, requires_grad)


def ones(*size: Any, dtype: DType = None, device: Any = None, requires_grad: bool = False, **other: Any) -> Tensor:
    """Filled with 1."""
    size = size or (other.pop("size"),)
    return finish(np.ones(shape_of(size), _numpy(dtype)), device, requires_grad)


def empty(
    *size: Any,
    dtype: DType = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    **other: Any,
) -> Tensor:
    """Unfilled in PyTorch; zero here, so that nothing depends on chance."""
    size = size or (other.pop("size"),)
    return finish(np.zeros(shape_of(size), _numpy(dtype)), device, requires_grad)


def full(size: Any, fill_value: Any, *, dtype: DType = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Filled with a number, which gives the type."""
    if isinstance(fill_value, Tensor):
        dtype, fill_value = dtype or fill_value.dtype, fill_value.item()
    dtype = dtype or dtypes.of_number(fill_value)
    return finish(np.full(shape_of((size,)), fill_value, dtype.numpy), device, requires_grad)


def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: DType = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """start, start + step, ... up to but not including end; integers if all three are."""
    if end is None:
        start, end = 0, start
    start, end, step = [each.item() if isinstance(each, Tensor) else each for each in (start, end, step)]
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if dtype is None:
        whole = all(isinstance(each, int) for each in (start, end, step))
        dtype = dtypes.int64 if whole else dtypes.get_default_dtype()
    length = max(int(np.ceil((end - start) / step)), 0)
    return finish((start + step * np.arange(length)).astype(dtype.numpy), device, requires_grad)


def linspace(
    start: Any, end: Any, steps: int, *, dtype: DType = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`steps` values evenly from start to end, both included."""
    start, end = [each.item() if isinstance(each, Tensor) else each for each in (start, end)]
    return finish(np.linspace(start, end, steps).astype(_numpy(dtype)), device, requires_grad)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: DType = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The powers of base with exponents linspace(start, end, steps)."""
    return finish(np.logspace(start, end, steps, base=base).astype(_numpy(dtype)), device, requires_grad)


def eye(
    n: int, m: int | None = None, *, dtype: DType = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Ones on the diagonal."""
    return finish(np.eye(n, m, dtype=_numpy(dtype)), device, requires_grad)


def scalar_tensor(s: Any, *, dtype: DType = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A 0-d tensor of the default type."""
    return finish(np.asarray(s, _numpy(dtype)), device, requires_grad)


def like(self: Tensor, array: Any, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new leaf on the device of `self` unless another is asked for."""
    return finish(array, self._device if device is None else device, requires_grad)


def _like_numpy(self: Tensor, dtype: DType) -> np.dtype[Any]:
    return dtype.numpy if dtype else self._array.dtype


def _order(self: Tensor) -> Any:
    """The order of dimensions of `self`; where elements are repeated (stride 0) there is none to keep."""
    return "C" if 0 in self._array.strides else "K"


def zeros_like(
    self: Tensor, *, dtype: DType = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Zeros in the shape, type, strides and device of `self`."""
    return like(self, np.zeros_like(self._array, _like_numpy(self, dtype), order=_order(self)), device, requires_grad)


def ones_like(
    self: Tensor, *, dtype: DType = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Ones in the shape, type, strides and device of `self`."""
    return like(self, np.ones_like(self._array, _like_numpy(self, dtype), order=_order(self)), device, requires_grad)


empty_like = zeros_like


def full_like(
    self: Tensor,
    fill_value: Any,
    *,
    dtype: DType = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A number in the shape, type, strides and device of `self`."""
    return like(
        self, np.full_like(self._array, fill_value, _like_numpy(self, dtype), order=_order(self)), device, requires_grad
    )


def new_zeros(self: Tensor, *size: Any, dtype: DType = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the type and device of `self`."""
    return like(self, np.zeros(shape_of(size), _like_numpy(self, dtype)), device, requires_grad)


def new_ones(self: Tensor, *size: Any, dtype: DType = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the type and device of `self`."""
    return like(self, np.ones(shape_of(size), _like_numpy(self, dtype)), device, requires_grad)


new_empty = new_zeros


def new_full(
    self: Tensor, size: Any, fill_value: Any, *, dtype: DType = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A number in a shape, of the type and device of `self`."""
    return like(self, np.full(shape_of((size,)), fill_value, _like_numpy(self, dtype)), device, requires_grad)


def new_tensor(
    self: Tensor, data: Any, *, dtype: DType = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A copy of data as a new leaf, of the type and device of `self`; warns when data is a tensor."""
    if isinstance(data, Tensor):
        _warn_of_copy("new_tensor")
    return like(self, array_of(data, dtype or self.dtype), device, requires_grad)


def from_numpy(ndarray: Any) -> Tensor:
    """A tensor on the memory of an array: what is written to one is seen in the other."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    dtypes.of_numpy(ndarray.dtype)
    if any(step < 0 for step in ndarray.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not "
            "currently supported. (You can probably work around this by making a copy of your array with array.copy().)"
        )
    if not ndarray.flags.writeable:
        warnings.warn(
            "The given NumPy array is not writable, and PyTorch does not support non-writable tensors.",
            UserWarning,
            stacklevel=2,
        )
    return wrap(ndarray.view(), devices.cpu)


def as_tensor(data: Any, dtype: DType = None, device: Any = None) -> Tensor:
    """`data` itself if it is a tensor of that type and device; shares an array's memory where it can."""
    if isinstance(data, Tensor):
        return data.to(device=device, dtype=dtype)  # type: ignore[no-any-return]
    if (
        isinstance(data, np.ndarray)
        and (dtype is None or data.dtype == dtype.numpy)
        and devices.resolve(device) is devices.cpu
    ):
        return from_numpy(data)
    return finish(array_of(data, dtype), device)


def asarray(
    obj: Any, *, dtype: DType = None, device: Any = None, copy: bool | None = None, requires_grad: bool | None = None
) -> Tensor:
    """`obj` as a tensor; keeps its history unless requires_grad is given."""
    if isinstance(obj, Tensor):
        made = obj.to(device=device, dtype=dtype, copy=bool(copy))
        if requires_grad is False and made.requires_grad:
            if made.is_leaf:
                made.requires_grad = False
            else:
                made = made.detach()
    elif copy:
        made = finish(array_of(obj, dtype), device)
    else:
        made = as_tensor(obj, dtype, device)
    if requires_grad and not made.requires_grad:
        made.requires_grad_()
    return made  # type: ignore[no-any-return]


def legacy_constructor(cls: type[Tensor], *args: Any, device: Any = None) -> Tensor:
    """torch.Tensor(...): sizes give an unfilled tensor, a sequence its values, in the default type."""
    default = dtypes.get_default_dtype()
    if len(args) == 1 and isinstance(args[0], Tensor):
        made = args[0].detach()
    elif len(args) == 1 and isinstance(args[0], (list, tuple, np.ndarray)) and not hasattr(args[0], "numel"):
        made = finish(array_of(args[0], default), device)
    else:
        made = finish(np.zeros(shape_of(args), default.numpy), device)
    if cls is not Tensor:
        return as_subclass(made, cls)
    return made  # type: ignore[no-any-return]


def as_subclass(source: Tensor, cls: type[Tensor], requires_grad: bool = False) -> Tensor:
    """The same elements without history as an instance of a subclass of Tensor."""
    from conformance.reference.tensors import alias

    made = alias(source, cls=cls)
    made._requires_grad = requires_grad
    return made
