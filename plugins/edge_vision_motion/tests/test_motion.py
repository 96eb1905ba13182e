from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from edge_vision_motion import Motion, Remember, register_stages
from edge_vision_motion.regions import find_regions, merged
from numpy.typing import NDArray

from edge_vision import ConfigError, Detections, Result, Segments, Stage, geometry
from edge_vision.testing import make_frame, make_stage, still

VIDEOS = Path(__file__).resolve().parents[4] / "shared" / "data" / "video"
WIDTH, HEIGHT = 320, 180


def room(*boxes: tuple[int, int, int, int], level: int = 60) -> NDArray[np.uint8]:
    """A grey room with bright things in it."""
    image = still(level, WIDTH, HEIGHT)
    for x1, y1, x2, y2 in boxes:
        image[y1:y2, x1:x2] = 200
    return image


def see(
    stage: Motion, images: Iterable[NDArray[np.uint8]], start: int = 0, fps: float = 10.0
) -> list[Result | None]:
    return [
        stage(Result.of(make_frame(image, index, fps=fps))) for index, image in enumerate(images, start)
    ]


def boxes(result: Result | None) -> list[list[float]]:
    assert result is not None
    (found,) = result.all(Detections)
    rows: list[list[float]] = found.xyxy.tolist()
    return rows


def test_a_thing_that_appears_is_found_where_it_is() -> None:
    before, after = see(make_stage(Motion, gate=False), [room(), room((100, 40, 140, 100))])

    assert boxes(before) == []
    (box,) = boxes(after)
    assert box == pytest.approx([100, 40, 140, 100], abs=3)
    assert after is not None
    (row,) = next(after.all(Detections))
    assert row.label == "motion"
    assert 0.85 < row.score <= 1.0


def test_the_score_is_the_share_of_the_box_that_changed() -> None:
    ell = room((100, 40, 112, 140), (100, 128, 200, 140))

    _, after = see(make_stage(Motion, gate=False), [room(), ell])

    assert after is not None
    assert next(after.all(Detections)).score[0] == pytest.approx(0.22, abs=0.08)


def test_boxes_are_frame_pixels_whatever_the_view() -> None:
    stage = make_stage(Motion, gate=False)
    quarter = geometry.translation(160, 20) @ geometry.rotation(90) @ geometry.scaling(0.5, 0.5)
    results = []
    for index, image in enumerate([room(), room((80, 60, 110, 80))]):
        result = Result.of(make_frame(image, index))
        results.append(stage(result.with_view(result.view.mapped(quarter, (240, 240)))))

    (box,) = boxes(results[1])
    assert box == pytest.approx([80, 60, 110, 80], abs=2)


def test_the_gate_drops_what_is_still_and_holds_after_motion() -> None:
    stage = make_stage(Motion, hold=0.35, adapt=0.1)
    moving = [room((20 * i, 40, 20 * i + 30, 80)) for i in range(4)]
    still_again = [moving[-1]] * 10

    passed = [result is not None for result in see(stage, [room(), room(), *moving, *still_again])]

    assert passed[:2] == [False, False]
    assert passed[2:6] == [True] * 4
    assert passed[6:9] == [True] * 3
    assert passed[-1] is False
    assert passed[6:].index(False) < 8


def test_without_hold_only_frames_with_motion_pass() -> None:
    stage = make_stage(Motion, hold=0)

    passed = [result is not None for result in see(stage, [room(), room((50, 50, 90, 90)), room()])]

    assert passed == [False, True, False]


def test_the_gate_can_be_switched_off_while_running() -> None:
    stage = make_stage(Motion)
    assert see(stage, [room(), room()]) == [None, None]

    stage.options = stage.options.changed("gate", False)

    assert boxes(see(stage, [room()], start=2)[0]) == []


def test_the_threshold_is_a_difference_of_grey_levels() -> None:
    for step, expected in ((14, 0), (15, 1)):
        image = room()
        image[40:100, 40:100] += np.uint8(step)

        _, after = see(make_stage(Motion, gate=False, threshold=15), [room(), image])

        assert len(boxes(after)) == expected


def test_what_is_smaller_than_min_area_does_not_count() -> None:
    small = room((100, 40, 120, 50))  # 200 of 57600 pixels: a share of 0.0035

    for min_area, expected in ((0.002, 1), (0.006, 0)):
        _, after = see(make_stage(Motion, gate=False, min_area=min_area), [room(), small])
        assert len(boxes(after)) == expected


def test_single_specks_do_not_add_up_by_dilation() -> None:
    noise = room()
    noise[10::40, 10::40] = 255

    _, after = see(make_stage(Motion, gate=False, dilation=3), [room(), noise])

    assert boxes(after) == []


def test_dilation_joins_what_lies_near() -> None:
    pieces = room((100, 40, 140, 60), (100, 68, 140, 90))

    for dilation, expected in ((0, 2), (3, 1)):
        _, after = see(make_stage(Motion, gate=False, dilation=dilation), [room(), pieces])
        assert len(boxes(after)) == expected


