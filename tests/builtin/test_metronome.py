from __future__ import annotations

import pytest

from edge_vision.builtin.capture.metronome import Metronome


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_first_beat_is_at_once_and_the_next_a_period_later(clock: Clock) -> None:
    metronome = Metronome(4.0, clock, clock.sleep)
    for _ in range(3):
        metronome.wait()
    assert clock.slept == [0.25, 0.25]


def test_work_between_the_beats_does_not_delay_them(clock: Clock) -> None:
    metronome = Metronome(4.0, clock, clock.sleep)
    metronome.wait()
    clock.now += 0.2
    metronome.wait()
    assert clock.now == pytest.approx(100.25)
    clock.now += 0.3
    metronome.wait()
    metronome.wait()
    assert clock.now == pytest.approx(100.75)


def test_who_comes_late_by_more_than_a_beat_need_not_hurry(clock: Clock) -> None:
    metronome = Metronome(4.0, clock, clock.sleep)
    metronome.wait()
    clock.now += 10.0
    metronome.wait()
    metronome.wait()
    assert clock.now == pytest.approx(110.25)
