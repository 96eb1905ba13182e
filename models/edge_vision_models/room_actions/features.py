"""Features: what the eyes make of videos and of changed copies of them, once for all epochs."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_vision.training.augmentation.options import Augmentation
from edge_vision.training.augmentation.placement import place_picture, placements
from edge_vision.training.augmentation.tones import draw_tones
from edge_vision.training.examples import Examples
from edge_vision.training.transfer.weights import read_weights, weights_of, write_weights
from edge_vision_models.room_actions.sight import LAST, RATE, video_differences

TOGETHER = 64
"""So many frames are looked at together."""

_FEATURES = "features"


class Take(NamedTuple):
    """What is known of the frames of one video, or of a changed copy of it.

    features  (n, values) float32
    labels    (n,) int64, -1 where nothing is told
    """

    features: NDArray[np.float32]
    labels: NDArray[np.int64]

    def first(self, count: int | None) -> Take:
        """The same with the first of each frame's features only; None for all."""
        return Take(self.features[:, :count], self.labels)


class Copying(NamedTuple):
    """How copies of videos are changed: each as a whole, and run faster or slower by a share."""

    augmentation: Augmentation
    speed: float
    seed: int


class Watcher:
    """Looks at videos, and keeps what it saw in a cache for the next time."""

    def __init__(
        self, eyes: Any, of_picture: int, copying: Copying, cache: Path, say: Callable[[str], None]
    ) -> None:
        """Take a network that sees; the first of its values are of the picture alone, so many."""
        self.of_picture = of_picture
        self._eyes = eyes
        self._copying = copying
        self._cache = cache
        self._say = say
        digest = hashlib.sha256(repr((copying, eyes.output.shape)).encode())
        for path, array in weights_of(eyes).items():
            digest.update(path.encode() + array.tobytes())
        self._weights = digest

    def takes(
        self, part: Examples, told: str, copies: Sequence[int], averages: bool = True
    ) -> list[Take]:
        """All videos of a part in each of some copies; copy 0 is the video as it is.

        part      frames of videos in their order, a group each
        told      the target that holds their labels
        averages  whether it is seen how frames differ from the averages of those before; if not, only
                  how each differs from the last one
        """
        groups, labels = np.array(part.groups), np.asarray(part.targets[told], np.int64)
        began, looked, found = time.monotonic(), 0, []
        for group in dict.fromkeys(part.groups):
            rows = np.flatnonzero(groups == group)
            for copy in copies:
                speed = self._copying.speed if copy else 0.0
                chosen = rows[_pace(len(rows), self._random(group, copy), speed)]
                file = self._file(part, chosen, copy, averages)
                if not file.exists():
                    seen = self._look(
                        part, chosen, self._random(group, copy) if copy else None, averages
                    )
                    write_weights({_FEATURES: seen}, file, np.float16)
                    looked += len(chosen)
                found.append(Take(read_weights(file)[_FEATURES], labels[chosen]))
        if looked:
            self._say(f"looked at {looked} frames of videos in {time.monotonic() - began:.0f} s")
        return found

    def _random(self, group: str, copy: int) -> np.random.Generator:
        """The source of all chance in a copy of a video, whatever other videos there are."""
        number = int.from_bytes(hashlib.sha256(group.encode()).digest()[:4], "big")
        return np.random.default_rng((self._copying.seed, number, copy))

    def _file(self, part: Examples, rows: NDArray[np.int64], copy: int, averages: bool) -> Path:
        digest = self._weights.copy()
        digest.update(
            f"{copy} {averages} {part.groups[int(rows[0])]}".encode() + (rows - rows[0]).tobytes()
        )
        digest.update(np.ascontiguousarray(part.pictures[rows[:: max(1, len(rows) // 8)]]).tobytes())
        return self._cache / f"video-{digest.hexdigest()[:24]}.npz"

    def _look(
        self, part: Examples, rows: NDArray[np.int64], random: np.random.Generator | None, averages: bool
    ) -> NDArray[np.float32]:
        """Features of a video's frames, which are changed by chance where there is a source of it."""
        frames = np.asarray(part.pictures[rows])
        if random is not None:
            frames = _changed(frames, self._copying.augmentation, random)
        change = video_differences(frames)
        if not averages:
            change[..., LAST + 1 :] = 0.0
        seen = [
            self._together(frames[first : first + TOGETHER], change[first : first + TOGETHER])
            for first in range(0, len(frames), TOGETHER)
        ]
        return np.concatenate(seen)

    def _together(self, frames: NDArray[np.uint8], change: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of up to TOGETHER frames, filled up to as many: Keras compiles for each count."""
        count = len(frames)
        filled = {
            "image": _filled(frames.astype(np.float32), TOGETHER, 0.0),
            "change": _filled(change, TOGETHER, 0.0),
        }
        return np.asarray(self._eyes.predict_on_batch(filled), np.float32)[:count]


def _pace(count: int, random: np.random.Generator, speed: float) -> NDArray[np.int64]:
    """The rows of a video that is run faster or slower by up to a share."""
    step = 1.0 + (random.uniform(-speed, speed) if speed else 0.0)
    return np.asarray(np.floor(np.arange(0.0, count - 0.5, step)), np.int64)


def _changed(
    frames: NDArray[np.uint8], augmentation: Augmentation, random: np.random.Generator
) -> NDArray[np.uint8]:
    """All frames of a video, placed and lit in one and the same other way."""
    size = frames.shape[2], frames.shape[1]
    place = placements(augmentation, 1, size, size, random)[0]
    tones = draw_tones(augmentation, 1, size, random)
    placed = (place_picture(frame, place, size, augmentation.border) for frame in frames)
    return np.stack([tones.apply(frame, 0) for frame in placed])


def pieces(
    takes: Sequence[Take], seconds: float, random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Pieces of videos, cut anew each time: features (k, steps, values) and labels (k, steps).

    Each video is cut from a random place on, so that all of it is seen; pieces without a label are left
    out. A video shorter than a piece is filled up at its end, with label -1.
    """
    steps = max(1, round(seconds * RATE))
    features, labels = [], []
    for take in takes:
        count = len(take.labels)
        start = int(random.integers(0, max(1, min(steps, count - steps + 1))))
        for first in range(start, max(start + 1, count - steps // 2), steps):
            some = slice(first, first + steps)
            if (take.labels[some] >= 0).any():
                features.append(_filled(take.features[some], steps, 0.0))
                labels.append(_filled(take.labels[some], steps, -1))
    return np.stack(features), np.stack(labels)


def _filled(array: NDArray[Any], steps: int, value: float) -> NDArray[Any]:
    missing = [(0, steps - len(array)), *[(0, 0)] * (array.ndim - 1)]
    return np.asarray(np.pad(array, missing, constant_values=value))
