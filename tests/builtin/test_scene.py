from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_vision.builtin.scene.drawn import DrawnScene
from edge_vision.builtin.sources import register_sources
from edge_vision.contracts.source import Source, SourceContext
from edge_vision.data.errors import ConfigError
from edge_vision.data.geometry import iou


def scene(**options: Any) -> DrawnScene:
    made = DrawnScene(DrawnScene.Options.parse(options), SourceContext("porch", Path()))
    made.open()
    return made


SIZES = [(640, 480), (1280, 720), (320, 240), (64, 48)]
MOMENTS = range(0, 600, 7)


def changed(made: DrawnScene, index: int) -> Any:
    return (made.draw(index) != made.background()).any(axis=2)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", [0, 5])
def test_only_the_true_boxes_differ_from_the_background(size: tuple[int, int], seed: int) -> None:
    made = scene(width=size[0], height=size[1], seed=seed)
    for index in MOMENTS:
        differs = changed(made, index)
        for _, (x1, y1, x2, y2) in made.true_boxes(index):
            differs[int(y1) : int(y2), int(x1) : int(x2)] = False
        assert not differs.any()


@pytest.mark.parametrize("seed", [0, 5])
def test_each_true_box_is_tight(seed: int) -> None:
    made, whole = scene(seed=seed), 0
    for index in MOMENTS:
        differs = changed(made, index)
        for _, (x1, y1, x2, y2) in made.true_boxes(index):
            if x1 > 0 and x2 < 640:
                inside = differs[int(y1) : int(y2), int(x1) : int(x2)]
                rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
                assert rows[0] <= 1
                assert columns[0] <= 1
                assert rows[-1] >= inside.shape[0] - 2
                assert columns[-1] >= inside.shape[1] - 2
                whole += 1
    assert whole > 2 * len(MOMENTS)


def test_boxes_stay_in_the_frame_and_none_hides_another() -> None:
    made = scene()
    for index in range(0, 1200, 3):
        boxes = np.array([box for _, box in made.true_boxes(index)])
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2] <= 640).all()
        assert (boxes[:, 3] <= 480).all()
        assert (boxes[:, :2] < boxes[:, 2:]).all()
        assert np.triu(iou(boxes, boxes), 1).max() == 0


def test_everybody_shows_up_and_some_leave_for_a_while() -> None:
    made = scene()
    seen = [{label for label, _ in made.true_boxes(index)} for index in range(300)]
    assert set.union(*seen) == {"person", "car", "ball", "box"}
    assert set.intersection(*seen) == {"ball", "box"}


def test_a_frame_follows_from_its_number_alone() -> None:
    first, second = scene(seed=4, frames=9, realtime=False), scene(seed=4)
    assert (first.draw(5) == second.draw(5)).all()
    assert first.true_boxes(5) == second.true_boxes(5)
    assert (scene(seed=5).draw(5) != first.draw(5)).any()
    before = first.draw(3)
    first.read()
    assert (first.draw(3) == before).all()


def test_reading_gives_the_frames_in_order_up_to_the_last() -> None:
    made = scene(frames=4, realtime=False)
    assert not made.live
    assert made.rate == 15.0
    for index in (0, 1):
        np.testing.assert_array_equal(made.read(), made.draw(index))
    assert made.skip()
    np.testing.assert_array_equal(made.read(), made.draw(3))
    assert made.read() is None
    assert not made.skip()
    made.open()
    np.testing.assert_array_equal(made.read(), made.draw(0))


def test_pictures_are_ones_own_to_change() -> None:
    made = scene()
    made.draw(0)[:] = 0
    made.background()[:] = 0
    assert made.draw(0).mean() > 50


def test_it_is_live_in_real_time_without_an_end() -> None:
    assert scene().live
    assert scene().rate is None
    assert not scene(frames=10).live
    assert scene(frames=10).rate == 15.0
    assert not scene(realtime=False).live


def test_in_real_time_it_keeps_coming() -> None:
    made = scene(fps=240)
    assert all(made.read() is not None for _ in range(5))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"width": 10}, "width: should be greater than or equal to 64"),
        ({"fps": 0}, "fps: should be greater than or equal to 0.2"),
        ({"frames": -1}, "frames: should be greater than or equal to 0"),
        ({"hight": 480}, "hight: unknown option, did you mean height"),
    ],
)
def test_what_cannot_work_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        scene(**options)


def test_the_built_in_sources_register_themselves() -> None:
    registered: list[type[Source]] = []
    register_sources(registered.append)
    assert [source.name for source in registered] == ["opencv", "pictures", "test"]
