"""BlazeFace: MediaPipe's face detectors, with boxes and six key points around anchors.

Meanings: face-boxes (1, n, 16), face-scores (1, n, 1).

Bazarevsky and others, "BlazeFace: Sub-millisecond neural face detection on mobile GPUs", 2019. The
anchors are those of MediaPipe's SsdAnchorsCalculator with a fixed size: points in the middle of cells.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.candidates import Candidates, check_labels, corners_of
from edge_vision.adapters.layout import Adapter, Layout, Meanings, NoDecoding, Outputs
from edge_vision.adapters.values import real_values, sigmoid
from edge_vision.adapters.yolo import input_size
from edge_vision.contracts.model import ModelBundle, Wishes
from edge_vision.data.errors import ModelError

KEYPOINTS = (
    "right eye",
    "left eye",
    "nose tip",
    "mouth centre",
    "right ear tragion",
    "left ear tragion",
)
"""What the key points of a face are; right and left are those of the person."""

_COLUMNS = 4 + 2 * len(KEYPOINTS)
_HIGHEST_LOGIT = 100.0


class Grid(NamedTuple):
    """Cells of one size over the input, and how many anchors lie in the middle of each."""

    stride: int
    anchors: int


GRIDS = (
    (Grid(8, 2), Grid(16, 6)),  # short range, 128 x 128: three layers share the coarser grid
    (Grid(16, 2), Grid(32, 6)),  # back camera, 256 x 256
    (Grid(4, 1),),  # full range, 192 x 192
)
"""The grids of MediaPipe's models, finest first."""


def anchors(size: tuple[int, int], grids: tuple[Grid, ...]) -> NDArray[np.float32]:
    """The middles of cells, (n, 2) x and y as fractions of an input of (width, height) pixels.

    Grid by grid, row by row; the anchors of a cell come one after the other.
    """
    middles = []
    for grid in grids:
        columns, rows = (-(-side // grid.stride) for side in size)
        y, x = np.mgrid[:rows, :columns].astype(np.float32) + np.float32(0.5)
        places = np.column_stack([x.ravel() / columns, y.ravel() / rows])
        middles.append(np.repeat(places, grid.anchors, axis=0))
    return np.concatenate(middles)


def _fitting_anchors(size: tuple[int, int], count: int) -> NDArray[np.float32] | None:
    """The anchors that are as many as a model has boxes, None where no known grids give so many."""
    found = (anchors(size, grids) for grids in GRIDS)
    return next((places for places in found if len(places) == count), None)


def _recognise(bundle: ModelBundle) -> Meanings | None:
    """Sixteen numbers and one score for each anchor of the input."""
    size = input_size(bundle)
    rows = {spec.shape[2]: spec for spec in bundle.answers if len(spec.shape) == 3}
    if size is None or len(bundle.answers) != 2 or set(rows) != {_COLUMNS, 1}:
        return None
    boxes, scores = rows[_COLUMNS], rows[1]
    if boxes.shape[:2] != scores.shape[:2] or _fitting_anchors(size, boxes.shape[1]) is None:
        return None
    return {boxes.name: "face-boxes", scores.name: "face-scores"}


def _adapter(bundle: ModelBundle, _options: NoDecoding) -> Adapter[Candidates]:
    """Reads boxes and points as distances in pixels from their anchors, scores as logits."""
    boxes, scores = bundle.output("face-boxes"), bundle.output("face-scores")
    width, height = bundle.image_input.size
    count = boxes.shape[1] if len(boxes.shape) == 3 else 0
    centres = _fitting_anchors((width, height), count)
    if centres is None or boxes.shape != (1, count, _COLUMNS) or scores.shape != (1, count, 1):
        raise ModelError(
            f"{bundle.name}: {boxes} and {scores} do not fit the anchors of a {width} x {height} input"
        )
    check_labels(bundle.labels, 1, bundle.name)
    sides = np.array([width, height], dtype=np.float32)

    def read(outputs: Outputs) -> Candidates:
        logits = real_values(scores, outputs[scores.name]).reshape(-1)
        score = sigmoid(np.clip(logits, -_HIGHEST_LOGIT, _HIGHEST_LOGIT))
        pairs = real_values(boxes, outputs[boxes.name]).reshape(count, -1, 2) / sides
        centred = np.concatenate([pairs[:, 0] + centres, pairs[:, 1]], axis=1)
        points = np.empty((count, len(KEYPOINTS), 3), dtype=np.float32)
        points[:, :, :2] = pairs[:, 2:] + centres[:, np.newaxis]
        points[:, :, 2] = score[:, np.newaxis]  # a face's points have no scores of their own
        return Candidates(
            corners_of(centred.T),
            score,
            np.zeros(count, np.int32),
            keypoints=points,
            keypoint_names=KEYPOINTS,
        )

    return Adapter(read, bundle.labels or ("face",))


BLAZEFACE: Layout[Candidates] = Layout(
    name="blazeface",
    task="detect",
    says="faces with six key points, around anchors, suppressed here",
    reading=Candidates,
    meanings=("face-boxes", "face-scores"),
    recognise=_recognise,
    adapter=_adapter,
    pixels=Wishes(mean=127.5, std=127.5, order="rgb", fit="letterbox"),
)
