"""Wheels: the rolling digits of a counter, each pushed on by the wheel at its right."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.builtin.scene.numerals import draw_numeral
from edge_vision.builtin.scene.sprites import Colour

# Shares of a window's height, and of its width, as measured at photographed meters.
PITCH = 27 / 32
TALL = 18.5 / 32
STROKE = 2.7 / 32
WIDE = 8.5 / 20
GAP = 0.07
"""Share of a wheel's width at each side that belongs to the frame between the windows."""


def wheel_positions(number: float, count: int) -> list[float]:
    """How far each wheel has turned, in digits (0 to 10), from left to right.

    number  what the counter shows, in units of its last wheel, which turns steadily; each other wheel
            turns on by a digit while its right neighbour goes from 9 to 0
    """
    positions = [number % 10.0]
    left = int(number % 10.0**count) // 10
    for _ in range(count - 1):
        positions.insert(0, left % 10 + max(0.0, positions[0] - 9.0))
        left //= 10
    return positions


class Wheel:
    """One wheel behind its window.

    size    (width, height) of the window with its share of the frame, in pixels
    ground  colour of the wheel, and `digit` that of its digits, blue, green, red
    """

    def __init__(self, size: tuple[int, int], ground: Colour, digit: Colour) -> None:
        self._size = size
        self._pitch = PITCH * size[1]
        self._strip = self._draw_strip(ground, digit)
        self._shade = self._draw_shade()

    def draw(self, position: float) -> NDArray[np.float32]:
        """The window, (height, width, 3) float32, where the wheel is turned by so many digits."""
        middle = (position % 10.0 + 1.0) * self._pitch + self._size[1] / 2.0
        centre = (self._size[0] / 2.0 - 0.5, middle - 0.5)
        window = cv2.getRectSubPix(self._strip, self._size, centre)
        return np.asarray(window * self._shade, np.float32)

    def _draw_strip(self, ground: Colour, digit: Colour) -> NDArray[np.float32]:
        """The wheel rolled out: from 9 over 0 to 9 and on to 0 and 1, (length, width, 3) float32."""
        width, height = self._size
        length = round(12.0 * self._pitch + height)
        cover = np.zeros((length, width, 1), np.float32)
        for place in range(-1, 12):
            shape = draw_numeral(place % 10, (WIDE * width, TALL * height), STROKE * height)
            _put(cover[..., 0], shape, (place + 1.0) * self._pitch + height / 2.0)
        colours = np.array([digit, ground], np.float32)
        return np.asarray(cover * colours[0] + (1.0 - cover) * colours[1], np.float32)

    def _draw_shade(self) -> NDArray[np.float32]:
        """The light on the wheel: less where it bends away, and none on the frame beside the window."""
        width, height = self._size
        down = (np.arange(height, dtype=np.float32) + 0.5) / height * 2.0 - 1.0
        across = (np.arange(width, dtype=np.float32) + 0.5) / width
        frame = np.minimum(across, 1.0 - across) < GAP
        shade = (1.0 - 0.35 * np.abs(down) ** 3)[:, None] * np.where(frame, 0.45, 1.0)
        return shade[..., None].astype(np.float32)


def _put(cover: NDArray[np.float32], shape: NDArray[np.float32], middle: float) -> None:
    """Lay a numeral over a strip, its middle at that height and in the middle of the width."""
    height, width = shape.shape
    left, top = (cover.shape[1] - width) / 2.0, middle - height / 2.0
    where = np.array([[1.0, 0.0, left], [0.0, 1.0, top]])
    laid = cv2.warpAffine(shape, where, (cover.shape[1], cover.shape[0]))
    np.maximum(cover, laid, out=cover)
