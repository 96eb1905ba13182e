"""Collages: several parts of a view side by side in one picture, for a detector to look at closely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from edge_vision import Candidates, View
from edge_vision_recognition.cutting import cut_out

MOST = 4
"""So many parts are shown side by side at most; of more, those that are near each other are joined."""
CLOSER = 1.25
"""A collage has to show everything so many times larger than the whole view would."""
INSIDE = 0.6
"""Share of a box that has to lie in the part of its middle, else it is of two that only touch here."""
TOUCHES = 1.5
"""Pixels of the collage: a box that ends so near a seam is cut off there."""

Region = NDArray[np.float64]
"""x1, y1, x2, y2 in pixels of the view."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a view, and where a collage shows it.

    region  what is shown, in pixels of the view
    place   where, x1, y1, x2, y2 in pixels of the collage
    """

    region: Region
    place: tuple[int, int, int, int]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in the collage."""
        return self.place[2] - self.place[0], self.place[3] - self.place[1]


def arranged(
    regions: Sequence[Region], view: tuple[int, int], size: tuple[int, int]
) -> tuple[Part, ...] | None:
    """Where a collage of a size shows regions; None where the whole view shows them as well.

    regions  one or more
    view     (width, height) of the view
    size     (width, height) of the collage

    Each is widened to the shape of its place, and to as many pixels, so that nothing is enlarged.
    """
    whole = max(view[0] / size[0], view[1] / size[1])
    joined = _joined(list(regions), view, size)
    best: tuple[Part, ...] | None = None
    least = whole / CLOSER
    for columns, rows in _grids(len(joined)):
        parts = _placed(joined, view, size, columns, rows)
        coarsest = max(float(part.region[2] - part.region[0]) / part.size[0] for part in parts)
        if coarsest <= least:
            best, least = parts, coarsest
    return best


def collage(view: View, parts: Sequence[Part], size: tuple[int, int]) -> View:
    """A view of the collage; its frame is the collage's own picture."""
    canvas = np.full((size[1], size[0], 3), 114, np.uint8)
    for part in parts:
        x1, y1, x2, y2 = part.place
        canvas[y1:y2, x1:x2] = cut_out(view, part.region).pixels(part.size)
    return View.of(replace(view.frame, image=canvas), view.warp)


def of_part(found: Candidates, part: Part, size: tuple[int, int]) -> Candidates:
    """Of what was found in a collage what a part shows, in fractions of that part.

    Boxes over a seam belong to the part with their middle, where most of them lies in it.
    """
    scale, offset = np.array([*size, *size], np.float64), np.array(part.place[:2] * 2, np.float64)
    within = np.array([*part.size, *part.size], np.float64)
    boxes = (found.boxes * scale - offset) / within
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2.0
    cut = np.clip(boxes, 0.0, 1.0)
    area, inside = (np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (boxes, cut))
    own = ((middle >= 0.0) & (middle < 1.0)).all(axis=1) & (inside >= INSIDE * area)
    points = found.keypoints
    if points is not None:
        points = points.copy()
        points[:, :, :2] = (points[:, :, :2] * scale[:2] - offset[:2]) / within[:2]
    return replace(found, boxes=cut.astype(np.float32), keypoints=points)[own]


def cut_off(found: Candidates, part: Part, view: tuple[int, int]) -> NDArray[np.bool_]:
    """Which of what a part shows, in its fractions, ends where the part does, and the view goes on."""
    near = TOUCHES / np.array([*part.size, *part.size])
    low, high = found.boxes[:, :2] <= near[:2], found.boxes[:, 2:] >= 1.0 - near[2:]
    goes_on = part.region[:2] > 0.0, part.region[2:] < np.array(view)
    return np.asarray((low & goes_on[0]).any(axis=1) | (high & goes_on[1]).any(axis=1))


def _grids(count: int) -> tuple[tuple[int, int], ...]:
    """Columns and rows in which so many parts have place."""
    return {1: ((1, 1),), 2: ((2, 1), (1, 2))}.get(count, ((2, 2),))


def _placed(
    regions: Sequence[Region], view: tuple[int, int], size: tuple[int, int], columns: int, rows: int
) -> tuple[Part, ...]:
    parts = []
    for number, region in enumerate(regions):
        column, row = number % columns, number // columns
        place = (
            size[0] * column // columns,
            size[1] * row // rows,
            size[0] * (column + 1) // columns,
            size[1] * (row + 1) // rows,
        )
        parts.append(Part(_widened(region, view, (place[2] - place[0], place[3] - place[1])), place))
    return tuple(parts)


def _widened(region: Region, view: tuple[int, int], place: tuple[int, int]) -> Region:
    """A region of the shape of a place, not smaller than it, moved into the view as far as it fits."""
    shape, limits = np.array(place, np.float64), np.array(view, np.float64)
    factor = max(1.0, *((region[2:] - region[:2]) / shape))
    wide = factor * shape
    room = limits - wide
    low = (region[:2] + region[2:] - wide) / 2.0
    low = np.where(room > 0.0, np.clip(low, 0.0, np.maximum(room, 0.0)), room / 2.0)
    return np.concatenate([low, low + wide])


def _joined(regions: list[Region], view: tuple[int, int], size: tuple[int, int]) -> list[Region]:
    """The regions, those joined that overlap once they are widened, or that are too many."""
    while len(regions) > 1:
        cell = size if len(regions) == 1 else (size[0] // 2, size[1] // 2)
        wide = [_widened(region, view, cell) for region in regions]
        pairs = list(combinations(range(len(regions)), 2))
        overlapping = [pair for pair in pairs if _overlap(wide[pair[0]], wide[pair[1]])]
        if not overlapping and len(regions) <= MOST:
            break
        one, other = min(
            overlapping or pairs, key=lambda pair: _area(_around(regions[pair[0]], regions[pair[1]]))
        )
        both = _around(regions[one], regions[other])
        regions = [each for number, each in enumerate(regions) if number not in (one, other)]
        regions.append(both)
    return regions


def _overlap(one: Region, other: Region) -> bool:
    return bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all())


def _around(one: Region, other: Region) -> Region:
    return np.concatenate([np.minimum(one[:2], other[:2]), np.maximum(one[2:], other[2:])])


def _area(region: Region) -> float:
    return float(np.prod(region[2:] - region[:2]))
