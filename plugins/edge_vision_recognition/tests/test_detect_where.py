"""The stage detect with `where`: it looks where something moved, and remembers the rest."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from edge_vision_recognition import Detect
from edge_vision_recognition.collage import arranged, of_part
from numpy.typing import NDArray

from edge_vision import Candidates, ConfigError, Detections, Image, Result, TensorSpec
from edge_vision.testing import FakeModel, make_frame, make_stage

SIDE = 64
"""Pixels of the model's input."""
FRAME = (512, 256)
Square = tuple[int, int, int]
"""Left and top of a white square in pixels of the frame, and its side."""


class Finder:
    """A detector of white squares that are at least three pixels wide in what it sees."""

    def __init__(self) -> None:
        self.looks: list[Image] = []
        outputs = [
            TensorSpec("b", (1, 8, 4), "float32", meaning="boxes"),
            TensorSpec("c", (1, 8), "float32", meaning="classes"),
            TensorSpec("s", (1, 8), "float32", meaning="scores"),
            TensorSpec("n", (1,), "float32", meaning="count"),
        ]
        image = TensorSpec("image", (1, SIDE, SIDE, 3), "uint8", meaning="image")
        self.model = FakeModel([image], outputs, self._answer, ("square",))

    def _answer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        picture = inputs["image"][0]
        self.looks.append(picture)
        white = (picture.min(axis=2) > 160).astype(np.uint8)
        count, _, places, _ = cv2.connectedComponentsWithStats(white, connectivity=4)
        boxes, scores = np.zeros((1, 8, 4), np.float32), np.zeros((1, 8), np.float32)
        found = [place for place in places[1:count] if min(place[2], place[3]) >= 3][:8]
        for number, (x, y, width, height, _) in enumerate(found):
            boxes[0, number] = np.array([y, x, y + height, x + width]) / SIDE
            scores[0, number] = 0.9
        return {
            "b": boxes,
            "c": np.zeros((1, 8), np.float32),
            "s": scores,
            "n": np.array([len(found)], np.float32),
        }


class Street:
    """A camera's frames, and the detector that watches them."""

    def __init__(self, **options: Any) -> None:
        self.finder = Finder()
        self.stage = make_stage(
            Detect, {"m": self.finder.model}, model="m", where=("motion",), **options
        )
        self.index = 0

    def found(
        self, *squares: Square, moved: tuple[Square, ...] = (), take: int = 0
    ) -> list[tuple[float, ...]]:
        """What is found in the next frame, a second later, boxes from left to right."""
        image = np.zeros((FRAME[1], FRAME[0], 3), np.uint8)
        for x, y, side in squares:
            image[y : y + side, x : x + side] = 255
        frame = replace(make_frame(image, index=self.index, fps=1.0), take=take)
        self.index += 1
        boxes = np.array([[x, y, x + side, y + side] for x, y, side in moved], np.float32)
        count = len(moved)
        motion = Detections(
            boxes.reshape(-1, 4),
            np.ones(count, np.float32),
            np.zeros(count, np.int32),
            stage="motion",
        )
        result = self.stage(Result.of(frame).add(motion))
        assert result is not None
        return sorted(tuple(box) for box in result.detections[-1].xyxy.tolist())

    @property
    def looks(self) -> int:
        """So many times the model was run."""
        return len(self.finder.looks)


LEFT, RIGHT = (40, 100, 48), (400, 60, 48)


def test_where_nothing_moves_nothing_is_looked_at_and_all_is_still_there() -> None:
    street = Street()
    first = street.found(LEFT, RIGHT)
    assert len(first) == 2
    assert [street.found(LEFT, RIGHT) for _ in range(3)] == [first] * 3
    assert street.looks == 1


def test_what_moves_is_looked_at_closely_and_found_where_it_is() -> None:
    street = Street()
    street.found(LEFT)
    (box,) = street.found((60, 100, 12), moved=((60, 100, 12), LEFT))
    assert street.looks == 2
    np.testing.assert_allclose(box, (60, 100, 72, 112), atol=1.5)


def test_the_whole_view_would_not_have_shown_it() -> None:
    tiny = (200, 100, 8)
    street = Street()
    assert street.found(tiny) == [], "it is one pixel wide in all of the view"
    (box,) = street.found(tiny, moved=(tiny,))
    np.testing.assert_allclose(box, (200, 100, 208, 108), atol=1.5)


