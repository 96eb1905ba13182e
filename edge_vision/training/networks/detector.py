"""A detector of middles on a backbone: where objects are, and how far their sides are from there."""

from __future__ import annotations

from math import log
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from edge_vision.training.networks.blocks import inverted_residual, map_head, upsampling

CENTRES, SIDES, CORNERS = "centres", "sides", "corners"
STRIDE = 8
"""Pixels between two cells of the maps."""
RARE = 0.01
"""The share of cells that hold a middle, about; scores begin there."""
USUAL_SIDE = 0.12
"""How far sides are from middles, about, as a share of the picture; distances begin there."""


def centre_detector(body: Any, classes: int, channels: int = 64) -> Any:
    """The keras.Model from pictures "image" to maps of cells, STRIDE pixels apart.

    body  a backbone of pictures of a fixed size, with maps "stride8" and "stride16"

    Gives logits "centres" (n, rows, columns, classes) and "sides" (n, rows, columns, 4), whose sigmoids
    are read as the layout `centres` says; and "corners" (n, rows, columns, 4), the same as boxes x1, y1,
    x2, y2 in fractions of the picture, for a loss over boxes.

    Zhou and others, "Objects as points", 2019; Tian and others, "FCOS", 2019.
    """
    maps = body.output
    wide = maps["stride16"]
    for dilation in (2, 4):  # a person near the camera is as tall as the picture
        wide = inverted_residual(wide, int(wide.shape[-1]), f"around{dilation}", dilation=dilation)
    fine = upsampling(wide, channels, "finer", skip=maps[f"stride{STRIDE}"])
    centres = map_head(fine, classes, hidden=channels, name=CENTRES, bias=-log((1 - RARE) / RARE))
    sides = map_head(fine, 4, hidden=channels, name=SIDES, bias=-log((1 - USUAL_SIDE) / USUAL_SIDE))
    corners = layers.Add(name=CORNERS)([_signed(ops.sigmoid(sides)), _middles(sides)])
    outputs = {CENTRES: centres, SIDES: sides, CORNERS: corners}
    return keras.Model({"image": body.inputs[0]}, outputs, name="detector")


def _signed(sides: Any) -> Any:
    """Distances as ways from the middle: left and up are negative."""
    return sides * np.array([-1.0, -1.0, 1.0, 1.0], np.float32)


def _middles(sides: Any) -> Any:
    """The middle of each cell, as fractions of the picture, in the shape of the map of sides."""
    rows, columns = sides.shape[1:3]
    x, y = np.meshgrid((np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows)
    middles = np.stack([x, y, x, y], axis=2).astype(np.float32)
    return ops.zeros_like(sides) + middles
