"""Cutting out: which part of a view is looked at closely because something was found there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_vision import View, geometry

SMALLEST = 1.0
"""Pixels of the view that a thing must be wide and high to be looked at."""


def regions_around(
    boxes: geometry.Boxes, view: View, margin: float, aspect: float | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """What is to be cut out for boxes, (n, 4) x1, y1, x2, y2 in pixels of the view, and which can be.

    boxes   (n, 4) in frame pixels
    margin  share of a box's sides by which it is made larger all around, where the view goes on there
    aspect  width divided by height that every region is widened to; None for as it is

    A widened region is moved into the view as far as it fits. Boxes of which the view shows less than a
    pixel cannot be cut out (n,), and their regions mean nothing.
    """
    limits = np.array([view.width, view.height], dtype=np.float64)
    seen = view.boxes_from_frame(boxes).astype(np.float64)
    low, high = np.clip(seen[:, :2], 0.0, limits), np.clip(seen[:, 2:], 0.0, limits)
    visible = np.asarray((high - low >= SMALLEST).all(axis=1) & np.isfinite(seen).all(axis=1))
    seen[~visible] = 0.0
    around = margin * (seen[:, 2:] - seen[:, :2])
    low = np.clip(seen[:, :2] - around, 0.0, limits)
    high = np.clip(seen[:, 2:] + around, 0.0, limits)
    if aspect is not None:
        size = high - low
        wide = np.maximum(size, size[:, ::-1] * [aspect, 1.0 / aspect])
        room = limits - wide
        middle = (low + high - wide) / 2.0
        low = np.where(room > 0.0, np.clip(middle, 0.0, np.maximum(room, 0.0)), room / 2.0)
        high = low + wide
    return np.concatenate([low, high], axis=1), visible


def cut_out(view: View, region: NDArray[np.float64]) -> View:
    """The part of a view in a region, x1, y1, x2, y2 in its pixels; no pixel is touched."""
    x1, y1, x2, y2 = region.tolist()
    size = max(1, round(x2 - x1)), max(1, round(y2 - y1))
    shrunk = geometry.scaling((x2 - x1) / size[0], (y2 - y1) / size[1])
    return view.mapped(geometry.translation(x1, y1) @ shrunk, size)
