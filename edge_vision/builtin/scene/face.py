"""The face of the drawn meter: its housing, the plate around the wheels, and a hand that turns."""

from __future__ import annotations

from math import cos, sin, tau

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.builtin.scene.sprites import FINER, Colour, Point
from edge_vision.data.frame import Image

Corners = tuple[float, float, float, float]

WALL: tuple[Colour, Colour] = (176, 190, 198), (140, 152, 160)
BRASS: tuple[Colour, Colour] = (70, 120, 150), (110, 175, 205)
HOUSING: tuple[Colour, Colour] = (120, 66, 26), (150, 88, 40)
WHITE: Colour = (226, 232, 232)
INK: Colour = (52, 48, 46)
RED: Colour = (44, 40, 186)

MIDDLE: Point = (0.0, 0.5)
"""Places are in heights of the frame: to the right of its middle, and down from its top."""
HAND: Point = (0.0, 0.66)
REACH = 0.085


def draw_face(size: tuple[int, int], row: Corners) -> Image:
    """The meter without its wheels and its hand, (height, width, 3) uint8 BGR.

    row  where the wheels will be, x1, y1, x2, y2 in pixels
    """
    easel = _Easel(size)
    easel.wall()
    easel.pipe()
    for radius, colour in ((0.475, HOUSING[0]), (0.46, HOUSING[1]), (0.425, HOUSING[0]), (0.41, WHITE)):
        easel.disc(MIDDLE, radius, colour)
    easel.scale()
    easel.text("m3", (0.25, 0.56))
    easel.plate(row)
    return easel.picture()


def draw_hand(image: NDArray[np.float32], size: tuple[int, int], number: float) -> None:
    """Paint the hand onto a frame, once around for each unit of the last wheel."""
    width, height = size
    turn = tau * (number % 1.0)
    shape = np.array([(0.0, -0.8), (0.1, 0.0), (0.0, 0.24), (-0.1, 0.0)]) * REACH * height
    turned = shape @ np.array([(cos(turn), sin(turn)), (-sin(turn), cos(turn))])
    corners = turned + np.array([width / 2 + HAND[0] * height, HAND[1] * height])
    points = np.rint(corners * 16).astype(np.int32)  # 4 bits behind the point
    cv2.fillPoly(image, [points], RED, cv2.LINE_AA, 4)


class _Easel:
    """Draws larger than the frame is, for soft edges."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._canvas = np.zeros((size[1] * FINER, size[0] * FINER, 3), np.uint8)
        self._unit = size[1] * FINER

    def wall(self) -> None:
        """Fill the picture with the wall."""
        rows = np.linspace(*WALL, len(self._canvas))
        self._canvas[:] = np.rint(rows)[:, np.newaxis]

    def pipe(self) -> None:
        """A pipe from left to right, lit from above."""
        first, last = round(0.42 * self._unit), round(0.6 * self._unit)
        light = np.sin(np.linspace(0.1, 3.0, last - first))[:, np.newaxis]
        low, high = np.array(BRASS, np.float64)
        rows = low + (high - low) * light
        self._canvas[first:last] = np.rint(rows)[:, np.newaxis]

    def disc(self, middle: Point, radius: float, colour: Colour) -> None:
        """Fill a circle."""
        cv2.circle(self._canvas, self._pixel(middle), round(radius * self._unit), colour, cv2.FILLED)

    def scale(self) -> None:
        """The ten marks around the hand."""
        for mark in range(10):
            turn = tau * mark / 10
            outer, inner = REACH * 1.25, REACH * (1.0 if mark else 0.9)
            first, last = (
                self._pixel((HAND[0] + sin(turn) * reach, HAND[1] - cos(turn) * reach))
                for reach in (inner, outer)
            )
            cv2.line(self._canvas, first, last, INK, self._thick(0.006))

    def text(self, words: str, place: Point) -> None:
        """Write; the place is the lower left corner."""
        font, size = cv2.FONT_HERSHEY_DUPLEX, 0.0019 * self._unit
        cv2.putText(self._canvas, words, self._pixel(place), font, size, INK, self._thick(0.005))

    def plate(self, row: Corners) -> None:
        """The plate that the windows are in."""
        for margin, colour in ((0.03, INK), (0.025, (150, 156, 158)), (0.008, (30, 28, 26))):
            around = margin * self._unit
            x1, y1, x2, y2 = (round(side * FINER) for side in row)
            first = round(x1 - around), round(y1 - around)
            last = round(x2 + around), round(y2 + around)
            cv2.rectangle(self._canvas, first, last, colour, cv2.FILLED)

    def picture(self) -> Image:
        """What was drawn, as large as the frame, softened."""
        return np.asarray(cv2.resize(self._canvas, self._size, interpolation=cv2.INTER_AREA), np.uint8)

    def _pixel(self, place: Point) -> tuple[int, int]:
        middle = self._size[0] * FINER / 2
        return round(middle + place[0] * self._unit), round(place[1] * self._unit)

    def _thick(self, share: float) -> int:
        return max(1, round(share * self._unit))
