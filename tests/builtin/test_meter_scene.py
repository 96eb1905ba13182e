"""The drawn meter: what it shows is known, and follows from the frame's number alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_vision.builtin.scene.drawn import DrawnScene
from edge_vision.builtin.scene.meter import FIRST, WHEELS, Meter
from edge_vision.builtin.scene.numerals import STROKES, draw_numeral
from edge_vision.builtin.scene.setting import Setting
from edge_vision.builtin.scene.wheels import PITCH, Wheel, wheel_positions
from edge_vision.contracts.source import SourceContext
from edge_vision.data.errors import ConfigError

SIZES = [(640, 480), (1280, 720), (64, 48), (200, 1000)]


def meter(size: tuple[int, int] = (640, 480), seed: int = 0) -> Meter:
    return Meter(Setting(size, 10.0, seed))


def source(**options: Any) -> DrawnScene:
    return DrawnScene(DrawnScene.Options.parse(options), SourceContext("cellar", Path()))


@pytest.mark.parametrize(
    ("number", "positions"),
    [
        (0.0, [0, 0, 0, 0]),
        (1234.0, [1, 2, 3, 4]),
        (1234.5, [1, 2, 3, 4.5]),
        (1239.25, [1, 2, 3.25, 9.25]),
        (1999.5, [1.5, 9.5, 9.5, 9.5]),
        (9999.75, [9.75, 9.75, 9.75, 9.75]),
    ],
)
def test_a_wheel_turns_while_its_right_neighbour_goes_from_nine_to_zero(
    number: float, positions: list[float]
) -> None:
    assert wheel_positions(number, 4) == pytest.approx(positions)


def test_wheels_turn_steadily_through_a_carry() -> None:
    numbers = np.arange(990.0, 1011.0, 0.05)
    turned = np.array([wheel_positions(number, 4) for number in numbers])
    steps = np.diff(turned, axis=0) % 10.0
    assert (np.minimum(steps, 10.0 - steps) < 0.051).all()


def test_a_wheel_that_turns_moves_its_digits_up() -> None:
    wheel = Wheel((40, 64), (0, 0, 0), (255, 255, 255))
    still, later = wheel.draw(3.0), wheel.draw(3.0 + 4 / (PITCH * 64))
    bright = np.s_[20:40, 10:30]
    moved = np.roll(later, 4, axis=0)
    assert np.abs(moved[bright] - still[bright]).mean() < 4.0
    assert np.abs(later[bright] - still[bright]).mean() > 20.0


def test_after_nine_a_wheel_shows_zero_again() -> None:
    wheel = Wheel((40, 64), (0, 0, 0), (255, 255, 255))
    np.testing.assert_allclose(wheel.draw(10.0), wheel.draw(0.0), atol=1e-3)
    np.testing.assert_allclose(wheel.draw(9.9999), wheel.draw(-0.0001), atol=1e-3)


def test_the_ten_numerals_differ_and_fill_their_height() -> None:
    drawn = [draw_numeral(digit, (18.0, 36.0), 5.0) for digit in range(len(STROKES))]
    for number, shape in enumerate(drawn):
        rows = np.flatnonzero(shape.max(axis=1) > 0.5)
        assert rows[-1] - rows[0] >= 36
        for other in drawn[:number]:
            assert np.abs(shape - other).mean() > 0.04


def test_the_number_grows_by_a_unit_a_second_and_soon_has_a_carry() -> None:
    made = meter()
    assert made.true_reading(0).number == FIRST
    assert made.true_reading(10).number == pytest.approx(FIRST + 1)
    texts = [made.true_reading(index).text for index in range(40)]
    assert texts == sorted(texts)
    assert {"004797", "004799", "004800"} <= set(texts)
    assert all(len(text) == WHEELS for text in texts)


def test_the_last_number_is_followed_by_the_first() -> None:
    made, frames_a_round = meter(), 10 * 10**WHEELS
    assert made.true_reading(frames_a_round + 7).text == made.true_reading(7).text


@pytest.mark.parametrize("size", SIZES)
def test_the_wheels_are_in_the_row_box_and_nothing_of_them_outside(size: tuple[int, int]) -> None:
    made = meter(size)
    x1, y1, x2, y2 = (int(side) for side in made.row_box)
    assert 0 <= x1 < x2 <= size[0]
    assert 0 <= y1 < y2 <= size[1]
    assert (x2 - x1) % WHEELS == 0
    image = made.draw(0)
    assert image.shape == (size[1], size[0], 3)
    assert image.dtype == np.uint8
    assert made.true_boxes(0) == (("004797", made.row_box),)
    if size == (640, 480):
        row = image[y1:y2, x1:x2].astype(int)
        wheels = np.split(row, WHEELS, axis=1)
        assert all(wheel.max() > 180 and wheel.min() < 60 for wheel in wheels)
        assert np.ptp(row[:, -24], axis=-1).max() > 80, "the last wheel is red"


def test_a_frame_follows_from_its_number_alone() -> None:
    made = meter(seed=4)
    before = made.draw(5)
    made.draw(6)
    np.testing.assert_array_equal(made.draw(5), before)
    np.testing.assert_array_equal(meter(seed=4).draw(5), before)
    assert (meter(seed=5).draw(5) != before).any()
    assert meter(seed=5).true_reading(0).number != made.true_reading(0).number


def test_the_wheels_move_from_frame_to_frame() -> None:
    made = meter()
    x1, y1, x2, y2 = (int(side) for side in made.row_box)
    last = np.s_[y1:y2, x2 - 48 : x2]
    moved = np.abs(made.draw(0)[last].astype(int) - made.draw(3)[last].astype(int))
    still = np.abs(made.draw(0)[y1:y2, x1 : x1 + 48].astype(int) - made.draw(3)[y1:y2, x1 : x1 + 48])
    assert moved.mean() > 5 * still.mean()


def test_the_source_draws_the_scene_it_is_asked_for() -> None:
    made = source(scene="meter", realtime=False, frames=2, seed=3)
    np.testing.assert_array_equal(made.read(), Meter(Setting((640, 480), 15.0, 3)).draw(0))
    assert made.description == "drawn meter"
    assert source().description == "drawn test scene"
    made.background()[:] = 0
    assert made.background().mean() > 50
    with pytest.raises(ConfigError, match="scene: "):
        source(scene="moon")
