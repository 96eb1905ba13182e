from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_vision_recognition import Detect

from edge_vision import (
    ConfigError,
    Detections,
    Image,
    LiteRTModel,
    Model,
    ModelError,
    Result,
    StageError,
    TensorSpec,
    geometry,
    load_bundle,
)
from edge_vision.adapters.ssd import classes_and_scores
from edge_vision.testing import FakeModel, make_frame, make_stage, run, still

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not here")

IMAGE = TensorSpec("image", (1, 8, 8, 3), "uint8", meaning="image")
LABELS = ("person", "bicycle", "car")
Row = tuple[tuple[float, float, float, float], float, float]
"""A box (ymin, xmin, ymax, xmax) as fractions, its class, its score."""


def ssd(
    rows: Sequence[Row],
    labels: tuple[str, ...] = LABELS,
    *,
    count: float | None = None,
    names: tuple[str, str] = ("classes", "scores"),
) -> FakeModel:
    """A post-processed detector that always finds these rows."""
    n = len(rows)
    outputs = [
        TensorSpec("b", (1, n, 4), "float32", meaning="boxes"),
        TensorSpec("c", (1, n), "float32", meaning=names[0]),
        TensorSpec("s", (1, n), "float32", meaning=names[1]),
        TensorSpec("n", (1,), "float32", meaning="count"),
    ]
    answer = {
        "b": np.array([[row[0] for row in rows]], np.float32).reshape(1, n, 4),
        "c": np.array([[row[1] for row in rows]], np.float32),
        "s": np.array([[row[2] for row in rows]], np.float32),
        "n": np.array([n if count is None else count], np.float32),
    }
    return FakeModel([IMAGE], outputs, lambda inputs: answer, labels)


def raw(
    boxes: Sequence[Sequence[float]],
    scores: Sequence[Sequence[float]],
    labels: tuple[str, ...] = LABELS,
) -> FakeModel:
    """A detector without suppression that always finds these boxes."""
    answer = {"b": np.array([boxes], np.float32), "s": np.array([scores], np.float32)}
    outputs = [
        TensorSpec("b", answer["b"].shape, "float32", meaning="boxes"),
        TensorSpec("s", answer["s"].shape, "float32", meaning="scores"),
    ]
    return FakeModel([IMAGE], outputs, lambda inputs: answer, labels)


def found(result: Result) -> list[tuple[str, float, tuple[float, ...]]]:
    (detections,) = result.detections
    return [(d.label, round(d.score, 2), tuple(round(side, 1) for side in d.box)) for d in detections]


A, B = (0.1, 0.2, 0.5, 0.6), (0.5, 0.0, 1.0, 0.25)


# Boxes


def test_boxes_are_frame_pixels_best_first() -> None:
    model = ssd([(A, 0, 0.6), (B, 2, 0.9)])
    result = run(make_stage(Detect, {"m": model}, model="m"), still(width=200, height=100))
    assert found(result) == [("car", 0.9, (0, 50, 50, 100)), ("person", 0.6, (40, 10, 120, 50))]


def test_boxes_of_a_cropped_view_are_frame_pixels_too() -> None:
    result = Result.of(make_frame(still(width=200, height=100)))
    view = result.view.mapped(geometry.translation(100, 20), (50, 40))
    stage = make_stage(Detect, {"m": ssd([(A, 0, 0.9)])}, model="m")
    assert found(stage(result.with_view(view))) == [("person", 0.9, (110, 24, 130, 40))]


def test_boxes_of_a_view_turned_by_a_right_angle_are_frame_pixels_too() -> None:
    result = Result.of(make_frame(still(width=200, height=100)))
    # View pixel (x, y) is frame pixel (y, 100 - x).
    turn = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 100.0], [0.0, 0.0, 1.0]])
    stage = make_stage(Detect, {"m": ssd([((0.0, 0.0, 0.25, 0.5), 0, 0.9)])}, model="m")
    turned = stage(result.with_view(result.view.mapped(turn, (100, 200))))
    assert found(turned) == [("person", 0.9, (0, 50, 50, 100))]


