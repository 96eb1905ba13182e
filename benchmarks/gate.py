"""The gate of the stage motion: what it costs, what it lets pass, and what it skips.

    python benchmarks/gate.py VIDEO [VIDEO ...]

Cost: processor time a frame of 1280 x 720, beside the method that Frigate publishes (grey, height 100,
contrast stretched between the 4th and 96th percentile, blurred, difference to a running average of 0.01,
threshold 30, dilated, contours of 10 pixels and more), written anew here after that description. Both
take turns over the same frames; medians of 5 runs.

What passes: the shipped model pedestrians looks at every frame. A person moves where its box is not
where one was half a second ago, and the picture changed in it (else it was only found again). A stretch
is still where it finds nobody and no picture differs from the one half a second before, for longer than
frames still pass (a hold of 1 s). Told is the share of frames with a moving person that pass, without a
hold and with it, and the share of the frames of still stretches that are dropped.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
from edge_vision_motion import Motion
from edge_vision_recognition import Detect
from numpy.typing import NDArray

from edge_vision import LiteRTModel, Result, geometry, load_bundle
from edge_vision.builtin.warp import opencv_warp
from edge_vision.testing import make_frame, make_stage

RUNS = 5
FRAMES = 200
SIZE = (1280, 720)
BACK = 0.5
"""Seconds to the picture that one is compared with."""
HOLD = 1.0
"""Seconds for which frames still pass after the last motion."""
DIFFERENT, CHANGED = 40, 0.002
"""Levels by which a pixel of the small picture differs, and the share of pixels that are a change."""
SAME_PLACE = 0.8
"""Intersection over union from which a person has not moved."""


class Published:
    """Motion as Frigate describes it."""

    def __init__(self) -> None:
        self._average: NDArray[np.float32] | None = None

    def __call__(self, image: NDArray[Any]) -> list[Any]:
        """The boxes of what moves."""
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        width = round(100 * image.shape[1] / image.shape[0])
        small = cv2.resize(grey, (width, 100), interpolation=cv2.INTER_NEAREST)
        low, high = np.percentile(small, (4, 96))
        if high > low:
            stretched = (small.astype(np.float32) - low) * (255.0 / (high - low))
            small = np.clip(stretched, 0, 255).astype(np.uint8)
        blurred = cv2.GaussianBlur(small, (3, 3), 1.0)
        if self._average is None:
            self._average = blurred.astype(np.float32)
        difference = cv2.absdiff(blurred, cv2.convertScaleAbs(self._average))
        _, changed = cv2.threshold(difference, 30, 255, cv2.THRESH_BINARY)
        changed = cv2.dilate(changed, np.ones((3, 3), np.uint8))
        contours, _ = cv2.findContours(changed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.accumulateWeighted(blurred, self._average, 0.01)
        return [cv2.boundingRect(each) for each in contours if cv2.contourArea(each) >= 10]


def main() -> None:
    """Do it."""
    cv2.setNumThreads(1)
    for name in sys.argv[1:]:
        file = Path(name)
        ours, published = cost(file)
        print(
            f"{file.name}: {ours:.3f} ms of processor time a frame of 720p, "
            f"published method {published:.3f}: {ours / published:.2f} times that"
        )
        passed = passing(file)
        print(f"  {passed}")


def cost(file: Path) -> tuple[float, float]:
    """Milliseconds of processor time a frame: of our gate and of the published method."""
    pictures, fps = list(images(file, FRAMES, SIZE)), rate(file)
    results = [
        Result.of(make_frame(each, index=number, fps=fps), opencv_warp)
        for number, each in enumerate(pictures)
    ]
    times: dict[str, list[float]] = {"ours": [], "published": []}
    for _ in range(RUNS):
        motion, other = make_stage(Motion, {}), Published()
        spent = {"ours": 0.0, "published": 0.0}
        for picture, result in zip(pictures, results, strict=True):
            spent["ours"] += processor_time(motion, result)
            spent["published"] += processor_time(other, picture)
        for name, seconds in spent.items():
            times[name].append(1000.0 * seconds / len(pictures))
    return median(times["ours"]), median(times["published"])


@dataclass
class Passed:
    """What a gate lets pass and drops."""

    moving: int = 0
    passed_at_once: int = 0
    passed: int = 0
    still: int = 0
    dropped: int = 0

    def __str__(self) -> str:
        return (
            f"{self.moving} frames with a moving person: {share(self.passed_at_once, self.moving)} pass "
            f"without a hold, {share(self.passed, self.moving)} with one; "
            f"{self.still} frames in still stretches: {share(self.dropped, self.still)} dropped"
        )


def passing(file: Path) -> Passed:
    """What our gate does with each frame of a video, beside what a detector sees in all of them."""
    bundle = load_bundle(Path(__file__).parents[1] / "models/edge_vision_models/pedestrians", "people")
    people = make_stage(Detect, {"people": LiteRTModel(bundle)}, model="people", min_score=0.5)
    holding, at_once = make_stage(Motion, {}, hold=HOLD), make_stage(Motion, {}, hold=0.0)
    fps = rate(file)
    before: deque[tuple[NDArray[Any], NDArray[Any]]] = deque(maxlen=max(1, round(BACK * fps)))
    found, quiet_for = Passed(), 0.0
    for number, picture in enumerate(images(file)):
        result = Result.of(make_frame(picture, index=number, fps=fps), opencv_warp)
        boxes = people(result).detections[0].xyxy
        small = cv2.resize(picture, (160, 90), interpolation=cv2.INTER_AREA)
        passes, passes_at_once = holding(result) is not None, at_once(result) is not None
        moves = changes = False
        if before:
            old_boxes, old = before[0]
            differs = cv2.absdiff(small, old).max(axis=2) > DIFFERENT
            overlap = geometry.iou(boxes, old_boxes).max(axis=1, initial=0.0)
            elsewhere = (boxes[overlap < SAME_PLACE] * (small.shape[1] / picture.shape[1])).astype(int)
            moves = any(differs[y1:y2, x1:x2].mean() > CHANGED for x1, y1, x2, y2 in elsewhere)
            changes = bool(differs.mean() > CHANGED)
        before.append((boxes, small))
        quiet_for = 0.0 if len(boxes) or changes else quiet_for + 1.0 / fps
        if moves:
            found.moving += 1
            found.passed += passes
            found.passed_at_once += passes_at_once
        if quiet_for > HOLD + BACK:
            found.still += 1
            found.dropped += not passes
    return found


def images(file: Path, most: int = 0, size: tuple[int, int] | None = None) -> Iterator[NDArray[Any]]:
    """The pictures of a video, so many at most (0: all), in another size where one is given."""
    video, count = cv2.VideoCapture(str(file)), 0
    while not most or count < most:
        found, picture = video.read()
        if not found:
            break
        count += 1
        yield picture if size is None else cv2.resize(picture, size)


def rate(file: Path) -> float:
    """Frames a second."""
    return cv2.VideoCapture(str(file)).get(cv2.CAP_PROP_FPS) or 25.0


def processor_time(call: Callable[[Any], Any], argument: Any) -> float:
    """Seconds of processor time of this thread."""
    began = time.thread_time()
    call(argument)
    return time.thread_time() - began


def share(part: int, whole: int) -> str:
    """A share for a person."""
    return f"{part / whole:.1%}" if whole else "none"


if __name__ == "__main__":
    main()
