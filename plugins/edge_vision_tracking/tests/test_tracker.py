"""The tracker: things that move, hide, cross, and are seen badly keep their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from edge_vision_tracking.tracker import Followed, Found, Manners, Tracker
from numpy.typing import NDArray

from edge_vision import Detections

NONE = Detections.UNTRACKED
SURE = 0.9
Row = tuple[float, float, float, float]


def box(x: float, y: float = 100.0, width: float = 40.0, height: float = 80.0) -> Row:
    return x, y, x + width, y + height


def found(
    boxes: Sequence[Row],
    score: float | Sequence[float] = SURE,
    kind: Sequence[int] | None = None,
    vectors: NDArray[np.float32] | None = None,
) -> Found:
    scores = np.broadcast_to(np.asarray(score, np.float64), (len(boxes),))
    kinds = np.zeros(len(boxes), np.int64) if kind is None else np.array(kind, np.int64)
    return Found(np.array(boxes, np.float64).reshape(-1, 4), scores, kinds, vectors)


class Film:
    """A tracker that is shown one frame after the other."""

    def __init__(self, fps: float = 10.0, **manners: float) -> None:
        self.tracker = Tracker(count(1).__next__)
        self.manners = replace(Manners(), **manners)  # type: ignore[arg-type]
        self.step = 1.0 / fps
        self.now = 0.0

    def show(self, seen: Found) -> list[int]:
        return [int(each) for each in self.follow(seen).id]

    def follow(self, seen: Found) -> Followed:
        self.now += self.step
        return self.tracker.update(self.now, seen, self.manners)


def test_an_id_comes_with_the_second_frame_in_a_row_and_stays() -> None:
    film = Film()
    assert film.show(found([box(10)])) == [NONE]
    assert [film.show(found([box(10 + 5 * i)])) for i in range(1, 5)] == [[1]] * 4


def test_what_is_found_once_gets_no_id_and_is_forgotten_at_once() -> None:
    film = Film()
    film.show(found([box(10)]))
    film.show(found([]))
    assert film.show(found([box(10)])) == [NONE]


def test_where_one_frame_is_enough_the_id_comes_with_it() -> None:
    assert Film(confirm=1).show(found([box(10), box(200)])) == [1, 2]


def test_what_is_found_unsurely_begins_no_track_but_goes_on_with_one() -> None:
    film = Film()
    assert [film.show(found([box(10)], 0.4)) for _ in range(4)] == [[NONE]] * 4
    film.show(found([box(10)]))
    assert film.show(found([box(10)])) == [1]
    assert film.show(found([box(12)], 0.4)) == [1]


def test_a_sure_finding_goes_before_an_unsure_one_that_lies_better() -> None:
    film = Film()
    film.show(found([box(10)]))
    film.show(found([box(10)]))
    assert film.show(found([box(10), box(18)], [0.4, 0.9])) == [NONE, 1]


def test_what_is_hidden_keeps_its_id_for_a_while_and_where_it_was_going() -> None:
    film = Film(keep=1.0)
    for i in range(10):
        film.show(found([box(10 + 8 * i)]))
    for _ in range(5):
        film.show(found([]))
    assert film.show(found([box(10 + 8 * 15)])) == [1]
    for _ in range(12):
        film.show(found([]))
    assert film.show(found([box(10 + 8 * 28)])) == [NONE]
    assert film.show(found([box(10 + 8 * 29)])) == [2], "after that it is somebody else"


def test_two_who_pass_each_other_keep_their_ids() -> None:
    film = Film(confirm=1)
    seen = [film.show(found([box(10 + 12 * i), box(250 - 12 * i, 110)])) for i in range(20)]
    assert seen == [[1, 2]] * 20


@pytest.mark.parametrize("fps", [2, 5, 10, 30])
def test_it_works_at_any_frame_rate(fps: float) -> None:
    film = Film(fps)
    walking, pace = 4.0, 60.0
    ids = [
        film.show(found([box(10 + pace * i / fps), box(600 - pace * i / fps, 300)]))
        for i in range(int(walking * fps))
    ]
    assert ids[1:] == [[1, 2]] * (len(ids) - 1)


def test_what_goes_further_than_its_size_between_two_frames_is_found_again() -> None:
    film = Film(2)
    ids = [film.show(found([box(10 + 55 * i)])) for i in range(8)]
    assert ids[1:] == [[1]] * 7


def test_things_of_different_kinds_are_never_one_track() -> None:
    film = Film(confirm=1)
    assert film.show(found([box(10)], kind=[0])) == [1]
    assert film.show(found([box(10)], kind=[1])) == [2]
    assert film.show(found([box(10)], kind=[0])) == [1]


def test_looks_tell_apart_what_places_do_not() -> None:
    red, blue = np.eye(2, dtype=np.float32)

    def crossed(looks: bool) -> list[int]:
        film = Film(confirm=1)
        film.show(found([box(10), box(40)], vectors=np.stack([red, blue]) if looks else None))
        return film.show(found([box(28), box(22)], vectors=np.stack([red, blue]) if looks else None))

    assert crossed(looks=False) == [2, 1]
    assert crossed(looks=True) == [1, 2]


def test_looks_that_another_model_describes_are_not_compared() -> None:
    film = Film(confirm=1)
    for width in (2, 3, 2):
        vectors = np.eye(width, dtype=np.float32)[:1]
        assert film.show(found([box(10)], vectors=vectors)) == [1]


def test_it_reports_where_the_track_is_which_trembles_less_than_the_detector() -> None:
    random = np.random.default_rng(0)
    film = Film(30)
    misses = []
    for i in range(90):
        true = np.array(box(10 + 2 * i))
        seen = true + random.normal(0, 4, 4)
        followed = film.follow(found([tuple(seen)]))
        misses.append((np.abs(followed.boxes[0] - true).mean(), np.abs(seen - true).mean()))
    tracked, detected = np.array(misses[30:]).mean(axis=0)
    assert tracked < 0.7 * detected


def test_an_empty_film_is_no_trouble() -> None:
    film = Film()
    assert [film.show(found([])) for _ in range(3)] == [[], [], []]


def test_as_many_ids_as_things_in_a_crowd() -> None:
    random = np.random.default_rng(1)
    start, pace = random.uniform(0, 4000, (60, 2)), random.uniform(-20, 20, (60, 2))
    film = Film(10, confirm=1)
    first = film.show(found([box(x, y) for x, y in start]))
    order = random.permutation(60)
    for i in range(1, 15):
        places = (start + pace * i / 10)[order]
        assert film.show(found([box(x, y) for x, y in places])) == [first[row] for row in order]
