"""Lending: of a recording that need not be waited for, workers draw the frames themselves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from threading import Event

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.data.errors import SourceLost
from edge_vision.data.result import Result
from edge_vision.engine.flow import READ_AHEAD
from edge_vision.testing import FakeSource, still
from tests.engine.rig import Call, frames, jumble, rig, say_index, sums, wait_until


class Watched(FakeSource):
    """Notes which threads call it, and fails where two of them read at once."""

    def __init__(self, script: list[Callable[[], NDArray[np.uint8]]], **options: object) -> None:
        super().__init__(script, prompt=True, **options)  # type: ignore[arg-type]
        self.reading = threading.Lock()
        self.readers: set[str] = set()
        self.owners: set[str] = set()

    def open(self) -> None:
        self.owners.add(threading.current_thread().name)
        super().open()

    def read(self) -> NDArray[np.uint8] | None:
        assert self.reading.acquire(blocking=False), "two threads read at once"
        try:
            self.readers.add(threading.current_thread().name)
            return super().read()
        finally:
            self.reading.release()

    def close(self) -> None:
        assert not self.reading.locked(), "closed while it was read"
        self.owners.add(threading.current_thread().name)
        super().close()


def slow_frames(count: int) -> list[Callable[[], NDArray[np.uint8]]]:
    """Pictures of which every fifth takes longer to come by."""

    def frame(index: int) -> NDArray[np.uint8]:
        time.sleep(0.004 if index % 5 == 0 else 0.0005)
        return still(index % 256)

    return [lambda index=index: frame(index) for index in range(count)]  # type: ignore[misc]


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("ordered_first", [True, False])
def test_workers_read_it_one_at_a_time_and_it_is_delivered_whole_and_in_order(
    workers: int, ordered_first: bool
) -> None:
    seen: list[int] = []

    def note(result: Result) -> Result:
        seen.append(result.frame.index)
        return result

    with rig(workers) as made:
        source = Watched(slow_frames(120))
        stages = [Call(jumble, "a"), Call(note, "b", ordered=True)]
        camera = made.camera(source, stages[::-1] if ordered_first else stages)
        assert camera.finished.wait(20)
        assert camera.error is None
        assert made.indices() == seen == list(range(120))
        sums(camera)
    assert all(name.startswith("worker-") for name in source.readers)
    assert len(source.readers) <= workers
    assert source.owners == {"capture-porch"}


def test_a_live_source_is_read_by_its_own_thread_whatever_it_says() -> None:
    with rig() as made:
        source = Watched(slow_frames(10), live=True)
        made.camera(source)
        wait_until(lambda: len(source.readers) > 0)
    assert source.readers == {"capture-porch"}


def test_no_more_frames_are_read_ahead_than_there_are_places() -> None:
    go_on, read = Event(), []

    def frame() -> NDArray[np.uint8]:
        read.append(1)
        return still()

    def wait(result: Result) -> Result:
        assert go_on.wait(10)
        return result

    with rig(2) as made:
        camera = made.camera(FakeSource([frame] * 30, prompt=True), [Call(wait)])
        wait_until(lambda: len(read) >= 2)
        time.sleep(0.1)
        assert len(read) <= 2 + READ_AHEAD[1]
        go_on.set()
        assert camera.finished.wait(10)
        assert made.indices() == list(range(30))


def test_frames_beyond_the_rate_are_passed_over_and_the_others_keep_their_times() -> None:
    with rig() as made:
        camera = made.camera(FakeSource(frames(20), prompt=True, rate=10.0), fps=2.0)
        assert camera.finished.wait(10)
        assert made.indices() == [0, 5, 10, 15]
        times = [result.frame.monotonic for result in made.sink.seen.results]
        assert times == pytest.approx([0.0, 0.5, 1.0, 1.5])
        assert camera.tally.counts().dropped_by == {"rate": 16}


def test_what_was_read_before_it_fails_is_delivered_and_the_error_is_told() -> None:
    with rig() as made:
        source = FakeSource([*frames(7), SourceLost("cut off")], prompt=True)
        camera = made.camera(source, [Call(jumble)])
        assert camera.finished.wait(10)
        assert made.indices() == list(range(7))
        assert str(camera.error) == "cut off"
        sums(camera)


@pytest.mark.parametrize("trouble", [RuntimeError("no"), SystemExit(3)])
def test_whatever_it_raises_ends_it_and_no_worker(trouble: BaseException) -> None:
    def fail() -> NDArray[np.uint8]:
        raise trouble

    with rig(1) as made:
        bad = made.camera(FakeSource([still(), fail], prompt=True), name="bad")
        assert bad.finished.wait(10)
        assert type(trouble).__name__ in str(bad.error)
        good = made.camera(FakeSource(frames(5), prompt=True), name="good")
        assert good.finished.wait(10)
        assert made.indices("good") == list(range(5))


def test_it_stands_still_while_it_is_disabled() -> None:
    first, go_on, read = Event(), Event(), []

    def frame() -> NDArray[np.uint8]:
        read.append(1)
        if len(read) == 3:
            first.set()
            assert go_on.wait(10)
        return still()

    with rig() as made:
        source = FakeSource([frame] * 12, prompt=True)
        camera = made.camera(source, [Call(say_index)])
        assert first.wait(10)
        camera.change("enabled", "OFF")
        go_on.set()
        wait_until(lambda: len(made.indices()) == len(read))
        stopped_at = len(read)
        time.sleep(0.1)
        assert len(read) == stopped_at < 12
        camera.change("enabled", "ON")
        assert camera.finished.wait(10)
        assert made.indices() == list(range(12))
        assert source.opened == 1


def test_two_share_the_workers() -> None:
    with rig(2) as made:
        cameras = [made.camera(Watched(slow_frames(60)), [Call(jumble)], name=name) for name in "ab"]
        for camera in cameras:
            assert camera.finished.wait(20)
            assert made.indices(camera.name) == list(range(60))
            sums(camera)


def test_it_stops_between_two_frames_and_what_was_read_is_counted() -> None:
    with rig() as made:
        camera = made.camera(Watched(slow_frames(100_000)), [Call(jumble)])
        wait_until(lambda: len(made.indices()) > 10)
        began = time.monotonic()
        assert camera.stop(5.0)
        assert time.monotonic() - began < 2.0
        assert made.indices() == list(range(len(made.indices())))
        sums(camera)


def test_a_read_that_hangs_shows_no_progress_and_is_left_alone() -> None:
    hangs, go_on = Event(), Event()

    def hang() -> NDArray[np.uint8]:
        hangs.set()
        go_on.wait(20)
        return still()

    with rig(2, overdue=0.1) as made:
        stuck = Watched([*slow_frames(3), hang, *slow_frames(3)])
        camera = made.camera(stuck, name="stuck")
        assert hangs.wait(10)
        moment = time.monotonic()
        good = made.camera(FakeSource(frames(50), prompt=True), [Call(jumble)], name="good")
        made.supervise_until(good.finished)
        assert made.indices("good") == list(range(50))
        assert not camera.progressed_since(moment)
        assert not camera.stop(0.2)
        assert stuck.closed == 0, "nobody closes what is being read"
        go_on.set()
        wait_until(lambda: stuck.closed > 0)
        assert made.indices("stuck") == [0, 1, 2]
        wait_until(lambda: camera.tally.counts().in_flight == 0)