def test_boxes_are_cut_to_the_frame_and_empty_ones_dropped() -> None:
    beyond, outside, inside_out = (-0.5, -0.5, 0.5, 0.5), (1.1, 1.1, 1.5, 1.5), (0.5, 0.5, 0.2, 0.2)
    model = ssd(
        [(beyond, 0, 0.9), (outside, 0, 0.9), (inside_out, 0, 0.9), ((0.3, 0.3, 0.3, 0.6), 0, 0.9)]
    )
    result = run(make_stage(Detect, {"m": model}, model="m"), still(width=100, height=100))
    assert found(result)[0] == ("person", 0.9, (0, 0, 50, 50))
    assert all(x2 > x1 and y2 > y1 for _, _, (x1, y1, x2, y2) in found(result))


def test_nothing_found_is_said() -> None:
    (detections,) = run(make_stage(Detect, {"m": ssd([], count=0)}, model="m"), still()).detections
    assert len(detections) == 0
    assert detections.labels == LABELS


# Key points


def faces(x: float = 0.0) -> FakeModel:
    """A BlazeFace that finds one face by the first anchor, its points x pixels to the right of that."""
    boxes, scores = np.zeros((1, 896, 16), np.float32), np.full((1, 896, 1), -100.0, np.float32)
    boxes[0, 0, :4], scores[0, 0] = (60, 60, 64, 32), 9.0
    boxes[0, 0, 4::2] = x
    outputs = [TensorSpec("b", boxes.shape, "float32"), TensorSpec("s", scores.shape, "float32")]
    image = TensorSpec("image", (1, 128, 128, 3), "float32")
    return FakeModel([image], outputs, lambda inputs: {"b": boxes, "s": scores})


def test_key_points_are_frame_pixels_and_have_names() -> None:
    # A frame twice as wide as high: the model sees it with bars above and below.
    result = run(make_stage(Detect, {"m": faces(12)}, model="m"), still(width=256, height=128))
    (detections,) = result.detections
    assert found(result) == [("face", 1.0, (64, 32, 192, 96))]
    assert detections.keypoints is not None
    assert detections.keypoints[0, :, :2].tolist() == [[32, -56]] * 6  # above the frame
    assert detections.keypoints[0, :, 2] == pytest.approx(1.0, abs=1e-3)
    assert detections.keypoint_names[:2] == ("right eye", "left eye")


def test_no_face_has_no_key_points() -> None:
    stage = make_stage(Detect, {"m": faces()}, model="m", min_score=1.0)
    (detections,) = run(stage, still()).detections
    assert len(detections) == 0
    assert detections.keypoints is not None
    assert detections.keypoints.shape == (0, 6, 3)


# What is kept


def test_rows_beyond_the_count_are_not_meant() -> None:
    model = ssd([(A, 0, 0.9), ((0, 0, np.nan, np.inf), np.nan, np.nan)], count=1)
    assert len(found(run(make_stage(Detect, {"m": model}, model="m"), still()))) == 1


def test_min_score_and_max_detections_may_change_while_running() -> None:
    stage = make_stage(Detect, {"m": ssd([(A, 0, 0.6), (B, 1, 0.3)])}, model="m")
    assert len(found(run(stage, still()))) == 1
    stage.options = stage.options.changed("min_score", 0.1)
    assert len(found(run(stage, still()))) == 2
    stage.options = stage.options.changed("max_detections", 1)
    assert len(found(run(stage, still()))) == 1


def test_only_the_wanted_labels_are_kept() -> None:
    stage = make_stage(
        Detect, {"m": ssd([(A, 0, 0.9), (B, 2, 0.8)])}, model="m", labels=["car", "bicycle"]
    )
    assert [label for label, _, _ in found(run(stage, still()))] == ["car"]


def test_unwanted_labels_do_not_use_up_max_detections() -> None:
    model = ssd([(A, 0, 0.9), (B, 2, 0.8)])
    stage = make_stage(Detect, {"m": model}, model="m", labels=["car"], max_detections=1)
    assert [label for label, _, _ in found(run(stage, still()))] == ["car"]


def test_an_unknown_label_is_a_configuration_error_with_a_hint() -> None:
    with pytest.raises(ConfigError, match=r"labels\[1\]: .*no label prson, did you mean person\?"):
        make_stage(Detect, {"m": ssd([])}, model="m", labels=["car", "prson"])


def test_an_empty_list_of_labels_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match=r"labels: names no label, .* leave it out for all"):
        make_stage(Detect, {"m": ssd([])}, model="m", labels=[])


def test_labels_of_a_model_without_any_are_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="the model has no labels"):
        make_stage(Detect, {"m": ssd([], labels=())}, model="m", labels=["car"])