def test_several_places_are_seen_in_one_look() -> None:
    one, two, three = (20, 20, 12), (470, 30, 12), (240, 220, 12)
    street = Street()
    street.found()
    boxes = street.found(one, two, three, moved=(one, two, three))
    assert street.looks == 2
    wanted = [(x, y, x + side, y + side) for x, y, side in (one, three, two)]
    np.testing.assert_allclose(boxes, wanted, atol=2.5)


def test_what_left_is_gone_and_what_stands_elsewhere_stays() -> None:
    street = Street()
    _, right = street.found(LEFT, RIGHT)
    assert street.found(RIGHT, moved=(LEFT,)) == [right]
    assert street.found(RIGHT) == [right]
    assert street.looks == 2


def test_a_thing_of_which_only_a_part_moves_is_seen_whole() -> None:
    street = Street()
    (whole,) = street.found(LEFT)
    (again,) = street.found(LEFT, moved=((44, 104, 6),))
    np.testing.assert_allclose(again, whole, atol=4.0)


def test_the_whole_view_is_looked_at_every_now_and_then() -> None:
    street = Street(full_every=3.0)
    for _ in range(7):
        street.found(LEFT)
    assert street.looks == 3


def test_where_much_moves_the_whole_view_is_looked_at() -> None:
    street = Street()
    street.found(LEFT)
    boxes = street.found(LEFT, RIGHT, moved=((0, 0, 250), (250, 0, 256)))
    assert len(boxes) == 2
    assert street.finder.looks[-1].shape == (SIDE, SIDE, 3)
    assert (street.finder.looks[-1] == 255).mean() > 0.02, "both, small"


def test_a_recording_that_begins_again_is_looked_at_anew() -> None:
    street = Street()
    street.found(LEFT)
    assert len(street.found(RIGHT, take=1)) == 1
    assert street.looks == 2


def test_it_is_in_order_and_not_for_recurrent_models() -> None:
    assert Street().stage.stateful
    state = TensorSpec("state", (1, 4), "float32")
    finder = Finder().model
    specs = [*finder.bundle.inputs, state], [*finder.bundle.outputs, replace(state, name="next_state")]
    recurrent = FakeModel(*specs, lambda inputs: {}, ("square",))
    with pytest.raises(ConfigError, match="models without a state") as caught:
        make_stage(Detect, {"m": recurrent}, model="m", where=("motion",))
    assert caught.value.path == "where"


# Collages


def region(x: float, y: float, width: float, height: float) -> NDArray[np.float64]:
    return np.array([x, y, x + width, y + height], np.float64)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_parts_fill_the_collage_side_by_side_and_are_not_enlarged(count: int) -> None:
    random = np.random.default_rng(count)
    regions = [region(random.uniform(0, 3800), random.uniform(0, 2100), 30, 20) for _ in range(count)]
    parts = arranged(regions, (3840, 2160), (300, 300))
    assert parts is not None
    assert 1 <= len(parts) <= 4
    canvas = np.zeros((300, 300), int)
    for part in parts:
        x1, y1, x2, y2 = part.place
        canvas[y1:y2, x1:x2] += 1
        assert part.region[2] - part.region[0] >= part.size[0]
    assert canvas.max() == 1
    for each in regions:
        inside = [(p.region[:2] <= each[:2]).all() and (each[2:] <= p.region[2:]).all() for p in parts]
        assert any(inside)


def test_no_collage_shows_what_the_whole_view_shows_as_well() -> None:
    assert arranged([region(10, 10, 30, 30)], (320, 240), (300, 300)) is None
    assert arranged([region(0, 0, 1200, 700)], (1280, 720), (300, 300)) is None
    assert arranged([region(0, 0, 300, 300)], (1280, 720), (300, 300)) is not None


def test_a_box_over_a_seam_belongs_to_the_part_with_most_of_it() -> None:
    parts = arranged([region(100, 100, 50, 50), region(3000, 100, 50, 50)], (3840, 2160), (300, 300))
    assert parts is not None
    seam = parts[0].place[2] / 300
    boxes = np.array([[seam - 0.2, 0.4, seam + 0.05, 0.5], [seam - 0.1, 0.4, seam + 0.099, 0.5]])
    found = Candidates(boxes.astype(np.float32), np.ones(2, np.float32), np.zeros(2, np.int32))
    own = [of_part(found, part, (300, 300)) for part in parts]
    assert [len(each.score) for each in own] == [1, 0], "the second is half here, half there"
    assert own[0].boxes[0, 2] == 1.0
