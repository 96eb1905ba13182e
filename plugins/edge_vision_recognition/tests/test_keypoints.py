from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from edge_vision_recognition import Keypoints
from numpy.typing import NDArray

from edge_vision import (
    COCO_KEYPOINTS,
    ConfigError,
    Detections,
    ModelError,
    Result,
    StageError,
    TensorSpec,
    geometry,
)
from edge_vision.testing import FakeModel, make_frame, make_stage, run, still

IMAGE = TensorSpec("image", (1, 16, 16, 3), "uint8")


def fake(points: Sequence[Sequence[float]], labels: tuple[str, ...] = ()) -> FakeModel:
    """A single pose; points are (y, x, score)."""
    output = TensorSpec("pose", (1, 1, len(points), 3), "float32")
    row = np.array([[points]], np.float32)
    return FakeModel([IMAGE], [output], lambda inputs: {"pose": row}, labels)


def several(*poses: tuple[float, float, float]) -> FakeModel:
    """Poses of (x, y, score), each with its 17 points in a square around."""
    rows = np.zeros((1, len(poses), 56), np.float32)
    for row, (x, y, score) in zip(rows[0], poses, strict=True):
        row[0:51:3], row[1:51:3], row[2:51:3] = y, x, 0.9
        row[0], row[1] = y - 0.1, x - 0.1
        row[3], row[4] = y + 0.1, x + 0.1
        row[55] = score
    output = TensorSpec("poses", rows.shape, "float32")
    return FakeModel([IMAGE], [output], lambda inputs: {"poses": rows})


def found(result: Result) -> Detections:
    (detections,) = result.all(Detections)
    return detections


def points_of(detections: Detections) -> NDArray[np.float32]:
    assert detections.keypoints is not None
    return detections.keypoints


def test_a_pose_is_a_detection_with_its_points_in_frame_pixels() -> None:
    model = fake([(0.25, 0.5, 0.9), (0.75, 0.75, 0.7)])
    pose = found(run(make_stage(Keypoints, {"m": model}, model="m"), still(width=200, height=100)))
    assert [row.label for row in pose] == ["person"]
    assert pose.score.tolist() == pytest.approx([0.8])
    np.testing.assert_allclose(points_of(pose)[0], [[100, 25, 0.9], [150, 75, 0.7]], rtol=1e-6)
    assert pose.xyxy.tolist() == [[100, 25, 150, 75]]


def test_points_of_too_low_a_score_do_not_widen_the_box() -> None:
    model = fake([(0.2, 0.2, 0.9), (0.8, 0.8, 0.9), (0.0, 1.0, 0.1)])
    pose = found(run(make_stage(Keypoints, {"m": model}, model="m"), still(width=100, height=100)))
    np.testing.assert_allclose(pose.xyxy[0], [20, 20, 80, 80], rtol=1e-6)
    assert points_of(pose).shape == (1, 3, 3)


def test_poses_below_min_score_are_left_out_and_it_may_change_while_running() -> None:
    stage = make_stage(Keypoints, {"m": fake([(0.2, 0.2, 0.3), (0.8, 0.8, 0.5)])}, model="m")
    assert len(found(run(stage, still()))) == 1
    stage.options = stage.options.changed("min_score", 0.5)
    assert len(found(run(stage, still()))) == 0
    assert Keypoints.Options.live() == ("min_score",)


def test_several_poses_come_best_first() -> None:
    model = several((0.2, 0.5, 0.4), (0.8, 0.5, 0.9), (0.5, 0.5, 0.1))
    poses = found(run(make_stage(Keypoints, {"m": model}, model="m"), still(width=100, height=100)))
    assert poses.score.tolist() == pytest.approx([0.9, 0.4])
    np.testing.assert_allclose(poses.xyxy, [[70, 40, 90, 60], [10, 40, 30, 60]], rtol=1e-5)
    assert poses.keypoint_names == COCO_KEYPOINTS


def test_a_box_is_cut_to_the_frame_and_a_pose_outside_left_out() -> None:
    inside = fake([(-0.5, -0.5, 0.9), (0.5, 0.5, 0.9)])
    pose = found(run(make_stage(Keypoints, {"m": inside}, model="m"), still(width=100, height=100)))
    assert pose.xyxy.tolist() == [[0, 0, 50, 50]]
    assert points_of(pose)[0, 0, :2].tolist() == [-50, -50]
    outside = fake([(1.2, 1.2, 0.9), (1.5, 1.5, 0.9)])
    assert len(found(run(make_stage(Keypoints, {"m": outside}, model="m"), still()))) == 0


def test_points_in_a_cropped_view_are_told_in_the_frame() -> None:
    stage = make_stage(Keypoints, {"m": fake([(0.0, 0.0, 0.9), (0.5, 0.5, 0.9)])}, model="m")
    before = Result.of(make_frame(still(width=200, height=100)))
    after = stage(before.with_view(before.view.mapped(geometry.translation(100, 20), (80, 40))))
    np.testing.assert_allclose(points_of(found(after))[0, :, :2], [[100, 20], [140, 40]])


def test_labels_name_the_points_or_what_has_them() -> None:
    two = [(0.1, 0.1, 0.9), (0.5, 0.5, 0.9)]
    named = found(run(make_stage(Keypoints, {"m": fake(two, ("tip", "tail"))}, model="m"), still()))
    assert (named.keypoint_names, named.labels) == (("tip", "tail"), ("person",))
    one = found(run(make_stage(Keypoints, {"m": fake(two, ("fish",))}, model="m"), still()))
    assert (one.keypoint_names, one.labels) == ((), ("fish",))
    with pytest.raises(ModelError, match="2 key points but 3 labels"):
        make_stage(Keypoints, {"m": fake(two, ("a", "b", "c"))}, model="m")


def test_values_that_are_no_numbers_are_an_error() -> None:
    stage = make_stage(Keypoints, {"m": fake([(0.1, float("nan"), 0.9), (0.5, 0.5, 0.9)])}, model="m")
    with pytest.raises(StageError, match="no numbers"):
        run(stage, still())


def test_a_model_for_another_task_is_refused_at_once() -> None:
    scores = TensorSpec("o", (1, 10), "float32")
    with pytest.raises(ModelError, match="use it with the stage classify"):
        make_stage(Keypoints, {"m": FakeModel([IMAGE], [scores], lambda inputs: {})}, model="m")


@pytest.mark.parametrize(("key", "value"), [("min_score", -0.1), ("min_score", 1.1), ("reset_after", 0)])
def test_options_have_bounds(key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{key}: "):
        make_stage(Keypoints, {"m": fake([(0, 0, 1), (1, 1, 1)])}, model="m", **{key: value})
