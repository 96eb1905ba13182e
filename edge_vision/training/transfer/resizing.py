"""Resizing feature maps as TFLite does, whose three ways of placing pixels Keras does not all have.

An output's pixel is a mean of input pixels, so along each side resizing is a matrix (out, in).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray


def resized(
    tensor: Any, size: tuple[int, int], mode: str, *, corners: bool = False, centres: bool = False
) -> Any:
    """Maps (n, height, width, channels) in another size.

    size     (height, width) to make
    mode     "bilinear" or "nearest"
    corners  the outermost pixels' centres lie upon each other (align_corners)
    centres  pixels are squares with their centres in the middle (half_pixel_centers)
    """
    height, width = int(tensor.shape[1]), int(tensor.shape[2])
    if mode == "bilinear" and centres and not corners:
        # The way that every backend has, and converters know.
        return ops.image.resize(tensor, size, interpolation="bilinear", data_format="channels_last")
    rows = resizing_matrix(height, size[0], mode, corners=corners, centres=centres)
    columns = resizing_matrix(width, size[1], mode, corners=corners, centres=centres)
    made = ops.einsum("oh,nhwc->nowc", rows, tensor)
    return ops.einsum("ow,nhwc->nhoc", columns, made)


def resizing_matrix(
    entering: int, leaving: int, mode: str, *, corners: bool = False, centres: bool = False
) -> NDArray[np.float32]:
    """How much each of the pixels along a side counts in each of the new ones, (leaving, entering)."""
    places = _places(entering, leaving, corners=corners, centres=centres, shift=mode == "bilinear")
    matrix = np.zeros((leaving, entering), np.float32)
    new = np.arange(leaving)
    if mode == "nearest":
        nearest = np.floor(places + 0.5) if corners else np.floor(places)
        matrix[new, np.clip(nearest, 0, entering - 1).astype(int)] = 1.0
        return matrix
    below = np.floor(places)
    share = (places - below).astype(np.float32)
    np.add.at(matrix, (new, np.clip(below, 0, entering - 1).astype(int)), 1.0 - share)
    np.add.at(matrix, (new, np.clip(below + 1, 0, entering - 1).astype(int)), share)
    return matrix


def _places(
    entering: int, leaving: int, *, corners: bool, centres: bool, shift: bool
) -> NDArray[np.float64]:
    """Where each new pixel lies among the old ones, (leaving,), in pixels.

    shift  whether the centre of an old pixel counts as its place, which it does where values are mixed
    """
    factor = (entering - 1) / (leaving - 1) if corners and leaving > 1 else entering / leaving
    new = np.arange(leaving, dtype=np.float64)
    if not centres:
        return new * factor
    return (new + 0.5) * factor - (0.5 if shift else 0.0)
