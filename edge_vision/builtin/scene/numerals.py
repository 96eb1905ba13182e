"""Numerals: the digits 0 to 9 as strokes, narrow and upright as on the wheels of a meter."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Stroke = list[tuple[float, float]]

FINER = 8
"""Times a numeral is drawn larger than it is, for soft edges."""


def draw_numeral(digit: int, size: tuple[float, float], thickness: float) -> NDArray[np.float32]:
    """How much of each pixel a digit covers, 0 to 1, float32; its middle is the picture's middle.

    size       width and height in pixels, from middle to middle of its strokes
    thickness  of the strokes, in pixels
    """
    width, height = (int(np.ceil(side + 2.0 * thickness)) for side in size)
    picture = np.zeros((height * FINER, width * FINER), np.uint8)
    for stroke in STROKES[digit]:
        points = (np.array(stroke) - 0.5) * size * FINER + np.array([width, height]) * FINER / 2.0
        corners = [np.rint(points).astype(np.int32)]
        cv2.polylines(picture, corners, False, (255,), max(1, round(thickness * FINER)))
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255.0)


def _arc(centre: tuple[float, float], radii: tuple[float, float], first: float, last: float) -> Stroke:
    """Part of an ellipse between two angles in degrees, clockwise from its right end."""
    turns = np.radians(np.linspace(first, last, 25))
    across, down = centre[0] + radii[0] * np.cos(turns), centre[1] + radii[1] * np.sin(turns)
    return list(zip(across.tolist(), down.tolist(), strict=True))


_TOP, _BOTTOM = (0.5, 0.27), (0.5, 0.73)
_ROUND = (0.5, 0.27)

_SIX: Stroke = [
    *_arc(_TOP, _ROUND, 335, 180),
    *_arc((0.5, 0.7), (0.5, 0.3), 180, -180),
]

STROKES: tuple[tuple[Stroke, ...], ...] = (
    ([*_arc(_TOP, _ROUND, 180, 360), *_arc(_BOTTOM, _ROUND, 0, 180), (0.0, 0.27)],),
    ([(0.2, 0.2), (0.6, 0.0), (0.6, 1.0)],),
    ([*_arc((0.5, 0.28), (0.48, 0.28), 190, 390), (0.0, 1.0), (1.0, 1.0)],),
    (_arc((0.46, 0.25), (0.46, 0.25), 195, 450), _arc((0.46, 0.74), (0.52, 0.26), 270, 525)),
    ([(0.72, 1.0), (0.72, 0.0), (0.0, 0.7), (1.0, 0.7)],),
    ([(0.92, 0.0), (0.14, 0.0), (0.08, 0.47), *_arc((0.46, 0.69), (0.52, 0.31), 225, 510)],),
    (_SIX,),
    ([(0.0, 0.0), (1.0, 0.0), (0.36, 1.0)],),
    (_arc((0.5, 0.25), (0.44, 0.25), 0, 360), _arc((0.5, 0.74), (0.5, 0.26), 0, 360)),
    ([(1.0 - across, 1.0 - down) for across, down in _SIX],),
)
"""The strokes of each digit, in shares of its width and height."""
