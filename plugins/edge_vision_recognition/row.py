"""The row: where the wheels of a meter are in a view, and what a model is shown of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_vision import StageError, View, geometry

Corners: TypeAlias = tuple[float, float, float, float]
WHOLE: Corners = (0.0, 0.0, 1.0, 1.0)

SEEN = 0.8
"""So much of a wheel's width and height, around its middle, must be in the frame."""
ROUNDING = 0.5
"""Pixels by which a wheel may reach out of the view."""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """Where the wheels are, as it is configured.

    boxes       (wheels, 4) float64, from left to right, in pixels, or in fractions of the view
    fractional  True for fractions
    """

    boxes: NDArray[np.float64]
    fractional: bool = False

    @classmethod
    def divided(cls, corners: Corners, wheels: int, *, fractional: bool) -> Row:
        """A row that so many wheels have even shares of."""
        x1, y1, x2, y2 = corners
        edges = np.linspace(x1, x2, wheels + 1)
        rows = np.full(wheels, y1), np.full(wheels, y2)
        return cls(np.stack([edges[:-1], rows[0], edges[1:], rows[1]], axis=1), fractional)

    @classmethod
    def of(cls, places: Sequence[Corners]) -> Row:
        """A row of wheels that have a box each, in pixels."""
        return cls(np.array(places, np.float64))

    def seen_in(self, view: View) -> SeenRow:
        """The row in a view; raises StageError where the view, or the frame behind it, lacks a part."""
        size = np.array([view.width, view.height, view.width, view.height], np.float64)
        seen = SeenRow(view, self.boxes * size if self.fractional else self.boxes)
        _check_whole(seen)
        return seen


@dataclass(frozen=True, slots=True, eq=False)
class SeenRow:
    """A row of wheels in a view.

    boxes  (wheels, 4) float64, from left to right, in pixels of the view
    """

    view: View
    boxes: NDArray[np.float64]

    @property
    def box(self) -> Corners:
        """The upright box around all wheels in frame pixels, cut to the frame."""
        frame = self.view.frame
        around = self.view.boxes_to_frame(_around(self.boxes))
        x1, y1, x2, y2 = geometry.clip_boxes(around, frame.width, frame.height)[0].tolist()
        return x1, y1, x2, y2

    def picture(self, cell: tuple[int, int], size: tuple[int, int]) -> View:
        """A view of the wheels side by side at the right end, what is left over black.

        cell  (width, height) of a wheel in it, in pixels
        size  (width, height) of all of it
        """
        canvas = np.zeros((size[1], size[0], 3), np.uint8)
        left = size[0] - cell[0] * len(self.boxes)
        for x1, y1, x2, y2 in self.boxes.tolist():
            scale = geometry.scaling((x2 - x1) / cell[0], (y2 - y1) / cell[1])
            wheel = self.view.mapped(geometry.translation(x1, y1) @ scale, cell)
            canvas[:, left : left + cell[0]] = wheel.pixels()
            left += cell[0]
        return self.view.resized(size).with_pixels(canvas)


def _around(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The box around all boxes, (1, 4)."""
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])[np.newaxis]


def _check_whole(row: SeenRow) -> None:
    view, frame = row.view, row.view.frame
    right, bottom = row.boxes[:, 2].max(), row.boxes[:, 3].max()
    if right > view.width + ROUNDING or bottom > view.height + ROUNDING:
        raise StageError(
            f"meter: the wheels reach to ({right:.0f}, {bottom:.0f}), but the view is "
            f"{view.width} x {view.height} pixels; write other places, or region in fractions"
        )
    middles, sides = (row.boxes[:, :2] + row.boxes[:, 2:]) / 2, row.boxes[:, 2:] - row.boxes[:, :2]
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (SEEN / 2)
    corners = middles[:, np.newaxis] + signs * sides[:, np.newaxis]
    points = view.points_to_frame(corners.reshape(-1, 2)).reshape(-1, 4, 2)
    inside = (points >= 0).all(axis=(1, 2)) & (points <= (frame.width, frame.height)).all(axis=(1, 2))
    if not inside.all():
        raise StageError(
            f"meter: wheel {int(inside.argmin()) + 1} from the left is not in the picture; "
            "turn the camera, or write other places"
        )
