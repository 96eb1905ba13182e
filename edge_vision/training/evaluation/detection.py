"""Detection: average precision of the boxes that a model finds, in pixels of the pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.candidates import Candidates
from edge_vision.contracts.model import Model
from edge_vision.data import geometry
from edge_vision.data.errors import TrainingError
from edge_vision.data.view import View
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.average_precision import (
    Found,
    Truth,
    mean_precision,
    precision_by_class,
)
from edge_vision.training.data.collection import Collection
from edge_vision.training.drawing import with_boxes
from edge_vision.training.evaluation.names import MISSING, data_classes, model_classes
from edge_vision.training.evaluation.sights import Source, look
from edge_vision.training.score import Score

MIN_SCORE = 0.01
"""Boxes below this are not counted: precision is read along the scores, so nearly all count."""

SURE = 0.5
"""The score at which the daemon shows a box, unless told otherwise."""

MOST_BOXES = 100
"""So many boxes a picture count, as in COCO's evaluation."""

MAX_IOU = 0.5
"""Boxes of one class that overlap by more say the same, where the model has not dropped them."""

_MOST_CANDIDATES = 1000
_OVERLAP = 0.5


def boxes_in_picture(candidates: Candidates, view: View, min_score: float = MIN_SCORE) -> Found:
    """What a model found in a picture, in its pixels, best first, chosen as the stage detect does."""
    found = candidates[candidates.score >= min_score]
    found = found[np.argsort(-found.score, kind="stable")[:_MOST_CANDIDATES]]
    if not found.suppressed:
        found = found[geometry.suppress(found.boxes, found.score, found.class_id, MAX_IOU)]
    corners = view.boxes_to_frame(found.boxes * np.array([*view.size, *view.size], np.float32))
    boxes = geometry.clip_boxes(corners, view.frame.width, view.frame.height)
    rows = np.flatnonzero(geometry.areas(boxes) > 0.0)[:MOST_BOXES]
    return Found(boxes[rows], found.score[rows], found.class_id[rows])


def detection_score(found: Sequence[Found], truth: Sequence[Truth], names: Sequence[str]) -> Score:
    """How well the objects of n pictures were found, by average precision as COCO has it.

    ap is the mean over overlaps of 0.50 to 0.95 and over classes, ap50 at an overlap of 0.5; of several
    classes ap50_<name> of each. A picture's mistake is the share of its objects and of its sure boxes
    that have no counterpart.
    """
    by_class = precision_by_class(found, truth)
    if not by_class:
        raise TrainingError("there is no object in these pictures; nothing can be judged")
    mean = mean_precision(by_class)
    values = {"ap": mean.ap, "ap50": mean.ap50}
    if len(names) > 1:
        values |= {f"ap50_{names[number]}": each.ap50 for number, each in by_class.items()}
    judged = [_judged(f, t) for f, t in zip(found, truth, strict=True)]
    return Score(
        values,
        len(truth),
        labels=tuple(names),
        mistakes=np.array([_share(*each) for each in judged], np.float32),
        said=tuple(_said(*each) for each in judged),
        drawing=lambda row, picture: _drawn(picture, found[row], truth[row]),
    )


def evaluate_detector(
    model: Model, source: Source, labels: Sequence[str] = (), warp: Warp = reference_warp
) -> Score:
    """How well any detector finds objects, asked as the daemon asks it.

    labels  names of the data's classes; a collection knows its own

    Classes of the model that the data do not have are left out.
    """
    names, truth = _truth(source, labels)
    needed = {int(number) for each in truth for number in _classes_of(each)}
    found = []
    for seen in look(model, Candidates, source, warp=warp):
        each = boxes_in_picture(seen.reading, seen.view)
        numbers = _numbers(np.asarray(each.class_id, np.int64), seen.labels, names, needed)
        known = numbers != MISSING
        found.append(Found(np.asarray(each.boxes)[known], np.asarray(each.score)[known], numbers[known]))
    return detection_score(found, truth, names)


def _numbers(
    classes: NDArray[np.int64], model: Sequence[str], names: Sequence[str], needed: set[int]
) -> NDArray[np.int64]:
    """The data's classes of some of the model's, MISSING where there is none.

    A model without names has its classes in the data's order.
    """
    if not model:
        return np.where(classes < len(names), classes, MISSING)
    table = data_classes(model_classes(model, names, needed), len(model))
    return np.where(classes < len(table), table[np.minimum(classes, len(table) - 1)], MISSING)


def _truth(source: Source, labels: Sequence[str]) -> tuple[tuple[str, ...], list[Truth]]:
    """The names of the classes, and the objects of each picture; raises TrainingError without boxes."""
    if isinstance(source, Collection):
        names = tuple(labels) or source.labels
        boxes = [item.boxes for item in source.items]
        classes = [item.classes for item in source.items]
    else:
        names = tuple(labels)
        boxes = list(source.targets.get("boxes", [None] * len(source)))
        classes = list(source.targets.get("classes", [None] * len(source)))
    truth = []
    for rows, numbers in zip(boxes, classes, strict=True):
        if rows is None:
            raise TrainingError(
                "these data have no boxes; a detector is judged on pictures with boxes, as COCO, Pascal "
                "VOC and YOLO write them"
            )
        truth.append(Truth(rows, np.zeros(len(rows), np.int64) if numbers is None else numbers))
    highest = max((int(number) for t in truth for number in _classes_of(t)), default=0)
    return names or tuple(str(number) for number in range(highest + 1)), truth


def _classes_of(truth: Truth) -> NDArray[np.int64]:
    return np.asarray(truth.class_id, np.int64).reshape(-1)


def _judged(found: Found, truth: Truth) -> tuple[int, int, int]:
    """So many objects of a picture were found, so many there are, and so many sure boxes."""
    sure = np.asarray(found.score) >= SURE
    boxes, classes = np.asarray(found.boxes)[sure], np.asarray(found.class_id)[sure]
    objects, kinds = np.asarray(truth.boxes).reshape(-1, 4), _classes_of(truth)
    overlaps = geometry.iou(boxes, objects) * np.equal.outer(classes, kinds)
    free = np.ones(len(objects), dtype=bool)
    for row in overlaps:
        best = int(np.where(free, row, -1.0).argmax()) if free.any() else -1
        if best >= 0 and row[best] >= _OVERLAP:
            free[best] = False
    return int(np.count_nonzero(~free)), len(objects), len(boxes)


def _drawn(picture: NDArray[np.uint8], found: Found, truth: Truth) -> NDArray[np.uint8]:
    """A picture with its objects, and the boxes that the model is sure of."""
    sure = np.asarray(found.score) >= SURE
    classes = np.asarray(found.class_id, np.int64)[sure]
    return with_boxes(picture, np.asarray(found.boxes)[sure], classes, np.asarray(truth.boxes))


def _share(met: int, objects: int, boxes: int) -> float:
    """The share of objects and boxes without a counterpart, 0 to 1."""
    return (objects + boxes - 2 * met) / max(1, objects + boxes)


def _said(met: int, objects: int, boxes: int) -> str:
    return f"{met} of {objects} found" + (f", {boxes - met} too many" if boxes > met else "")
