"""Tags: filled labels beside what they name, kept in the picture and off each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision_annotate.canvas import Canvas
from edge_vision_annotate.palette import Bgr, contrasting


class Tag(NamedTuple):
    """Words in a colour, for something with these corners (n, 2) on the canvas."""

    words: str
    colour: Bgr
    corners: NDArray[np.int32]


class Rectangle(NamedTuple):
    """A place on the canvas in whole pixels; x2 and y2 lie just outside."""

    x1: int
    y1: int
    x2: int
    y2: int

    def common(self, other: Rectangle) -> int:
        """How many pixels both cover."""
        width = min(self.x2, other.x2) - max(self.x1, other.x1)
        height = min(self.y2, other.y2) - max(self.y1, other.y1)
        return max(0, width) * max(0, height)


def draw_tags(canvas: Canvas, tags: Iterable[Tag], taken: Iterable[Rectangle] = ()) -> None:
    """Draw tags in this order, each where it covers least of those before and of what is taken."""
    occupied = list(taken)
    for tag in tags:
        place = _best_place(canvas, tag, occupied)
        occupied.append(place)
        _draw(canvas, tag, place)


def _best_place(canvas: Canvas, tag: Tag, occupied: list[Rectangle]) -> Rectangle:
    """The first place that covers nothing, else the one that covers least."""
    places = _places(canvas, tag)
    covered = [sum(place.common(other) for other in occupied) for place in places]
    return places[covered.index(min(covered))]


def _places(canvas: Canvas, tag: Tag) -> list[Rectangle]:
    """Above, below and inside, beside the highest and the lowest corner; moved into the canvas."""
    gap = _gap(canvas)
    width = min(canvas.text_width(tag.words) + 2 * gap, canvas.width)
    height = canvas.text_above + canvas.text_below + 2 * gap
    lowest_top = max(0, canvas.height - height)
    half = canvas.line // 2
    right = int(tag.corners[:, 0].max()) + half + 1
    places = []
    for x, y in _starts(tag.corners, height, half):
        if not 0 <= y <= lowest_top:
            continue
        for left in (x, right - width):
            x1 = min(max(0, left), canvas.width - width)
            places.append(Rectangle(x1, y, x1 + width, y + height))
    return places or [Rectangle(0, 0, width, height)]


def _starts(corners: NDArray[np.int32], height: int, half: int) -> list[tuple[int, int]]:
    """Where a tag's upper left corner would go, best first, were there no end of the canvas."""
    points = [(int(x) - half, int(y)) for x, y in corners]
    left, top = min(points, key=lambda point: (point[1], point[0]))
    left_below, bottom = min(points, key=lambda point: (-point[1], point[0]))
    return [
        (left, top - half - height),
        (left_below, bottom + half + 1),
        (left, top - half),
        (left_below, bottom + half + 1 - height),
        (left, 0),
    ]


def _draw(canvas: Canvas, tag: Tag, place: Rectangle) -> None:
    gap = _gap(canvas)
    cv2.rectangle(
        canvas.image, (place.x1, place.y1), (place.x2 - 1, place.y2 - 1), tag.colour, cv2.FILLED
    )
    baseline = place.y1 + gap + canvas.text_above
    canvas.text(place.x1 + gap, baseline, tag.words, contrasting(tag.colour))


def _gap(canvas: Canvas) -> int:
    return max(2, round(canvas.text_above * 0.25))
