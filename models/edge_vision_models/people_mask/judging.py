"""Judging people-mask: people whom the masks of Penn-Fudan leave out count for nothing.

Its masks have those who stand or walk and are seen whole, and leave out who is half hidden, rides, sits
or is far away. unlabelled.csv has boxes of these, drawn by hand, for the pictures that judge.
They were looked for where a model disagreed with the masks, which is in favour of models like it.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2

from edge_vision.contracts.model import Model
from edge_vision.data.warp import Warp
from edge_vision.training.data.collection import VOID, Collection, Item
from edge_vision.training.evaluation.segmentation import evaluate_segmenter, mask_of
from edge_vision.training.score import Score

AS_LABELLED = "iou_person_as_labelled"
"""The figure in which they are mistakes."""

_BACKGROUND, _PERSON = 0, "person"
Box = tuple[int, int, int, int]


@cache
def unlabelled() -> Mapping[str, tuple[Box, ...]]:
    """Boxes x1, y1, x2, y2 in pixels of people without a mask, by the stem of the picture's name."""
    boxes: dict[str, tuple[Box, ...]] = defaultdict(tuple)
    with (Path(__file__).parent / "unlabelled.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            x1, y1, x2, y2 = (int(row[side]) for side in ("x1", "y1", "x2", "y2"))
            boxes[row["picture"]] += ((x1, y1, x2, y2),)
    return dict(boxes)


def with_unlabelled(collection: Collection, folder: Path) -> Collection:
    """The collection with masks, written into a folder, in which their background counts for nothing."""

    def rewritten(row: int, item: Item) -> Item:
        mask = mask_of(collection, row).copy()
        for x1, y1, x2, y2 in unlabelled().get(item.file.stem, ()):
            inside = mask[y1:y2, x1:x2]
            inside[inside == _BACKGROUND] = VOID
        file = folder / f"{row}.png"
        cv2.imwrite(str(file), mask)
        return replace(item, mask=file)

    items = tuple(rewritten(row, item) for row, item in enumerate(collection.items))
    return replace(collection, items=items, mask_table=None)


def judge(model: Model, collection: Collection, warp: Warp, folder: Path) -> Score:
    """The overlaps, people without a mask left out; and how the persons' would be with them.

    folder  an empty one, to write into
    """
    if not any(item.file.stem in unlabelled() for item in collection.items):
        return evaluate_segmenter(model, collection, warp=warp)
    score = evaluate_segmenter(model, with_unlabelled(collection, folder), warp=warp)
    strict = evaluate_segmenter(model, collection, warp=warp).values[f"iou_{_PERSON}"]
    return replace(score, values={**score.values, AS_LABELLED: strict})
