"""The canvas: a picture to draw on, the way to it from the frame, and sizes that suit it."""

from __future__ import annotations

from math import sqrt

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_vision import Image, View, geometry
from edge_vision_annotate.palette import BLACK, Bgr

FONT = cv2.FONT_HERSHEY_SIMPLEX
FARTHEST = 30000.0
"""Pixels from the canvas beyond which nothing is drawn exactly: OpenCV counts in whole numbers."""


class Canvas:
    """A copy of a view's pixels to draw on.

    image       (height, width, 3) uint8 BGR, writable
    to_frame    3x3 map from its pixels to frame pixels
    from_frame  the map back
    line        thickness of lines that suits its size, in pixels
    scale       size of letters that suits it, as OpenCV counts it
    """

    def __init__(self, view: View) -> None:
        self.image: Image = np.array(view.pixels(), order="C")
        self.to_frame = view.to_frame
        self.from_frame = geometry.inverse(view.to_frame)
        self._upright = bool(np.all(np.abs(self.from_frame[[0, 1, 2, 2], [1, 0, 0, 1]]) < 1e-9))
        longest = max(view.size)
        self.line = max(1, round(longest / 400))
        self.scale = max(0.4, 0.6 * sqrt(longest / 1280))
        (_, above), below = cv2.getTextSize("Ágjy|", FONT, self.scale, 1)
        self.text_above, self.text_below = int(above), int(below)

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.image.shape[0])

    def points(self, points: ArrayLike) -> NDArray[np.int32]:
        """Points (n, 2) of the frame as whole pixels of the canvas."""
        mapped = geometry.map_points(self.from_frame, points)
        return np.asarray(np.rint(np.clip(mapped - 0.5, -FARTHEST, FARTHEST)), dtype=np.int32)

    def outline(self, box: ArrayLike) -> NDArray[np.int32] | None:
        """The corners (4, 2) of a box of the frame; None where nothing of it is in sight.

        The edges of a box that leaves an upright picture are drawn along the picture's own.
        """
        x1, y1, x2, y2 = np.asarray(box, dtype=np.float64)
        corners = self.points([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
        last = self.width - 1, self.height - 1
        if np.any(corners.max(axis=0) < 0) or np.any(corners.min(axis=0) > last):
            return None
        return np.clip(corners, 0, last) if self._upright else corners

    def polygon(self, corners: NDArray[np.int32], colour: Bgr) -> None:
        """A closed line; a dark seam parts it from what is behind, where it is wide enough for one."""
        if self.line > 1:
            cv2.polylines(self.image, [corners], True, BLACK, self.line + 2, cv2.LINE_AA)
        cv2.polylines(self.image, [corners], True, colour, self.line, cv2.LINE_AA)

    def stroke(self, start: NDArray[np.int32], end: NDArray[np.int32], colour: Bgr) -> None:
        """A straight line between two points of the canvas."""
        first, last = (int(start[0]), int(start[1])), (int(end[0]), int(end[1]))
        cv2.line(self.image, first, last, colour, self.line, cv2.LINE_AA)

    def dot(self, centre: NDArray[np.int32], colour: Bgr, *, small: bool = False) -> None:
        """A filled circle with a dark seam, or a small one without, at a point of the canvas."""
        x, y = int(centre[0]), int(centre[1])
        if small:
            cv2.circle(self.image, (x, y), self.line // 2, colour, cv2.FILLED, cv2.LINE_AA)
            return
        cv2.circle(self.image, (x, y), self.line + 3, BLACK, cv2.FILLED, cv2.LINE_AA)
        cv2.circle(self.image, (x, y), self.line + 1, colour, cv2.FILLED, cv2.LINE_AA)

    def text(self, x: int, baseline: int, words: str, colour: Bgr) -> None:
        """Words from x to the right, standing on a baseline."""
        cv2.putText(self.image, words, (x, baseline), FONT, self.scale, colour, 1, cv2.LINE_AA)

    def text_width(self, words: str) -> int:
        """How wide words are, in pixels."""
        return int(cv2.getTextSize(words, FONT, self.scale, 1)[0][0])
