"""Segmentation: which class each place of the image belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.layout import (
    SMALLEST_MAP,
    Adapter,
    Layout,
    Meanings,
    NoDecoding,
    Outputs,
    is_map,
    only,
)
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError, StageError
from edge_vision.data.findings import Segments


@dataclass(frozen=True, slots=True)
class ClassMap:
    """The class of each place.

    classes  (height, width) uint8 over the whole input, at the resolution the model gives
    """

    classes: NDArray[np.uint8]


def class_map(spec: TensorSpec, array: NDArray[Any]) -> NDArray[np.uint8]:
    """The class of each place, (height, width), from an output that means class-map or class-scores.

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


def _check(spec: TensorSpec, labels: tuple[str, ...], model: str) -> None:
    """Raise ModelError where an output is no map, or a model's labels do not fit."""
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


def _adapter(bundle: ModelBundle, _options: NoDecoding) -> Adapter[ClassMap]:
    """Reads a map of classes, or the best class of each place."""
    meaning = "class-map" if bundle.layout == "class-map" else "class-scores"
    spec = bundle.output(meaning)
    _check(spec, bundle.labels, bundle.name)

    def read(outputs: Outputs) -> ClassMap:
        return ClassMap(class_map(spec, outputs[spec.name]))

    return Adapter(read, bundle.labels)


def _recognise_class_map(bundle: ModelBundle) -> Meanings | None:
    """Segmentation that ends in an arg-max: (1, height, width) integers."""
    output = only(bundle)
    if output is None or len(output.shape) != 3 or "int" not in output.dtype:
        return None
    batch, height, width = output.shape
    wide = min(height, width) >= SMALLEST_MAP
    return {output.name: "class-map"} if batch == 1 and wide else None


def _recognise_class_scores(bundle: ModelBundle) -> Meanings | None:
    """One score a place and class; two classes, or more than three."""
    output = only(bundle)
    if output is None or not is_map(output) or output.shape[3] in (1, 3):
        return None
    return {output.name: "class-scores"}


CLASS_MAP = Layout(
    name="class-map",
    task="segment",
    says="the class of each place, as a number",
    reading=ClassMap,
    meanings=("class-map",),
    recognise=_recognise_class_map,
    adapter=_adapter,
)
CLASS_SCORES = Layout(
    name="class-scores",
    task="segment",
    says="one score a place and class; the highest wins",
    reading=ClassMap,
    meanings=("class-scores",),
    recognise=_recognise_class_scores,
    adapter=_adapter,
)