def test_classes_without_a_label_are_called_by_number() -> None:
    stage = make_stage(Detect, {"m": ssd([(A, 7, 0.9)])}, model="m")
    assert found(run(stage, still()))[0][0] == "7"


@pytest.mark.parametrize("first", ["???", "background"])
def test_a_background_at_the_head_of_the_labels_is_not_counted(first: str) -> None:
    stage = make_stage(Detect, {"m": ssd([(A, 0, 0.9)], labels=(first, *LABELS))}, model="m")
    assert found(run(stage, still()))[0][0] == "person"


# Suppression

DOUBLE = [(0.1, 0.1, 0.5, 0.5), (0.12, 0.1, 0.52, 0.5), (0.6, 0.6, 0.9, 0.9)]


def test_raw_boxes_that_say_the_same_are_dropped() -> None:
    model = raw(DOUBLE, [[0.7, 0, 0], [0.8, 0, 0], [0.6, 0, 0]])
    result = run(make_stage(Detect, {"m": model}, model="m"), still(width=100, height=100))
    assert [(score, box[1]) for _, score, box in found(result)] == [(0.8, 12.0), (0.6, 60.0)]


def test_raw_boxes_of_other_labels_stay() -> None:
    model = raw(DOUBLE, [[0.7, 0, 0], [0, 0.8, 0], [0.6, 0, 0]])
    result = run(make_stage(Detect, {"m": model}, model="m"), still())
    assert [label for label, _, _ in found(result)] == ["bicycle", "person", "person"]


@pytest.mark.parametrize(("nms", "count"), [("auto", 3), ("never", 3), ("always", 2)])
def test_post_processed_boxes_are_suppressed_on_demand_only(nms: str, count: int) -> None:
    model = ssd([(box, 0, 0.9) for box in DOUBLE])
    stage = make_stage(Detect, {"m": model}, model="m", nms=nms)
    assert len(found(run(stage, still()))) == count


def test_raw_boxes_may_be_left_as_they_are() -> None:
    model = raw(DOUBLE, [[0.7, 0, 0], [0.8, 0, 0], [0.6, 0, 0]])
    stage = make_stage(Detect, {"m": model}, model="m", nms="never")
    assert len(found(run(stage, still()))) == 3


def test_max_iou_says_how_much_overlap_is_allowed() -> None:
    model = raw(DOUBLE, [[0.7, 0, 0], [0.8, 0, 0], [0.6, 0, 0]])
    stage = make_stage(Detect, {"m": model}, model="m", max_iou=0.95)
    assert len(found(run(stage, still()))) == 3


def test_thousands_of_raw_boxes_are_no_trouble() -> None:
    random = np.random.default_rng(3)
    corners = np.sort(random.random((6000, 2, 2)), axis=1).reshape(-1, 4)
    model = raw(corners.tolist(), random.random((6000, 3)).tolist())
    stage = make_stage(Detect, {"m": model}, model="m", min_score=0.0, max_iou=1.0)
    assert len(found(run(stage, still()))) == 100


def test_raw_logits_become_scores() -> None:
    model = raw(DOUBLE, [[-9, -9, 3], [-9, -9, -9], [-9, 0, -9]])
    result = run(make_stage(Detect, {"m": model}, model="m", min_score=0.1), still())
    assert [(label, score) for label, score, _ in found(result)] == [("car", 0.95), ("bicycle", 0.5)]


def test_a_column_more_than_labels_is_background() -> None:
    model = raw([A], [[0.9, 0.0, 0.8, 0.1]])
    (row,) = found(run(make_stage(Detect, {"m": model}, model="m"), still()))
    assert row[:2] == ("bicycle", 0.8)


def test_a_column_labelled_background_is_none_of_the_classes() -> None:
    model = raw([A], [[0.9, 0.1, 0.8, 0.1]], labels=("background", *LABELS))
    (row,) = found(run(make_stage(Detect, {"m": model}, model="m"), still()))
    assert row[:2] == ("bicycle", 0.8)


def test_raw_scores_that_do_not_fit_the_labels_are_refused() -> None:
    with pytest.raises(ModelError, match="scores for 7 classes but 3 labels"):
        make_stage(Detect, {"m": raw([A], [[0.1] * 7])}, model="m")


# Classes and scores that only values can tell apart


