"""The backbone: the small convolutional network that pictures go through, whatever is asked of them."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import keras
from keras import layers

from edge_vision.contracts.options import Options, option
from edge_vision.training.networks.blocks import (
    FIRST_LAYER,
    convolution,
    inverted_residual,
    pixels_scaled,
)

EMBEDDING = "embedding"
"""The output that says what a whole picture shows, (n, values)."""


class Stage(NamedTuple):
    """Inverted residuals one after the other: the first one strides, all give so many channels."""

    channels: int
    stride: int
    expansion: int
    blocks: int


STAGES = (Stage(24, 1, 1, 1), Stage(32, 2, 4, 2), Stage(64, 2, 4, 3), Stage(112, 2, 4, 3))
"""The stages after a stem of 24 channels that halves the picture: strides 2, 4, 8 and 16."""

STAGE_32 = Stage(160, 2, 4, 2)
"""A further stage for large pictures, with stride 32."""

STEM_CHANNELS = 24


class BackboneOptions(Options):
    """How wide a backbone is, and how far it narrows a picture."""

    width: float = option(
        1.0, "Channels of the stem and the stages, times the usual; rounded to eighths.", ge=0.25, le=4
    )
    embedding: int = option(256, "Values of the embedding.", ge=8, le=4096)
    stride: Literal[8, 16, 32] = option(
        16, "Pixels between two places of its last map; 8 looks as far around as 16 does (dilated)."
    )
    channels: Literal[1, 3] = option(3, "Of the pictures: 3 for colours, 1 for grey.")


def backbone(options: BackboneOptions | None = None, size: tuple[int, int] | None = None) -> Any:
    """A network from pixel values to feature maps by their stride, and an embedding.

    size  (width, height) of the pictures; None for any

    Takes "image" (n, height, width, channels) of 0 to 255; gives "stride4", "stride8", "stride16" (and
    "stride32"; no "stride16" where it stops at 8) as (n, height / stride, width / stride, channels), and
    "embedding" (n, values): the mean over all places of a last 1x1 convolution with ReLU. With the usual
    options it has 405,888 weights, 9,952 of them running means and variances.

    After Sandler et al., MobileNetV2, 2018; the dilated form after Chen et al., Rethinking Atrous
    Convolution, 2017, 3.1.
    """
    chosen = options or BackboneOptions()
    width, height = size or (None, None)
    image = keras.Input((height, width, chosen.channels), name="image")
    tensor = pixels_scaled(image)
    tensor = convolution(tensor, _widened(STEM_CHANNELS, chosen), FIRST_LAYER, stride=2)
    stride, dilation = 2, 1
    maps: dict[str, Any] = {}
    for number, stage in enumerate((*STAGES, *((STAGE_32,) if chosen.stride == 32 else ())), start=1):
        step, inside = stage.stride, dilation
        if stride * step > chosen.stride:
            step, inside = 1, dilation * step
        tensor = _stage(tensor, stage, f"stage{number}", step, (dilation, inside), chosen)
        stride, dilation = stride * step, inside
        if stride > 2:
            maps[f"stride{stride}"] = tensor
    tensor = convolution(tensor, chosen.embedding, "features", kernel=1)
    embedding = layers.GlobalAveragePooling2D(name=EMBEDDING)(tensor)
    return keras.Model({"image": image}, {**maps, EMBEDDING: embedding}, name="backbone")


def _stage(
    tensor: Any,
    stage: Stage,
    name: str,
    step: int,
    dilations: tuple[int, int],
    options: BackboneOptions,
) -> Any:
    """One stage; the first block looks as far as the stage before it did, the others further.

    step       the stride of its first block
    dilations  of its first block, and of the others
    """
    channels = _widened(stage.channels, options)
    for block in range(stage.blocks):
        tensor = inverted_residual(
            tensor,
            channels,
            f"{name}_block{block + 1}",
            stride=step if block == 0 else 1,
            expansion=stage.expansion,
            dilation=dilations[0 if block == 0 else 1],
        )
    return tensor


def _widened(channels: int, options: BackboneOptions) -> int:
    """So many channels times the width, rounded to eighths and at least 8."""
    return max(8, int(channels * options.width / 8 + 0.5) * 8)