@pytest.mark.parametrize("fps", [2.0, 25.0])
def test_what_stopped_moves_no_more_after_the_same_time_at_any_rate(fps: float) -> None:
    stage = make_stage(Motion, gate=False, threshold=20)
    images = [room()] + [room((100, 40, 140, 100))] * int(6 * fps)

    results = see(stage, images, fps=fps)

    # A difference of 140 to what was just before sinks below 20 after 1 s * ln(7) = 1.95 s.
    last = max(index for index, result in enumerate(results) if boxes(result))
    assert last / fps == pytest.approx(1.95, abs=0.6)


def test_the_place_that_something_left_does_not_move() -> None:
    stage = make_stage(Motion, gate=False)
    thing, elsewhere = (100, 40, 140, 100), (200, 40, 240, 100)
    see(stage, [room(thing)])
    see(stage, [room(elsewhere)] * 30, start=1)
    (result,) = see(stage, [room((230, 40, 270, 100))], start=31)
    (box,) = boxes(result)
    assert box[0] > 190, "it left the other place three seconds ago"


@pytest.mark.parametrize("fps", [2.0, 25.0])
def test_what_stays_becomes_background_after_the_same_time_at_any_rate(fps: float) -> None:
    """Until then all of it is seen where a part of it moves."""
    thing, waving = (100, 40, 140, 100), (100, 40, 150, 50)

    def wide_after(seconds: float) -> float:
        stage = make_stage(Motion, gate=False, adapt=4.0, threshold=20)
        count = int(seconds * fps)
        see(stage, [room()] + [room(thing)] * count, fps=fps)
        (result,) = see(stage, [room(thing, waving)], start=count + 1, fps=fps)
        return boxes(result)[0][3] - boxes(result)[0][1]

    # A difference of 140 sinks below 20 after adapt * ln(7) = 7.8 s.
    assert wide_after(6.8) == pytest.approx(60, abs=6)
    assert wide_after(8.8) == pytest.approx(10, abs=6)


def test_a_change_of_light_is_no_motion_and_is_learned_for_a_second() -> None:
    stage = make_stage(Motion, gate=False)
    swinging = [room(level=level) for level in (180, 150, 130, 120, 115, 112, 110, 110, 110, 110)]
    lit = [room(level=110), room((100, 40, 140, 100), level=110)]

    results = see(stage, [room(), *swinging, *lit])

    assert all(boxes(result) == [] for result in results[:-1])
    assert len(boxes(results[-1])) == 1


def test_a_change_of_light_does_not_open_the_gate() -> None:
    assert see(make_stage(Motion), [room(), room(level=180), room(level=180)]) == [None] * 3


def test_with_light_change_at_one_everything_is_motion() -> None:
    stage = make_stage(Motion, gate=False, light_change=1.0)

    _, after = see(stage, [room(), room(level=180)])

    assert boxes(after) == [[0.0, 0.0, WIDTH, HEIGHT]]


