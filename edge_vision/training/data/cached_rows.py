"""The rows of a cache, and the examples that they are together with their collection."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_vision.data import geometry
from edge_vision.data.warp import Warp
from edge_vision.training.data.boxes import SMALLEST_SIDE
from edge_vision.training.data.collection import Collection, Item
from edge_vision.training.data.fits import Fit, placement
from edge_vision.training.examples import Examples


class Recipe(NamedTuple):
    """What is made of files.

    size      (width, height) in pixels
    fit       how pictures are made to fit
    channels  3 for red, green, blue, 1 for grey
    rate      frames a second that are taken of videos
    warp      how pixels are taken from a picture
    """

    size: tuple[int, int]
    fit: Fit
    channels: int
    rate: float
    warp: Warp


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """n pictures in a cache.

    items     (n,) int64: the item of the collection; of videos the file, as `video_files` counts them
    sizes     (n, 2) int64 width, height of the picture before it was fitted
    times     (n,) float64 seconds of the video; not a number for pictures
    """

    items: NDArray[np.int64]
    sizes: NDArray[np.int64]
    times: NDArray[np.float64]


def examples(
    collection: Collection,
    recipe: Recipe,
    rows: Rows,
    pictures: NDArray[np.uint8],
    masks: NDArray[np.uint8] | None,
) -> Examples:
    """What the rows of a cache show, with what the collection tells of it.

    pictures  (n, height, width, channels) uint8
    masks     (n, height, width) uint8 class numbers, or None
    """
    known = (
        list(video_files(collection).values()) if collection.truth == "segments" else collection.items
    )
    items = [known[row] for row in rows.items.tolist()]
    targets: dict[str, Any] = {}
    names = tuple(item.name for item in items)
    if collection.truth == "segments":
        targets["label"] = _labels_at(collection, items, rows.times)
        names = tuple(f"{name}@{time:.1f}s" for name, time in zip(names, rows.times, strict=True))
    elif collection.truth == "label":
        targets["label"] = np.array([-1 if i.label is None else i.label for i in items], np.int64)
    elif collection.truth == "boxes":
        fitted = [_fitted(item, recipe, size) for item, size in zip(items, rows.sizes, strict=True)]
        targets["boxes"] = tuple(boxes for boxes, _ in fitted)
        targets["classes"] = tuple(classes for _, classes in fitted)
    if masks is not None:
        targets["mask"] = masks
    return Examples(pictures, targets, names, tuple(item.group for item in items))


def video_files(collection: Collection) -> dict[Path, Item]:
    """The files of a collection in their order, and the first item of each."""
    files: dict[Path, Item] = {}
    for item in collection.items:
        files.setdefault(item.file, item)
    return files


def _labels_at(
    collection: Collection, items: list[Item], times: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Labels of frames at some times, (n,) int64: of the segment that began last, -1 outside of all."""
    frames: dict[Path, list[int]] = {}
    for row, item in enumerate(items):
        frames.setdefault(item.file, []).append(row)
    labels = np.full(len(items), -1, np.int64)
    for segment in sorted(collection.items, key=lambda item: item.start or 0.0):
        if segment.start is None or segment.end is None or segment.label is None:
            continue
        rows = np.array(frames.get(segment.file, []), np.int64)
        inside = (times[rows] >= segment.start) & (times[rows] < segment.end)
        labels[rows[inside]] = segment.label
    return labels


def _fitted(
    item: Item, recipe: Recipe, size: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The item's boxes and their classes in the pixels of the fitted picture."""
    if item.boxes is None or item.classes is None:
        return np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    matrix = placement(recipe.fit, (int(size[0]), int(size[1])), recipe.size).matrix
    boxes = geometry.clip_boxes(geometry.map_boxes(matrix, item.boxes), *recipe.size)
    kept = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf) >= SMALLEST_SIDE
    return boxes[kept], item.classes[kept]
