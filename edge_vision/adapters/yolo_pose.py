"""YOLO with key points: the output of YOLOv8-pose and YOLO11-pose, boxes of one class and their points.

Meaning: yolov8-pose (1, 5 + 3 k, n) or (1, n, 5 + 3 k): x, y, width, height and score of a box, then
x, y and score of each of its k key points.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.candidates import check_numbers, corners_of
from edge_vision.adapters.keypoints import COCO_KEYPOINTS, Poses, names_and_label
from edge_vision.adapters.layout import Adapter, Layout, Meanings, Outputs, only
from edge_vision.adapters.yolo import PIXELS, STRIDES, Unit, are_pixels, boxes_in_rows, cells, input_size
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.options import Options, option
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data import geometry
from edge_vision.data.errors import ModelError

NAME = "yolov8-pose"
MOST_POSES = 300
"""So many of the best boxes go into the suppression."""

_BOX_AND_SCORE = 5
_LOWEST_SCORE = 0.01


class Decoding(Options):
    """[decoding] of this layout."""

    boxes: Unit = option(
        "auto",
        "What boxes and points are given in: fractions of the input, its pixels, or what the values "
        "say.",
    )
    max_iou: float = option(0.5, "Poses whose boxes overlap by more are the same.", ge=0, le=1)


def _points(width: int) -> int:
    """How many key points so many numbers a box are, 0 for none."""
    count, rest = divmod(width - _BOX_AND_SCORE, 3)
    return count if count > 0 and rest == 0 else 0


def _recognise(bundle: ModelBundle) -> Meanings | None:
    """As many boxes as YOLOv8 has, and 17 points of a person each; other points where they are declared.

    The numbers of a box could as well be scores: 56 are those of 52 classes. So labels have to speak for
    points, that is none or one, or else the notes that Ultralytics' exporter packs.
    """
    output, size = only(bundle), input_size(bundle)
    if output is None or size is None or len(output.shape) != 3 or output.shape[0] != 1:
        return None
    if bundle.layout == NAME:
        return {output.name: NAME}
    _, rows, columns = output.shape
    grids = {cells(size, strides) for strides in STRIDES}
    if (rows in grids) == (columns in grids):
        return None
    count = _points(columns if rows in grids else rows)
    task = bundle.facts.about.get("task", "")
    said = task == "pose" or bundle.task == "keypoints"
    likely = not task and count == len(COCO_KEYPOINTS) and len(bundle.labels) <= 1
    return {output.name: NAME} if count and (said or likely) else None


def _adapter(bundle: ModelBundle, options: Decoding) -> Adapter[Poses]:
    """Reads the poses of the best boxes, of those that overlap the better one; a box's score counts."""
    spec = bundle.output(NAME)
    if len(spec.shape) != 3 or spec.shape[0] != 1:
        raise _not_of_this_layout(bundle, spec)
    size = bundle.image_input.size
    in_rows = boxes_in_rows(spec, size)
    count = _points(spec.shape[2 if in_rows else 1])
    if not count:
        raise _not_of_this_layout(bundle, spec)
    names, label = names_and_label(bundle, count)
    sides = np.array(size, dtype=np.float32)

    def fractions(places: NDArray[np.float32], everywhere: NDArray[np.float32]) -> NDArray[np.float32]:
        """Places (..., 2) as fractions of the input; pixels are told by the mean of all boxes'."""
        return places / sides if are_pixels(float(everywhere.mean()), options.boxes) else places

    def read(outputs: Outputs) -> Poses:
        table = outputs[spec.name].reshape(spec.shape[1:])
        table = table.T if in_rows else table
        check_numbers(spec, table)
        score = np.clip(spec.real(table[4]), 0.0, 1.0)
        best = np.argsort(-score, kind="stable")[:MOST_POSES]
        best = best[score[best] >= _LOWEST_SCORE]
        rows = spec.real(table[:, best]).T
        boxes = rows[:, :4].reshape(-1, 2, 2)
        corners = corners_of(fractions(boxes, spec.real(table[:2])).reshape(-1, 4).T)
        kept = geometry.suppress(corners, score[best], np.zeros(len(best)), options.max_iou)
        points = rows[kept, _BOX_AND_SCORE:].reshape(-1, count, 3)
        # Some exports give boxes as fractions and points in pixels.
        places = fractions(points[:, :, :2], spec.real(table[_BOX_AND_SCORE : _BOX_AND_SCORE + 2]))
        scores = np.clip(points[:, :, 2:], 0.0, 1.0)
        return Poses(np.concatenate([places, scores], axis=2), score[best][kept], names, label)

    return Adapter(read, names)


def _not_of_this_layout(bundle: ModelBundle, spec: TensorSpec) -> ModelError:
    return ModelError(
        f"{bundle.name}: the output {spec} is not of the layout {NAME}, which has one axis for boxes "
        "and one for 5 numbers and 3 for each key point"
    )


YOLOV8_POSE: Layout[Poses] = Layout(
    name=NAME,
    task="keypoints",
    says="boxes of one class with their key points, suppressed here",
    reading=Poses,
    meanings=(NAME,),
    recognise=_recognise,
    adapter=_adapter,
    options=Decoding,
    pixels=PIXELS,
)
