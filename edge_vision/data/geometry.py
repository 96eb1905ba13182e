"""Plane geometry over arrays: 3x3 maps, boxes and polygons.

Coordinates are continuous pixels: x to the right, y down, the pixel in column 0 covers [0, 1), so
an image of width w spans 0 to w. A map is a 3x3 float64 matrix for column vectors (x, y, 1); the
last row is (0, 0, 1) unless it is a perspective. Boxes are rows (x1, y1, x2, y2).
"""

from __future__ import annotations

from math import cos, radians, sin

import numpy as np
from numpy.typing import ArrayLike, NDArray

Map = NDArray[np.float64]
Boxes = NDArray[np.float32]

SMALLEST_AREA = 1e-9
"""Square pixels of the smallest polygon that is one; two that only touch have no part in common."""

_AT_ONCE = 64
"""Boxes that are compared with all others at once in the suppression: their table fits in a cache."""


def identity() -> Map:
    """The map that changes nothing."""
    return np.eye(3)


def translation(x: float, y: float) -> Map:
    """Move by x and y pixels."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def scaling(x: float, y: float) -> Map:
    """Stretch about the origin by the factors x and y (negative mirrors)."""
    return np.diag([x, y, 1.0])


def rotation(degrees: float, centre: tuple[float, float] = (0.0, 0.0)) -> Map:
    """Turn about a centre; positive is clockwise as seen on the screen, because y points down."""
    c, s = cos(radians(degrees)), sin(radians(degrees))
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(translation(*centre) @ turn @ translation(-centre[0], -centre[1]))


def perspective(source: ArrayLike, target: ArrayLike) -> Map:
    """The projective map that takes four source points to four target points.

    Solves the eight linear equations of the plane homography with h33 = 1 (Hartley and Zisserman,
    Multiple View Geometry, 2nd ed., section 4.1, inhomogeneous solution). Raises ValueError where
    three of the points lie on one line.
    """
    rows, right = [], []
    for (x, y), (u, v) in zip(np.reshape(source, (4, 2)), np.reshape(target, (4, 2)), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    matrix = np.array(rows, dtype=np.float64)
    if np.linalg.matrix_rank(matrix) < 8:
        raise ValueError("three of the four points lie on one line")
    return np.append(np.linalg.solve(matrix, np.array(right, dtype=np.float64)), 1.0).reshape(3, 3)


def inverse(matrix: Map) -> Map:
    """The map back; raises numpy's LinAlgError, a ValueError, where the matrix flattens the plane."""
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def is_affine(matrix: Map) -> bool:
    """True where parallel lines stay parallel."""
    return bool(matrix[2, 0] == 0.0 and matrix[2, 1] == 0.0)


def map_points(matrix: Map, points: ArrayLike) -> NDArray[np.float64]:
    """Map points, (n, 2), through a matrix; gives (n, 2) float64.

    What is not finite stays so, and points that a perspective takes to the horizon are at infinity:
    inf, or nan.
    """
    xy = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        if is_affine(matrix):
            return np.asarray((xy @ matrix[:2, :2].T + matrix[:2, 2]) / matrix[2, 2])
        mapped = np.column_stack([xy, np.ones(len(xy))]) @ matrix.T
        return np.asarray(mapped[:, :2] / mapped[:, 2:])


def corners(width: float, height: float) -> NDArray[np.float64]:
    """The corners of the rectangle (0, 0) to (width, height), clockwise on the screen, (4, 2)."""
    return np.array([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]])


def map_boxes(matrix: Map, boxes: ArrayLike) -> Boxes:
    """Map boxes, (n, 4); gives the upright boxes around the mapped corners, (n, 4) float32.

    A box across the horizon of a perspective has no such box, and what is given for it means nothing.
    """
    xyxy = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    (across, shear, left), (tilt, down, top), last = matrix.tolist()
    with np.errstate(over="ignore"):
        if across > 0.0 < down and shear == tilt == 0.0 and last == [0.0, 0.0, 1.0]:
            # Stretched and moved only, as nearly always: a fifth of the time.
            moved = xyxy * (across, down, across, down) + (left, top, left, top)
            return np.asarray(moved, dtype=np.float32)
        points = map_points(matrix, xyxy[:, [0, 1, 2, 1, 2, 3, 0, 3]]).reshape(-1, 4, 2)
        return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1).astype(np.float32)


def clip_boxes(boxes: ArrayLike, width: float, height: float) -> Boxes:
    """Cut boxes, (n, 4), to an image of that size, in pixels."""
    limits = np.array([width, height, width, height], dtype=np.float32)
    return np.clip(np.asarray(boxes, dtype=np.float32).reshape(-1, 4), 0.0, limits)


def areas(boxes: ArrayLike) -> NDArray[np.float32]:
    """Areas of boxes, (n,) float32, in square pixels; a box turned inside out has none."""
    x1, y1, x2, y2 = np.asarray(boxes, dtype=np.float32).reshape(-1, 4).T
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.maximum(x2 - x1, 0.0) * np.maximum(y2 - y1, 0.0))


