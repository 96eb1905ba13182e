"""Regions: the places of a picture in which enough pixels changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
Box = tuple[int, int, int, int]


class Regions(NamedTuple):
    """Places that changed, largest first.

    boxes  (n, 4) int, x1, y1, x2, y2 in pixels of the mask
    score  (n,) float32, the share of changed pixels in each box
    mask   (height, width) uint8, 1 where a pixel changed that belongs to a region, else 0
    """

    boxes: NDArray[np.int_]
    score: NDArray[np.float32]
    mask: Mask

    @classmethod
    def none(cls, height: int, width: int) -> Regions:
        """Nothing changed."""
        return cls(
            np.zeros((0, 4), dtype=int),
            np.zeros(0, np.float32),
            np.zeros((height, width), dtype=np.uint8),
        )


def find_regions(changed: Mask, reach: int, smallest: float) -> Regions:
    """Join changed pixels that lie near each other, and keep what is large enough.

    changed   (height, width) uint8, 1 or 0
    reach     how far each pixel spreads in search of others, in pixels
    smallest  how many changed pixels a region needs; those it spread to do not count
    """
    if not changed.any():
        return Regions.none(*changed.shape)
    joined = cv2.dilate(changed, np.ones((2 * reach + 1, 2 * reach + 1), dtype=np.uint8))
    count, numbers, places, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    sizes = np.bincount(numbers[changed.view(np.bool_)], minlength=count)
    large = sizes >= max(smallest, 1.0)
    mask = np.asarray(large[numbers] & changed, dtype=np.uint8)
    boxes = merged(_box(mask, numbers, places[n], int(n)) for n in np.flatnonzero(large))
    boxes.sort(key=lambda box: -(box[2] - box[0]) * (box[3] - box[1]))
    score = [mask[y1:y2, x1:x2].mean() for x1, y1, x2, y2 in boxes]
    return Regions(np.array(boxes, dtype=int).reshape(-1, 4), np.array(score, dtype=np.float32), mask)


def merged(boxes: Iterable[Box]) -> list[Box]:
    """The boxes, those that overlap replaced by one around them, until none overlap."""
    waiting, apart = list(boxes), list[Box]()
    while waiting:
        box = waiting.pop()
        hit = [other for other in apart if _overlap(box, other)]
        if hit:
            apart = [other for other in apart if other not in hit]
            waiting.append(_around([box, *hit]))
        else:
            apart.append(box)
    return apart


def _box(mask: Mask, numbers: NDArray[Any], place: NDArray[Any], number: int) -> Box:
    """The box around the changed pixels of one joined place (left, top, width, height, ...)."""
    left, top, width, height = (int(value) for value in place[:4])
    part = np.s_[top : top + height, left : left + width]
    own = (numbers[part] == number) & mask[part].view(np.bool_)
    x, y, w, h = cv2.boundingRect(own.view(np.uint8))
    return left + x, top + y, left + x + w, top + y + h


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _around(boxes: list[Box]) -> Box:
    x1, y1, x2, y2 = zip(*boxes, strict=True)
    return min(x1), min(y1), max(x2), max(y2)
