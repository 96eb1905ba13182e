"""Outlines: the places of a class map that are to be hidden, and the pixels that show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision import Segments, geometry
from edge_vision_generation.hiding import Hide, Inside, Pixels

BACKGROUND = "background"
"""What the class is called, in any letters, that is nothing in particular."""


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """Places of a class map.

    places    (height, width) bool
    to_frame  3x3 map from places to frame pixels
    """

    places: NDArray[np.bool_]
    to_frame: geometry.Map

    def grown(self, margin: float) -> Outline:
        """Larger all around: each connected part by a margin of its own shorter side."""
        _, parts, facts, _ = cv2.connectedComponentsWithStats(self.places.astype(np.uint8))
        sides = facts[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].min(axis=1)
        steps = np.ceil(margin * sides).astype(int)
        most = int(steps.max(initial=0))
        if not most:
            return self
        parts = np.pad(parts, most)  # what the edge of the map cuts off goes on beyond it
        places = parts > 0
        for step in np.unique(steps[steps > 0]).tolist():
            these = np.isin(parts, np.flatnonzero(steps == step) + 1)
            away = cv2.distanceTransform((~these).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
            places |= away <= step
        return Outline(places, self.to_frame @ geometry.translation(-most, -most))

    def share_of(self, box: NDArray[np.float32]) -> float:
        """How much of a box, x1, y1, x2, y2 in frame pixels, these places fill, 0 to 1."""
        inside = geometry.map_boxes(geometry.inverse(self.to_frame), box)
        height, width = self.places.shape
        x1, y1, x2, y2 = np.rint(geometry.clip_boxes(inside, width, height))[0].astype(int)
        area = float(geometry.areas(inside)[0])
        return min(1.0, float(self.places[y1:y2, x1:x2].sum()) / area) if area > 0.0 else 0.0


def outline_of(segments: Segments, labels: Sequence[str], *, everything: bool) -> Outline:
    """The places of some classes of a map.

    labels      the classes that are meant; none for all that are not background
    everything  whether, without labels, a map in which nothing is background means all or nothing
    """
    found = np.unique(segments.class_map)
    found = found[found != Segments.UNSEEN]
    if labels:
        meant = [number for number in found.tolist() if segments.label_of(number) in labels]
    else:
        background = _background(segments.labels)
        meant = found[found != background] if background is not None or everything else []
    return Outline(np.isin(segments.class_map, meant), segments.to_frame)


def _background(labels: Sequence[str]) -> int | None:
    """The number of the class that is background: by its name, of two the first; None for none.

    Where no class has a name, it is 0, as is usual.
    """
    names = [label.lower() for label in labels]
    if BACKGROUND in names:
        return names.index(BACKGROUND)
    return 0 if len(names) in (0, 2) else None


def hide_outline(image: Pixels, to_frame: geometry.Map, outline: Outline, hide: Hide) -> None:
    """Hide, in place, every pixel that shows some of an outline, each connected part by itself.

    image     (height, width, 3) or (height, width) uint8
    to_frame  3x3 map from its pixels to frame pixels
    """
    to_places = geometry.inverse(outline.to_frame) @ to_frame
    count, parts, facts, _ = cv2.connectedComponentsWithStats(outline.places.astype(np.uint8))
    for number in range(1, count):
        x, y, width, height = facts[number, : cv2.CC_STAT_AREA].tolist()
        part = parts[y : y + height, x : x + width] == number
        to_part = geometry.translation(-x, -y) @ to_places
        left, top, right, bottom = _bounds(to_part, (width, height), (image.shape[1], image.shape[0]))
        if left >= right or top >= bottom:
            continue
        area = image[top:bottom, left:right]
        to_part = to_part @ geometry.translation(left, top)
        inside = touching(part, to_part, (right - left, bottom - top))
        shown = inside if area.ndim == 2 else inside[..., np.newaxis]
        np.copyto(area, hide(np.ascontiguousarray(area), inside), where=shown)


def _bounds(
    to_places: geometry.Map, places: tuple[int, int], size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """The upright box of the pixels that may show some of a map, left, top, right, bottom.

    places, size  (width, height) of the map and of the image
    """
    back, corners = geometry.inverse(to_places), geometry.corners(*places)
    depth = corners @ back[2, :2] + back[2, 2]
    if not (depth * depth[0] > 0.0).all():
        return 0, 0, *size  # some of the map is mapped behind the eye, and no box is around it
    seen = geometry.clip_boxes(geometry.map_boxes(back, [0, 0, *places]), *size)[0]
    left, top, right, bottom = seen.tolist()
    return max(0, floor(left) - 1), max(0, floor(top) - 1), ceil(right), ceil(bottom)


def touching(places: NDArray[np.bool_], to_places: geometry.Map, size: tuple[int, int]) -> Inside:
    """Which pixels of an image touch some of these places, (height, width); a few more where it turns.

    to_places  3x3 map from pixels of the image to places
    size       (width, height) of the image

    Counted with sums over all places above and left of each (Crow, "Summed-area tables for texture
    mapping", SIGGRAPH 1984).
    """
    x, y = np.arange(size[0] + 1.0), np.arange(size[1] + 1.0)
    if geometry.is_affine(to_places) and to_places[0, 1] == to_places[1, 0] == 0.0:
        (left, right), (top, bottom) = (
            _spans(np.stack([edges[:-1], edges[1:]]), count)
            for edges, count in (
                (to_places[0, 0] * x + to_places[0, 2], places.shape[1]),
                (to_places[1, 1] * y + to_places[1, 2], places.shape[0]),
            )
        )
        across = np.pad(places.cumsum(axis=1, dtype=np.int32), ((0, 0), (1, 0)))
        some = across[:, right] > across[:, left]
        down = np.pad(some.cumsum(axis=0, dtype=np.int32), ((1, 0), (0, 0)))
        return np.asarray(down[bottom] > down[top])
    return _touching_turned(places, to_places, size)


def _touching_turned(
    places: NDArray[np.bool_], to_places: geometry.Map, size: tuple[int, int]
) -> Inside:
    """The same by the upright boxes around the pixels' corners."""
    height, width = places.shape
    corners = np.stack(np.meshgrid(*(np.arange(side + 1.0) for side in size)), axis=2)
    mapped = geometry.map_points(to_places, corners).reshape(corners.shape)
    # What a perspective puts behind the eye shows no place, however near to one it is mapped.
    middle = geometry.map_points(geometry.inverse(to_places), [(width / 2, height / 2)])[0]
    depth = corners @ to_places[2, :2] + to_places[2, 2]
    before = depth * (to_places[2] @ (*middle, 1.0)) > 0.0
    (left, right), (top, bottom) = (
        _spans(_of_pixels(mapped[..., axis]), count, _of_pixels(before))
        for axis, count in ((0, width), (1, height))
    )
    sums = np.pad(places.cumsum(axis=0, dtype=np.int32).cumsum(axis=1), ((1, 0), (1, 0)))
    inside = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return np.asarray(inside > 0)


def _of_pixels(values: NDArray[Any]) -> NDArray[Any]:
    """The values at the corners of each pixel, (4, height, width), from those of the grid of corners."""
    return np.stack([values[:-1, :-1], values[:-1, 1:], values[1:, :-1], values[1:, 1:]])


def _spans(
    edges: NDArray[np.float64], count: int, known: NDArray[np.bool_] | bool = True
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The first of `count` places between some edges (k, ...), and the one behind the last.

    known  which of the edges there are; where none is, there is no place between them
    """
    low = np.where(known, edges, np.inf).min(axis=0)
    high = np.where(known, edges, -np.inf).max(axis=0)
    first = np.clip(np.floor(low), 0, count).astype(np.intp)
    behind = np.clip(np.ceil(high), 0, count).astype(np.intp)
    return first, np.maximum(first, behind)
