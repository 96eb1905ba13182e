"""What is seen: laying maps over the frame, and telling which of their pixels show any of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision import Segments, View, geometry

ClassMap = NDArray[np.uint8]
"""(height, width) uint8: a class for each place, Segments.UNSEEN where nothing is seen."""

Coordinates = tuple[NDArray[np.float64], NDArray[np.float64]]
"""x and y of each pixel of an image, two arrays that broadcast to (height, width)."""

_SLACK = 1e-6


def centres(matrix: geometry.Map, size: tuple[int, int]) -> Coordinates:
    """Where the centres of an image's pixels go through a map.

    Without a turn x depends on the column only and y on the row only; then the arrays are (1, width)
    and (height, 1). What a perspective puts behind the eye (a negative third coordinate) goes to -1.
    """
    columns = np.arange(size[0])[np.newaxis, :] + 0.5
    rows = np.arange(size[1])[:, np.newaxis] + 0.5
    x, y = (_combined(line, columns, rows) for line in matrix[:2])
    if geometry.is_affine(matrix):
        return x / matrix[2, 2], y / matrix[2, 2]
    depth = _combined(matrix[2], columns, rows)
    before = depth > _SLACK
    safe = np.where(before, depth, 1.0)
    return np.where(before, x / safe, -1.0), np.where(before, y / safe, -1.0)


def _combined(line: NDArray[Any], columns: NDArray[Any], rows: NDArray[Any]) -> NDArray[np.float64]:
    if line[1] == 0.0:
        return np.asarray(line[0] * columns + line[2])
    if line[0] == 0.0:
        return np.asarray(line[1] * rows + line[2])
    return np.asarray(line[0] * columns + line[1] * rows + line[2])


def unseen(view: View, to_frame: geometry.Map, size: tuple[int, int]) -> NDArray[np.bool_] | None:
    """Which pixels of a map show nothing of the frame, (height, width); None where all show some.

    view      what the model looked at
    to_frame  3x3 map from the map's pixels to frame pixels
    size      (width, height) of the map
    """
    polygon = _seen_of_frame(view)
    if len(polygon) and geometry.signed_area(polygon) < 0:
        polygon = polygon[::-1]
    corners = geometry.map_points(to_frame, geometry.corners(*size))
    if len(polygon) and _inside(polygon, corners[:, 0], corners[:, 1], slack=0.01).all():
        return None
    x, y = centres(to_frame, size)
    if not len(polygon):
        return np.ones((size[1], size[0]), dtype=bool)
    return np.asarray(~np.broadcast_to(_inside(polygon, x, y, slack=_SLACK), (size[1], size[0])))


def _seen_of_frame(view: View) -> NDArray[np.float64]:
    """The part of the frame whose pixels the view takes, a convex polygon (k, 2) in frame pixels."""
    if view.window is None:
        window = geometry.corners(view.base.shape[1], view.base.shape[0])
    else:
        window = view.window
    if not len(window):
        return window
    frame = geometry.corners(view.frame.width, view.frame.height)
    return geometry.clip_polygon(frame, geometry.map_points(view.base_to_frame, window))


def _inside(
    polygon: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64], slack: float
) -> NDArray[np.bool_]:
    """Which points lie in a convex polygon (clockwise on the screen), or at most `slack` pixels off."""
    inside = np.ones(np.broadcast_shapes(x.shape, y.shape), dtype=bool)
    for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        edge = end - start
        cross = edge[0] * (y - start[1]) - edge[1] * (x - start[0])
        inside &= cross >= -slack * float(np.hypot(*edge))
    return inside


def over_frame(segments: Segments, size: tuple[int, int]) -> ClassMap:
    """The class map laid over the frame: pixel (x, y) is the class at frame pixel (x, y).

    size  (width, height) of the frame

    Each pixel takes the class of the map's pixel under its centre; outside of the map it is
    Segments.UNSEEN.
    """
    height, width = segments.class_map.shape
    back = geometry.inverse(segments.to_frame)
    middle = geometry.map_points(segments.to_frame, [(width / 2, height / 2)])[0]
    if back[2] @ (*middle, 1.0) < 0:
        back = -back  # so that what lies before the eye is positive
    x, y = centres(back, size)
    columns, rows = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    picked = segments.class_map[np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)]
    return np.where(inside, picked, np.uint8(Segments.UNSEEN))
