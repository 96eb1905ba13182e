"""Segmentation: which class each place of the image belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.layout import (
    Adapter,
    Layout,
    Meanings,
    NoDecoding,
    Outputs,
    holds_whole_numbers,
    is_map,
    only,
)
from edge_vision.adapters.masks import (
    Foreground,
    MaskDecoding,
    is_called_segmentation,
    is_plane,
    mask_labels,
    plane_of,
    seems_mask,
)
from edge_vision.adapters.values import class_labels, real_values
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError, StageError
from edge_vision.data.findings import Segments

FEW_CLASSES = 64
"""Up to so many classes comparing them plane by plane is faster than argmax."""

_ROWS_AT_ONCE = 8192


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
        classes = array.reshape(plane_of(spec) or array.shape[1:])
        if spec.quantisation is not None or classes.dtype.kind == "f":
            classes = np.rint(real_values(spec, classes))
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
    return best_classes(scores)


def best_classes(scores: NDArray[Any]) -> NDArray[np.uint8]:
    """The place of the highest of each last axis, the first of equal ones; uint8 of the other axes.

    scores  (..., c) of any numbers, at most 255 classes

    It is what argmax gives. That looks at one place after the other, which takes twice as long for the
    21 classes of Pascal and eight times as long for two.
    """
    classes = scores.shape[-1]
    if classes > FEW_CLASSES:
        return np.asarray(scores.argmax(axis=-1), dtype=np.uint8)
    rows = scores.reshape(-1, classes)
    best = np.zeros(len(rows), dtype=np.uint8)
    for start in range(0, len(rows), _ROWS_AT_ONCE):  # as many as stay in the processor's cache
        planes = np.ascontiguousarray(rows[start : start + _ROWS_AT_ONCE].T)
        highest, found = planes[0].copy(), best[start : start + _ROWS_AT_ONCE]
        for number in range(1, classes):
            better = (planes[number] > highest).view(np.uint8)
            np.maximum(found, better * np.uint8(number), out=found)
            np.maximum(highest, planes[number], out=highest)
    return best.reshape(scores.shape[:-1])


def _map_adapter(bundle: ModelBundle, _options: NoDecoding) -> Adapter[ClassMap]:
    """Reads a map of classes. One that has no label is called by its number.

    How many classes there are the graph says, where it was read.
    """
    spec = bundle.output("class-map")
    if plane_of(spec) is None:
        raise ModelError(
            f"{bundle.name}: the output {spec} has not the shape (1, height, width) of a map of classes"
        )
    producer = bundle.facts.producers.get(spec.name)
    classes = producer.classes if producer else 0
    labels = bundle.labels
    _check_count(bundle, classes or len(labels))
    if labels and classes:
        labels = class_labels(labels, classes, bundle.name)
    return Adapter(lambda outputs: ClassMap(class_map(spec, outputs[spec.name])), labels)


def _scores_adapter(bundle: ModelBundle, _options: NoDecoding) -> Adapter[ClassMap]:
    """Reads the best class of each place."""
    spec = bundle.output("class-scores")
    if len(spec.shape) != 4 or spec.shape[0] != 1:
        raise ModelError(
            f"{bundle.name}: the output {spec} has not the shape (1, height, width, classes) of a map"
        )
    _check_count(bundle, spec.shape[3])
    labels = class_labels(bundle.labels, spec.shape[3], bundle.name) if bundle.labels else ()
    return Adapter(lambda outputs: ClassMap(class_map(spec, outputs[spec.name])), labels)


def _mask_adapter(bundle: ModelBundle, options: MaskDecoding) -> Adapter[ClassMap]:
    """Reads class 0 where it is background, 1 where it is foreground."""
    spec = bundle.output("mask")
    size = plane_of(spec)
    if size is None:
        raise ModelError(
            f"{bundle.name}: the output {spec} has not the shape (1, height, width, 1) of a mask"
        )
    foreground = Foreground(bundle, spec, options)

    def read(outputs: Outputs) -> ClassMap:
        return ClassMap(foreground(outputs[spec.name]).reshape(size))

    return Adapter(read, mask_labels(bundle))


def _check_count(bundle: ModelBundle, classes: int) -> None:
    if classes > Segments.UNSEEN:
        raise ModelError(
            f"{bundle.name}: has {classes} classes; at most {Segments.UNSEEN} can be told apart"
        )


def _recognise_class_map(bundle: ModelBundle) -> Meanings | None:
    """Segmentation that ends in an arg-max: (1, height, width) or (1, height, width, 1) integers.

    Bytes with a channel may as well be a grey picture, so they are told by more than their shape.
    """
    output = only(bundle)
    if output is None or not is_plane(output) or not _stores_classes(output):
        return None
    byte_picture = len(output.shape) == 4 and output.dtype in ("uint8", "int8")
    if byte_picture and bundle.facts.producer(output.name) not in ("ARG_MAX", "ARG_MIN"):
        labelled = bool(bundle.labels) and bundle.takes_image
        declared = bundle.task == "segment" or bundle.layout == "class-map"
        if not (declared or labelled or is_called_segmentation(bundle, output)):
            return None
    return {output.name: "class-map"}


def _stores_classes(spec: TensorSpec) -> bool:
    """True for integers that count: without a scale, or with the scale 1."""
    if spec.quantisation is None:
        return holds_whole_numbers(spec)
    return spec.quantisation.scale == 1.0 and len(spec.shape) == 3


def _recognise_class_scores(bundle: ModelBundle) -> Meanings | None:
    """One score a place and class: two classes or more; of three only where it is no picture."""
    output = only(bundle)
    if output is None or not is_map(output) or output.shape[3] == 1:
        return None
    return (
        {output.name: "class-scores"} if output.shape[3] != 3 or _seems_scores(bundle, output) else None
    )


def _doubts_of_scores(bundle: ModelBundle) -> tuple[str, ...]:
    """A sigmoid scores each class by itself, so that several, or none, may be meant at one place."""
    output = bundle.output("class-scores")
    if bundle.declared or bundle.facts.producer(output.name) != "LOGISTIC":
        return ()
    doubt = (
        f"each of its {output.shape[-1]} channels has a sigmoid of its own, of which the highest is "
        "taken for the class of a place; where they are heat maps of key points, write "
        'task = "keypoints" in a bundle.toml, else task = "segment"'
    )
    return (doubt,)


def _seems_scores(bundle: ModelBundle, output: TensorSpec) -> bool:
    """True where three values a place are scores and no colours."""
    if bundle.task == "segment" or bundle.layout == "class-scores":
        return True
    if bundle.facts.producer(output.name) == "SOFTMAX":
        return True
    return bundle.takes_image and (len(bundle.labels) == 3 or is_called_segmentation(bundle, output))


def _recognise_mask(bundle: ModelBundle) -> Meanings | None:
    """One value a place that is no grey picture."""
    output = only(bundle)
    if output is None or not is_plane(output) or holds_whole_numbers(output):
        return None
    return {output.name: "mask"} if seems_mask(bundle, output) else None


CLASS_MAP = Layout(
    name="class-map",
    task="segment",
    says="the class of each place, as a number",
    reading=ClassMap,
    meanings=("class-map",),
    recognise=_recognise_class_map,
    adapter=_map_adapter,
)
CLASS_SCORES = Layout(
    name="class-scores",
    task="segment",
    says="one score a place and class; the highest wins",
    reading=ClassMap,
    meanings=("class-scores",),
    recognise=_recognise_class_scores,
    adapter=_scores_adapter,
    doubts=_doubts_of_scores,
)
MASK = Layout(
    name="mask",
    task="segment",
    says="how much each place is foreground, as a probability or a logit",
    reading=ClassMap,
    meanings=("mask",),
    recognise=_recognise_mask,
    adapter=_mask_adapter,
    options=MaskDecoding,
)
