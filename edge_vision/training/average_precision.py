"""Average precision: how well a detector finds what is there, as COCO scores it.

Padilla and others, "A survey on performance metrics for object-detection algorithms", 2020, and the
detection evaluation of Microsoft COCO (cocodataset.org): in each picture, boxes are matched best score
first, each to the object not yet matched that it overlaps most, by at least a limit (intersection over
union). Then all boxes of all pictures are put in order of their scores, and precision is read as a
function of recall: at each of 101 recalls from 0 to 1 the best precision at that recall or beyond.
Average precision is the mean of those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_vision.data import geometry

COCO_LIMITS = tuple((np.arange(10) * 5 + 50) / 100.0)
"""The limits that COCO averages over: 0.50, 0.55, ... 0.95."""

RECALLS = np.linspace(0.0, 1.0, 101)
"""The recalls at which precision is read."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a detector found in one picture, n boxes.

    boxes     (n, 4) x1, y1, x2, y2 in any unit, the same as the truth's
    score     (n,)
    class_id  (n,) whole numbers; left out, all are of class 0
    """

    boxes: ArrayLike
    score: ArrayLike
    class_id: ArrayLike | None = None

    def of_class(self, class_id: int) -> Found:
        """What it found of one class."""
        rows = _rows_of(self.class_id, class_id, np.size(self.score))
        return Found(_boxes(self.boxes)[rows], np.asarray(self.score, np.float64).reshape(-1)[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is to be found in one picture, m objects.

    boxes     (m, 4) x1, y1, x2, y2
    class_id  (m,) whole numbers; left out, all are of class 0
    """

    boxes: ArrayLike
    class_id: ArrayLike | None = None

    def of_class(self, class_id: int) -> Truth:
        """The objects of one class."""
        boxes = _boxes(self.boxes)
        return Truth(boxes[_rows_of(self.class_id, class_id, len(boxes))])


class Precision(NamedTuple):
    """How well a class, or several, was found.

    ap50     average precision at an overlap of 0.5
    ap       mean of those at 0.50, 0.55, ... 0.95
    objects  how many there were to find
    """

    ap50: float
    ap: float
    objects: int


def average_precision(found: Sequence[Found], truth: Sequence[Truth], min_iou: float = 0.5) -> float:
    """Average precision of one class at one overlap, 0 to 1; not a number with nothing to find.

    found, truth  one each for every picture, in the same order; their classes are not looked at
    """
    return float(_precisions(found, truth, (min_iou,))[0])


def precision(found: Sequence[Found], truth: Sequence[Truth]) -> Precision:
    """COCO's figures for one class; classes in the arguments are not looked at."""
    figures = _precisions(found, truth, COCO_LIMITS)
    objects = sum(len(_boxes(each.boxes)) for each in truth)
    return Precision(float(figures[0]), float(figures.mean()), objects)


def precision_by_class(found: Sequence[Found], truth: Sequence[Truth]) -> dict[int, Precision]:
    """COCO's figures for each class of which there was something to find."""
    classes = {
        int(number) for each in truth for number in _classes(each.class_id, len(_boxes(each.boxes)))
    }
    return {
        number: precision(
            [each.of_class(number) for each in found], [each.of_class(number) for each in truth]
        )
        for number in sorted(classes)
    }


def mean_precision(by_class: dict[int, Precision]) -> Precision:
    """The mean over classes, each counted alike; not a number where there are none."""
    rows = list(by_class.values())
    if not rows:
        return Precision(float("nan"), float("nan"), 0)
    ap50, ap, objects = np.array(rows, dtype=np.float64).T
    return Precision(float(ap50.mean()), float(ap.mean()), int(objects.sum()))


def _precisions(
    found: Sequence[Found], truth: Sequence[Truth], limits: tuple[float, ...]
) -> NDArray[np.float64]:
    """Average precision at each limit, (k,)."""
    if len(found) != len(truth):
        raise ValueError(f"{len(found)} pictures were looked at, the truth is known of {len(truth)}")
    pictures = [_match(f, _boxes(t.boxes), limits) for f, t in zip(found, truth, strict=True)]
    objects = sum(len(_boxes(each.boxes)) for each in truth)
    if objects == 0:
        return np.full(len(limits), np.nan)
    score = np.concatenate([scores for scores, _ in pictures])
    hits = np.concatenate([hit for _, hit in pictures], axis=1)
    order = np.argsort(-score, kind="stable")
    return np.array([_area(row[order], objects) for row in hits])


def _match(
    found: Found, objects: NDArray[np.float32], limits: tuple[float, ...]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The scores of one picture's boxes, best first, (n,), and whether each met an object, (k, n)."""
    scores = np.asarray(found.score, dtype=np.float64).reshape(-1)
    order = np.argsort(-scores, kind="stable")
    overlaps = geometry.iou(_boxes(found.boxes)[order], objects)
    hits = np.zeros((len(limits), len(scores)), dtype=bool)
    if not len(objects):
        return scores[order], hits
    for limit, hit in zip(limits, hits, strict=True):
        free = np.ones(len(objects), dtype=bool)
        for row in np.flatnonzero(overlaps.max(axis=1) >= np.float32(limit)).tolist():
            best = int(np.where(free, overlaps[row], -1.0).argmax())
            if free[best] and overlaps[row, best] >= np.float32(limit):
                free[best], hit[row] = False, True
    return scores[order], hits


def _area(hits: NDArray[np.bool_], objects: int) -> float:
    """The mean of the precisions at 101 recalls, from whether each box, best first, met an object."""
    right = np.cumsum(hits)
    recall = right / objects
    precisions = right / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precisions[::-1])[::-1]
    places = np.searchsorted(recall, RECALLS, side="left")
    return float(np.append(envelope, 0.0)[places].mean())


def _boxes(boxes: ArrayLike) -> NDArray[np.float32]:
    return np.asarray(boxes, dtype=np.float32).reshape(-1, 4)


def _classes(class_id: ArrayLike | None, count: int) -> NDArray[np.int64]:
    given = np.zeros(count) if class_id is None else class_id
    return np.asarray(given, dtype=np.int64).reshape(-1)


def _rows_of(class_id: ArrayLike | None, wanted: int, count: int) -> NDArray[np.bool_]:
    return np.equal(_classes(class_id, count), wanted)