@pytest.mark.parametrize("swapped", [False, True])
def test_open_outputs_are_told_by_their_values(swapped: bool) -> None:
    open_names = ("classes-or-scores", "classes-or-scores")
    rows: list[Row] = [(A, 2, 0.9), (B, 0, 0.7)]
    if swapped:
        rows = [(box, score, number) for box, number, score in rows]
    result = run(make_stage(Detect, {"m": ssd(rows, names=open_names)}, model="m"), still())
    assert [(label, score) for label, score, _ in found(result)] == [("car", 0.9), ("person", 0.7)]


@pytest.mark.parametrize(
    ("first", "second", "first_is_classes"),
    [
        ([0, 2], [0.5, 0.1], True),
        ([0.5, 0.1], [0, 2], False),
        ([1, 1], [0, 5], False),
        ([0, 5], [1, 1], True),
    ],
)
def test_classes_are_the_whole_numbers(
    first: list[float], second: list[float], first_is_classes: bool
) -> None:
    rows = np.array(first, np.float32), np.array(second, np.float32)
    classes, scores = classes_and_scores(*rows)
    assert (classes is rows[0]) == first_is_classes
    assert (scores is rows[1]) == first_is_classes


def test_outputs_without_whole_numbers_are_an_error() -> None:
    half = np.array([0.5], np.float32)
    with pytest.raises(StageError, match="whole numbers"):
        classes_and_scores(half, half)


# Faults


@pytest.mark.parametrize(
    "row", [((np.nan, 0, 1, 1), 0, 0.9), ((0, 0, np.inf, 1), 0, 0.9), (A, 0, np.nan), (A, np.inf, 0.9)]
)
def test_values_that_are_no_numbers_are_an_error(row: Row) -> None:
    with pytest.raises(StageError, match="no numbers"):
        run(make_stage(Detect, {"m": ssd([row])}, model="m"), still())


def test_a_count_that_is_no_number_is_an_error() -> None:
    stage = make_stage(Detect, {"m": ssd([(A, 0, 0.9)], count=np.nan)}, model="m")
    with pytest.raises(StageError, match=r"n .count. holds values that are no numbers"):
        run(stage, still())


def test_a_model_that_does_not_detect_is_refused_at_once() -> None:
    output = TensorSpec("o", (1, 10), "float32", meaning="scores")
    with pytest.raises(ModelError, match="use it with the stage classify"):
        make_stage(Detect, {"m": FakeModel([IMAGE], [output], lambda inputs: {})}, model="m")


# Real pictures


def coco(labels: Path | None = None) -> Model:
    file = SHARED / "models" / "coco_ssd_mobilenet_v1_quant_metadata.tflite"
    return LiteRTModel(load_bundle(file, "m", labels=labels))


def detected(model: Model, image: Image) -> dict[str, tuple[float, ...]]:
    (detections,) = run(make_stage(Detect, {"m": model}, model="m"), image).detections
    assert isinstance(detections, Detections)
    return {d.label: d.box for d in reversed(list(detections))}


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize("labels", [None, "coco_labels.txt"])
def test_coco_finds_dog_bicycle_and_car(labels: str | None) -> None:
    image = cv2.imread(str(SHARED / "images" / "dog_bike_car.jpg"))
    assert image is not None
    boxes = detected(coco(SHARED / "models" / labels if labels else None), image.astype(np.uint8))
    assert set(boxes) >= {"dog", "bicycle", "car"}
    height, width = image.shape[:2]
    expected = {  # by eye, as fractions of the picture
        "dog": (0.16, 0.39, 0.41, 0.95),
        "bicycle": (0.15, 0.21, 0.74, 0.82),
        "car": (0.60, 0.13, 0.90, 0.30),
    }
    for label, box in expected.items():
        by_eye = np.array(box) * [width, height, width, height]
        assert geometry.iou(by_eye, boxes[label])[0, 0] > 0.7, label


@needs_shared
@pytest.mark.shared
def test_coco_finds_a_person_in_the_video() -> None:
    video = cv2.VideoCapture(str(SHARED / "video" / "one-by-one-person-detection.mp4"))
    video.set(cv2.CAP_PROP_POS_FRAMES, 300)
    read, image = video.read()
    video.release()
    assert read
    boxes = detected(coco(), image.astype(np.uint8))
    by_eye = (390, 5, 530, 365)
    assert geometry.iou(by_eye, boxes["person"])[0, 0] > 0.7
