"""A segmenter on a backbone: the class of each place of a picture, or whether it is foreground."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from edge_vision.training.networks.blocks import inverted_residual, map_head, upsampling

CLASSES, MASK = "classes", "mask"
FINEST = 4
"""Pixels between two places of the finest map that is looked at."""


def segmenter(body: Any, classes: int, channels: int = 64, stride: int = 2) -> Any:
    """The keras.Model from pictures "image" to a map of logits.

    body      a backbone of pictures of a fixed size whose sides are multiples of 16, with maps
              "stride4", "stride8" and "stride16"
    classes   so many are told apart; of two, the second is the foreground
    channels  of the maps that classes are told from
    stride    4, 2 or 1: so many pixels lie between two places of the answer

    Gives "classes" (n, height / stride, width / stride, classes), enlarged, bilinearly, from a map with
    places 4 pixels apart. Of two classes it also gives "mask" (n, ..., 1), the logit of the foreground,
    and "classes" are 0 and the same again, for losses over classes.

    Ronneberger and others, "U-Net", 2015, with a way up of two steps; the blocks that look around after
    Yu and Koltun, "Multi-scale context aggregation by dilated convolutions", 2016.
    """
    maps = body.output
    wide = maps["stride16"]
    for dilation in (2, 4):  # a road or a building is as wide as the picture
        wide = inverted_residual(wide, int(wide.shape[-1]), f"around{dilation}", dilation=dilation)
    fine = upsampling(wide, channels, "finer", skip=maps["stride8"])
    finest = upsampling(fine, channels, "finest", skip=maps[f"stride{FINEST}"])
    name = MASK if classes == 2 else CLASSES
    logits = map_head(finest, 1 if classes == 2 else classes, hidden=channels, name=name)
    if stride != FINEST:
        enlarged = layers.UpSampling2D(
            FINEST // stride, interpolation="bilinear", name=f"{name}_enlarge"
        )
        logits = enlarged(logits)
    outputs = {name: logits}
    if classes == 2:
        outputs[CLASSES] = ops.concatenate([ops.zeros_like(logits), logits], axis=-1)
    return keras.Model({"image": body.inputs[0]}, outputs, name="segmenter")
