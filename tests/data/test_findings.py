from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edge_vision.data import geometry
from edge_vision.data.errors import StageError
from edge_vision.data.findings import Detection, Detections, Embedding, Labels, Picture, Segments, Text
from edge_vision.testing import still

NAN, INF = float("nan"), float("inf")


def three(**more: Any) -> Detections:
    columns: dict[str, Any] = {
        "xyxy": [[0, 0, 1, 1], [2, 2, 4, 4], [5, 5, 9, 9]],
        "score": [0.25, 0.5, 1],
        "class_id": [0, 1, 7],
        "labels": ("cat", "dog"),
    }
    return Detections(**{**columns, **more})


def test_lists_and_other_types_become_the_columns_types() -> None:
    found = three(
        xyxy=np.ones((3, 4), np.float64),
        class_id=np.array([0.0, 1.0, 7.0]),
        track_id=[1, 2, 3],
        keypoints=np.zeros((3, 2, 3)),
        mask=np.full((3, 4, 5), 255, np.uint8),
    )
    columns = (found.xyxy, found.score, found.class_id, found.track_id, found.keypoints, found.mask)
    types = [np.float32, np.float32, np.int32, np.int64, np.float32, np.bool_]
    for column, dtype in zip(columns, types, strict=True):
        assert column is not None
        assert column.dtype == dtype
        assert not column.flags.writeable
    assert found.mask is not None
    assert found.mask.all()


def test_what_a_stage_writes_later_into_its_own_arrays_does_not_show() -> None:
    boxes, score = np.zeros((1, 4), np.float32), np.zeros(1, np.float32)
    window = boxes.view()
    window.flags.writeable = False
    for given in (boxes, window):
        found = Detections(given, score, [0])  # type: ignore[arg-type]
        boxes[:], score[:] = 5, 1
        assert not found.xyxy.any()
        assert not found.score.any()
        boxes[:], score[:] = 0, 0


def test_a_copy_with_another_stage_shares_its_frozen_columns() -> None:
    found = three()
    named = replace(found, stage="people")
    assert named.xyxy is found.xyxy
    assert named.stage == "people"


def test_nothing_found_may_be_empty_lists() -> None:
    for found in (Detections.none(("cat",)), Detections([], [], [], track_id=[], keypoints=[], mask=[])):  # type: ignore[arg-type]
        assert len(found) == 0
        assert found.xyxy.shape == (0, 4)
        assert list(found) == []
        assert len(found[np.zeros(0, bool)]) == len(found[:]) == len(found[[]]) == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"xyxy": [[0, 0, 1, 1]]}, r"xyxy must have the shape \(3, 4\), not \(1, 4\)"),
        ({"xyxy": [0.0] * 12}, "xyxy must have the shape"),
        ({"xyxy": []}, "xyxy must have the shape"),
        ({"class_id": [1, 2]}, "class_id must have the shape"),
        ({"score": [[0.1], [0.2], [0.3]]}, "score must have the shape"),
        ({"track_id": [1]}, "track_id must have the shape"),
        ({"keypoints": np.zeros((3, 5, 2))}, r"keypoints must have the shape \(3, any, 3\)"),
        ({"mask": np.zeros((4, 5), bool)}, r"mask must have the shape \(3, any, any\)"),
        ({"xyxy": [[0, 0, 1, NAN]] * 3}, "xyxy holds a number that is not finite"),
        ({"xyxy": [[0, 0, 1, INF]] * 3}, "xyxy holds a number that is not finite"),
        ({"xyxy": [[0, 0, 1, 1e300]] * 3}, "xyxy holds a number that is not finite"),
        ({"score": [0.1, NAN, 0.1]}, "score holds a number that is not finite"),
        ({"class_id": [0, 1, 1.5]}, "class_id must hold whole numbers"),
        ({"class_id": [0, 1, NAN]}, "class_id must hold whole numbers"),
        ({"track_id": [0, 1, INF]}, "track_id must hold whole numbers"),
        ({"keypoints": np.full((3, 5, 3), NAN)}, "keypoints holds a number that is not finite"),
    ],
)
def test_wrong_columns_are_refused_and_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(StageError, match=said):
        three(**wrong)


def test_a_stage_may_have_a_scale_of_its_own() -> None:
    assert Labels((("bright", 212.5),)).rows == (("bright", 212.5),)
    assert list(three(score=[-3, 0.5, 40]).score) == [-3, 0.5, 40]


