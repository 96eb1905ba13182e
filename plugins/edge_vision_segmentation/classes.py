"""Classes: from what a segmentation model stores to a map of class numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision import ModelError, Segments, StageError, TensorSpec

ClassMap = NDArray[np.uint8]
"""(height, width) uint8: a class for each place, Segments.UNSEEN where nothing is seen."""


def class_map(spec: TensorSpec, array: NDArray[Any]) -> ClassMap:
    """The class of each place, from an output that means class-map or class-scores.

    Of scores the highest wins, of equal ones the first class. They are compared as stored: a scale
    and a zero point change no order. Raises StageError for classes beyond 254 and for scores that
    are no numbers.
    """
    if spec.meaning == "class-map":
        classes = array[0]
        lowest, highest = int(classes.min()), int(classes.max())
        if lowest < 0 or highest >= Segments.UNSEEN:
            raise StageError(
                f"the model's class map holds {lowest} to {highest}; 0 to 254 can be told apart"
            )
        return np.array(classes, dtype=np.uint8)
    scores = array[0]
    if scores.dtype.kind == "f" and not np.isfinite(scores).all():
        raise StageError(
            f"the model's output {spec.name} (class-scores) holds values that are no numbers"
        )
    return np.asarray(scores.argmax(axis=-1), dtype=np.uint8)


def map_size(spec: TensorSpec, labels: tuple[str, ...], model: str) -> tuple[int, int]:
    """(width, height) of the maps a model gives; raises ModelError where its labels do not fit."""
    if spec.meaning == "class-map":
        fits, classes = len(spec.shape) == 3, len(labels)
    else:
        fits, classes = len(spec.shape) == 4, spec.shape[-1]
    if not fits or spec.shape[0] != 1:
        raise ModelError(f"{model}: the output {spec} has not the shape (1, height, width) of a map")
    if classes > Segments.UNSEEN:
        raise ModelError(f"{model}: has {classes} classes; at most {Segments.UNSEEN} can be told apart")
    if labels and len(labels) != classes:
        raise ModelError(
            f"{model}: has {classes} classes but {len(labels)} labels; give it those it was trained with"
        )
    return spec.shape[2], spec.shape[1]
