"""The warp the daemon uses: OpenCV takes a view's pixels from an image, by the cheapest exact road.

What it must compute is defined in data/warp.py. The roads, cheapest first: a view that is a part of
the image pixel by pixel is a slice of it; a stretched part whose edges lie between pixels is
`cv2.resize` of the slice; everything else is `cv2.warpAffine` or `cv2.warpPerspective`. For a map that
shrinks by two or more the part that is needed is halved first.
What sees nothing becomes border afterwards: for an upright map a frame around the part that sees
something (a letterbox), for every other map a mask.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.data import geometry
from edge_vision.data.frame import Image
from edge_vision.data.warp import Colour, Window, shrink_factor

TOLERANCE = 1e-6
"""Pixels by which composed matrices may miss a whole number, or an edge, and still mean it."""

_HALF_LEFT = geometry.translation(-0.5, -0.5)
_HALF_RIGHT = geometry.translation(0.5, 0.5)


class _Span(NamedTuple):
    """Pixels start <= i < stop along one axis."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return max(0, self.stop - self.start)


class _Part(NamedTuple):
    """A rectangle of an image."""

    rows: _Span
    columns: _Span


class _Road(NamedTuple):
    """How the pixels of a view are come by.

    size    (width, height) of the view
    factor  so many pixels are averaged along each axis, a power of two, 1 for none
    blocks  those that are needed, None for none
    region  what `cv2.resize` is to stretch, None where it takes a warp
    matrix  3x3 map from the view to the image, or to the averages
    """

    size: tuple[int, int]
    factor: int
    blocks: _Part | None
    region: _Part | None
    matrix: geometry.Map


def opencv_warp(
    image: Image,
    matrix: geometry.Map,
    size: tuple[int, int],
    border: Colour,
    window: Window | None = None,
) -> Image:
    """Warp with OpenCV, as data/warp.py defines it; the pixels may be a slice of the image itself."""
    if window is None:
        # The most frequent case, no frame around and nothing cut, is computed once for all frames.
        road = _road_of_all(image.shape[:2], matrix.tobytes(), size)
        if road is not None:
            return _taken(image, road)
    seen = geometry.corners(image.shape[1], image.shape[0])
    if window is not None:
        seen = geometry.clip_polygon(window, seen)
    if not len(seen):
        return _filled(size, border)
    if _is_upright(matrix, size) and _is_upright_rectangle(seen):
        return _framed(image, matrix, size, border, seen)
    pixels = _sampled(image, matrix, size)
    mask = _mask(matrix, size, seen)
    if mask.all():
        return pixels
    painted = _filled(size, border)
    cv2.copyTo(pixels, mask, painted)
    return painted


@lru_cache(maxsize=64)
def _road_of_all(shape: tuple[int, int], matrix_bytes: bytes, size: tuple[int, int]) -> _Road | None:
    """The road to a view that is the whole image, stretched; None where it is anything else."""
    matrix = np.frombuffer(matrix_bytes).reshape(3, 3)
    (across, b, c), (d, down, f), last = matrix.tolist()
    if b or c or d or f or last != [0.0, 0.0, 1.0]:
        return None
    missing = max(abs(across * size[0] - shape[1]), abs(down * size[1] - shape[0]))
    return _road(shape, matrix, size) if missing < TOLERANCE else None


def _filled(size: tuple[int, int], colour: Colour) -> Image:
    width, height = size
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    # An order of magnitude faster than numpy, which fills three bytes at a time.
    cv2.rectangle(pixels, (0, 0), (width, height), colour, cv2.FILLED)
    return pixels


def _is_upright(matrix: geometry.Map, size: tuple[int, int]) -> bool:
    """True where rows and columns stay rows and columns: scaled, mirrored or turned by quarters."""
    if not geometry.is_affine(matrix):
        return False
    drift = np.abs(matrix[:2, :2]) * size
    return bool(
        (drift[0, 1] < TOLERANCE and drift[1, 0] < TOLERANCE)
        or (drift[0, 0] < TOLERANCE and drift[1, 1] < TOLERANCE)
    )


