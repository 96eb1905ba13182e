"""Hiding: making parts of an image unrecognisable, so that nothing can bring them back.

Blur and pixels both start from few block averages, so what is left of a face is at most 8 x 8
colours, however large it was. A blur by itself can be sharpened again, and small blocks can be matched
against candidates (Hill, Zhou, Saul, Shacham, "On the (In)effectiveness of Mosaicing and Blurring as
Tools for Document Redaction", PoPETs 2016).

Where only some pixels of a block are hidden, the average is over those alone, and only where they are
many: from an average that visible pixels were part of, the few hidden ones could be computed back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision import geometry

Method = Literal["blur", "pixelate", "fill"]
Pixels = NDArray[np.uint8]
Inside = NDArray[np.bool_]
"""(height, width): the pixels of a part that are to be hidden; the others may not show through."""


class Hide(Protocol):
    """Gives what stands in the place of a part of an image, (height, width[, 3]), in the same shape."""

    def __call__(self, part: Pixels, inside: Inside | None = None) -> Pixels:
        """What is shown in its place, made of the pixels inside alone; of all where None are said."""


SMALLEST_BLOCK = 4
"""Blocks are at least so many pixels wide and high: in a small box, fewer blocks are left."""

_TOUCHED = np.sqrt(0.5) + 1e-6
"""A pixel's centre is at most so far from any point of it."""


def hiding(method: Method, blocks: int, colour: tuple[int, int, int]) -> Hide:
    """The function that hides a part of an image.

    blocks  how many block averages remain along the longer side, at most
    colour  (blue, green, red) of a fill
    """
    if method == "pixelate":
        return lambda part, inside=None: pixelated(part, blocks, inside)
    if method == "blur":
        return lambda part, inside=None: blurred(part, blocks, inside)
    return lambda part, inside=None: filled(part, colour)  # noqa: ARG005 - as the others


