"""A sheet: small pictures in rows, each with a line or two of text below it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.data.frame import Image
from edge_vision.training.report.canvas import FAINT, INK, bgr, blank, shortened, write

COLUMNS = 6
SIDE = 144
"""Pixels of the longer side of each picture."""
GAP = 12
LINE = 15
"""Pixels of a line of text."""
SIZE = 8.5


def sheet(pictures: Sequence[NDArray[np.uint8]], texts: Sequence[str]) -> Image:
    """Pictures, (h, w, 3) red, green, blue or (h, w, 1) grey, with their texts of one or more lines."""
    if not pictures:
        return blank(SIDE, SIDE)
    lines = max((text.count("\n") + 1 for text in texts), default=1)
    columns = min(COLUMNS, len(pictures))
    height = SIDE + 6 + lines * LINE
    rows = -(-len(pictures) // columns)
    canvas = blank(GAP + columns * (SIDE + GAP), GAP + rows * (height + GAP))
    for number, (picture, text) in enumerate(zip(pictures, texts, strict=True)):
        x = GAP + number % columns * (SIDE + GAP)
        y = GAP + number // columns * (height + GAP)
        _place(canvas, bgr(picture), x, y)
        for line, words in enumerate(text.split("\n")):
            write(canvas, shortened(words, SIDE, SIZE), (x, y + SIDE + LINE * (line + 1)), SIZE, INK)
    return canvas


def _place(canvas: Image, picture: Image, x: int, y: int) -> None:
    """A picture in the middle of its square, its pixels still seen where it is small."""
    factor = SIDE / max(picture.shape[:2])
    width, height = (max(1, round(side * factor)) for side in picture.shape[1::-1])
    road = cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST
    shown = cv2.resize(picture, (width, height), interpolation=road)
    left, top = x + (SIDE - width) // 2, y + (SIDE - height) // 2
    canvas[top : top + height, left : left + width] = shown
    cv2.rectangle(canvas, (left - 1, top - 1), (left + width, top + height), FAINT, 1)
