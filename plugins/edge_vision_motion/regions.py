"""Regions: the places of a picture in which enough pixels changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

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

    def moving(self, lately: Mask, least: float) -> Regions:
        """Those that have enough pixels which changed lately.

        lately  (height, width) uint8, 1 where a pixel did
        least   so many pixels are enough
        """
        moves = [cv2.countNonZero(lately[y1:y2, x1:x2]) >= least for x1, y1, x2, y2 in self.boxes]
        if all(moves):
            return self
        mask = self.mask.copy()
        for (x1, y1, x2, y2), stays in zip(self.boxes, moves, strict=True):
            if not stays:
                mask[y1:y2, x1:x2] = 0
        return Regions(self.boxes[moves], self.score[moves], mask)


def find_regions(changed: Mask, reach: int, smallest: float) -> Regions:
    """Join changed pixels that lie near each other, and keep the places in which there are enough.

    changed   (height, width) uint8, 1 or 0
    reach     how far each pixel spreads in search of others, in pixels
    smallest  how many changed pixels a region needs; those it spread to do not count
    """
    if not changed.any():
        return Regions.none(*changed.shape)
    # Within a frame of that width what spreads has room, so that each place is its changed pixels' box
    # grown by the reach on all sides.
    framed = cv2.copyMakeBorder(changed, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=0)
    joined = cv2.dilate(framed, np.ones((2 * reach + 1, 2 * reach + 1), dtype=np.uint8))
    # Outlines take a third of the time of numbering the pixels. What lies within another place's outline
    # lies within its box, and is counted there.
    outlines, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    grown = (cv2.boundingRect(outline) for outline in outlines)
    places = [(x, y, x + width - 2 * reach, y + height - 2 * reach) for x, y, width, height in grown]
    boxes = merged(box for box in places if _area(box) >= smallest)
    mask, found = np.zeros_like(changed), list[tuple[int, float, Box]]()
    for box in boxes:
        x1, y1, x2, y2 = box
        inside = changed[y1:y2, x1:x2]
        count = cv2.countNonZero(inside)
        if count >= smallest:
            mask[y1:y2, x1:x2] = inside
            found.append((_area(box), count / _area(box), box))
    found.sort(key=lambda each: -each[0])
    return Regions(
        np.array([box for *_, box in found], dtype=int).reshape(-1, 4),
        np.array([score for _, score, _ in found], dtype=np.float32),
        mask,
    )


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


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


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _around(boxes: list[Box]) -> Box:
    x1, y1, x2, y2 = zip(*boxes, strict=True)
    return min(x1), min(y1), max(x2), max(y2)
