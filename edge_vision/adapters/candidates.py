"""Candidates: the boxes a detector proposes, read from its outputs, before any is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes a detector proposes, as columns of one length n.

    boxes       (n, 4) float32, x1, y1, x2, y2 as fractions of the model's input
    score       (n,) float32, 0 to 1
    class_id    (n,) int32, index into the labels
    suppressed  True where the model has already dropped boxes that say the same
    keypoints   (n, k, 3) float32, x and y as fractions of the input and a score, or None
    """

    boxes: NDArray[np.float32]
    score: NDArray[np.float32]
    class_id: NDArray[np.int32]
    suppressed: bool = False
    keypoints: NDArray[np.float32] | None = None

    def __getitem__(self, rows: NDArray[Any] | slice) -> Candidates:
        """The chosen rows, by mask, indices or slice."""
        return Candidates(
            self.boxes[rows],
            self.score[rows],
            self.class_id[rows],
            self.suppressed,
            None if self.keypoints is None else self.keypoints[rows],
        )
