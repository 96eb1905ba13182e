from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from edge_vision_annotate import Annotate, register_stages
from numpy.typing import NDArray

from edge_vision import (
    ConfigError,
    Detections,
    Finding,
    Labels,
    Picture,
    Result,
    Segments,
    Stage,
    Text,
    geometry,
)
from edge_vision.testing import make_frame, make_stage, run, still

WIDTH, HEIGHT = 320, 240
GREY = 90


def scene() -> NDArray[np.uint8]:
    return still(GREY, WIDTH, HEIGHT)


def person(box: tuple[float, float, float, float] = (100, 80, 180, 200), **columns: Any) -> Detections:
    return Detections(
        np.array([box], np.float32),
        np.array([0.875], np.float32),
        np.zeros(1, np.int32),
        ("person",),
        **columns,
    )


def picture(result: Result) -> Picture:
    (made,) = result.all(Picture)
    return made


def drawn(*findings: Finding, **options: Any) -> NDArray[np.uint8]:
    return picture(run(make_stage(Annotate, **options), scene(), *findings)).image


def touched(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where something was drawn, (height, width) bool."""
    return np.asarray((image != GREY).any(axis=2))


def test_without_findings_the_picture_is_the_frame() -> None:
    result = run(make_stage(Annotate), scene())

    np.testing.assert_array_equal(picture(result).image, scene())
    assert picture(result).encoding == "jpeg"


def test_it_draws_on_a_copy_only() -> None:
    image = scene()

    result = run(make_stage(Annotate), image, person())

    np.testing.assert_array_equal(result.frame.image, scene())
    np.testing.assert_array_equal(image, scene())
    np.testing.assert_array_equal(result.view.pixels(), scene())
    assert touched(picture(result).image).any()


def test_a_box_is_drawn_along_its_edges_and_nowhere_else() -> None:
    marks = touched(drawn(person()))

    assert marks[80, 105:175].all() or marks[79, 105:175].all()
    assert marks[100:190, 100].any()
    assert not marks[120:180, 110:170].any()
    assert not marks[:, 200:].any()
    assert not marks[205:].any()


def test_a_tag_stands_above_its_box() -> None:
    marks = touched(drawn(person()))

    tag = marks[60:78, 102:140]
    assert tag.mean() > 0.8


@pytest.mark.parametrize(
    "box",
    [(0, 0, 60, 60), (290, 0, 320, 240), (-50, 200, 20, 300), (0, 0, 320, 240), (300, 230, 320, 240)],
)
def test_a_tag_at_the_edge_stays_in_the_picture(box: tuple[float, float, float, float]) -> None:
    # Whatever is drawn is the outline and one whole tag: cut off, it would have fewer pixels.
    whole = _tag_pixels(drawn(person()))

    assert _tag_pixels(drawn(person(box))) >= 0.85 * whole


def _tag_pixels(image: NDArray[np.uint8]) -> int:
    """How many pixels have a neighbourhood drawn on all around: areas, not lines."""
    marks = touched(image)
    inner = marks[2:-2, 2:-2].copy()
    for dy in range(5):
        for dx in range(5):
            inner &= marks[dy : dy + inner.shape[0], dx : dx + inner.shape[1]]
    return int(inner.sum())


def test_tags_of_things_in_one_place_do_not_cover_each_other() -> None:
    one = _tag_pixels(drawn(person()))
    both = Detections(
        np.array([[100, 80, 180, 200]] * 2, np.float32),
        np.array([0.875, 0.86], np.float32),
        np.zeros(2, np.int32),
        ("person",),
    )

    assert _tag_pixels(drawn(both)) >= 1.8 * one


def test_a_track_makes_the_tag_longer() -> None:
    plain, tracked = drawn(person()), drawn(person(track_id=np.array([1234567])))

    assert _tag_pixels(tracked) > 1.2 * _tag_pixels(plain)


def test_what_a_tracker_tells_again_is_drawn_once() -> None:
    detector = person((98, 78, 178, 202))
    tracker = person(track_id=np.array([17]))

    np.testing.assert_array_equal(drawn(detector, tracker), drawn(tracker))
    assert (drawn(person((10, 100, 60, 200)), tracker) != drawn(tracker)).any()


def test_a_wide_frame_is_scaled_down_and_leads_back() -> None:
    made = picture(run(make_stage(Annotate, max_width=160), scene(), person()))

    assert made.image.shape == (120, 160, 3)
    assert made.to_frame is not None
    assert geometry.map_boxes(made.to_frame, [50, 40, 90, 100]).tolist() == [[100, 80, 180, 200]]
    marks = touched(made.image)
    assert marks[60:90, 50].any()
    assert not marks[60:90, 55:85].any()


def test_the_width_can_be_changed_while_running() -> None:
    stage = make_stage(Annotate)
    stage.options = stage.options.changed("max_width", 80)

    assert picture(run(stage, scene())).image.shape == (60, 80, 3)


def test_on_the_view_boxes_are_where_the_view_shows_them() -> None:
    stage = make_stage(Annotate, source="view")
    before = Result.of(make_frame(scene())).add(person())
    cropped = before.view.mapped(geometry.translation(80, 60), (160, 160))

    after = stage(before.with_view(cropped))

    made = picture(after)
    assert made.image.shape == (160, 160, 3)
    assert made.to_frame is not None
    assert made.to_frame.tolist() == geometry.translation(80, 60).tolist()
    marks = touched(made.image)
    assert marks[40:130, 20].any()
    assert marks[40:130, 99].any()
    assert not marks[50:130, 30:90].any()


def test_of_a_box_outside_the_view_not_even_the_tag_is_drawn() -> None:
    stage = make_stage(Annotate, source="view")
    before = Result.of(make_frame(scene())).add(person((0, 0, 40, 40)))

    after = stage(before.with_view(before.view.mapped(geometry.translation(80, 60), (160, 160))))

    assert not touched(picture(after).image).any()


def test_on_a_turned_view_a_box_is_turned_too() -> None:
    stage = make_stage(Annotate, source="view")
    before = Result.of(make_frame(scene())).add(person((110, 90, 210, 150)))
    turned = before.view.mapped(geometry.rotation(-45, (160, 120)), (WIDTH, HEIGHT), (GREY,) * 3)

    after = stage(before.with_view(turned))

    seen = touched(picture(after).image)
    # The upright box around it would pass here; the turned one does not.
    assert not seen[165:175, 105:112].any()
    assert not seen[120, 155:165].any()
    assert seen[120].any()


def test_segments_colour_their_classes_but_not_the_background() -> None:
    class_map = np.zeros((12, 16), np.uint8)
    class_map[6:, 8:] = 1
    to_frame = geometry.scaling(20, 20)
    segments = Segments(class_map, ("background", "road"), to_frame)

    image = drawn(segments)

    assert not touched(image)[:, :120][60:].any()
    lower = image[140:, 180:].reshape(-1, 3)
    assert (lower == lower[0]).all()
    assert (lower[0] != GREY).any()


def test_opacity_says_how_far_colours_cover() -> None:
    segments = Segments(np.ones((12, 16), np.uint8), ("sky", "road"), geometry.scaling(20, 20))

    clear, half, full = (drawn(segments, opacity=o)[200, 300].astype(int) for o in (0.0, 0.5, 1.0))

    assert clear.tolist() == [GREY] * 3
    assert half == pytest.approx((clear + full) / 2, abs=2)


def test_a_class_has_one_colour_whichever_model_finds_it() -> None:
    one = Segments(np.ones((12, 16), np.uint8), ("sky", "road"), geometry.scaling(20, 20))
    other = Segments(np.zeros((6, 8), np.uint8), ("road",), geometry.scaling(40, 40))

    assert drawn(one)[200, 300].tolist() == drawn(other)[200, 300].tolist()


def test_classes_of_one_model_have_different_colours() -> None:
    class_map = np.arange(16, dtype=np.uint8)[np.newaxis].repeat(12, axis=0)
    names = tuple(f"class {n}" for n in range(16))

    image = drawn(Segments(class_map, names, geometry.scaling(20, 20)), opacity=1.0)

    centres = image[230, 10::20]
    assert len({tuple(colour.tolist()) for colour in centres}) == 16


def test_a_mask_colours_its_pixels() -> None:
    mask = np.zeros((1, HEIGHT, WIDTH), np.bool_)
    mask[0, 100:180, 120:160] = True

    marks = touched(drawn(person(mask=mask)))

    assert marks[105:175, 125:155].all()
    assert not marks[105:175, 104:115].any()


def test_keypoints_and_limbs_are_drawn_where_they_were_seen() -> None:
    keypoints = np.zeros((1, 17, 3), np.float32)
    keypoints[0, 5] = 120, 100, 0.9
    keypoints[0, 6] = 160, 100, 0.9
    keypoints[0, 7] = 120, 160, 0.1

    marks = touched(drawn(person(keypoints=keypoints)))

    assert marks[98:103, 118:123].all()
    assert marks[100, 121:160].all()
    assert not marks[110:170, 118:123].any()


def test_limbs_go_by_the_names_of_the_keypoints() -> None:
    keypoints = np.array([[[120, 100, 0.9], [160, 100, 0.9]]], np.float32)

    joined = touched(drawn(person(keypoints=keypoints, keypoint_names=("left_knee", "left_hip"))))
    apart = touched(drawn(person(keypoints=keypoints, keypoint_names=("tip", "tail"))))
    unnamed = touched(drawn(person(keypoints=keypoints)))

    assert joined[100, 121:160].all()
    for marks in (apart, unnamed):
        assert marks[100, 120]
        assert not marks[100, 130:150].any()


def test_seventeen_keypoints_with_other_names_are_not_a_person() -> None:
    keypoints = np.zeros((1, 17, 3), np.float32)
    keypoints[0, 5:7] = [[120, 100, 0.9], [160, 100, 0.9]]
    names = tuple(f"point {number}" for number in range(17))

    marks = touched(drawn(person(keypoints=keypoints, keypoint_names=names)))

    assert not marks[100, 130:150].any()


def test_many_keypoints_are_small_dots() -> None:
    keypoints = np.zeros((1, 468, 3), np.float32)
    keypoints[0, 0] = 140, 140, 0.9

    marks = touched(drawn(person(keypoints=keypoints)))

    assert 1 <= marks[130:150, 130:150].sum() <= 9


def test_labels_of_a_part_stand_beside_its_box_and_not_in_the_corner() -> None:
    labels = Labels((("tabby", 0.91), ("siamese", 0.05)), box=(100, 80, 180, 200), track_id=1234567)

    image = drawn(labels)

    marks = touched(image)
    assert marks[60:78, 102:140].mean() > 0.8
    assert marks[100:190, 100].any()
    assert not marks[10:30, 10:60].any()
    without_track = drawn(Labels(labels.rows, box=labels.box))
    assert _tag_pixels(image) > 1.2 * _tag_pixels(without_track)


def test_the_box_of_an_object_is_drawn_over_that_of_its_labels() -> None:
    labels = Labels((("tabby", 0.91),), box=(100, 80, 180, 200))

    object_only, labels_only, both = drawn(person()), drawn(labels), drawn(person(), labels)

    def difference(other: NDArray[np.uint8]) -> int:
        return int(np.abs(both[100:190, 100].astype(int) - other[100:190, 100]).sum())

    assert difference(object_only) < 0.1 * difference(labels_only)


def test_labels_without_rows_draw_nothing() -> None:
    assert not touched(drawn(Labels((), box=(100, 80, 180, 200)))).any()


def test_a_text_of_a_track_says_so() -> None:
    box = (100.0, 100.0, 160.0, 120.0)

    tracked, plain = drawn(Text("47", 0.9, box, track_id=1234567)), drawn(Text("47", 0.9, box))

    assert _tag_pixels(tracked) > 1.2 * _tag_pixels(plain)


def test_labels_are_listed_in_the_corner() -> None:
    marks = touched(drawn(Labels((("kitchen", 0.91), ("office", 0.05)))))

    assert marks[10:30, 10:60].mean() > 0.9
    assert not marks[120:].any()
    assert not marks[:, 200:].any()


def test_texts_are_drawn_with_their_box_even_with_odd_letters() -> None:
    marks = touched(drawn(Text("00\n47\x0711 " * 40, 0.97, (100, 100, 160, 120))))

    assert marks[100:120, 100].any()
    assert marks[60:98].any() or marks[122:150].any()


def test_only_the_named_stages_are_drawn() -> None:
    mine, other = person(), person((10, 100, 60, 200))
    named = Detections(mine.xyxy, mine.score, mine.class_id, mine.labels, stage="people")

    np.testing.assert_array_equal(drawn(named, other, stages=["people"]), drawn(named))


def test_it_names_the_picture() -> None:
    assert picture(run(make_stage(Annotate), scene())).name == ""
    assert picture(run(make_stage(Annotate, picture="yard-2"), scene())).name == "yard-2"


@pytest.mark.parametrize(("fps", "expected"), [(5.0, 10), (4.0, 8), (100.0, 25), (None, 25)])
def test_pictures_a_second_are_counted_in_the_frames_time(fps: float | None, expected: int) -> None:
    stage = make_stage(Annotate, fps=fps)

    results = [stage(Result.of(make_frame(scene(), index, fps=12.5))) for index in range(25)]

    assert sum(len(list(result.all(Picture))) for result in results) == expected


def test_a_recording_that_begins_again_is_drawn_again() -> None:
    stage = make_stage(Annotate, fps=0.1)
    run(stage, scene(), index=900)

    assert list(run(stage, scene(), index=0).all(Picture))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (8, 6), (2000, 3)])
def test_pictures_of_any_size_can_be_drawn_on(width: int, height: int) -> None:
    result = run(
        make_stage(Annotate),
        still(GREY, width, height),
        person((0, 0, 50, 50)),
        Labels((("kitchen", 0.9),)),
        Segments(np.ones((4, 4), np.uint8), ("sky", "road"), geometry.scaling(width / 4, height / 4)),
    )

    assert picture(result).image.shape[1] == min(width, 1280)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"source": "both"}, "source: should be 'frame' or 'view'"),
        ({"picture": "a/b"}, "picture: .*pattern"),
        ({"picture": "a" * 65}, "picture: .*at most 64 characters"),
        ({"stages": "people"}, "stages: "),
        ({"max_width": 63}, "max_width: should be greater than or equal to 64"),
        ({"max_width": 8000}, "max_width: should be less than or equal to 7680"),
        ({"opacity": -0.1}, "opacity: should be greater than or equal to 0"),
        ({"opacity": 1.1}, "opacity: should be less than or equal to 1"),
        ({"fps": 0}, "fps: should be greater than 0"),
        ({"fps": 241}, "fps: should be less than or equal to 240"),
        ({"max_widht": 640}, "max_widht: unknown option, did you mean max_width"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make_stage(Annotate, **options)


def test_the_plugin_offers_its_stage() -> None:
    offered: list[type[Stage]] = []

    register_stages(offered.append)

    assert offered == [Annotate]
