"""YOLO in one tensor: the outputs of YOLOv5, of YOLOv8 and YOLO11, and of exports that suppress inside.

Meanings: yolov5 (1, n, 5 + c), yolov8 (1, 4 + c, n) or (1, n, 4 + c), yolo-end-to-end (1, n, 6).

The first two are told apart by n. A picture is covered by grids of 8, 16 and 32 pixels (some models
have one more, finer or coarser); YOLOv5 proposes three boxes in each cell, YOLOv8 one. So at 640 x 640
pixels YOLOv5 has 25200 boxes and YOLOv8 has 8400.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.candidates import (
    Candidates,
    best_classes,
    check_labels,
    check_numbers,
    corners_of,
)
from edge_vision.adapters.layout import Adapter, Layout, Meanings, Outputs, only
from edge_vision.adapters.values import real_values
from edge_vision.contracts.model import ModelBundle, Wishes
from edge_vision.contracts.options import Options, option
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError

STRIDES = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (16, 32))
"""Sizes in pixels of the cells that models of these families lay over their input."""

PIXELS = Wishes(mean=0.0, std=255.0, order="rgb", fit="letterbox")
"""How YOLO is trained: pixels as 0 to 1, the picture as a whole, grey beside it."""

_MOST_OF_FRACTIONS = 2.0
"""Places above it are pixels: fractions of the input are about 0 to 1."""

Unit = Literal["auto", "fractions", "pixels"]


class Decoding(Options):
    """[decoding] of these layouts."""

    boxes: Unit = option(
        "auto", "What boxes are given in: fractions of the input, its pixels, or what the values say."
    )


def input_size(bundle: ModelBundle) -> tuple[int, int] | None:
    """(width, height) of a model's only image input, None where it has none or more."""
    images = [spec for spec in bundle.inputs if spec.is_image]
    return images[0].size if len(images) == 1 else None


