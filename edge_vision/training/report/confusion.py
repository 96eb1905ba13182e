"""The confusion matrix as a picture: a row for what it was, a column for what was said."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.data.frame import Image
from edge_vision.training.report.canvas import (
    FAINT,
    INK,
    MIDDLE,
    WHITE,
    Colour,
    blank,
    shortened,
    text_width,
    write,
)

MOST_NUMBERED = 20
"""With up to so many classes each cell says how often it happened."""
MOST_NAMED = 60
"""With up to so many classes rows and columns have their names."""
SIDE = 640
"""Pixels of the cells together, about."""
NAME_WIDTH = 150
"""Pixels that a name may take."""
_RIGHT: Colour = (150, 90, 20)
_WRONG: Colour = (40, 70, 200)


def confusion_picture(confusion: NDArray[np.int64], labels: Sequence[str] = ()) -> Image:
    """The matrix, each row coloured by its shares: blue where it was right, red where it was wrong.

    confusion  (classes, classes) whole numbers
    labels     names of the classes; empty for their numbers
    """
    count = len(confusion)
    cell = max(2, min(56, SIDE // max(count, 1)))
    names = [str(label) for label in labels] or [str(number) for number in range(count)]
    size = max(7.0, min(10.0, cell * 0.4))
    named = count <= MOST_NAMED
    margin = 24 + (min(NAME_WIDTH, max(text_width(n, size) for n in names)) if named and names else 0)
    top, left = margin + 30, margin + 24
    canvas = blank(left + count * cell + 30, top + count * cell + 20)
    canvas[top : top + count * cell, left : left + count * cell] = _cells(confusion, cell)
    _draw_grid(canvas, (left, top), count, cell)
    if count <= MOST_NUMBERED:
        _draw_numbers(canvas, confusion, (left, top), cell)
    if named:
        _draw_names(canvas, names, (left, top), cell, size)
    write(canvas, "rows: what it was, columns: what was said", (12, 20), 10, MIDDLE)
    return canvas


def _cells(confusion: NDArray[np.int64], cell: int) -> Image:
    """The coloured cells, each `cell` pixels wide and high."""
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    right = np.eye(len(confusion), dtype=bool)[..., np.newaxis]
    full = np.where(right, np.array(_RIGHT, float), np.array(_WRONG, float))
    # The root makes rare mistakes visible beside what is usual.
    strength = np.sqrt(shares)[..., np.newaxis]
    colours = np.rint(np.array(WHITE, float) * (1.0 - strength) + full * strength).astype(np.uint8)
    return np.repeat(np.repeat(colours, cell, axis=0), cell, axis=1)


def _draw_grid(canvas: Image, corner: tuple[int, int], count: int, cell: int) -> None:
    left, top = corner
    far = count * cell
    lines = range(count + 1) if cell >= 8 else (0, count)
    for number in lines:
        at = number * cell
        cv2.line(canvas, (left + at, top), (left + at, top + far), FAINT, 1)
        cv2.line(canvas, (left, top + at), (left + far, top + at), FAINT, 1)


def _draw_numbers(
    canvas: Image, confusion: NDArray[np.int64], corner: tuple[int, int], cell: int
) -> None:
    totals = np.maximum(confusion.sum(axis=1), 1)
    for row, column in np.argwhere(confusion).tolist():
        number = int(confusion[row, column])
        told = shortened(str(number), cell - 2, 8)
        colour = WHITE if number / totals[row] > 0.35 else INK
        x = corner[0] + (column + 0.5) * cell - text_width(told, 8) / 2
        write(canvas, told, (x, corner[1] + (row + 0.5) * cell + 4), 8, colour)


def _draw_names(
    canvas: Image, names: Sequence[str], corner: tuple[int, int], cell: int, size: float
) -> None:
    """Names beside the rows, and, turned by a quarter, above the columns."""
    left, top = corner
    for number, name in enumerate(names):
        told = shortened(name, NAME_WIDTH, size)
        middle = (number + 0.5) * cell + size / 2
        write(canvas, told, (left - 8 - text_width(told, size), top + middle), size)
        strip = blank(NAME_WIDTH + 8, round(size * 1.8))
        write(strip, told, (2, size * 1.3), size)
        turned = cv2.rotate(strip, cv2.ROTATE_90_COUNTERCLOCKWISE)
        x = round(left + (number + 0.5) * cell - turned.shape[1] / 2)
        height = min(len(turned), top - 8)
        part = turned[len(turned) - height :]
        place = canvas[top - 6 - height : top - 6, x : x + part.shape[1]]
        np.minimum(place, part[:, : place.shape[1]], out=place)
