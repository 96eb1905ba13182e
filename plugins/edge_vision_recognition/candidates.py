"""Candidates: the boxes a detector proposes, read from its outputs, before any is chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision import ModelBundle, ModelError, StageError, TensorSpec
from edge_vision_recognition.scores import box_scores, is_background, real_values

Outputs = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes a detector proposes, as columns of one length n.

    boxes     (n, 4) float32, x1, y1, x2, y2 as fractions of the model's input
    score     (n,) float32 in 0 to 1
    class_id  (n,) int32, index into the labels
    """

    boxes: NDArray[np.float32]
    score: NDArray[np.float32]
    class_id: NDArray[np.int32]

    def __getitem__(self, rows: NDArray[Any] | slice) -> Candidates:
        """The chosen rows, by mask, indices or slice."""
        return Candidates(self.boxes[rows], self.score[rows], self.class_id[rows])


@dataclass(frozen=True, slots=True)
class Reader:
    """How the candidates of one detector are read.

    read        gives the candidates of one run
    labels      the names of the classes
    suppressed  True where the model has already dropped boxes that say the same
    """

    read: Callable[[Outputs], Candidates]
    labels: tuple[str, ...]
    suppressed: bool


def reader_of(bundle: ModelBundle) -> Reader:
    """The reader for a detector, by what its outputs mean; raises ModelError where there is none."""
    meanings = {spec.meaning for spec in bundle.outputs}
    if {"boxes", "count"} <= meanings:
        return _postprocessed(bundle)
    return _raw(bundle)


def _postprocessed(bundle: ModelBundle) -> Reader:
    """Reads the outputs of TFLite_Detection_PostProcess: the best boxes, already suppressed.

    Its classes do not count the background, so a background at the head of the labels is dropped.
    """
    boxes, count = bundle.output("boxes"), bundle.output("count")
    rows = [spec for spec in bundle.outputs if spec.meaning == "classes-or-scores"]
    if not rows:
        rows = [bundle.output("classes"), bundle.output("scores")]

    def read(outputs: Outputs) -> Candidates:
        number = real_values(count, outputs[count.name]).reshape(-1)[0]
        meant = slice(0, max(0, int(number)))
        first, second = (real_values(spec, outputs[spec.name].reshape(-1)[meant]) for spec in rows)
        settled = rows[0].meaning == "classes"
        classes, scores = (first, second) if settled else classes_and_scores(first, second)
        corners = real_values(boxes, outputs[boxes.name].reshape(-1, 4)[meant])
        return Candidates(corners[:, [1, 0, 3, 2]], np.clip(scores, 0, 1), classes.astype(np.int32))

    labels = bundle.labels[1:] if bundle.labels and is_background(bundle.labels[0]) else bundle.labels
    return Reader(read, labels, suppressed=True)


def classes_and_scores(
    first: NDArray[np.float32], second: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Tell which of two rows, (n,), holds the classes and which the scores: classes are whole numbers.

    Where both are (scores of exactly 0 or 1), the one that goes above 1 is the classes, else the
    first. Raises StageError where neither is.
    """
    whole = [bool((row == np.rint(row)).all()) for row in (first, second)]
    if not any(whole):
        raise StageError("neither of the model's outputs for classes and scores holds whole numbers")
    if all(whole):
        return (second, first) if second.max(initial=0.0) > 1.0 else (first, second)
    return (first, second) if whole[0] else (second, first)


def _raw(bundle: ModelBundle) -> Reader:
    """Reads boxes (1, n, 4) and scores (1, n, c): each box is of its best class."""
    boxes, scores = bundle.output("boxes"), bundle.output("scores")
    if boxes.shape[-1:] != (4,) or scores.shape[:-1] != boxes.shape[:-1]:
        raise ModelError(f"{bundle.name}: boxes and scores do not belong together: {boxes}, {scores}")
    skipped, offset = _background_columns(bundle, scores)

    def read(outputs: Outputs) -> Candidates:
        corners = real_values(boxes, outputs[boxes.name]).reshape(-1, 4)
        table = box_scores(scores, outputs[scores.name]).reshape(len(corners), -1)[:, skipped:]
        best = table.argmax(axis=1)
        score = table[np.arange(len(best)), best]
        return Candidates(corners[:, [1, 0, 3, 2]], score, (best + skipped - offset).astype(np.int32))

    return Reader(read, bundle.labels, suppressed=False)


def _background_columns(bundle: ModelBundle, scores: TensorSpec) -> tuple[int, int]:
    """How many columns of the scores are background, and how many of those have no label."""
    columns, labels = scores.shape[-1], len(bundle.labels)
    if labels and labels == columns - 1:
        return 1, 1
    if labels and labels != columns:
        raise ModelError(f"{bundle.name}: has scores for {columns} classes but {labels} labels")
    return (1, 0) if labels and is_background(bundle.labels[0]) else (0, 0)