@pytest.mark.parametrize(
    "rows",
    [np.array([False, True, True]), slice(1, None), [1, 2], np.array([1, 2]), [False, True, True]],
    ids=str,
)
def test_rows_are_chosen_by_mask_slice_and_indices(rows: Any) -> None:
    found = three(
        track_id=[10, 11, 12], keypoints=np.arange(27).reshape(3, 3, 3), mask=np.eye(3)[:, None]
    )
    chosen = replace(found, stage="people")[rows]
    assert chosen.stage == "people"
    assert chosen.labels == found.labels
    assert chosen.class_id.tolist() == [1, 7]
    assert chosen.xyxy.tolist() == [[2, 2, 4, 4], [5, 5, 9, 9]]
    assert chosen.track_id is not None
    assert chosen.track_id.tolist() == [11, 12]
    assert chosen.keypoints is not None
    assert chosen.keypoints[0, 0, 0] == 9
    assert chosen.mask is not None
    assert chosen.mask[0].tolist() == [[False, True, False]]
    for column in (chosen.xyxy, chosen.keypoints, chosen.mask):
        assert not column.flags.writeable


@pytest.mark.parametrize("row", [0, -1, np.int64(1)])
def test_a_single_row_is_asked_for_as_a_slice(row: Any) -> None:
    with pytest.raises(TypeError, match=r"write \[i : i \+ 1\]"):
        three()[row]


def test_rows_that_are_not_there_are_an_error() -> None:
    with pytest.raises(IndexError):
        three()[[3]]
    with pytest.raises(IndexError):
        three()[np.ones(2, bool)]


def test_rows_for_people_are_plain_values_for_json() -> None:
    first, _, last = three(track_id=[10, 11, 12])
    assert first == Detection((0.0, 0.0, 1.0, 1.0), 0.25, 0, "cat", 10)
    assert last.label == "7"
    assert json.loads(json.dumps(first)) == [[0, 0, 1, 1], 0.25, 0, "cat", 10]
    assert {type(value) for value in first} == {tuple, float, int, str}
    assert [row.track_id for row in three()] == [None] * 3


@pytest.mark.parametrize(("number", "label"), [(0, "cat"), (1, "dog"), (2, "2"), (-1, "-1")])
def test_a_class_without_a_name_is_called_by_its_number(number: int, label: str) -> None:
    assert three().label_of(number) == label


def test_labels_given_as_a_list_become_a_tuple() -> None:
    assert three(labels=["cat", "dog"]).labels == ("cat", "dog")


def test_keypoints_have_as_many_names_as_there_are_or_none() -> None:
    named = three(keypoints=np.zeros((3, 2, 3)), keypoint_names=["nose", "tail"])
    assert named[[2]].keypoint_names == ("nose", "tail")
    assert three(keypoints=np.zeros((3, 2, 3))).keypoint_names == ()
    nothing = Detections([], [], [], keypoints=[], keypoint_names=("nose",))  # type: ignore[arg-type]
    assert len(nothing) == 0
    with pytest.raises(StageError, match="2 keypoints have 1 names"):
        three(keypoints=np.zeros((3, 2, 3)), keypoint_names=("nose",))


PLACED: list[Any] = [
    lambda **place: Labels((("cat", 0.5),), **place),
    lambda **place: Embedding(np.ones(3, np.float32), **place),
    lambda **place: Text("7", 0.5, **{"box": (0, 0, 1, 1), **place}),
]


@pytest.mark.parametrize("make", PLACED)
def test_a_part_of_the_frame_has_a_plain_box_and_track(make: Any) -> None:
    said = make(box=np.array([1, 2, 3, 4], np.float32), track_id=np.int64(17))
    assert (said.box, said.track_id) == ((1.0, 2.0, 3.0, 4.0), 17)
    assert {type(side) for side in said.box} == {float}
    assert type(said.track_id) is int
    assert make().track_id is None


@pytest.mark.parametrize("make", PLACED)
def test_a_box_or_a_track_that_is_none_is_refused(make: Any) -> None:
    for box in ((0, 0, 1), (0, 0, 1, NAN), (0, 0, INF, 1)):
        with pytest.raises(StageError, match="box is four finite numbers"):
            make(box=box)
    with pytest.raises(StageError, match=r"a track_id is a whole number, not 1\.5"):
        make(track_id=1.5)


def test_an_embedding_is_a_row_of_finite_numbers_that_nobody_can_write_to() -> None:
    given: Any = np.array([0.5, -2.0])
    vector = Embedding(given).vector
    given[:] = 0
    assert vector.dtype == np.float32
    assert vector.tolist() == [0.5, -2.0]
    assert not vector.flags.writeable
    with pytest.raises(StageError, match="vector holds a number that is not finite"):
        Embedding(np.array([1.0, NAN], np.float32))
    with pytest.raises(StageError, match=r"vector must have the shape \(any\)"):
        Embedding(np.zeros((1, 3), np.float32))


