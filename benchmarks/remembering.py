"""What a model of the recipe `remember` says in an hour of changing light, and of planted things.

    remembering.py record usual.avi              an hour of the drawn street, one frame a second, at noon
    remembering.py judge BUNDLE                  the same street from sunrise to sunset, then with things
    remembering.py judge BUNDLE --video VIDEO --usual FROM TO
                                                 a recording as it is, then with things in usual seconds

The light of this hour is made otherwise than that which the recipe learns with: shadows are cast by
things that stand in the street, the sun goes round, clouds pass, and the camera's exposure follows late.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from edge_vision_models.remember.things import planted
from edge_vision_motion import Remember
from numpy.typing import NDArray

from edge_vision import Detections, LiteRTModel, Result, load_bundle
from edge_vision.builtin.scene.drawn import DrawnScene
from edge_vision.builtin.warp import opencv_warp
from edge_vision.contracts.source import SourceContext
from edge_vision.data.view import View
from edge_vision.testing import make_frame, make_stage

SECONDS = 3600
SIZE = (320, 240)
SIZES = (0.03, 0.05, 0.1, 0.2)
"""Sides of planted things, as shares of the picture's width."""
STAYS, EVERY = 10, 30
"""Frames for which a thing stays, and from each to the next."""

Pixels = NDArray[np.uint8]
Picture = Callable[[int], Pixels]
"""Gives the frame of a number, (height, width, 3) uint8 BGR."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A bundle, and the heat from which a place counts as unusual."""

    bundle: Path
    threshold: float


@dataclass(frozen=True, slots=True)
class Planted:
    """A thing: its side as a share of the width, its first frame, and what it looks like."""

    side: float
    first: int
    seed: int

    def put(self, picture: Pixels) -> tuple[Pixels, NDArray[np.float32]]:
        """The picture with the thing in it, and its box."""
        return planted(picture, self.side, np.random.default_rng(self.seed))


def street(seed: int = 0) -> DrawnScene:
    """The drawn street, about a frame a second: in step with what passes in it, few places were seen."""
    options = DrawnScene.Options(width=SIZE[0], height=SIZE[1], fps=0.97, realtime=False, seed=seed)
    return DrawnScene(options, SourceContext("remembering", Path()))


def record(file: Path) -> None:
    """Write an hour of the street at noon, with a camera's noise."""
    scene, random = street(), np.random.default_rng(1)
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 1.0, SIZE)
    for index in range(SECONDS):
        picture = scene.draw(index) * (1.0 + 0.03 * np.sin(index / 200.0))
        writer.write(_pixels(picture + random.normal(0.0, 2.0, picture.shape)))
    writer.release()


class Daylight:
    """An hour in which the sun rises and sets over a street."""

    def __init__(self, seconds: int = SECONDS) -> None:
        self.seconds = seconds
        random = np.random.default_rng(7)
        self.clouds = cv2.GaussianBlur(random.normal(0.0, 1.0, (1, seconds + 1)), (0, 0), 40.0)[0]
        self.clouds /= np.abs(self.clouds).max()

    def shone(self, picture: Pixels, index: int) -> Pixels:
        """A picture in the light of a second."""
        turn = index / self.seconds
        height = np.sin(np.pi * turn)  # of the sun, 0 at the horizon
        light = (picture / 255.0) ** 2.2
        light *= 1.0 - self._shadows(turn, height)[..., np.newaxis]
        warm = 1.0 - height
        light *= np.array([1.0 - 0.3 * warm, 1.0, 1.0 + 0.2 * warm])
        sun = (0.12 + 0.88 * height) * (1.0 + 0.25 * self.clouds[index])
        exposure = (0.12 + 0.88 * np.sin(np.pi * max(0.0, turn - 0.01))) ** -0.7
        made = 255.0 * np.clip(light * sun * exposure, 0.0, 1.0) ** (1 / 2.2)
        noise = np.random.default_rng(index).normal(0.0, 1.5 + 3.0 * warm, picture.shape)
        return _pixels(made + noise)

    def _shadows(self, turn: float, height: float) -> NDArray[np.float32]:
        """Share of the light that is missing at each pixel: in the shadows of trees and of a house."""
        width, rows = SIZE
        shade = np.zeros((rows, width), np.float32)
        length = min(0.8, 0.12 / max(height, 0.1)) * width
        toward = np.array([np.cos(np.pi * turn) * length, 0.35 * length * (0.4 + 0.6 * height)])
        for foot, broad in ((0.1, 0.02), (0.35, 0.015), (0.62, 0.03), (0.88, 0.1)):
            base = np.array([foot * width, 0.66 * rows])
            half = np.array([broad * width, 0.0])
            corners = np.array([base - half, base + half, base + half + toward, base - half + toward])
            cv2.fillPoly(shade, [np.rint(corners).astype(np.int32)], 1.0, cv2.LINE_AA)
        strength = 0.5 * min(1.0, 3.0 * height)
        return np.asarray(cv2.GaussianBlur(shade, (0, 0), 1.2) * strength, np.float32)


