"""YOLO with key points in one tensor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.adapters.catalogue import adapter_of, describe
from edge_vision.adapters.keypoints import COCO_KEYPOINTS, Poses
from edge_vision.contracts.file_facts import FileFacts
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.data.errors import ModelError, StageError
from tests.adapters.detectors import detector, output

SIZE = 64, 64
BOXES = 64 + 16 + 4
LABELS_52 = tuple(str(number) for number in range(52))
NOTED = FileFacts(about={"task": "pose"})


def pose(*shape: int, **known: Any) -> ModelBundle:
    return detector(output(*shape), size=SIZE, **known)


def table(points: int = 17) -> NDArray[np.float32]:
    """Rows (84, 5 + 3 k) as fractions: boxes over the whole picture, of three of which two are one."""
    rows = np.zeros((BOXES, 5 + 3 * points), np.float32)
    steps = np.linspace(0.0, 1.0, BOXES)
    rows[:, 0] = rows[:, 1] = rows[:, 5] = rows[:, 6] = steps
    rows[:, 2:4] = 0.1
    rows[10, :5] = 0.5, 0.25, 0.5, 0.25, 0.8
    rows[11, :5] = 0.5, 0.25, 0.5, 0.25, 0.9
    rows[12, :5] = 0.25, 0.75, 0.25, 0.25, 0.7
    rows[10:13, 5:] = np.tile([0.25, 0.125, 0.6], points)
    rows[12, 5:8] = 0.5, 0.75, 1.5
    return rows


def read(bundle: ModelBundle, rows: NDArray[Any]) -> Poses:
    spec = bundle.outputs[0]
    array = rows if spec.shape[1] == len(rows) else rows.T
    return adapter_of(bundle, Poses).read({spec.name: array[np.newaxis]})


@pytest.mark.parametrize("shape", [(1, 56, BOXES), (1, BOXES, 56)])
@pytest.mark.parametrize("labels", [(), ("person",)])
def test_poses_are_told_by_the_number_of_boxes_and_17_points(
    shape: tuple[int, ...], labels: tuple[str, ...]
) -> None:
    bundle = pose(*shape, labels=labels)
    assert (bundle.task, bundle.layout, bundle.fit) == ("keypoints", "yolov8-pose", "letterbox")
    assert describe(bundle) == bundle


@pytest.mark.parametrize(
    "known", [{"facts": NOTED}, {"task": "keypoints"}, {"layout": "yolov8-pose"}], ids=str
)
def test_other_numbers_of_points_are_told_where_something_says_poses(known: dict[str, Any]) -> None:
    bundle = pose(1, 14, BOXES, **known)
    assert bundle.layout == "yolov8-pose"
    assert read(bundle, table(3)).points.shape == (2, 3, 3)


@pytest.mark.parametrize(
    "bundle",
    [
        pose(1, 56, BOXES, labels=LABELS_52),
        pose(1, 56, BOXES, task="detect"),
        pose(1, 56, BOXES, layout="yolov8"),
        pose(1, 56, BOXES, facts=FileFacts(about={"task": "detect"})),
        pose(1, 14, BOXES),
    ],
)
def test_detectors_stay_detectors(bundle: ModelBundle) -> None:
    assert bundle.layout == "yolov8"


@pytest.mark.parametrize("shape", [(1, 56, BOXES), (1, BOXES, 56)])
@pytest.mark.parametrize("unit", ["fractions", "pixels", "points in pixels"])
def test_of_poses_that_overlap_the_best_is_read(shape: tuple[int, ...], unit: str) -> None:
    rows = table()
    if unit == "pixels":
        rows[:, :4] *= 64
    if unit != "fractions":
        rows[:, 5::3] *= 64
        rows[:, 6::3] *= 64
    found = read(pose(*shape), rows)
    assert found.score == pytest.approx([0.9, 0.7])
    np.testing.assert_allclose(found.points[0], np.tile([0.25, 0.125, 0.6], (17, 1)), rtol=1e-6)
    np.testing.assert_allclose(found.points[1, 0], [0.5, 0.75, 1.0], rtol=1e-6)
    assert (found.names, found.label) == (COCO_KEYPOINTS, "person")


def test_how_far_poses_may_overlap_is_declared() -> None:
    bundle = pose(1, 56, BOXES, decoding={"max_iou": 1.0})
    assert read(bundle, table()).score == pytest.approx([0.9, 0.8, 0.7])


def test_quantised_poses() -> None:
    bundle = pose(1, 56, BOXES)
    spec = replace(bundle.outputs[0], dtype="int8", quantisation=Quantisation(1 / 128, -64))
    bundle = replace(bundle, outputs=(spec,))
    stored = np.clip(np.rint(table() * 128) - 64, -128, 127).astype(np.int8)
    found = read(bundle, stored)
    assert found.score == pytest.approx([0.9, 0.7], abs=0.01)
    np.testing.assert_allclose(found.points[0, 0], [0.25, 0.125, 0.6], atol=0.01)


def test_where_nothing_is_there_are_no_poses() -> None:
    found = read(pose(1, 56, BOXES), np.zeros((BOXES, 56), np.float32))
    assert found.points.shape == (0, 17, 3)
    assert found.score.shape == (0,)


def test_values_that_are_no_numbers_fail() -> None:
    rows = table()
    rows[50, 20] = np.nan
    with pytest.raises(StageError, match="holds values that are no numbers"):
        read(pose(1, 56, BOXES), rows)


def test_a_declared_output_of_another_width_is_refused() -> None:
    spec = TensorSpec("o", (1, 57, BOXES), "float32", meaning="yolov8-pose")
    with pytest.raises(ModelError, match="not of the layout yolov8-pose, which has one axis for boxes"):
        adapter_of(detector(spec, size=SIZE), Poses)
