"""A camera with fakes around it, as the engine's tests need it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.options import Options
from edge_vision.contracts.source import Source
from edge_vision.contracts.stage import Stage, StageContext
from edge_vision.data.findings import Labels
from edge_vision.data.result import Result
from edge_vision.engine.backoff import Backoff
from edge_vision.engine.camera import Camera, CameraPlan
from edge_vision.engine.delivery import Delivery
from edge_vision.engine.tally import Tally
from edge_vision.engine.workers import Workers
from edge_vision.testing import MemorySink, still


class Call(Stage):
    """A stage that calls a function; ordered where told so."""

    name = "call"

    def __init__(
        self, function: Callable[[Result], Any], name: str = "call", *, ordered: bool = False
    ) -> None:
        def no_model(wanted: str) -> Any:
            raise KeyError(wanted)

        super().__init__(Options(), StageContext("porch", name, no_model, Path()))
        self.function = function
        self.stateful = ordered
        self.closed = False

    def __call__(self, result: Result) -> Result | None:
        answer: Result | None = self.function(result)
        return answer

    def close(self) -> None:
        self.closed = True


def say_index(result: Result) -> Result:
    """Add the frame's index as a label."""
    return result.add(Labels(((str(result.frame.index), 1.0),)))


class Rig:
    """One delivery with a memory sink, and a pool of workers, for as many cameras as a test starts."""

    def __init__(self, workers: int = 2, overdue: float = 2.0) -> None:
        self.sink = MemorySink()
        self.delivery = Delivery()
        self.delivery.connect({"memory": self.sink})
        self.workers = Workers(workers, overdue=overdue)
        self.workers.start()
        self.cameras: list[Camera] = []

    def camera(
        self,
        source: Source,
        stages: Sequence[Stage] = (),
        *,
        name: str = "porch",
        fps: float | None = None,
    ) -> Camera:
        """A started camera."""
        quick = Backoff(0.01, 0.05, random.Random(1))
        camera = Camera(
            CameraPlan(name, source, stages, fps), self.workers, self.delivery, Tally(), backoff=quick
        )
        self.cameras.append(camera)
        camera.start()
        return camera

    def supervise_until(self, done: Event) -> None:
        """Look after the workers, as the daemon does every now and then."""
        deadline = time.monotonic() + 20.0
        while not done.wait(0.02):
            assert time.monotonic() < deadline, "it did not happen in time"
            self.workers.check()

    def indices(self, name: str = "porch") -> list[int]:
        """The indices of the frames delivered of a camera, in order of delivery."""
        return [r.frame.index for r in self.sink.seen.results if r.frame.camera == name]

    def whats(self, kind: str) -> list[str]:
        """What the events of one type were about."""
        return [event.what for event in self.sink.seen.events if event.type == kind]

    def close(self) -> None:
        """Stop everything."""
        for camera in self.cameras:
            camera.stop(2.0)
        self.workers.stop(2.0)


@contextmanager
def rig(workers: int = 2, overdue: float = 2.0) -> Iterator[Rig]:
    """A rig that is closed afterwards."""
    made = Rig(workers, overdue)
    try:
        yield made
    finally:
        made.close()


def wait_until(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    """Wait for something that happens on other threads."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def frames(count: int) -> list[NDArray[np.uint8]]:
    """So many pictures, each of another grey."""
    return [still(i % 256) for i in range(count)]


def sums(camera: Camera) -> None:
    """Every captured frame of a camera that has ended is accounted for."""
    counts = camera.tally.counts()
    assert counts.captured == counts.delivered + counts.dropped + counts.failed
    assert counts.in_flight == 0


def jumble(result: Result) -> Result:
    """Take another time for each frame, so that frames overtake each other."""
    time.sleep(random.Random(result.frame.index).uniform(0.0, 0.004))
    return say_index(result)
