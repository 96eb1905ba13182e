"""Centre maps: what a detector of middles is to say of a picture, from its boxes.

Zhou and others, "Objects as points", 2019: a hill about each middle, 1 at its top; here an ellipse of
the box's own proportions, as in Liu and others, "Training-time-friendly network for real-time object
detection", 2020.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SPREAD = 0.09
"""Standard deviation of a hill, as a share of the box's width and height."""

NARROWEST = 0.4
"""The least standard deviation of a hill, in cells."""

NEAR = 0.5
"""Cells at least so high on a hill learn the box, too, not only that on its top."""


class CentreMaps(NamedTuple):
    """What is to be said of one picture.

    heights  (rows, columns, classes) float32: 1 where the middle of an object of that class is, less
             around it
    corners  (rows, columns, 4) float32: x1, y1, x2, y2 of the box that a cell learns, as fractions of
             the picture; all 0 where it learns none
    """

    heights: NDArray[np.float32]
    corners: NDArray[np.float32]


def centre_maps(
    boxes: NDArray[np.floating],
    numbers: NDArray[np.integer],
    size: tuple[int, int],
    grid: tuple[int, int],
    classes: int,
) -> CentreMaps:
    """The maps of one picture.

    boxes    (k, 4) x1, y1, x2, y2 in its pixels
    numbers  (k,) their classes
    size     (width, height) of the picture
    grid     (columns, rows) of the maps

    Where hills of one class meet, the higher one counts; where boxes do, the smaller one is learnt.
    """
    columns, rows = grid
    heights, corners = (np.zeros((rows, columns, values), np.float32) for values in (classes, 4))
    fractions = np.asarray(boxes, np.float32).reshape(-1, 4) / np.array([*size, *size], np.float32)
    sides = fractions[:, 2:] - fractions[:, :2]
    for row in np.argsort(-sides.prod(axis=1), kind="stable"):
        hill = _hill(fractions[row], grid)
        layer = heights[:, :, int(numbers[row])]
        np.maximum(layer, hill, out=layer)
        corners[hill >= NEAR] = fractions[row]
    return CentreMaps(heights, corners)


def _hill(box: NDArray[np.float32], grid: tuple[int, int]) -> NDArray[np.float32]:
    """The hill about the middle of a box of fractions, (rows, columns), 1 in the cell of its middle."""
    across, down = (
        _slope((box[place] + box[place + 2]) / 2, box[place + 2] - box[place], cells)
        for place, cells in enumerate(grid)
    )
    return np.asarray(down[:, np.newaxis] * across, np.float32)


def _slope(middle: float, side: float, cells: int) -> NDArray[np.float64]:
    """A hill along one side, (cells,)."""
    top = min(cells - 1, max(0, int(middle * cells)))
    spread = max(NARROWEST, SPREAD * side * cells)
    return np.exp(-((np.arange(cells) - top) ** 2) / (2.0 * spread**2))
