"""Boxes as annotations draw them, cut to their picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_vision.data import geometry

SMALLEST_SIDE = 0.5
"""Pixels of the shorter side of a box that shows something; what is less is left out."""


class Drawn(NamedTuple):
    """A box, x1, y1, x2, y2 in pixels of its picture, and the number of its class."""

    corners: tuple[float, float, float, float]
    number: int


def arrays(
    drawn: Sequence[Drawn], size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The boxes, (k, 4) float32, cut to a picture of that (width, height), and their classes, (k,).

    Boxes of no size, or outside of the picture, are left out.
    """
    corners = geometry.clip_boxes([each.corners for each in drawn], *size)
    classes = np.array([each.number for each in drawn], np.int64)
    kept = (corners[:, 2:] - corners[:, :2]).min(axis=1, initial=np.inf) >= SMALLEST_SIDE
    return corners[kept], classes[kept]