def test_label_rows_are_plain() -> None:
    rows = Labels([[np.str_("cat"), np.float32(0.5)]]).rows  # type: ignore[arg-type]
    assert rows == (("cat", 0.5),)
    assert [type(value) for value in rows[0]] == [str, float]


@pytest.mark.parametrize("score", [NAN, INF, -INF])
def test_scores_that_are_none_are_refused(score: float) -> None:
    with pytest.raises(StageError, match="a score is a finite number"):
        Labels((("cat", score),))
    with pytest.raises(StageError, match="a score is a finite number"):
        Text("7", score, (0, 0, 1, 1))


def test_a_text_is_plain() -> None:
    box: Any = np.array([1, 2, 3, 4], np.float32)
    text = Text(np.str_("7"), np.float32(0.5), box)  # type: ignore[arg-type]
    assert (text.text, text.score, text.box) == ("7", 0.5, (1.0, 2.0, 3.0, 4.0))
    assert {type(side) for side in text.box} == {float}


@pytest.mark.parametrize("box", [(0, 0, 1), (0, 0, 1, NAN), (0, 0, INF, 1)])
def test_a_texts_box_is_four_finite_numbers(box: Any) -> None:
    with pytest.raises(StageError, match="a text's box is four finite numbers"):
        Text("7", 1.0, box)


def segments(class_map: Any) -> Segments:
    return Segments(class_map, ("road", "car"), geometry.identity())


def test_shares_are_of_what_is_seen_and_sum_to_one() -> None:
    class_map = np.array([[0, 0, 1, 9], [0, Segments.UNSEEN, Segments.UNSEEN, 1]], np.uint8)
    shares = segments(class_map).shares()
    assert [label for label, _ in shares] == ["road", "car", "9"]
    assert [share for _, share in shares] == pytest.approx([1 / 2, 1 / 3, 1 / 6])
    assert sum(share for _, share in shares) == pytest.approx(1.0)
    assert {type(value) for row in shares for value in row} == {str, float}


def test_a_view_that_shows_nothing_has_no_shares() -> None:
    assert segments(np.full((4, 4), Segments.UNSEEN, np.uint8)).shares() == ()
    assert segments(np.zeros((0, 0), np.uint8)).shares() == ()


@pytest.mark.parametrize("wrong", [np.zeros((2, 2), np.int64), np.zeros((1, 2, 2), np.uint8), [[0, 1]]])
def test_a_class_map_of_another_kind_is_refused(wrong: Any) -> None:
    with pytest.raises(StageError, match="class_map is"):
        segments(wrong)


def test_a_class_map_is_a_frozen_copy() -> None:
    class_map = np.zeros((2, 2), np.uint8)
    made = segments(class_map)
    class_map[:] = 1
    assert not made.class_map.any()
    assert not made.class_map.flags.writeable
    assert not made.to_frame.flags.writeable


@pytest.mark.parametrize("wrong", [np.eye(2), np.full((3, 3), NAN), [1, 2, 3]])
def test_a_map_to_the_frame_is_three_by_three_and_finite(wrong: Any) -> None:
    with pytest.raises(StageError, match="to_frame is a 3x3 map"):
        Segments(np.zeros((2, 2), np.uint8), (), wrong)
    with pytest.raises(StageError, match="to_frame is a 3x3 map"):
        Picture(still(), to_frame=wrong)


def test_a_picture_keeps_two_axes_and_cuts_alpha_off() -> None:
    assert Picture(np.zeros((4, 5), np.uint8)).image.shape == (4, 5)
    assert Picture(np.zeros((4, 5, 4), np.uint8)).image.shape == (4, 5, 3)
    assert not Picture(np.zeros((4, 5), np.uint8)).image.flags.writeable


@pytest.mark.parametrize(
    "image", [np.zeros((4, 5)), np.zeros((0, 5), np.uint8), np.zeros((4, 5, 2), np.uint8)]
)
def test_what_is_no_picture_is_refused(image: Any) -> None:
    with pytest.raises(StageError, match="an image"):
        Picture(image)


def test_a_picture_is_jpeg_or_png() -> None:
    with pytest.raises(StageError, match="jpeg or png, not webp"):
        Picture(still(), encoding="webp")


@pytest.mark.parametrize("name", ["a/b", "a+", "#", "a\nb", "\0", "../x"])
def test_a_pictures_name_is_one_part_of_a_topic(name: str) -> None:
    with pytest.raises(StageError, match="one part of a topic"):
        Picture(still(), name)


def test_findings_with_arrays_are_equal_only_to_themselves() -> None:
    found = three()
    assert found == found  # noqa: PLR0124
    assert found != three()
    assert Labels((("cat", 0.5),)) == Labels((("cat", 0.5),))
