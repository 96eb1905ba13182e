"""MoveNet's key points on a real picture, through the stage, beside those of another runtime."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_vision_recognition import Keypoints
from numpy.typing import NDArray

from edge_vision import COCO_KEYPOINTS, Detections, LiteRTModel, Result, load_bundle
from edge_vision.builtin.warp import opencv_warp
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.testing import make_frame, make_stage

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def model(shared: Path) -> LiteRTModel:
    return LiteRTModel(
        load_bundle(shared / "models" / "movenet_single_pose_lightning_ptq.tflite", "pose")
    )


@pytest.fixture(scope="module")
def squat(shared: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(shared / "images" / "squat.bmp"))
    assert image is not None
    return image.astype(np.uint8)


def reference(shared: Path) -> NDArray[np.float64]:
    """x and y of the 17 points as fractions of the picture, (17, 2)."""
    with (shared / "images" / "squat_movenet_reference.csv").open() as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(row["keypoint_x"]), float(row["keypoint_y"])] for row in rows])


def pose(model: LiteRTModel, image: NDArray[np.uint8], warp: Warp = reference_warp) -> Detections:
    stage = make_stage(Keypoints, {"pose": model}, model="pose")
    result = stage(Result.of(make_frame(image), warp))
    (found,) = result.all(Detections)
    return found


def distances(
    found: Detections, image: NDArray[np.uint8], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How far points lie from the wanted ones along x and y, in fractions of the picture, (17, 2)."""
    assert found.keypoints is not None
    height, width = image.shape[:2]
    return np.asarray(np.abs(found.keypoints[0, :, :2] / [width, height] - wanted))


@pytest.mark.parametrize("warp", [opencv_warp, reference_warp])
def test_every_point_of_the_squat_agrees_with_the_reference(
    shared: Path, model: LiteRTModel, squat: NDArray[np.uint8], warp: Warp
) -> None:
    found = pose(model, squat, warp)
    assert len(found) == 1
    assert found.keypoint_names == COCO_KEYPOINTS
    away = distances(found, squat, reference(shared))
    assert np.hypot(away[:, 0], away[:, 1]).max() <= 0.035


def test_the_points_lie_in_their_box_and_the_body_is_upright(
    model: LiteRTModel, squat: NDArray[np.uint8]
) -> None:
    found = pose(model, squat)
    assert found.keypoints is not None
    at = dict(zip(found.keypoint_names, found.keypoints[0], strict=True))
    assert at["nose"][1] < at["left_hip"][1] < at["left_ankle"][1]
    x1, y1, x2, y2 = found.xyxy[0]
    sure = found.keypoints[0][found.keypoints[0, :, 2] >= 0.3]
    assert ((sure[:, 0] >= x1) & (sure[:, 0] <= x2)).all()
    assert ((sure[:, 1] >= y1) & (sure[:, 1] <= y2)).all()
    assert found.score[0] == pytest.approx(found.keypoints[0, :, 2].mean())


def test_the_answer_is_that_of_a_plain_interpreter(model: LiteRTModel, squat: NDArray[np.uint8]) -> None:
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    interpreter = litert.Interpreter(str(model.bundle.file), num_threads=1)
    interpreter.allocate_tensors()
    pixels = Result.of(make_frame(squat)).view.pixels((192, 192))
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels[np.newaxis, :, :, ::-1])
    interpreter.invoke()
    wanted = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0, 0]

    found = pose(model, squat)

    assert found.keypoints is not None
    np.testing.assert_array_equal(found.keypoints[0, :, 2], wanted[:, 2])
    size = np.array([squat.shape[1], squat.shape[0]], np.float32)
    np.testing.assert_allclose(found.keypoints[0, :, :2], wanted[:, [1, 0]] * size, rtol=1e-6)


def test_a_picture_without_people_has_no_pose(shared: Path, model: LiteRTModel) -> None:
    image = cv2.imread(str(shared / "images" / "tflm_no_person_96.bmp"))
    assert image is not None
    assert len(pose(model, image.astype(np.uint8))) == 0
