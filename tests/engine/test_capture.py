"""Capture: frames as they come, a source that is lost, paused, slow, or gives something else."""

from __future__ import annotations

import time
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import SourceError, SourceLost
from edge_vision.data.result import Result
from edge_vision.testing import FakeSource, still
from tests.engine.rig import Call, frames, rig, sums, wait_until


def test_the_frames_of_a_loop_say_in_which_round_they_were_taken() -> None:
    with rig() as made:
        camera = made.camera(FakeSource(frames(3), loops=2))
        assert camera.finished.wait(10)
        taken = [result.frame for result in made.sink.seen.results]
    assert [frame.take for frame in taken] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [round(frame.monotonic * 10) for frame in taken] == list(range(9)), "the clock goes on"


def test_a_camera_that_was_lost_begins_another_take() -> None:
    frame_given = Event()

    def given() -> NDArray[np.uint8]:
        frame_given.set()
        return still()

    def lost() -> None:
        raise SourceLost("unplugged")

    with rig() as made:
        script = [given, lost, given]
        made.camera(FakeSource(script, live=True))
        wait_until(lambda: len(made.sink.seen.results) == 2)
        assert [result.frame.take for result in made.sink.seen.results] == [0, 1]


def test_a_live_camera_keeps_the_newest_frame_and_counts_the_rest() -> None:
    gate, first = Event(), Event()

    def hold(result: Result) -> Result:
        first.set()
        gate.wait(10)
        return result

    def later() -> NDArray[np.uint8]:
        first.wait(10)
        return still()

    with rig(1) as made:
        camera = made.camera(FakeSource([still(), *[later] * 50], live=True), [Call(hold)])
        wait_until(lambda: camera.tally.counts().captured == 51)
        gate.set()
        wait_until(lambda: camera.tally.counts().in_flight == 0)
        assert made.indices() == [0, 50]
        assert camera.tally.counts().dropped_by == {"overwritten": 49}
        sums(camera)


def test_frames_beyond_the_rate_are_passed_over_and_counted() -> None:
    with rig() as made:
        camera = made.camera(FakeSource(frames(100), rate=10.0), fps=2)
        assert camera.finished.wait(10)
        assert made.indices() == list(range(0, 100, 5))
        assert camera.tally.counts().dropped_by == {"rate": 80}


def test_a_lost_source_is_opened_again_and_said_to_be_offline_and_online() -> None:
    script: list[Any] = [still(), still(), None, None, None, None, None, still(), still()]
    with rig() as made:
        source = FakeSource(script, live=True, failures=2)
        camera = made.camera(source)
        wait_until(lambda: camera.tally.counts().captured == 4)
        wait_until(lambda: source.opened >= 5)
        statuses = [status for _, status in made.sink.seen.statuses]
        assert statuses[:3] == ["offline", "online", "offline"]
        assert made.whats("started")[:2] == ["camera-lost", "camera-lost"]
        assert camera.tally.counts().reconnects >= 1


def test_one_failed_read_is_not_the_end() -> None:
    script: list[Any] = [still(), None, still(), None, None, still()]
    with rig() as made:
        source = FakeSource(script, live=True)
        camera = made.camera(source)
        wait_until(lambda: camera.tally.counts().captured == 3)
        assert source.opened == 1
        assert ("porch", "online") in made.sink.seen.statuses


def test_a_source_that_raises_anything_is_lost_not_fatal() -> None:
    script: list[Any] = [still(), ValueError("a driver's mistake"), still()]
    with rig() as made:
        camera = made.camera(FakeSource(script, live=True))
        wait_until(lambda: camera.tally.counts().captured == 2)


def test_a_recording_that_cannot_be_opened_ends_with_its_error() -> None:
    with rig() as made:
        camera = made.camera(FakeSource(frames(3), failures=1))
        assert camera.finished.wait(10)
        assert isinstance(camera.error, SourceError)


def test_a_frozen_source_is_noticed_from_outside() -> None:
    thaw = Event()

    def freeze() -> NDArray[np.uint8]:
        thaw.wait(20)
        return still()

    with rig() as made:
        camera = made.camera(FakeSource([still(), freeze], live=True))
        wait_until(lambda: ("porch", "online") in made.sink.seen.statuses)
        camera.check(time.monotonic() + 9)
        assert made.sink.seen.statuses[-1] == ("porch", "offline")
        assert not camera.progressed_since(time.monotonic() + 1)
        told = len(made.sink.seen.statuses)
        thaw.set()
        wait_until(lambda: ("porch", "online") in made.sink.seen.statuses[told:])


def test_a_paused_camera_closes_its_source_and_says_disabled_and_comes_back() -> None:
    def tick() -> NDArray[np.uint8]:
        time.sleep(0.002)
        return still()

    with rig() as made:
        source = FakeSource([tick] * 5000, live=True)
        camera = made.camera(source)
        wait_until(lambda: len(made.indices()) > 3)
        assert camera.change("enabled", "off") is False
        wait_until(lambda: source.closed == 1)
        assert made.sink.seen.statuses[-1] == ("porch", "disabled")
        wait_until(lambda: camera.tally.counts().in_flight == 0)
        before = camera.tally.counts().captured
        assert camera.progressed_since(time.monotonic() - 2)
        camera.change("enabled", "on")
        wait_until(lambda: camera.tally.counts().captured > before)
        wait_until(lambda: made.sink.seen.statuses[-1] == ("porch", "online"))


def test_frames_of_another_size_pass_as_they_come() -> None:
    with rig() as made:
        camera = made.camera(FakeSource([still(1), still(2, 32, 20), still(3)[:, :, 0].copy()]))
        assert camera.finished.wait(10)
        assert [r.frame.image.shape for r in made.sink.seen.results] == [
            (48, 64, 3),
            (20, 32, 3),
            (48, 64, 3),
        ]


def test_a_frame_that_is_no_image_counts_as_a_lost_source() -> None:
    bad: Any = np.zeros((4, 4), dtype=np.float64)
    with rig() as made:
        camera = made.camera(FakeSource([still(), bad, still()], live=True))
        wait_until(lambda: camera.tally.counts().captured == 2)
        first = made.sink.seen.events[0]
        assert (first.what, first.type) == ("camera-lost", "started")
        assert "an image is (height, width, 3) uint8" in str(first.details["error"])
