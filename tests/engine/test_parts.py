"""The small parts: pacer, back-off, breaker, tally."""

from __future__ import annotations

import random

import pytest

from edge_vision.engine.backoff import Backoff
from edge_vision.engine.breaker import FAILURES, Breaker
from edge_vision.engine.pacer import Pacer
from edge_vision.engine.tally import Passage, Tally


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_no_rate_takes_every_frame() -> None:
    pacer = Pacer(None)
    assert all(pacer.takes(i / 100) for i in range(10))


@pytest.mark.parametrize(
    ("camera", "rate", "expected"), [(30, 5, 50), (10, 10, 100), (25, 10, 100), (10, 30, 100)]
)
def test_a_rate_thins_frames_to_it(camera: int, rate: int, expected: int) -> None:
    pacer = Pacer(rate)
    taken = sum(pacer.takes(i / camera) for i in range(camera * 10))
    assert taken == expected


def test_jitter_does_not_cost_every_other_frame() -> None:
    jitter = random.Random(3)
    pacer = Pacer(10)
    taken = sum(pacer.takes(i / 10 + jitter.uniform(-0.004, 0.004)) for i in range(200))
    assert taken == 200


def test_a_pause_of_the_camera_is_not_caught_up_in_a_burst() -> None:
    pacer = Pacer(10)
    assert pacer.takes(0.0)
    assert pacer.takes(60.0)
    assert not pacer.takes(60.05)


def test_waits_grow_with_jitter_to_the_longest_and_start_again() -> None:
    backoff = Backoff(1.0, 8.0, random.Random(1))
    waits = [backoff.wait() for _ in range(6)]
    for wait, full in zip(waits, (1, 2, 4, 8, 8, 8), strict=True):
        assert full * 2 / 3 <= wait <= full
    assert len(set(waits)) == 6
    backoff.reset()
    assert backoff.wait() <= 1.0


def opened(clock: Clock, **options: bool) -> Breaker:
    breaker = Breaker(clock=clock, pause=1.0, longest=4.0, **options)
    for _ in range(FAILURES - 1):
        assert not breaker.failed()
    assert breaker.failed()
    return breaker


def test_failures_in_a_row_open_the_breaker_once() -> None:
    breaker = opened(Clock())
    assert breaker.is_open
    assert not breaker.failed()


def test_a_success_between_failures_keeps_it_closed() -> None:
    breaker = Breaker(clock=Clock())
    for _ in range(3 * FAILURES):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
    assert not breaker.is_open


def test_an_open_breaker_lets_one_trial_through_after_each_longer_pause() -> None:
    clock = Clock()
    breaker = opened(clock)
    assert not breaker.allows()
    for pause in (1.0, 2.0, 4.0, 4.0):
        clock.now += pause - 0.01
        assert not breaker.allows()
        clock.now += 0.02
        assert breaker.allows()
        assert not breaker.allows()
        breaker.failed()


def test_a_trial_that_succeeds_closes_it() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 1.1
    assert breaker.allows()
    assert breaker.succeeded()
    assert breaker.allows()
    assert not breaker.succeeded()


def test_of_a_recording_nothing_is_held_back() -> None:
    breaker = opened(Clock(), holds_back=False)
    assert breaker.is_open
    assert breaker.allows()


def test_every_captured_frame_is_accounted_for_at_every_moment() -> None:
    tally = Tally(Clock())
    for _ in range(10):
        tally.captured()
    tally.dropped("rate")
    tally.dropped("motion")
    tally.failed()
    for _ in range(4):
        tally.delivered(Passage(20.0))
    counts = tally.counts()
    assert counts.captured == counts.delivered + counts.dropped + counts.failed + counts.in_flight == 10
    assert counts.in_flight == 3
    assert counts.latency_ms == {"p50": 20.0, "p90": 20.0, "p99": 20.0}


def test_the_rate_is_taken_over_the_last_seconds() -> None:
    clock = Clock()
    tally = Tally(clock)
    for _ in range(300):
        tally.delivered(Passage(0.0))
        clock.now += 0.1
    assert tally.counts().fps == pytest.approx(10.0, rel=0.05)
    clock.now += 60.0
    assert tally.counts().fps == 0.0
