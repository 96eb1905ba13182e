"""Real detectors on real pictures, through the stage detect."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_vision_recognition import Detect

from edge_vision import Detections, Image, LiteRTModel, ModelError, geometry, load_bundle
from edge_vision.testing import make_stage, run
from tests import penn_fudan

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not penn_fudan.SHARED.is_dir(), reason="the shared data is not here"),
]

MODELS = penn_fudan.SHARED / "models"
COCO_SSD, YOLOV8 = "coco_ssd_mobilenet_v1_quant_metadata", "yolov8n_int8"


def detected(model: str, image: Image, min_score: float = 0.5) -> Detections:
    """What a shared model finds, opened as a user would."""
    opened = LiteRTModel(load_bundle(MODELS / f"{model}.tflite", model))
    stage = make_stage(Detect, {"m": opened}, model="m", min_score=min_score)
    (detections,) = run(stage, image).detections
    return detections


def picture(name: str) -> Image:
    """A shared picture, one of Penn-Fudan, or a frame of the video of people."""
    if name.startswith("frame "):
        video = cv2.VideoCapture(str(penn_fudan.SHARED / "video" / "one-by-one-person-detection.mp4"))
        video.set(cv2.CAP_PROP_POS_FRAMES, int(name.removeprefix("frame ")))
        read, image = video.read()
        video.release()
        assert read
        return image.astype(np.uint8)
    if "." not in name:
        return next(each.image for each in penn_fudan.pictures() if each.name == name)
    stored = cv2.imread(str(penn_fudan.SHARED / "images" / name))
    assert stored is not None
    return stored.astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "count"),
    [("squat.bmp", 1), ("frame 800", 1), ("FudanPed00026", 2), ("FudanPed00050", 2)],
)
def test_two_families_agree_on_the_people(name: str, count: int) -> None:
    image = picture(name)
    ssd, yolo = (detected(model, image) for model in (COCO_SSD, YOLOV8))
    ssd, yolo = (each[each.class_id == penn_fudan.PERSON] for each in (ssd, yolo))
    assert (len(ssd), len(yolo)) == (count, count)
    overlaps = geometry.iou(ssd.xyxy, yolo.xyxy)
    assert sorted(overlaps.argmax(axis=1)) == list(range(count))  # one to one
    assert overlaps.max(axis=1).min() >= 0.5


@pytest.mark.parametrize(
    ("name", "by_eye"),
    [
        ("face.jpg", [(255, 65, 360, 172), (125, 95, 232, 200)]),
        ("grace_hopper.bmp", [(172, 150, 365, 345)]),
    ],
)
def test_blazeface_finds_faces_and_their_points(
    name: str, by_eye: list[tuple[int, int, int, int]]
) -> None:
    detections = detected("face_detection_short_range", picture(name))
    assert [row.label for row in detections] == ["face"] * len(by_eye)
    assert geometry.iou(by_eye, detections.xyxy).max(axis=1).min() > 0.8
    assert detections.keypoints is not None
    for points, (x1, y1, x2, y2) in zip(detections.keypoints, detections.xyxy, strict=True):
        named = dict(zip(detections.keypoint_names, points.tolist(), strict=True))
        right, left, mouth = (named[key] for key in ("right eye", "left eye", "mouth centre"))
        assert x1 < right[0] < mouth[0] < left[0] < x2
        assert y1 < max(right[1], left[1]) < named["nose tip"][1] < mouth[1] < y2


def test_a_mis_calibrated_model_is_refused_with_a_sentence() -> None:
    with pytest.raises(ModelError, match=r"looks mis-calibrated: .* divided by 255"):
        detected("yolo_fastest_coco_uint8", penn_fudan.pictures()[0].image)


def test_a_mis_calibrated_model_that_is_declared_runs_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "bundle.toml").write_text('layout = "yolo-grids"\n')
    (tmp_path / "model.tflite").symlink_to(MODELS / "yolo_fastest_coco_uint8.tflite")
    model = LiteRTModel(load_bundle(tmp_path, "fastest"))
    assert any("looks mis-calibrated" in warning for warning in model.bundle.warnings)
    stage = make_stage(Detect, {"m": model}, model="m")
    (detections,) = run(stage, penn_fudan.pictures()[0].image).detections
    assert penn_fudan.PERSON not in detections.class_id


@pytest.mark.parametrize(
    ("model", "ap50", "ap"),
    [
        (COCO_SSD, 0.85, 0.55),
        (YOLOV8, 0.88, 0.70),
        pytest.param("yolov5n320_int8", 0.88, 0.60, marks=pytest.mark.slow),
        pytest.param("yolo_fastest_coco_uint8", 0.0, 0.0, marks=pytest.mark.slow),
    ],
)
def test_people_are_found_as_well_as_ever(model: str, ap50: float, ap: float) -> None:
    score = penn_fudan.score(model)
    assert score.precision.objects == 281
    assert score.precision.ap50 >= ap50
    assert score.precision.ap >= ap


def test_the_table_has_a_row_for_each_detector() -> None:
    rows = penn_fudan.table()
    assert {row[0] for row in rows} == set(penn_fudan.DETECTORS)
    assert all(len(row) == len(penn_fudan.HEADINGS) for row in rows)
    figures = [float(row[4]) for row in rows]
    assert figures == sorted(figures, reverse=True)
    assert figures[-1] == 0.0  # the mis-calibrated one
