"""The stage `track`: ids on what earlier stages found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
from edge_vision_tracking import Track, register_stages
from numpy.typing import NDArray

from edge_vision import (
    ConfigError,
    Detections,
    Embedding,
    Identity,
    Model,
    Result,
    Stage,
    StageContext,
    result_payload,
)
from edge_vision.testing import make_frame, make_stage, still

Row = tuple[float, float, float, float]
LABELS = ("person", "car")


def person(x: float) -> Row:
    return x, 20.0, x + 20.0, 60.0


def things(
    *boxes: Row, score: float = 0.9, kinds: Sequence[int] = (), stage: str = "detect"
) -> Detections:
    number = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(number, score, np.float32),
        np.array(kinds or [0] * number, np.int32),
        LABELS,
        stage=stage,
    )


def show(stage: Stage, index: int, *found: Detections | Embedding, take: int = 0) -> Result:
    """What the stage makes of the frame with that index, ten of which come a second."""
    frame = make_frame(still(width=320, height=180), index)
    result = stage(Result.of(replace(frame, take=take)).add(*found))
    assert result is not None
    return result


def no_model(name: str) -> Model:
    raise KeyError(name)


def ids(result: Result, stage: str = "detect") -> list[int | None]:
    return [row.track_id for found in result.all(Detections, (stage,)) for row in found]


def test_rows_keep_their_stage_and_get_their_track() -> None:
    stage = make_stage(Track)
    show(stage, 0, things(person(10)))
    result = show(stage, 1, things(person(12)))
    assert len(result.detections) == 1, "told once"
    payload = result_payload(result, Identity("node", "boot"))
    assert [(row["stage"], row["track"]) for row in payload["detections"]] == [("detect", 1)]


def test_what_is_not_confirmed_has_no_track_in_the_payload_or_is_left_out() -> None:
    for only, rows in ((False, 1), (True, 0)):
        result = show(make_stage(Track, only=only), 0, things(person(10)))
        payload = result_payload(result, Identity("node", "boot"))
        assert len(payload.get("detections", [])) == rows
        assert all("track" not in row for row in payload.get("detections", []))


def test_it_tracks_what_was_found_last_or_what_the_named_stages_found() -> None:
    moved, found = things(person(10), stage="motion"), things(person(100), stage="detect")
    stage = make_stage(Track, confirm=1)
    result = show(stage, 0, moved, found)
    assert (ids(result, "motion"), ids(result, "detect")) == ([None], [1])
    stage = make_stage(Track, confirm=1, of=("motion", "detect"))
    result = show(stage, 0, moved, found)
    assert (ids(result, "motion"), ids(result, "detect")) == ([1], [2])


def test_labels_part_tracks_unless_the_detector_wavers() -> None:
    for by_label, last in ((True, 2), (False, 1)):
        stage = make_stage(Track, confirm=1, by_label=by_label)
        show(stage, 0, things(person(10), kinds=[0]))
        assert ids(show(stage, 1, things(person(10), kinds=[1]))) == [last]


def test_another_take_begins_with_new_tracks_and_goes_on_with_the_numbers() -> None:
    stage = make_stage(Track, confirm=1)
    assert ids(show(stage, 0, things(person(10)))) == [1]
    assert ids(show(stage, 1, things(person(10)), take=1)) == [2]


def test_a_stage_that_is_made_anew_for_its_camera_goes_on_with_the_numbers() -> None:
    context = StageContext("porch", "track", no_model, number=count(1).__next__)
    for expected in (1, 2):
        stage = Track(Track.Options.parse({"confirm": 1}), context)
        assert ids(show(stage, 0, things(person(10)))) == [expected]


def test_boxes_are_smoothed_unless_they_shall_not() -> None:
    for smooth in (True, False):
        stage = make_stage(Track, smooth=smooth)
        for i in range(20):
            result = show(stage, i, things(person(10 + (3 if i % 2 else 0))))
        (found,) = result.detections
        assert (found.xyxy[0, 0] == 13) is not smooth
        assert abs(found.xyxy[0, 0] - 12.5) < 2.5


def test_vectors_of_the_boxes_tell_who_is_who() -> None:
    red, blue = np.eye(2, dtype=np.float32)

    def looks(first: Row, second: Row) -> list[Embedding]:
        pairs: list[tuple[NDArray[np.float32], Row]] = [(red, first), (blue, second)]
        return [Embedding(vector * 3, box, stage="crops") for vector, box in pairs]

    stage = make_stage(Track, confirm=1)
    show(stage, 0, things(person(10), person(22)), *looks(person(10), person(22)))
    result = show(stage, 1, things(person(18), person(14)), *looks(person(18), person(14)))
    assert ids(result) == [1, 2]


def test_nothing_found_is_no_trouble() -> None:
    stage = make_stage(Track)
    assert ids(show(stage, 0, things())) == []
    assert show(stage, 1).findings == ()


@pytest.mark.parametrize(
    ("options", "path"),
    [({"sure": 2}, "sure"), ({"confirm": 0}, "confirm"), ({"keep": 0}, "keep"), ({"nice": 1}, "nice")],
)
def test_wrong_options_are_named(options: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_stage(Track, **options)
    assert path in str(caught.value)


def test_it_is_offered() -> None:
    offered: list[type[Stage]] = []
    register_stages(offered.append)
    assert offered == [Track]
