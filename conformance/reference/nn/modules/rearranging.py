"""Layers that move elements between channels and space."""

from __future__ import annotations

from conformance.reference.nn import functional as F
from conformance.reference.nn.modules.base.wrapping import REQUIRED, layer

__all__ = ["ChannelShuffle", "Fold", "PixelShuffle", "PixelUnshuffle", "Unfold"]

ChannelShuffle = layer("ChannelShuffle", __name__, F.channel_shuffle, "Channels mixed across groups.", groups=REQUIRED)
PixelShuffle = layer(
    "PixelShuffle", __name__, F.pixel_shuffle, "(*, C r r, H, W) -> (*, C, H r, W r).", upscale_factor=REQUIRED
)
PixelUnshuffle = layer(
    "PixelUnshuffle", __name__, F.pixel_unshuffle, "(*, C, H r, W r) -> (*, C r r, H, W).", downscale_factor=REQUIRED
)
Unfold = layer(
    "Unfold",
    __name__,
    F.unfold,
    "What a window sees at each position, as columns.",
    kernel_size=REQUIRED,
    dilation=1,
    padding=0,
    stride=1,
)
Fold = layer(
    "Fold",
    __name__,
    F.fold,
    "The adjoint of Unfold.",
    output_size=REQUIRED,
    kernel_size=REQUIRED,
    dilation=1,
    padding=0,
    stride=1,
)