def judge(judged: Judged, pictures: Picture, frames: int, fps: float) -> None:
    """Print how often something is reported where nothing is planted."""
    reported = [bool(len(boxes)) for boxes in _reports(judged, map(pictures, range(frames)), fps)]
    turns = [n / fps for n, (a, b) in enumerate(pairwise([False, *reported, False])) if a != b]
    stretches = [f"{first:.1f}-{last:.1f}" for first, last in zip(turns[::2], turns[1::2], strict=True)]
    told = f", at seconds {', '.join(stretches)}" if stretches else ""
    print(f"nothing planted: {len(stretches)} reports in {frames / fps:.0f} s{told}")


def _reports(judged: Judged, pictures: Iterable[Pixels], fps: float) -> Iterator[NDArray[np.float32]]:
    """The boxes that are reported of each picture, (k, 4) each."""
    model = LiteRTModel(load_bundle(judged.bundle, "model"))
    known, threshold = {"model": model}, judged.threshold
    stage = make_stage(Remember, known, model="model", after=2.0, threshold=threshold, shows="none")
    try:
        for index, picture in enumerate(pictures):
            frame = make_frame(picture, index, fps=fps)
            result = stage(Result(frame, View.of(frame, opencv_warp)))
            yield next(result.all(Detections)).xyxy
    finally:
        model.close()


def plant(judged: Judged, pictures: Picture, frames: int, fps: float, light: Daylight | None) -> None:
    """Print which share of the things of each size is reported while it is there."""
    stays, every = max(STAYS, round(5 * fps)), max(EVERY, round(8 * fps))
    things = [
        Planted(SIZES[number % len(SIZES)], first, number)
        for number, first in enumerate(range(every, frames - stays, every))
    ]
    boxes: dict[int, NDArray[np.float32]] = {}

    def shown() -> Iterator[Pixels]:
        for index in range(frames):
            picture = pictures(index)
            for thing in things:
                if thing.first <= index < thing.first + stays:
                    picture, boxes[index] = thing.put(picture)
            yield light.shone(picture, index) if light else picture

    found: dict[float, list[bool]] = {side: [] for side in SIZES}
    hit = [False] * len(things)
    for index, reported in enumerate(_reports(judged, shown(), fps)):
        if index in boxes and _overlap(reported, boxes[index]):
            hit[index // every - 1] = True
    for thing, was in zip(things, hit, strict=True):
        found[thing.side].append(was)
    for side, each in found.items():
        print(f"things of {side:.0%} of the width: {sum(each)} of {len(each)} reported")


def _overlap(boxes: NDArray[np.float32], box: NDArray[np.float32]) -> bool:
    """True where one of several boxes has something in common with a box."""
    return bool(((boxes[:, :2] < box[2:]) & (boxes[:, 2:] > box[:2])).all(axis=1).any())


def _pixels(values: NDArray[np.floating]) -> Pixels:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def _recording(file: Path) -> tuple[list[Pixels], float]:
    """All frames of a video, and how many a second."""
    capture, frames = cv2.VideoCapture(str(file)), []
    while (read := capture.read())[0]:
        frames.append(np.asarray(read[1], np.uint8))
    return frames, float(capture.get(cv2.CAP_PROP_FPS))


def main() -> None:
    """Do what the words say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("record", "judge"))
    parser.add_argument("path", type=Path, help="the recording to write, or the bundle to judge")
    parser.add_argument("--video", type=Path, help="judge on this recording")
    parser.add_argument(
        "--usual",
        type=float,
        nargs=2,
        metavar=("FROM", "TO"),
        help="seconds in which things are planted",
    )
    parser.add_argument("--threshold", type=float, default=1.0, help="of the stage")
    wishes = parser.parse_args()
    judged = Judged(wishes.path, wishes.threshold)
    if wishes.what == "record":
        record(wishes.path)
        return
    if wishes.video is None:
        scene, light = street(seed=0), Daylight()
        judge(judged, lambda index: light.shone(scene.draw(index), index), SECONDS, 1.0)
        plant(judged, scene.draw, SECONDS, 1.0, light)
        return
    frames, fps = _recording(wishes.video)
    judge(judged, frames.__getitem__, len(frames), fps)
    if wishes.usual:
        frames = frames[round(wishes.usual[0] * fps) : round(wishes.usual[1] * fps)]
    count = 40 * round(8 * fps)  # as many times as it takes to plant forty things
    plant(judged, lambda index: frames[index % len(frames)], count, fps, None)


if __name__ == "__main__":
    main()