def test_ignored_areas_do_not_count_even_for_the_light() -> None:
    left_half = [[[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]]
    stage = make_stage(Motion, gate=False, ignore=left_half, light_change=0.5)

    first, left, right, light = see(
        stage,
        [
            room(),
            room((20, 40, 60, 100)),
            room((200, 40, 240, 100)),
            room((160, 0, 280, 180)),
        ],
    )

    assert boxes(first) == []
    assert boxes(left) == []
    assert len(boxes(right)) == 1
    assert boxes(light) == []


def test_the_mask_tells_still_from_moving_and_leads_back_to_the_frame() -> None:
    stage = make_stage(Motion, gate=False, mask=True)

    before, after = see(stage, [room(), room((100, 40, 140, 100))])

    assert before is not None
    assert after is not None
    assert next(before.all(Segments)).shares() == (("still", 1.0),)
    segments = next(after.all(Segments))
    assert segments.class_map.shape == (90, 160)
    assert dict(segments.shares())["moving"] == pytest.approx(40 * 60 / (WIDTH * HEIGHT), rel=0.2)
    rows, columns = np.nonzero(segments.class_map)
    small = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert geometry.map_boxes(segments.to_frame, small)[0] == pytest.approx([100, 40, 140, 100], abs=3)


def test_another_view_is_learned_anew() -> None:
    stage = make_stage(Motion, gate=False)
    larger = np.asarray(cv2.resize(room((0, 0, 90, 90)), (640, 400)), dtype=np.uint8)

    results = see(stage, [room(), larger, larger])

    assert [boxes(result) for result in results] == [[], [], []]


def test_a_recording_that_begins_again_is_learned_anew() -> None:
    stage = make_stage(Motion, hold=5.0)
    see(stage, [room(), room((100, 40, 140, 100))], start=1000)

    assert see(stage, [room((0, 0, 90, 90)), room((0, 0, 90, 90))]) == [None, None]


def test_the_same_frames_give_the_same_answers() -> None:
    generator = np.random.default_rng(7)
    images = [generator.integers(0, 255, (90, 160, 3), dtype=np.uint8) for _ in range(5)]

    def answers() -> list[Any]:
        results = see(make_stage(Motion, gate=False, light_change=1.0), images)
        return [boxes(result) for result in results]

    assert answers() == answers()


def test_what_changes_outside_the_frame_is_left_out() -> None:
    stage = make_stage(Motion, gate=False)
    results = []
    for index, border in enumerate([0, 250]):
        result = Result.of(make_frame(room(), index))
        padded = result.view.mapped(
            geometry.translation(-100, 0), (WIDTH + 100, HEIGHT), (border, border, border)
        )
        results.append(stage(result.with_view(padded)))

    assert len(boxes(results[1])) <= 1
    assert all(box[2] - box[0] < 5 for box in boxes(results[1]))


def test_regions_know_boxes_scores_and_pixels() -> None:
    changed = np.zeros((40, 60), dtype=np.uint8)
    changed[5:15, 5:15] = 1
    changed[0, 59] = 1
    changed[30:34, 40:60] = 1

    regions = find_regions(changed, reach=2, smallest=10)

    assert regions.boxes.tolist() == [[5, 5, 15, 15], [40, 30, 60, 34]]
    assert regions.score.tolist() == [1.0, 1.0]
    assert regions.mask.sum() == 180


def test_a_speck_counts_within_a_regions_box_and_nowhere_else() -> None:
    changed = np.zeros((60, 80), dtype=np.uint8)
    changed[10:40, 10] = changed[10, 10:40] = 1
    changed[30, 30] = changed[50, 70] = 1

    regions = find_regions(changed, reach=2, smallest=10)

    assert regions.boxes.tolist() == [[10, 10, 40, 40]]
    assert regions.mask.sum() == 60
    assert regions.mask[30, 30] == 1
    assert regions.mask[50, 70] == 0


def test_places_that_are_wide_but_sparse_are_no_regions() -> None:
    changed = np.zeros((60, 80), dtype=np.uint8)
    changed[10, 10:50:4] = changed[10:40:4, 10] = 1
    assert len(find_regions(changed, reach=2, smallest=40).boxes) == 0
    assert len(find_regions(changed, reach=2, smallest=15).boxes) == 1


def test_overlapping_boxes_become_one_until_none_overlap() -> None:
    found = merged([(0, 0, 10, 10), (30, 0, 40, 10), (8, 5, 32, 6), (50, 50, 60, 60)])

    assert sorted(found) == [(0, 0, 40, 10), (50, 50, 60, 60)]


@pytest.mark.shared
@pytest.mark.skipif(not VIDEOS.is_dir(), reason="the shared videos are not here")
def test_in_a_real_recording_the_gate_waits_for_the_first_person() -> None:
    capture = cv2.VideoCapture(str(VIDEOS / "one-by-one-person-detection.mp4"))
    stage = make_stage(Motion)
    passed = []
    for index in range(75):
        _, image = capture.read()
        frame = cv2.resize(image, (192, 108), interpolation=cv2.INTER_AREA)
        passed.append(stage(Result.of(make_frame(np.asarray(frame, np.uint8), index))) is not None)
    capture.release()

    # The first shoe comes into sight at frame 60.
    assert not any(passed[:55])
    assert all(passed[65:])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gate": 1}, "gate: should be a valid boolean"),
        ({"hold": -1}, "hold: should be greater than or equal to 0"),
        ({"hold": 3601}, "hold: should be less than or equal to 3600"),
        ({"threshold": 0}, "threshold: should be greater than or equal to 1"),
        ({"threshold": 256}, "threshold: should be less than or equal to 255"),
        ({"threshold": 20.5}, "threshold: should be a valid integer"),
        ({"min_area": 0}, "min_area: should be greater than 0"),
        ({"min_area": 1.5}, "min_area: should be less than or equal to 1"),
        ({"adapt": 0}, "adapt: should be greater than or equal to 0.1"),
        ({"adapt": 4000}, "adapt: should be less than or equal to 3600"),
        ({"light_change": 0}, "light_change: should be greater than or equal to 0.1"),
        ({"light_change": 1.1}, "light_change: should be less than or equal to 1"),
        ({"dilation": -1}, "dilation: should be greater than or equal to 0"),
        ({"dilation": 21}, "dilation: should be less than or equal to 20"),
        ({"width": 16}, "width: should be greater than or equal to 32"),
        ({"width": 641}, "width: should be less than or equal to 640"),
        ({"ignore": [[[0, 0], [1, 1]]]}, r"ignore\[0\]: .*at least 3 items"),
        ({"ignore": [[[0, 0], [1, 1], [0, 2]]]}, r"ignore\[0\]\[2\]\[1\]: should be less than or equal"),
        ({"mask": "yes"}, "mask: should be a valid boolean"),
        ({"treshold": 10}, "treshold: unknown option, did you mean threshold"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make_stage(Motion, **options)


def test_the_plugin_offers_its_stages() -> None:
    offered: list[type[Stage]] = []

    register_stages(offered.append)

    assert offered == [Motion, Remember]
    assert Motion.stateful
