"""The clock: when labelled actions really happen, found by what moves in the pictures.

The labels' times are counted by another camera, whose rate is known only roughly. An error of a few
parts in a hundred is as long as an action after two minutes. What is seen tells the rate: somebody moves
under some labels, hardly anything does under others, and nothing before the first and after the last.
Only labels and pixels are looked at, nothing that has learnt, so the same may be done for what judges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_vision.training.data.collection import Collection, Item
from edge_vision.training.examples import Examples
from edge_vision_models.room_actions.actions import MOVING, STILL

COMMON = np.arange(0.94, 1.0951, 0.0025)
"""Factors, times the rate that is stated, that are tried for all videos together."""

OWN = np.arange(-0.0125, 0.0126, 0.0025)
"""So far, as a share, a single video's factor may lie beside that of all."""

OFFSETS = np.arange(-0.6, 0.61, 0.2)
"""Seconds by which a single video's labels may be late."""

LEAST = 0.02
"""An agreement has to grow by so much, or times stay as they are."""

QUIET = 6.0
"""Grey levels by which a pixel changes without anything having moved."""


class Clock(NamedTuple):
    """How a video's labels are to be read: seconds = written x factor + offset.

    agreement  the correlation of what moves with what should, -1 to 1
    """

    factor: float
    offset: float
    agreement: float


def aligned(
    collection: Collection, frames: Examples, rate: float
) -> tuple[Collection, dict[Path, Clock]]:
    """The collection with its times as they are seen, and the clock of each video.

    frames  of all its videos, in their order, so many a second

    One factor is found for all videos, then a little freedom is given to each. Where nothing is known of
    what moves under the labels, or no other clock agrees better, times stay as they are.
    """
    videos: dict[Path, list[Item]] = {}
    for item in collection.items:
        videos.setdefault(item.file, []).append(item)
    groups = np.array(frames.groups)
    seen = {
        file: motion(np.asarray(frames.pictures[np.flatnonzero(groups == items[0].group)]))
        for file, items in videos.items()
    }
    stated = {file: _Video(items, collection.labels, seen[file], rate) for file, items in videos.items()}
    common = _common(stated)
    clocks = {file: video.clock(common) for file, video in stated.items()}
    return collection.of(_moved(item, clocks) for item in collection.items), clocks


def motion(frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How much moves up to each of the frames of a video, (n,), 0 for little and 1 for much.

    frames  (n, height, width, channels) uint8
    """
    small = frames[:, ::2, ::2].mean(axis=3, dtype=np.float32)
    changed = np.maximum(np.abs(np.diff(small, axis=0, prepend=small[:1])) - QUIET, 0.0)
    energy = np.convolve(changed.mean(axis=(1, 2)), np.ones(3) / 3, "same")
    levels = np.log(energy + 0.05)  # what moves much, moves much more than what moves a little
    low, high = np.percentile(levels, (10, 90))
    return np.asarray(np.clip((levels - low) / max(high - low, 1e-6), 0.0, 1.0))


class _Video:
    """What is labelled in a video, and what moves in it."""

    def __init__(
        self, items: list[Item], labels: tuple[str, ...], seen: NDArray[np.float64], rate: float
    ) -> None:
        self._spans = np.array([(item.start or 0.0, item.end or 0.0) for item in items])
        self._expected = [_expected(labels[item.label or 0]) for item in items]
        self._seen = seen - seen.mean()
        self._times = np.arange(len(seen)) / rate

    def agreement(self, factor: float, offset: float = 0.0) -> float:
        """The correlation of what moves with what should by a clock."""
        spans, times = self._spans * factor + offset, self._times
        expected = np.full(len(times), -1.0)
        expected[(times >= spans.min()) & (times < spans.max())] = 0.0
        for (start, end), value in zip(spans, self._expected, strict=True):
            expected[(times >= start) & (times < end)] = value
        expected -= expected.mean()
        size = np.sqrt((expected @ expected) * (self._seen @ self._seen))
        return float(expected @ self._seen / size) if size > 0 else 0.0

    def clock(self, common: float) -> Clock:
        """The clock of this video, near that of all; what lies further off has to agree better."""
        best, most = Clock(common, 0.0, self.agreement(common)), -1.0
        if not {-1.0, 1.0} <= set(self._expected):
            return best
        for share in OWN:
            for offset in OFFSETS:
                agreement = self.agreement(common * (1 + share), offset)
                worth = agreement - LEAST * ((share / 0.01) ** 2 + (offset / 0.6) ** 2)
                if worth > most:
                    best, most = Clock(common * (1 + share), float(offset), agreement), worth
        return best


def _expected(label: str) -> float:
    return 1.0 if label in MOVING else -1.0 if label in STILL else 0.0


def _common(videos: Mapping[Path, _Video]) -> float:
    """The factor by which all videos together agree best."""
    sums = np.array([sum(v.agreement(factor) for v in videos.values()) for factor in COMMON])
    as_stated = sum(video.agreement(1.0) for video in videos.values())
    return float(COMMON[sums.argmax()]) if sums.max() > as_stated + LEAST * len(videos) else 1.0


def _moved(item: Item, clocks: Mapping[Path, Clock]) -> Item:
    clock = clocks[item.file]
    start, end = ((time or 0.0) * clock.factor + clock.offset for time in (item.start, item.end))
    return replace(item, start=max(start, 0.0), end=end)