def _is_upright_rectangle(polygon: NDArray[np.float64]) -> bool:
    """True where a convex polygon fills the upright rectangle around it."""
    width, height = np.ptp(polygon, axis=0)
    missing = width * height - abs(geometry.signed_area(polygon))
    return bool(missing <= TOLERANCE * (width + height))


def _framed(
    image: Image,
    matrix: geometry.Map,
    size: tuple[int, int],
    border: Colour,
    seen: NDArray[np.float64],
) -> Image:
    """Warp an upright map that sees a rectangle: the pixels that see something, and a frame around."""
    in_view = geometry.map_points(geometry.inverse(matrix), seen)
    columns = _centres_within(in_view[:, 0], size[0])
    rows = _centres_within(in_view[:, 1], size[1])
    if not columns.length or not rows.length:
        return _filled(size, border)
    moved = matrix @ geometry.translation(columns.start, rows.start)
    part = _sampled(image, moved, (columns.length, rows.length))
    if (columns.length, rows.length) == size:
        return part
    edges = rows.start, size[1] - rows.stop, columns.start, size[0] - columns.stop
    return _uint8(cv2.copyMakeBorder(part, *edges, cv2.BORDER_CONSTANT, value=border))


def _centres_within(coordinates: NDArray[np.float64], limit: int) -> _Span:
    """The view's pixels whose centres lie between the least and the greatest coordinate."""
    start = int(np.ceil(max(coordinates.min(), 0.0) - 0.5 - TOLERANCE))
    stop = int(np.floor(min(coordinates.max(), limit) - 0.5 + TOLERANCE)) + 1
    return _Span(max(start, 0), min(stop, limit))


def _sampled(image: Image, matrix: geometry.Map, size: tuple[int, int]) -> Image:
    """Sample every pixel of the view, the image's edges repeated outside of it."""
    return _taken(image, _road(image.shape[:2], matrix, size))


