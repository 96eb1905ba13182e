"""The street: a drawn scene of a person, a car, a ball and a box, whose true boxes are known."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.builtin.scene import actors
from edge_vision.builtin.scene.actors import Actor, Appearance
from edge_vision.builtin.scene.setting import Setting, TrueBox
from edge_vision.builtin.scene.sprites import Colour
from edge_vision.data.frame import Image

SHIRTS: tuple[Colour, ...] = ((60, 60, 190), (170, 90, 40), (70, 150, 60), (40, 150, 220))
PAINTS: tuple[Colour, ...] = ((170, 80, 35), (50, 50, 185), (190, 190, 195), (70, 120, 50))
BALL: Colour = (40, 120, 240)
CARDBOARD: Colour = (95, 145, 190)


class Street:
    """A street with a person, a car, a ball and a box; in a landscape frame none hides another."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._background = draw_street(setting.size, setting.seed)
        self._actors = _cast(setting.size, setting.seed)

    def background(self) -> Image:
        """The street without anybody, (height, width, 3) uint8 BGR, a copy."""
        return self._background.copy()

    def draw(self, index: int) -> Image:
        """The frame of that number, (height, width, 3) uint8 BGR."""
        image = self.background()
        for _, seen in self._appearances(index):
            seen.sprite.paste(image, seen.left, seen.top)
        return image

    def true_boxes(self, index: int) -> tuple[TrueBox, ...]:
        """What is seen in the frame of that number: labels and boxes in pixels, cut to the frame."""
        found: list[TrueBox] = []
        for label, seen in self._appearances(index):
            x1, y1, x2, y2 = seen.sprite.box(seen.left, seen.top, self._setting.size)
            if x1 < x2 and y1 < y2:
                found.append((label, (float(x1), float(y1), float(x2), float(y2))))
        return tuple(found)

    def _appearances(self, index: int) -> list[tuple[str, Appearance]]:
        seconds = self._setting.seconds(index)
        return [(actor.label, actor.at(seconds)) for actor in self._actors]


def _cast(size: tuple[int, int], seed: int) -> tuple[Actor, ...]:
    """The actors, the farthest first, their colours and beginnings chosen by the seed."""
    chance = np.random.default_rng(seed)
    phases = [float(phase) for phase in chance.random(4)]
    shirt, paint = SHIRTS[chance.integers(len(SHIRTS))], PAINTS[chance.integers(len(PAINTS))]
    return (
        actors.car(size, phases[0], paint),
        actors.ball(size, phases[1], BALL),
        actors.box(size, phases[2], CARDBOARD),
        actors.person(size, phases[3], shirt),
    )


def draw_street(size: tuple[int, int], seed: int) -> Image:
    """The street: sky, houses, road and pavement, (height, width, 3) uint8 BGR."""
    width, height = size
    image = np.zeros((height, width, 3), dtype=np.float32)
    _shade(image, 0.0, 0.4, (235, 205, 165), (240, 232, 222))
    _houses(image)
    _shade(image, 0.4, 0.46, (165, 172, 175), (150, 158, 162))
    _shade(image, 0.46, 0.63, (88, 84, 82), (112, 107, 104))
    _shade(image, 0.63, 0.65, (190, 195, 198), (140, 146, 150))
    _shade(image, 0.65, 1.0, (158, 168, 176), (122, 132, 142))
    _lines(image)
    image += np.random.default_rng(seed).normal(0.0, 1.5, image.shape).astype(np.float32)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _shade(image: NDArray[np.float32], top: float, bottom: float, first: Colour, last: Colour) -> None:
    """Fill rows between two shares of the height, from one colour to another."""
    rows = image[round(top * image.shape[0]) : round(bottom * image.shape[0])]
    rows[:] = np.linspace(first, last, len(rows), dtype=np.float32)[:, np.newaxis]


def _houses(image: NDArray[np.float32]) -> None:
    """A row of houses with roofs, windows and doors behind the road."""
    walls: tuple[Colour, ...] = ((150, 185, 215), (185, 195, 200), (140, 165, 190), (175, 185, 170))
    for number, wall in enumerate(walls):
        left, right, roof = number / 4, (number + 1) / 4, 0.17 + 0.035 * (number % 3)
        _rectangle(image, (left, roof, right, 0.4), wall)
        gable = [(left, roof), ((left + right) / 2, roof - 0.09), (right, roof)]
        corners = np.array([_pixel(image, point) for point in gable], dtype=np.int32)
        cv2.fillPoly(image, [corners], (75, 85, 130), cv2.LINE_AA)
        for column in (0.05, 0.17):
            _rectangle(
                image, (left + column - 0.005, 0.245, left + column + 0.035, 0.315), (235, 238, 240)
            )
            _rectangle(image, (left + column, 0.25, left + column + 0.03, 0.31), (130, 105, 85))
        _rectangle(image, (left + 0.11, 0.3, left + 0.15, 0.4), (60, 75, 110))


def _lines(image: NDArray[np.float32]) -> None:
    """The road's middle line, and the joints of the pavement running towards the viewer."""
    for dash in np.arange(0.02, 1.0, 0.12):
        _rectangle(image, (float(dash), 0.54, float(dash) + 0.06, 0.548), (205, 215, 220))
    for joint in np.arange(-0.6, 1.61, 0.2):
        far, near = (
            _pixel(image, (float(joint), 0.65)),
            _pixel(image, (0.5 + 2.2 * (float(joint) - 0.5), 1.0)),
        )
        cv2.line(image, far, near, (128, 138, 147), 1, cv2.LINE_AA)
    for row in (0.71, 0.82):
        cv2.line(image, _pixel(image, (0.0, row)), _pixel(image, (1.0, row)), (128, 138, 147), 1)


def _rectangle(
    image: NDArray[np.float32], box: tuple[float, float, float, float], colour: Colour
) -> None:
    (x1, y1), (x2, y2) = _pixel(image, box[:2]), _pixel(image, box[2:])
    image[y1:y2, x1:x2] = colour


def _pixel(image: NDArray[np.float32], point: tuple[float, float]) -> tuple[int, int]:
    return round(point[0] * image.shape[1]), round(point[1] * image.shape[0])
