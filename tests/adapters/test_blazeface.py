"""BlazeFace: told by its anchors, read around them, with six named key points."""

from __future__ import annotations

import numpy as np
import pytest

from edge_vision.adapters.blazeface import GRIDS, KEYPOINTS, Grid, anchors
from edge_vision.adapters.candidates import Candidates
from edge_vision.adapters.catalogue import adapter_of
from edge_vision.contracts.model import ModelBundle
from edge_vision.data.errors import ModelError, StageError
from tests.adapters.detectors import detector, output, read

SIDES = (128, 256, 192)
"""Of the inputs of the short range, back camera and full range models."""


def faces(size: int = 128, count: int = 896, labels: tuple[str, ...] = ()) -> ModelBundle:
    boxes = output(1, count, 16, name="regressors")
    scores = output(1, count, 1, name="classificators")
    return detector(boxes, scores, size=(size, size), labels=labels)


@pytest.mark.parametrize(("size", "count"), [(128, 896), (256, 896), (192, 2304)])
def test_mediapipes_face_detectors_are_told(size: int, count: int) -> None:
    bundle = faces(size, count)
    assert (bundle.task, bundle.layout) == ("detect", "blazeface")
    assert {spec.name: spec.meaning for spec in bundle.outputs} == {
        "regressors": "face-boxes",
        "classificators": "face-scores",
    }
    image = bundle.image_input
    assert (image.mean, image.std, bundle.fit) == (127.5, 127.5, "letterbox")


def test_the_outputs_may_come_in_any_order() -> None:
    scores, boxes = output(1, 896, 1, name="s"), output(1, 896, 16, name="b")
    assert detector(scores, boxes, size=(128, 128)).layout == "blazeface"


@pytest.mark.parametrize(("size", "count"), [(128, 2304), (192, 896), (128, 895), (64, 896)])
def test_other_numbers_of_anchors_are_not(size: int, count: int) -> None:
    assert faces(size, count).layout != "blazeface"


def test_anchors_lie_in_the_middles_of_cells_grid_by_grid() -> None:
    short, back, full = (anchors((side, side), grids) for side, grids in zip(SIDES, GRIDS, strict=True))
    assert len(short) == len(back) == 16 * 16 * 2 + 8 * 8 * 6
    assert (short == back).all()
    assert short[[0, 1, 2, 511, 512, 517, 518]].tolist() == [
        [0.5 / 16, 0.5 / 16],
        [0.5 / 16, 0.5 / 16],
        [1.5 / 16, 0.5 / 16],
        [15.5 / 16, 15.5 / 16],
        [0.5 / 8, 0.5 / 8],
        [0.5 / 8, 0.5 / 8],
        [1.5 / 8, 0.5 / 8],
    ]
    assert len(full) == 48 * 48
    np.testing.assert_allclose(full[49], [1.5 / 48, 1.5 / 48])
    wide = anchors((16, 8), (Grid(8, 1),))
    assert wide.tolist() == [[0.25, 0.5], [0.75, 0.5]]


def test_boxes_and_points_are_pixels_from_their_anchor() -> None:
    boxes, scores = np.zeros((896, 16), np.float32), np.full((896, 1), -150.0, np.float32)
    boxes[2] = [8, 16, 32, 64, *(value for number in range(6) for value in (number, 2 * number))]
    scores[2] = 2.0
    found = read(faces(), boxes, scores)
    x, y = 1.5 / 16, 0.5 / 16
    cx, cy = x + 8 / 128, y + 16 / 128
    np.testing.assert_allclose(found.boxes[2], [cx - 0.125, cy - 0.25, cx + 0.125, cy + 0.25])
    assert found.score[2] == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert np.delete(found.score, 2).max() < 1e-30
    assert found.keypoints is not None
    places = [[x + number / 128, y + 2 * number / 128] for number in range(6)]
    np.testing.assert_allclose(found.keypoints[2, :, :2], places, rtol=1e-6)
    assert found.keypoints[2, :, 2] == pytest.approx(found.score[2])
    assert found.keypoint_names == KEYPOINTS
    assert not found.suppressed


def test_faces_are_called_so_unless_they_are_labelled() -> None:
    assert adapter_of(faces(), Candidates).labels == ("face",)
    assert adapter_of(faces(labels=("head",)), Candidates).labels == ("head",)
    with pytest.raises(ModelError, match="scores for 1 classes but 2 labels"):
        adapter_of(faces(labels=("a", "b")), Candidates)


def test_choosing_rows_keeps_points_and_names() -> None:
    found = read(faces(), np.zeros((896, 16)), np.zeros((896, 1)))[:2]
    assert found.keypoints is not None
    assert found.keypoints.shape == (2, 6, 3)
    assert found.keypoint_names == KEYPOINTS


@pytest.mark.parametrize(("name", "where"), [("regressors", 0), ("classificators", 1)])
def test_values_that_are_no_numbers_name_the_output(name: str, where: int) -> None:
    arrays = [np.zeros((896, 16)), np.zeros((896, 1))]
    arrays[where][5] = np.nan
    with pytest.raises(StageError, match=f"output {name} .* holds values that are no numbers"):
        read(faces(), *arrays)