def iou(first: ArrayLike, second: ArrayLike) -> NDArray[np.float32]:
    """Intersection over union of each box of `first` (n, 4) with each of `second` (m, 4): (n, m).

    Gives float32 in 0 to 1; 0 for boxes without an area, and for what is not finite.
    """
    a = np.asarray(first, dtype=np.float32).reshape(-1, 4)
    b = np.asarray(second, dtype=np.float32).reshape(-1, 4)
    with np.errstate(over="ignore", invalid="ignore"):
        # Axis by axis: numpy is slow along a last axis of two.
        width = np.minimum.outer(a[:, 2], b[:, 2]) - np.maximum.outer(a[:, 0], b[:, 0])
        height = np.minimum.outer(a[:, 3], b[:, 3]) - np.maximum.outer(a[:, 1], b[:, 1])
        overlap = np.maximum(width, 0.0) * np.maximum(height, 0.0)
        union = np.add.outer(areas(a), areas(b)) - overlap
        usable = (union > 0.0) & np.isfinite(union)
    return np.asarray(np.divide(overlap, union, out=np.zeros_like(overlap), where=usable))


def suppress(
    boxes: ArrayLike, score: ArrayLike, class_id: ArrayLike, max_iou: float
) -> NDArray[np.intp]:
    """Greedy non-maximum suppression within each class; gives the kept rows, best score first.

    boxes (n, 4), score (n,), class_id (n,). Of two boxes of one class that overlap by more than
    `max_iou` the one with the higher score stays; of equal scores, the earlier row.
    """
    corners = np.asarray(boxes, dtype=np.float32).reshape(-1, 4)
    classes = np.asarray(class_id)
    left = np.argsort(-np.asarray(score, dtype=np.float32), kind="stable")
    kept: list[NDArray[np.intp]] = []
    # Some of the best at a time: what they drop need not be compared with what comes after them.
    while len(left):
        head = left[:_AT_ONCE]
        overlaps = iou(corners[head], corners[left]) > max_iou
        overlaps &= classes[head, np.newaxis] == classes[left]
        stays = _undisputed(overlaps[:, : len(head)])
        kept.append(head[stays])
        dropped = overlaps[stays, len(head) :].any(axis=0)
        left = left[len(head) :][~dropped]
    return np.concatenate(kept) if kept else np.zeros(0, dtype=np.intp)


def _undisputed(overlaps: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of n rows, best first, no better one that stays overlaps; overlaps is (n, n)."""
    stays = np.ones(len(overlaps), dtype=bool)
    for row in np.flatnonzero(np.triu(overlaps, 1).any(axis=1)).tolist():
        if stays[row]:
            stays[row + 1 :] &= ~overlaps[row, row + 1 :]
    return stays


def clip_polygon(polygon: NDArray[np.float64], by: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part of a polygon inside a convex one, (k, 2); empty (0, 2) where they do not meet.

    Sutherland and Hodgman, "Reentrant polygon clipping", CACM 17(1), 1974. Either winding is taken.
    """
    return cut_polygon(polygon, sides(by)) if len(by) and signed_area(by) else np.zeros((0, 2))


def cut_polygon(polygon: NDArray[np.float64], lines: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part of a polygon, (k, 2), on the positive side of all lines; empty (0, 2) for none.

    lines  (m, 3) rows a, b, c of a x + b y + c = 0
    """
    points = polygon.tolist()  # plain numbers: with so few of them numpy is ten times as slow
    for a, b, c in lines.tolist():
        levels = [a * x + b * y + c for x, y in points]
        kept = []
        for i, (x, y) in enumerate(points):
            before, here = levels[i - 1], levels[i]
            if (before >= 0.0) != (here >= 0.0):
                (x0, y0), share = points[i - 1], before / (before - here)
                kept.append([x0 + (x - x0) * share, y0 + (y - y0) * share])
            if here >= 0.0:
                kept.append([x, y])
        points = kept
    left = np.array(points, dtype=np.float64).reshape(-1, 2)
    return left if abs(signed_area(left)) > SMALLEST_AREA else np.zeros((0, 2))


def sides(polygon: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lines along a convex polygon's sides, positive on its inner side.

    Gives (k, 3) rows a, b, c of a x + b y + c = 0. Either winding is taken.
    """
    if signed_area(polygon) < 0:
        polygon = polygon[::-1]
    x, y = polygon[:, 0], polygon[:, 1]
    along_x, along_y = np.roll(x, -1) - x, np.roll(y, -1) - y
    return np.column_stack([-along_y, along_x, along_y * x - along_x * y])


def signed_area(polygon: NDArray[np.float64]) -> float:
    """The polygon's area, positive where its corners run clockwise on the screen (shoelace)."""
    x, y = polygon[:, 0], polygon[:, 1]
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2.0)