def cells(size: tuple[int, int], strides: tuple[int, ...]) -> int:
    """How many cells of these sizes in pixels cover a picture of (width, height)."""
    width, height = size
    return sum(-(-width // stride) * -(-height // stride) for stride in strides)


def arrangement(bundle: ModelBundle) -> str:
    """The layout that shapes, number of boxes and labels speak for; empty where none is of YOLO.

    The number of boxes decides. Where it fits no grid, the number of labels does, and what has six
    columns has been suppressed inside.
    """
    output, size = only(bundle), input_size(bundle)
    if output is None or size is None or len(output.shape) != 3 or output.shape[0] != 1:
        return ""
    if bundle.facts.about.get("task", "detect") != "detect":
        return ""  # Ultralytics' poses and turned boxes have further columns
    _, rows, columns = output.shape
    grids = {cells(size, strides) for strides in STRIDES}
    if columns >= 6 and rows in {3 * grid for grid in grids}:
        return YOLOV5.name
    if (columns >= 5 and rows in grids) or (rows >= 5 and columns in grids):
        return YOLOV8.name
    labels = len(bundle.labels)
    if labels and rows > columns and columns - 5 == labels and columns != 6:
        return YOLOV5.name
    if labels and min(rows, columns) - 4 == labels:
        return YOLOV8.name
    if columns == 6 and rows > columns and bundle.facts.producer(output.name) != "SOFTMAX":
        return YOLO_END_TO_END.name
    return ""


def _recogniser(name: str) -> Callable[[ModelBundle], Meanings | None]:
    """The function that tells a model of one of these layouts; one that is declared needs three axes."""

    def recognise(bundle: ModelBundle) -> Meanings | None:
        output = only(bundle)
        if output is None:
            return None
        declared = bundle.layout == name and len(output.shape) == 3 and input_size(bundle) is not None
        return {output.name: name} if declared or arrangement(bundle) == name else None

    return recognise


def _adapter_v5(bundle: ModelBundle, options: Decoding) -> Adapter[Candidates]:
    """Reads rows of x, y, width, height, objectness and a score a class; score = objectness * class."""
    spec = bundle.output(YOLOV5.name)
    _check_shape(bundle, spec, 6)
    classes = spec.shape[2] - 5
    _check_labels(bundle, classes, classes + 1)
    size = bundle.image_input.size

    def read(outputs: Outputs) -> Candidates:
        table = outputs[spec.name].reshape(spec.shape[1:]).T
        check_numbers(spec, table)
        score, class_id = best_classes(spec, table[5:])
        score = np.clip(score * spec.real(table[4]), 0.0, 1.0)
        boxes = corners_of(_fractions(spec.real(table[:4]), size, options.boxes))
        return Candidates(boxes, score, class_id)

    return Adapter(read, bundle.labels)


def _adapter_v8(bundle: ModelBundle, options: Decoding) -> Adapter[Candidates]:
    """Reads columns, or rows, of x, y, width, height and a score a class."""
    spec = bundle.output(YOLOV8.name)
    _check_shape(bundle, spec, 5)
    size = bundle.image_input.size
    in_rows = boxes_in_rows(spec, size)
    classes = spec.shape[2 if in_rows else 1] - 4
    _check_labels(bundle, classes, classes - 1)

    def read(outputs: Outputs) -> Candidates:
        table = outputs[spec.name].reshape(spec.shape[1:])
        table = table.T if in_rows else table
        check_numbers(spec, table)
        score, class_id = best_classes(spec, table[4:])
        boxes = corners_of(_fractions(spec.real(table[:4]), size, options.boxes))
        return Candidates(boxes, np.clip(score, 0.0, 1.0), class_id)

    return Adapter(read, bundle.labels)


def _adapter_end_to_end(bundle: ModelBundle, options: Decoding) -> Adapter[Candidates]:
    """Reads rows of x1, y1, x2, y2, score and class, already suppressed; rows of score 0 are empty."""
    spec = bundle.output(YOLO_END_TO_END.name)
    if len(spec.shape) != 3 or spec.shape[0] != 1 or spec.shape[2] != 6:
        raise ModelError(f"{bundle.name}: the output {spec} has not the shape (1, n, 6)")
    size = bundle.image_input.size

    def read(outputs: Outputs) -> Candidates:
        rows = real_values(spec, outputs[spec.name]).reshape(-1, 6)
        rows = rows[rows[:, 4] > 0.0]
        boxes = rows[:, :4]
        if are_pixels(float(boxes.max(initial=0.0)), options.boxes):
            boxes = boxes / _sides(size)
        score, class_id = np.clip(rows[:, 4], 0.0, 1.0), np.rint(rows[:, 5]).astype(np.int32)
        return Candidates(boxes, score, class_id, suppressed=True)

    return Adapter(read, bundle.labels)


def _fractions(boxes: NDArray[np.float32], size: tuple[int, int], unit: Unit) -> NDArray[np.float32]:
    """Columns (4, n) of x, y, width, height as fractions of the input.

    The centres of all boxes together cover the picture, so in pixels their mean is near its middle,
    and in fractions near a half.
    """
    centre = float(boxes[:2].mean()) if boxes.shape[1] else 0.0
    return boxes / _sides(size)[:, np.newaxis] if are_pixels(centre, unit) else boxes


def are_pixels(place: float, unit: Unit) -> bool:
    """True where a place, as a model gives it, is in pixels: said by the unit, else by its size."""
    return place > _MOST_OF_FRACTIONS if unit == "auto" else unit == "pixels"


def _sides(size: tuple[int, int]) -> NDArray[np.float32]:
    return np.array([*size, *size], dtype=np.float32)


def boxes_in_rows(spec: TensorSpec, size: tuple[int, int]) -> bool:
    """True for (1, n, 4 + c), by the number of boxes; where that fits no grid, the longer axis is n."""
    grids = {cells(size, strides) for strides in STRIDES}
    _, rows, columns = spec.shape
    if (rows in grids) != (columns in grids):
        return rows in grids
    return rows > columns


def _check_shape(bundle: ModelBundle, spec: TensorSpec, fewest: int) -> None:
    if len(spec.shape) != 3 or spec.shape[0] != 1 or min(spec.shape[1:]) < fewest:
        raise ModelError(
            f"{bundle.name}: the output {spec} is not of the layout {bundle.layout}, which has one axis "
            f"for boxes and one of at least {fewest} numbers for each"
        )


def _check_labels(bundle: ModelBundle, classes: int, other: int) -> None:
    """Raise ModelError for labels that do not fit, and say so where they would fit the other layout."""
    hint = ""
    if len(bundle.labels) == other:
        rival = YOLOV8.name if bundle.layout == YOLOV5.name else YOLOV5.name
        hint = (
            f": its boxes are as many as {bundle.layout} has, its labels as many as {rival} would have; "
            f'give it other labels, or say layout = "{rival}" in its bundle.toml'
        )
    check_labels(bundle.labels, classes, bundle.name, hint)


YOLOV5: Layout[Candidates] = Layout(
    name="yolov5",
    task="detect",
    says="boxes with an objectness and a score a class, suppressed here",
    reading=Candidates,
    meanings=("yolov5",),
    recognise=_recogniser("yolov5"),
    adapter=_adapter_v5,
    options=Decoding,
    pixels=PIXELS,
)
YOLOV8: Layout[Candidates] = Layout(
    name="yolov8",
    task="detect",
    says="boxes with a score a class, suppressed here",
    reading=Candidates,
    meanings=("yolov8",),
    recognise=_recogniser("yolov8"),
    adapter=_adapter_v8,
    options=Decoding,
    pixels=PIXELS,
)
YOLO_END_TO_END: Layout[Candidates] = Layout(
    name="yolo-end-to-end",
    task="detect",
    says="rows of a box, its score and its class, already suppressed",
    reading=Candidates,
    meanings=("yolo-end-to-end",),
    recognise=_recogniser("yolo-end-to-end"),
    adapter=_adapter_end_to_end,
    options=Decoding,
    pixels=PIXELS,
)
