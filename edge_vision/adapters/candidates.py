"""Candidates: the boxes a detector proposes, read from its outputs, before any is chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.values import real_values
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes a detector proposes, as columns of one length n.

    boxes           (n, 4) float32, x1, y1, x2, y2 as fractions of the model's input
    score           (n,) float32, 0 to 1
    class_id        (n,) int32, index into the labels
    suppressed      True where the model has already dropped boxes that say the same
    keypoints       (n, k, 3) float32, x and y as fractions of the input and a score, or None
    keypoint_names  what the k points are
    """

    boxes: NDArray[np.float32]
    score: NDArray[np.float32]
    class_id: NDArray[np.int32]
    suppressed: bool = False
    keypoints: NDArray[np.float32] | None = None
    keypoint_names: tuple[str, ...] = ()

    def __getitem__(self, rows: NDArray[Any] | slice) -> Candidates:
        """The chosen rows, by mask, indices or slice."""
        return replace(
            self,
            boxes=self.boxes[rows],
            score=self.score[rows],
            class_id=self.class_id[rows],
            keypoints=None if self.keypoints is None else self.keypoints[rows],
        )


def corners_of(centred: NDArray[np.float32]) -> NDArray[np.float32]:
    """Boxes (n, 4) x1, y1, x2, y2 from columns (4, n): the centre's x and y, width, height."""
    x, y, width, height = centred
    half_width, half_height = width * np.float32(0.5), height * np.float32(0.5)
    return np.stack([x - half_width, y - half_height, x + half_width, y + half_height], axis=1)


def check_labels(labels: tuple[str, ...], classes: int, model: str, hint: str = "") -> None:
    """Raise ModelError where a detector scores another number of classes than it has labels.

    hint  what else may be said about it, with a leading "; "
    """
    if labels and len(labels) != classes:
        said = hint or "; give it those it was trained with"
        raise ModelError(f"{model}: has scores for {classes} classes but {len(labels)} labels{said}")


def check_numbers(spec: TensorSpec, array: NDArray[Any]) -> None:
    """Raise StageError where an output in floats holds a value that is infinite or no number."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        real_values(spec, array)


def best_classes(spec: TensorSpec, table: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """The real score of each box's best class, (n,), and that class, (n,), from a table (classes, n).

    Scores are compared as stored: a positive scale and a zero point change no order. So of a quantised
    output only the best of each box is dequantised.
    """
    class_id = table.argmax(axis=0)
    best = np.take_along_axis(table, class_id[np.newaxis], axis=0)[0]
    return spec.real(best), class_id.astype(np.int32)