def pixelated(part: Pixels, blocks: int, inside: Inside | None = None) -> Pixels:
    """A part as few blocks of one colour each."""
    size = (part.shape[1], part.shape[0])
    few = _averages(part, _few(size, blocks), inside)
    return np.asarray(cv2.resize(few, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def blurred(part: Pixels, blocks: int, inside: Inside | None = None) -> Pixels:
    """A part as few blocks whose colours run into each other."""
    size = (part.shape[1], part.shape[0])
    columns, rows = _few(size, blocks)
    few = _averages(part, (columns, rows), inside)
    # A Gaussian as wide as half a block costs the same for every size of box where blocks are 4 pixels.
    soft = cv2.resize(few, (4 * columns, 4 * rows), interpolation=cv2.INTER_LINEAR)
    soft = cv2.GaussianBlur(soft, (0, 0), 2.0)
    return np.asarray(cv2.resize(soft, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def filled(part: Pixels, colour: tuple[int, int, int]) -> Pixels:
    """A part in one colour; its luma (ITU-R BT.601) where the image is grey."""
    if part.ndim == 3:
        return np.full_like(part, colour)
    blue, green, red = colour
    return np.full_like(part, round(0.114 * blue + 0.587 * green + 0.299 * red))


def _few(size: tuple[int, int], blocks: int) -> tuple[int, int]:
    """How many blocks a part is divided into, (columns, rows), about square."""
    block = max(max(size) / blocks, SMALLEST_BLOCK)
    return max(1, int(size[0] / block)), max(1, int(size[1] / block))


def _averages(part: Pixels, grid: tuple[int, int], inside: Inside | None) -> Pixels:
    """The average colour of each block, (rows, columns[, 3]) uint8, over the pixels inside.

    grid  (columns, rows) of blocks

    A block with few pixels inside has the colour of the nearest with many, and they count nowhere; where
    none has many, all pixels inside are averaged together.
    """
    if inside is None:
        return np.asarray(cv2.resize(part, grid, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    weight = inside.astype(np.float32)
    shaped = weight if part.ndim == 2 else weight[..., np.newaxis]
    share = cv2.resize(weight, grid, interpolation=cv2.INTER_AREA)
    sums = cv2.resize(part * shaped, grid, interpolation=cv2.INTER_AREA)
    many = share * (weight.size / share.size) >= SMALLEST_BLOCK**2 - 0.5
    if not many.any():
        average = part[inside].mean(axis=0) if inside.any() else 0
        return np.broadcast_to(np.rint(average), sums.shape).astype(np.uint8)
    known = np.argwhere(many)
    cells = np.indices(many.shape).reshape(2, -1).T
    distance = ((cells[:, np.newaxis] - known) ** 2).sum(axis=2)
    nearest = known[distance.argmin(axis=1)]
    at = nearest[:, 0], nearest[:, 1]
    colours = sums[at] / share[at].reshape(-1, *[1] * (part.ndim - 2))
    return np.asarray(np.rint(colours).reshape(sums.shape), dtype=np.uint8)


def grown(boxes: geometry.Boxes, margin: float) -> geometry.Boxes:
    """Boxes, (n, 4), with `margin` of their width and height added on each side."""
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2) * margin
    return np.asarray(boxes + sides * np.array([-1, -1, 1, 1]), dtype=np.float32)


def hidden(image: Pixels, to_frame: geometry.Map, boxes: geometry.Boxes, hide: Hide) -> Pixels:
    """A copy of an image in which every pixel that shows some of the boxes is hidden.

    image     (height, width, 3) or (height, width) uint8
    to_frame  3x3 map from image pixels to frame pixels
    boxes     (n, 4) in frame pixels
    """
    painted = image.copy()
    back = geometry.inverse(to_frame)
    size = (image.shape[1], image.shape[0])
    if not geometry.is_affine(back):
        # A perspective may put a corner behind the eye; then all is hidden rather than too little.
        middle = geometry.map_points(to_frame, [(size[0] / 2, size[1] / 2)])[0]
        if _corners_behind(back, boxes, middle):
            return hide(painted)
    for box in boxes:
        x1, y1, x2, y2 = box.tolist()
        polygon = geometry.map_points(back, [(x1, y1), (x2, y1), (x2, y2), (x1, y2)])
        _hide_polygon(painted, polygon, hide)
    return painted


def _corners_behind(back: geometry.Map, boxes: geometry.Boxes, front: NDArray[np.float64]) -> bool:
    points = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2).astype(np.float64)
    depth = np.column_stack([points, np.ones(len(points))]) @ back[2]
    return bool((depth * (back[2] @ (*front, 1.0)) <= 0.0).any())


def _hide_polygon(image: Pixels, polygon: NDArray[np.float64], hide: Hide) -> None:
    """Hide, in place, each pixel that a convex polygon (4, 2) touches."""
    limits = np.array([image.shape[1], image.shape[0]], dtype=np.float64)
    left, top = np.floor(np.clip(polygon.min(axis=0), 0, limits)).astype(int)
    right, bottom = np.ceil(np.clip(polygon.max(axis=0), 0, limits)).astype(int)
    if left >= right or top >= bottom:
        return
    part = image[top:bottom, left:right]
    if ((polygon == polygon.min(axis=0)) | (polygon == polygon.max(axis=0))).all():
        part[:] = hide(np.ascontiguousarray(part))  # upright: it touches all of its bounds
        return
    touched = _touched(polygon - (left, top), (right - left, bottom - top))
    part[touched] = hide(np.ascontiguousarray(part), touched)[touched]


def _touched(polygon: NDArray[np.float64], size: Sequence[int]) -> NDArray[np.bool_]:
    """Which pixels of an image a convex polygon touches, (height, width); a few more at its corners."""
    if geometry.signed_area(polygon) < 0:
        polygon = polygon[::-1]
    x = np.arange(size[0])[np.newaxis, :] + 0.5
    y = np.arange(size[1])[:, np.newaxis] + 0.5
    touched = np.ones((size[1], size[0]), dtype=bool)
    for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        edge = end - start
        cross = edge[0] * (y - start[1]) - edge[1] * (x - start[0])
        touched &= cross >= -_TOUCHED * float(np.hypot(*edge))
    return touched
