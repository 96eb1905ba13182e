"""The meter: a drawn water meter, whose reading is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_vision.builtin.scene.face import Corners, draw_face, draw_hand
from edge_vision.builtin.scene.setting import Setting, TrueBox
from edge_vision.builtin.scene.sprites import Colour
from edge_vision.builtin.scene.wheels import Wheel, wheel_positions
from edge_vision.data.frame import Image

WHEELS = 6
RATE = 1.0
"""Units of the last wheel a second."""
FIRST = 4797.6
"""The number at the beginning; soon several wheels turn at once."""
SLOP = 0.06
"""Digits by which a wheel, but for the last one, may hang behind or run ahead."""
NOISE = 2.5
SHIFTS = 32
"""The noise is one picture, shifted in each frame by up to so many pixels."""
DARK: tuple[Colour, Colour] = (48, 44, 42), (226, 230, 232)
RED: tuple[Colour, Colour] = (44, 40, 176), (226, 230, 236)
"""Colours of a wheel and of its digits."""


@dataclass(frozen=True, slots=True)
class TrueReading:
    """What a counter shows.

    number  in units of the last wheel, between whose digits it may be
    text    the digits of all wheels; where one is between two digits, the one that it comes from
    box     of the row of wheels, x1, y1, x2, y2 in pixels
    """

    number: float
    text: str
    box: Corners


class Meter:
    """A water meter with a row of wheels, the last one red, that counts a unit a second."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        chance = np.random.default_rng(setting.seed)
        # Other seeds begin elsewhere, but soon turn several wheels too.
        self._first = FIRST if setting.seed == 0 else 100.0 * chance.integers(10_000) + FIRST % 100.0
        self._slops = [*chance.uniform(-SLOP, SLOP, WHEELS - 1).tolist(), 0.0]
        width, height = setting.size
        unit = min(width / 640, height / 480)
        self._cell = max(2, round(48 * unit)), max(3, round(77 * unit))
        self._corner = round(width / 2 - WHEELS * self._cell[0] / 2), round(0.29 * height)
        dark, red = Wheel(self._cell, *DARK), Wheel(self._cell, *RED)
        self._wheels = [*[dark] * (WHEELS - 1), red]
        self._background = draw_face(setting.size, self.row_box)
        self._light = _light(setting.size)
        room = (height + SHIFTS, width + SHIFTS, 3)
        self._noise = chance.normal(0.0, NOISE, room).astype(np.float32)

    @property
    def row_box(self) -> Corners:
        """The box of the row of wheels, x1, y1, x2, y2 in pixels."""
        (left, top), (width, height) = self._corner, self._cell
        return float(left), float(top), float(left + WHEELS * width), float(top + height)

    def true_reading(self, index: int) -> TrueReading:
        """What the meter shows in the frame of that number."""
        number = (self._first + RATE * self._setting.seconds(index)) % 10.0**WHEELS
        return TrueReading(number, f"{int(number):0{WHEELS}d}", self.row_box)

    def background(self) -> Image:
        """The meter without its wheels and its hand, (height, width, 3) uint8 BGR, a copy."""
        return self._background.copy()

    def draw(self, index: int) -> Image:
        """The frame of that number, (height, width, 3) uint8 BGR."""
        image = self._background.astype(np.float32)
        number = self.true_reading(index).number
        draw_hand(image, self._setting.size, number)
        self._draw_wheels(image, number)
        down, right = np.random.default_rng((self._setting.seed, index)).integers(0, SHIFTS, 2).tolist()
        height, width = image.shape[:2]
        image *= self._light
        image += self._noise[down : down + height, right : right + width]
        return np.clip(np.rint(image), 0, 255).astype(np.uint8)

    def true_boxes(self, index: int) -> tuple[TrueBox, ...]:
        """What is to be found in the frame of that number: the row of wheels, called by its reading."""
        return ((self.true_reading(index).text, self.row_box),)

    def _draw_wheels(self, image: NDArray[np.float32], number: float) -> None:
        (left, top), (width, height) = self._corner, self._cell
        turned = wheel_positions(number, WHEELS)
        for wheel, position, slop in zip(self._wheels, turned, self._slops, strict=True):
            image[top : top + height, left : left + width] = wheel.draw(position + slop)
            left += width


def _light(size: tuple[int, int]) -> NDArray[np.float32]:
    """The light on the picture, brighter at the upper left, (height, width, 1) float32."""
    down = np.linspace(1.06, 0.84, size[1], dtype=np.float32)[:, np.newaxis]
    across = np.linspace(1.05, 0.88, size[0], dtype=np.float32)
    return (down * across)[..., np.newaxis]
