"""Pooling layers."""

from __future__ import annotations

from typing import Any, ClassVar

from conformance.reference.nn import functional as F
from conformance.reference.nn.functional.convolution import spread_out
from conformance.reference.nn.modules.module import Module

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
]


class _Pool(Module):
    """Settings that are printed by name, and the function of as many spatial dimensions as the class has."""

    spatial: ClassVar[int]
    shown: ClassVar[tuple[str, ...]]
    kernel_size: Any
    stride: Any
    padding: Any

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.shown)

    def _function(self, kind: str) -> Any:
        return getattr(F, f"{kind}{self.spatial}d")


class _MaxPool(_Pool):
    shown = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: Any) -> Any:
        return self._function("max_pool")(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )


class _AvgPool(_Pool):
    shown = ("kernel_size", "stride", "padding")

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, kernel_size if stride is None else stride, padding
        self.ceil_mode, self.count_include_pad, self.divisor_override = ceil_mode, count_include_pad, divisor_override

    def forward(self, input: Any) -> Any:
        return self._function("avg_pool")(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class _LPPool(_Pool):
    shown = ("norm_type", "kernel_size", "stride", "ceil_mode")

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, input: Any) -> Any:
        return self._function("lp_pool")(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class _AdaptiveAvgPool(_Pool):
    shown = ("output_size",)

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Any) -> Any:
        return self._function("adaptive_avg_pool")(input, self.output_size)


class _AdaptiveMaxPool(_Pool):
    shown = ("output_size",)

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, input: Any) -> Any:
        return self._function("adaptive_max_pool")(input, self.output_size, self.return_indices)


class _MaxUnpool(_Pool):
    shown = ("kernel_size", "stride", "padding")

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = spread_out(kernel_size, self.spatial, "kernel_size")
        self.stride = self.kernel_size if stride is None else spread_out(stride, self.spatial, "stride")
        self.padding = spread_out(padding, self.spatial, "padding")

    def forward(self, input: Any, indices: Any, output_size: Any = None) -> Any:
        return self._function("max_unpool")(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxPool1d(_MaxPool):
    """The largest value of each window of (N, C, L) or (C, L)."""

    spatial = 1


class MaxPool2d(_MaxPool):
    """The largest value of each window of (N, C, H, W) or (C, H, W)."""

    spatial = 2


class MaxPool3d(_MaxPool):
    """The largest value of each window of (N, C, D, H, W) or (C, D, H, W)."""

    spatial = 3


class AvgPool1d(_AvgPool):
    """The mean of each window of (N, C, L) or (C, L)."""

    spatial = 1

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        self.kernel_size = spread_out(kernel_size, 1, "kernel_size")
        self.stride = spread_out(kernel_size if stride is None else stride, 1, "stride")
        self.padding = spread_out(padding, 1, "padding")


class AvgPool2d(_AvgPool):
    """The mean of each window of (N, C, H, W) or (C, H, W)."""

    spatial = 2


class AvgPool3d(_AvgPool):
    """The mean of each window of (N, C, D, H, W) or (C, D, H, W)."""

    spatial = 3


class LPPool1d(_LPPool):
    """The p-norm of each window of (N, C, L)."""

    spatial = 1


class LPPool2d(_LPPool):
    """The p-norm of each window of (N, C, H, W)."""

    spatial = 2


class LPPool3d(_LPPool):
    """The p-norm of each window of (N, C, D, H, W)."""

    spatial = 3


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Means over a given number of windows of (N, C, L)."""

    spatial = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Means over a given number of windows of (N, C, H, W)."""

    spatial = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """Means over a given number of windows of (N, C, D, H, W)."""

    spatial = 3


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """Maxima over a given number of windows of (N, C, L)."""

    spatial = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Maxima over a given number of windows of (N, C, H, W)."""

    spatial = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """Maxima over a given number of windows of (N, C, D, H, W)."""

    spatial = 3


class MaxUnpool1d(_MaxUnpool):
    """Maxima of (N, C, L) put back where they came from."""

    spatial = 1


class MaxUnpool2d(_MaxUnpool):
    """Maxima of (N, C, H, W) put back where they came from."""

    spatial = 2


class MaxUnpool3d(_MaxUnpool):
    """Maxima of (N, C, D, H, W) put back where they came from."""

    spatial = 3
