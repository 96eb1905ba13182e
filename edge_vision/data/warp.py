"""Warping: how the pixels of a view are taken from an image, and the reference that defines it.

A warp is a function `(image, matrix, size, border, window) -> pixels`:

image    (height, width, 3) uint8
matrix   3x3 map from view coordinates to image coordinates, both continuous (see geometry)
size     (width, height) of the view, in pixels
border   colour (blue, green, red) of view pixels that see nothing
window   convex polygon (k, 2) in image coordinates outside of which nothing is seen, or None
pixels   (height, width, 3) uint8 of the view

What every warp must compute: as often as the map shrinks both axes by two or more, the image is first
halved, each pixel the average of 2 x 2, halves rounded up, which keeps small things from vanishing
between the samples (L. Williams, "Pyramidal Parametrics", SIGGRAPH 1983; a side of one pixel stays, and
of an odd one the last row or column counts for nothing); then each view pixel whose centre maps inside
the image (and the window) is sampled bilinearly, edges repeated, and every other has the border
colour. The daemon uses OpenCV for it (builtin/warp.py); this one is plain numpy, for tests.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge_vision.data import geometry
from edge_vision.data.frame import Image

Colour = tuple[int, int, int]
Window = NDArray[np.float64]
Warp = Callable[[Image, geometry.Map, tuple[int, int], Colour, Window | None], Image]


def shrink_factor(matrix: geometry.Map) -> int:
    """How many pixels of the image are averaged along each axis: the greatest power of two that is at
    most what the map steps per view pixel along its slower axis, at least 1.
    """
    if not geometry.is_affine(matrix):
        return 1
    steps = np.hypot(matrix[0, :2], matrix[1, :2])
    whole = max(1, int(steps.min() + 1e-6))
    return 1 << (whole.bit_length() - 1)


def reference_warp(
    image: Image,
    matrix: geometry.Map,
    size: tuple[int, int],
    border: Colour,
    window: Window | None = None,
) -> Image:
    """Warp in plain numpy, as the module's text defines it; slow and exact."""
    width, height = size
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    points = geometry.map_points(matrix, np.column_stack([columns.ravel(), rows.ravel()]))
    seen = _inside(points, geometry.corners(image.shape[1], image.shape[0]))
    if window is not None:
        seen &= _inside(points, window) if len(window) else False
    factor = shrink_factor(matrix)
    pixels = np.empty((height * width, 3), dtype=np.uint8)
    pixels[:] = border
    averages = image.astype(np.float64)
    for _ in range(factor.bit_length() - 1):
        averages = _halved(averages)
    pixels[seen] = _bilinear(averages, points[seen] / factor)
    return pixels.reshape(height, width, 3)


def _inside(points: NDArray[np.float64], polygon: NDArray[np.float64]) -> NDArray[np.bool_]:
    inside = np.asarray(np.isfinite(points).all(axis=1))
    lines = geometry.sides(polygon)
    levels = points[inside] @ lines[:, :2].T + lines[:, 2]
    inside[inside] = (levels >= 0.0).all(axis=1)
    return inside


def _halved(image: NDArray[np.float64]) -> NDArray[np.float64]:
    rows, columns = (max(1, side // 2) for side in image.shape[:2])
    high, wide = (min(side, 2) for side in image.shape[:2])
    blocks = image[: rows * high, : columns * wide].reshape(rows, high, columns, wide, 3)
    return np.asarray(np.floor(blocks.mean(axis=(1, 3)) + 0.5))


def _bilinear(image: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    x = np.clip(points[:, 0] - 0.5, 0, width - 1)
    y = np.clip(points[:, 1] - 0.5, 0, height - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    fx, fy = (x - left)[:, np.newaxis], (y - top)[:, np.newaxis]
    upper = image[top, left] * (1 - fx) + image[top, right] * fx
    lower = image[bottom, left] * (1 - fx) + image[bottom, right] * fx
    return np.asarray(np.rint(upper * (1 - fy) + lower * fy), dtype=np.uint8)
