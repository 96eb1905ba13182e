"""A sheet: small pictures in rows, each with a line or two of text below it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.data.frame import Image
from edge_vision.training.report.canvas import FAINT, INK, bgr, blank, shortened, write

WIDTH = 948
"""Pixels of a sheet from side to side, about."""
SIDE = 144
"""Pixels of the longer side of each picture."""
LARGE = 240
"""The same where there is something to be seen in the pictures."""
GAP = 12
LINE = 15
"""Pixels of a line of text."""
SIZE = 8.5


def sheet(pictures: Sequence[NDArray[np.uint8]], texts: Sequence[str], side: int = SIDE) -> Image:
    """Pictures, (h, w, 3) red, green, blue or (h, w, 1) grey, with their texts of one or more lines.

    side  pixels of the longer side of each picture
    """
    if not pictures:
        return blank(side, side)
    lines = max((text.count("\n") + 1 for text in texts), default=1)
    columns = min(columns_of(side), len(pictures))
    height = side + 6 + lines * LINE
    rows = -(-len(pictures) // columns)
    canvas = blank(GAP + columns * (side + GAP), GAP + rows * (height + GAP))
    for number, (picture, text) in enumerate(zip(pictures, texts, strict=True)):
        x = GAP + number % columns * (side + GAP)
        y = GAP + number // columns * (height + GAP)
        _place(canvas, bgr(picture), (x, y), side)
        for line, words in enumerate(text.split("\n")):
            write(canvas, shortened(words, side, SIZE), (x, y + side + LINE * (line + 1)), SIZE, INK)
    return canvas


def columns_of(side: int) -> int:
    """So many pictures stand in a row."""
    return max(1, (WIDTH - GAP) // (side + GAP))


def _place(canvas: Image, picture: Image, corner: tuple[int, int], side: int) -> None:
    """A picture in the middle of its square, its pixels still seen where it is small."""
    factor = side / max(picture.shape[:2])
    width, height = (max(1, round(each * factor)) for each in picture.shape[1::-1])
    road = cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST
    shown = cv2.resize(picture, (width, height), interpolation=road)
    left, top = corner[0] + (side - width) // 2, corner[1] + (side - height) // 2
    canvas[top : top + height, left : left + width] = shown
    cv2.rectangle(canvas, (left - 1, top - 1), (left + width, top + height), FAINT, 1)
