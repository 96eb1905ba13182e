"""Sprites: small pictures with soft edges, drawn once and pasted often."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.data.frame import Image

Colour = tuple[int, int, int]
Point = tuple[float, float]

FINER = 4
"""Times a sprite is drawn larger than it is, for soft edges."""
FAINTEST = 24
"""Weights (of 256) below this are none, so that a sprite ends where one sees it end."""


@dataclass(frozen=True, slots=True)
class Sprite:
    """A picture as large as what it shows, and how much each pixel covers what is behind it.

    covering  (height, width, 3) uint16, the colours times their weight
    showing   (height, width, 1) uint16, the weight left to what is behind, of 256
    """

    covering: NDArray[np.uint16]
    showing: NDArray[np.uint16]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.covering.shape[1], self.covering.shape[0]

    def mirrored(self) -> Sprite:
        """The same, left and right exchanged."""
        return Sprite(self.covering[:, ::-1], self.showing[:, ::-1])

    def box(self, left: int, top: int, image_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """The pixels (x1, y1, x2, y2) it covers in an image; turned inside out where it covers none."""
        width, height = self.size
        right, bottom = min(left + width, image_size[0]), min(top + height, image_size[1])
        return max(left, 0), max(top, 0), right, bottom

    def paste(self, image: Image, left: int, top: int) -> None:
        """Paint it onto an image, its upper left corner there; what lies outside is cut off."""
        x1, y1, x2, y2 = self.box(left, top, (image.shape[1], image.shape[0]))
        if x2 <= x1 or y2 <= y1:
            return
        part = slice(y1 - top, y2 - top), slice(x1 - left, x2 - left)
        behind = image[y1:y2, x1:x2]
        # At most 255 * 256, which 16 bits hold.
        behind[:] = (behind * self.showing[part] + self.covering[part]) >> 8


@dataclass
class Brush:
    """Draws a sprite; coordinates and widths are fractions of its height.

    size  width and height of the canvas in pixels; what stays empty at its edges is cut off
    """

    size: tuple[int, int]
    _colours: NDArray[np.uint8] = field(init=False)
    _weights: NDArray[np.uint8] = field(init=False)

    def __post_init__(self) -> None:
        width, height = self.size[0] * FINER, self.size[1] * FINER
        self._colours = np.zeros((height, width, 3), dtype=np.uint8)
        self._weights = np.zeros((height, width), dtype=np.uint8)

    def polygon(self, points: Iterable[Point], colour: Colour) -> None:
        """Fill a polygon."""
        corners = np.array([self._pixel(point) for point in points], dtype=np.int32)
        cv2.fillPoly(self._colours, [corners], colour)
        cv2.fillPoly(self._weights, [corners], (255,))

    def ellipse(self, centre: Point, radii: Point, colour: Colour, angle: float = 0.0) -> None:
        """Fill an ellipse, turned clockwise by an angle in degrees."""
        middle, axes = self._pixel(centre), self._pixel(radii)
        cv2.ellipse(self._colours, middle, axes, angle, 0, 360, colour, cv2.FILLED)
        cv2.ellipse(self._weights, middle, axes, angle, 0, 360, (255,), cv2.FILLED)

    def limb(self, points: Iterable[Point], width: float, colour: Colour) -> None:
        """Draw a line of that width with round ends through the points."""
        corners = np.array([self._pixel(point) for point in points], dtype=np.int32)
        thickness = max(1, self._pixel((width, 0.0))[0])
        cv2.polylines(self._colours, [corners], False, colour, thickness)
        cv2.polylines(self._weights, [corners], False, (255,), thickness)

    def sprite(self) -> Sprite:
        """What was drawn, lit from the upper left, as large as it is."""
        colours = cv2.resize(self._lit(), self.size, interpolation=cv2.INTER_AREA)
        weights = cv2.resize(self._weights, self.size, interpolation=cv2.INTER_AREA).astype(np.float32)
        weights[weights < FAINTEST] = 0.0
        rows, columns = np.flatnonzero(weights.any(axis=1)), np.flatnonzero(weights.any(axis=0))
        part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        # Colours were averaged with the black around them, so they carry their weight already.
        covering = np.where(weights[..., np.newaxis] > 0, colours, 0.0)[part]
        showing = 256.0 - np.rint(weights[part] * (256.0 / 255.0))
        return Sprite(np.rint(covering * 256.0).astype(np.uint16), showing[..., None].astype(np.uint16))

    def _lit(self) -> NDArray[np.float32]:
        """The colours, brighter at the upper left and darker at the lower right."""
        height, width = self._weights.shape
        down = np.linspace(1.12, 0.86, height, dtype=np.float32)[:, np.newaxis]
        across = np.linspace(1.08, 0.9, width, dtype=np.float32)
        light = (down * across)[..., np.newaxis]
        return np.minimum(self._colours * light, 250.0).astype(np.float32)

    def _pixel(self, point: Point) -> tuple[int, int]:
        unit = self.size[1] * FINER
        return round(point[0] * unit), round(point[1] * unit)