def _road(shape: tuple[int, int], matrix: geometry.Map, size: tuple[int, int]) -> _Road:
    """The cheapest road from an image of that shape (height, width) to the view."""
    factor = shrink_factor(matrix)
    blocks = None
    if factor > 1:
        # The blocks are counted from the image's corner, so a crop sees the same averages as the whole.
        shown = geometry.map_points(matrix, geometry.corners(*size)) / factor
        blocks = _Part(
            _blocks(shown[:, 1], shape[0] // factor), _blocks(shown[:, 0], shape[1] // factor)
        )
        to_averages = geometry.translation(-blocks.columns.start, -blocks.rows.start) @ geometry.scaling(
            1 / factor, 1 / factor
        )
        matrix = to_averages @ matrix
        shape = blocks.rows.length, blocks.columns.length
    return _Road(size, factor, blocks, _whole_region(shape, matrix, size), matrix)


def _taken(image: Image, road: _Road) -> Image:
    """The pixels that a road leads to."""
    size, factor = road.size, road.factor
    if road.blocks is not None:
        rows, columns = road.blocks
        image = image[
            rows.start * factor : rows.stop * factor, columns.start * factor : columns.stop * factor
        ]
        for _ in range(factor.bit_length() - 1):
            image = _halved(image)
    if road.region is not None:
        rows, columns = road.region
        part = image[rows.start : rows.stop, columns.start : columns.stop]
        if (columns.length, rows.length) == size:
            return part
        # Averages are rounded already; rounding them roughly again is what MoveNet's points feel.
        interpolation = cv2.INTER_LINEAR if factor == 1 else cv2.INTER_LINEAR_EXACT
        return _uint8(cv2.resize(part, size, interpolation=interpolation))
    # OpenCV's coordinates are those of pixel centres, half a pixel from ours.
    centred = _HALF_LEFT @ road.matrix @ _HALF_RIGHT
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    if geometry.is_affine(centred):
        affine = centred[:2] / centred[2, 2]
        return _uint8(cv2.warpAffine(image, affine, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))
    return _uint8(
        cv2.warpPerspective(image, centred, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    )


def _halved(part: Image) -> Image:
    """Half the pixels along each axis, averages of 2 x 2.

    To halve again and again takes a quarter of the time of averaging larger blocks at once (4 x 4, with
    OpenCV 5.0.0 on x86).
    """
    height, width = (max(1, side // 2) for side in part.shape[:2])
    whole = part[: 2 * height, : 2 * width]
    return _uint8(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA))


def _blocks(coordinates: NDArray[np.float64], limit: int) -> _Span:
    """The blocks the coordinates touch, and one more on either side for the interpolation.

    At least one, so that an image narrower than a block still gives pixels.
    """
    limit = max(limit, 1)
    start = int(np.clip(np.floor(coordinates.min() + TOLERANCE) - 1, 0, limit - 1))
    stop = int(np.clip(np.ceil(coordinates.max() - TOLERANCE) + 1, start + 1, limit))
    return _Span(start, stop)


def _whole_region(shape: tuple[int, int], matrix: geometry.Map, size: tuple[int, int]) -> _Part | None:
    """The part of the image that the view shows, where `cv2.resize` of it is the exact answer."""
    if not _is_upright(matrix, size) or matrix[0, 0] <= 0.0 or matrix[1, 1] <= 0.0:
        return None
    columns = _whole_span(matrix[0, 2], matrix[0, 0], size[0], shape[1])
    rows = _whole_span(matrix[1, 2], matrix[1, 1], size[1], shape[0])
    if columns is None or rows is None:
        return None
    return _Part(rows, columns)


def _whole_span(start: float, scale: float, length: int, limit: int) -> _Span | None:
    """The pixels from start to start + scale * length, where both are whole and inside.

    None, too, where the view enlarges a part of the image: its outermost samples lie between a pixel
    of the part and its neighbour outside, which `cv2.resize` would not see.
    """
    stop = start + scale * length
    span = _Span(round(start), round(stop))
    whole = abs(start - span.start) < TOLERANCE and abs(stop - span.stop) < TOLERANCE
    inside = 0 <= span.start < span.stop <= limit
    exact = span.length >= length or span == (0, limit)
    return span if whole and inside and exact else None


def _mask(matrix: geometry.Map, size: tuple[int, int], seen: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The view pixels whose centres see the convex polygon: (height, width) uint8, 1 or 0.

    A line of the plane is a row vector (a, b, c) with a x + b y + c = 0; seen through the map it is
    the row vector times the matrix (Hartley and Zisserman, Multiple View Geometry, 2nd ed., 2.3).
    """
    ahead = matrix[2]
    lines = _sides(seen) @ matrix
    mask = _where_positive(np.vstack([lines, ahead]), size)
    if not geometry.is_affine(matrix):
        # Behind the horizon of a perspective the third coordinate is negative, and so is each line.
        mask |= _where_positive(np.vstack([-lines, -ahead]), size)
    return mask.view(np.uint8)


def _sides(polygon: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lines along a convex polygon's sides, (k, 3), positive on its inner side."""
    if geometry.signed_area(polygon) < 0:
        polygon = polygon[::-1]
    x, y = polygon[:, 0], polygon[:, 1]
    along_x, along_y = np.roll(x, -1) - x, np.roll(y, -1) - y
    return np.column_stack([-along_y, along_x, along_y * x - along_x * y])


def _where_positive(lines: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels whose centres lie on the positive side of all lines (k, 3): (height, width) bool.

    In each row these are one run of columns, so two comparisons a pixel are enough for any polygon.
    """
    width, height = size
    first, last = np.zeros(height), np.full(height, width - 1.0)
    for a, b, c in lines:
        # At the centre of column i this is: a * i + level >= 0.
        level = b * (np.arange(height) + 0.5) + c + a * 0.5
        if a > 0:
            first = np.maximum(first, -level / a)
        elif a < 0:
            last = np.minimum(last, -level / a)
        else:
            last[level < 0] = -1.0
    starts = np.ceil(first.clip(0, width)).astype(np.int16)[:, np.newaxis]
    stops = np.floor(last.clip(-1, width - 1)).astype(np.int16)[:, np.newaxis]
    columns = np.arange(width, dtype=np.int16)
    return np.asarray((columns >= starts) & (columns <= stops))


def _uint8(pixels: NDArray[np.generic]) -> Image:
    """OpenCV's answer as what it is: it keeps the type of the image it was given."""
    return np.asarray(pixels, dtype=np.uint8)
