"""Trouble: what raises, hangs or cannot be opened stays with the camera that has it."""

from __future__ import annotations

import time
from threading import Event
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.data.result import Result
from edge_vision.testing import FakeSource, MemorySink, still
from tests.engine.rig import Call, frames, jumble, rig, say_index, sums, wait_until


@pytest.mark.parametrize("trouble", [SystemExit(3), KeyboardInterrupt(), RuntimeError("no")])
def test_whatever_a_stage_raises_costs_its_frame_and_no_worker(trouble: BaseException) -> None:
    def fail(result: Result) -> Result:
        if result.frame.index == 1:
            raise trouble
        return result

    with rig(1) as made:
        camera = made.camera(FakeSource(frames(5)), [Call(fail)])
        assert camera.finished.wait(10)
        assert made.indices() == [0, 2, 3, 4]
        sums(camera)


def test_a_stage_that_adds_something_else_than_findings_is_failing() -> None:
    with rig() as made:
        camera = made.camera(FakeSource(frames(6)), [Call(lambda r: r.add(cast(Any, "not a finding")))])
        assert camera.finished.wait(10)
        assert camera.tally.counts().failed == 6
        assert "a stage adds findings, not str" in str(made.sink.seen.events[0].details["error"])


class Opening(Call):
    """A stage that cannot be opened for the first so many times."""

    def __init__(self, failures: int) -> None:
        super().__init__(say_index, "opening")
        self.failures = failures

    def open(self) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("the accelerator is not there")


def test_a_stage_that_cannot_be_opened_is_announced_and_tried_again() -> None:
    def tick() -> NDArray[np.uint8]:
        time.sleep(0.001)
        return still()

    with rig() as made:
        camera = made.camera(FakeSource([tick] * 5000, live=True), [Opening(failures=2)])
        wait_until(lambda: camera.tally.counts().delivered > 3)
        whats = [(event.what, event.type) for event in made.sink.seen.events]
        assert ("stage-failing", "started") in whats
        assert ("stage-failing", "ended") in whats


def test_a_recording_whose_stage_cannot_be_opened_ends_with_the_error() -> None:
    with rig() as made:
        camera = made.camera(FakeSource(frames(3)), [Opening(failures=1)])
        assert camera.finished.wait(10)
        assert "stage opening cannot be opened: OSError: the accelerator" in str(camera.error)


def test_a_stage_that_hangs_while_it_opens_holds_up_its_own_camera_only() -> None:
    release = Event()

    class Hanging(Call):
        def open(self) -> None:
            release.wait(20)

    with rig() as made:
        made.camera(FakeSource(frames(3)), [Hanging(say_index)], name="bad")
        good = made.camera(FakeSource(frames(30)), name="good")
        assert good.finished.wait(10)
        assert made.indices("good") == list(range(30))
        release.set()


def test_a_camera_whose_stage_hangs_is_not_given_the_last_worker() -> None:
    release = Event()

    def hang(result: Result) -> Result:
        release.wait(20)
        return result

    def tick() -> NDArray[np.uint8]:
        time.sleep(0.05)
        return still()

    with rig(2, overdue=60.0) as made:
        made.camera(FakeSource([tick] * 200, live=True), [Call(hang)], name="bad")
        wait_until(lambda: made.cameras[0].tally.counts().captured > 3)
        good = made.camera(FakeSource(frames(100)), [Call(jumble)], name="good")
        assert good.finished.wait(10)
        assert made.indices("good") == list(range(100))
        release.set()


def test_enabling_what_is_enabled_changes_nothing() -> None:
    def tick() -> NDArray[np.uint8]:
        time.sleep(0.002)
        return still()

    with rig() as made:
        camera = made.camera(FakeSource([tick] * 5000, live=True))
        wait_until(lambda: ("porch", "online") in made.sink.seen.statuses)
        told = list(made.sink.seen.statuses)
        assert camera.change("enabled", "on") is True
        assert made.sink.seen.statuses == told


@pytest.mark.parametrize("prompt", [False, True])
def test_a_recording_waits_for_a_sink_on_its_own_thread_and_takes_no_worker(prompt: bool) -> None:
    room = Event()

    class Full(MemorySink):
        def wait_for_room(self, timeout: float) -> bool:
            return room.wait(timeout)

    with rig(1) as made:
        full = Full()
        made.delivery.connect({"memory": made.sink, "full": full})
        made.delivery.route("good", ("memory",))
        slow = made.camera(FakeSource(frames(20), prompt=prompt), name="slow")
        good = made.camera(FakeSource(frames(50), prompt=prompt), name="good")
        assert good.finished.wait(10)
        assert made.indices("good") == list(range(50))
        assert not slow.finished.is_set()
        room.set()
        assert slow.finished.wait(10)
        assert [result.frame.index for result in full.seen.results] == list(range(20))
