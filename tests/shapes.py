"""Drawn pictures of shapes in their colours, in a folder for each: a data set that is learnt quickly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from edge_vision.data.frame import Image

SIZE = 48


def draw_shapes(folder: Path, each: int = 32, seed: int = 0) -> Path:
    """Write so many pictures of each shape as folder/shape/shape-number.png; gives the folder."""
    random = np.random.default_rng(seed)
    for name, (colour, draw) in SHAPES.items():
        (folder / name).mkdir(parents=True)
        for number in range(each):
            ground = random.integers(90, 160, 3) + random.normal(0.0, 10.0, (SIZE, SIZE, 3))
            picture: Image = np.clip(ground, 0, 255).astype(np.uint8)
            x, y = (int(value) for value in random.integers(SIZE // 3, 2 * SIZE // 3, 2))
            half = int(random.integers(SIZE // 6, SIZE // 4))
            shade = np.clip(np.array(colour) + random.integers(-30, 30, 3), 0, 255)
            draw(picture, (x, y), half, tuple(int(value) for value in shade))
            cv2.imwrite(str(folder / name / f"{name}-{number:02}.png"), picture)
    return folder


Draw = Callable[[Image, tuple[int, int], int, tuple[int, ...]], object]


def _circle(picture: Image, middle: tuple[int, int], half: int, colour: tuple[int, ...]) -> None:
    cv2.circle(picture, middle, half, colour, cv2.FILLED, cv2.LINE_AA)


def _square(picture: Image, middle: tuple[int, int], half: int, colour: tuple[int, ...]) -> None:
    x, y = middle
    cv2.rectangle(picture, (x - half, y - half), (x + half, y + half), colour, cv2.FILLED)


def _triangle(picture: Image, middle: tuple[int, int], half: int, colour: tuple[int, ...]) -> None:
    x, y = middle
    corners = np.array([(x, y - half), (x - half, y + half), (x + half, y + half)], np.int32)
    cv2.fillPoly(picture, [corners], colour, cv2.LINE_AA)


SHAPES: dict[str, tuple[tuple[int, int, int], Draw]] = {
    "circle": ((40, 40, 220), _circle),
    "square": ((40, 200, 40), _square),
    "triangle": ((220, 80, 40), _triangle),
}
