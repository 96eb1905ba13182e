"""Comparison: how far the answers of two runs are apart, and whether they come to the same decision."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.backbones import SCORES_AND_EMBEDDING
from edge_vision.adapters.candidates import Candidates
from edge_vision.adapters.catalogue import adapter_of
from edge_vision.adapters.classification import SCORES
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import StageError
from edge_vision.service.models.golden import Case
from edge_vision.service.models.stimuli import Arrays

SURE = 0.5
"""A box with this score is to be found again."""
STILL_SEEN = 0.25
"""So low may its score be where it is found again."""
OVERLAP = 0.5
"""Intersection over union with which a box is the same."""
LEAD = 4.0
"""The best class is sure where it leads by more than so many times the tolerance."""
_SLACK = 1.0 + 1e-4


def between(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.float64]:
    """By how much real values differ; infinite where one of two is no number."""
    with np.errstate(invalid="ignore"):
        distance = np.abs(one.astype(np.float64) - other.astype(np.float64))
    return np.where(one == other, 0.0, np.where(np.isnan(distance), np.inf, distance))


def are_inside(distances: NDArray[np.float64], within: float) -> NDArray[np.bool_]:
    """Which distances are within a tolerance, but for what is lost in rounding it."""
    return distances <= within * _SLACK


def excess(spec: TensorSpec, distances: NDArray[np.float64], within: float) -> float:
    """How far two outputs are apart: the mean of what distances have beyond a tolerance.

    Small changes of many values, which rounding makes, count for nothing, large ones of a few for much.
    Numbers that count, such as classes, are the same or not.
    """
    beyond = np.where(are_inside(distances, within), 0.0, distances - within)
    if spec.quantisation is None and np.dtype(spec.dtype).kind != "f":
        beyond = np.minimum(beyond, 1.0)
    return float(beyond.mean()) if beyond.size else 0.0


class Judge:
    """Tells whether two answers come to the same decision, where it is clear.

    Of scores the best class has to be the same, of a detector the boxes that it is sure of. Where not
    all values of an output were kept, or a model decides nothing, all answers are the same.
    """

    def __init__(self, bundle: ModelBundle, case: Case) -> None:
        self._bundle = bundle
        whole = all(
            case.every.get(spec.name) == 1 and case.kept[spec.name][0].size == prod(spec.shape)
            for spec in bundle.answers
        )
        self._read = adapter_of(bundle, object).read if bundle.layout and whole else None

    def same(self, expected: Arrays, obtained: Arrays, within: Mapping[str, float]) -> bool:
        """True where two runs come to the same decision.

        expected, obtained  the real values that were kept of each output
        within              the tolerance of each output
        """
        read = self._read
        if read is None:
            return True
        if self._bundle.layout in (SCORES.name, SCORES_AND_EMBEDDING.name):
            spec = self._bundle.output("scores")
            return _same_best(expected[spec.name], obtained[spec.name], within.get(spec.name, 0.0))
        if self._bundle.task != "detect":
            return True
        specs = self._bundle.answers
        try:
            first, second = (
                read({spec.name: spec.stored(run[spec.name]).reshape(spec.shape) for spec in specs})
                for run in (expected, obtained)
            )
        except StageError:
            return False
        if not isinstance(first, Candidates) or not isinstance(second, Candidates):
            return True
        return _all_found(first, second) and _all_found(second, first)


def _same_best(expected: NDArray[Any], obtained: NDArray[Any], within: float) -> bool:
    """True where the best class is the same, or hardly better here than the second."""
    if obtained.size < 2:
        return True
    return bool(obtained.argmax() == expected.argmax()) or _lead(obtained) <= LEAD * within


def _lead(values: NDArray[Any]) -> float:
    second, best = np.sort(values)[-2:]
    return float(best - second)


def _all_found(looked_for: Candidates, among: Candidates) -> bool:
    """True where each box that one answer is sure of is in the other, of the same class."""
    boxes = among[among.score >= STILL_SEEN]
    sure = looked_for[looked_for.score >= SURE]
    return all(
        bool(((boxes.class_id == number) & (_overlaps(box, boxes.boxes) >= OVERLAP)).any())
        for box, number in zip(sure.boxes, sure.class_id.tolist(), strict=True)
    )


def _overlaps(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float64]:
    """Intersection over union of a box x1, y1, x2, y2 with others."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.maximum(high - low, 0.0), axis=1, dtype=np.float64)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1, dtype=np.float64)
    total = float(np.prod(box[2:] - box[:2])) + areas - shared
    return np.asarray(shared / np.maximum(total, 1e-12))
