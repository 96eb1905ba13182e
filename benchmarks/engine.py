"""What the engine itself costs a frame: no decoding, no model, five stages that do nothing.

    python benchmarks/engine.py [--frames 20000] [--runs 5]

A camera whose source gives the same picture again and again hands its frames through five stages to a
sink that drops them. Beside it, in turns, a plain loop calls the same stages on results of that kind.
Prints processor time a frame, with one worker and with two; medians of the runs.
"""

from __future__ import annotations

import argparse
import time
from itertools import repeat
from statistics import median

from edge_vision import Result, Stage
from edge_vision.builtin.warp import opencv_warp
from edge_vision.engine.camera import Camera, CameraPlan
from edge_vision.engine.delivery import Delivery
from edge_vision.engine.tally import Tally
from edge_vision.engine.workers import Workers
from edge_vision.testing import FakeSource, MemorySink, make_frame, make_stage, still

STAGES = 5
PICTURE = still(width=640, height=360)
OVER = 600.0
"""Seconds after which a run is given up."""


class Nothing(Stage):
    """Gives what it is given."""

    name = "nothing"

    def __call__(self, result: Result) -> Result:
        """Do nothing."""
        return result


class Dropping(MemorySink):
    """Drops what it is given."""

    def write(self, result: Result, *, wait: bool = False) -> None:
        """Do nothing."""


def main() -> None:
    """Do it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    rows: dict[str, list[float]] = {}
    for _ in range(asked.runs):
        rows.setdefault("a plain loop", []).append(plain(asked.frames))
        for workers in (1, 2):
            rows.setdefault(f"the engine, workers = {workers}", []).append(engine(asked.frames, workers))
    for name, taken in rows.items():
        print(f"{name:26} {median(taken):6.1f} us of processor time a frame")


def plain(frames: int) -> float:
    """Microseconds of processor time a frame of a loop that does nothing but call the stages."""
    stages = made()
    began = time.process_time()
    for index in range(frames):
        result = Result.of(make_frame(PICTURE, index), opencv_warp)
        for stage in stages:
            result = stage(result)
    return 1e6 * (time.process_time() - began) / frames


def engine(frames: int, count: int) -> float:
    """Microseconds of processor time a frame of the engine, all of its threads together."""
    workers, delivery = Workers(count), Delivery()
    delivery.connect({"dropping": Dropping()})
    plan = CameraPlan("porch", FakeSource(repeat(PICTURE, frames), prompt=True), made())
    camera = Camera(plan, workers, delivery, Tally(), warp=opencv_warp)
    workers.start()
    began = time.process_time()
    camera.start()
    if not camera.finished.wait(OVER):
        raise SystemExit("it did not end")
    spent = time.process_time() - began
    camera.stop(1.0)
    workers.stop(1.0)
    return 1e6 * spent / frames


def made() -> list[Nothing]:
    """The stages."""
    return [make_stage(Nothing, name=f"nothing-{number}") for number in range(STAGES)]


if __name__ == "__main__":
    main()
