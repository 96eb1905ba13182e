"""Videos: the data set read, its times put right, and its frames with all that is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge_vision.data.errors import TrainingError
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.data.cache import cached
from edge_vision.training.data.collection import Collection, Item, listed
from edge_vision.training.data.readers import Reading, read_any
from edge_vision.training.examples import Examples
from edge_vision_models.room_actions.actions import named
from edge_vision_models.room_actions.clock import Clock, aligned
from edge_vision_models.room_actions.options import RoomActionsOptions
from edge_vision_models.room_actions.sight import RATE, SIZE

LABEL, INSIDE, ALONE, ALONE_INSIDE = "label", "inside", "alone", "alone_inside"
"""What is told of a frame: the action of a while ago, the same away from changes; both for one that sees
single frames."""

EDGE = 0.4
"""Seconds around a change of actions in which nobody can say when it was: labels are to +-0.5 s."""

PARTS = ("training", "validation", "all")


@dataclass(frozen=True, slots=True, eq=False)
class Videos:
    """The frames of all videos, and the segments that they are labelled by.

    frames    of all videos in their order, RATE a second, with the targets that are named above
    segments  as they are to be told, late by the delay
    judging   groups of the videos that only judge
    notes     sentences for people
    """

    frames: Examples
    segments: Collection
    judging: frozenset[str]
    notes: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the actions."""
        return self.segments.labels

    def part(self, part: str) -> Examples:
        """The frames of a part; raises TrainingError where there is no such part."""
        rows = [row for row, group in enumerate(self.frames.groups) if self._is_in(group, part)]
        return self.frames.take(rows)

    def segments_of(self, part: str) -> Collection:
        """The segments of a part."""
        return self.segments.of(item for item in self.segments.items if self._is_in(item.group, part))

    def _is_in(self, group: str, part: str) -> bool:
        if part not in PARTS:
            raise TrainingError(f"the videos have no part {part}; say --part {', '.join(PARTS)}")
        return part == "all" or (group in self.judging) == (part == "validation")


def read_videos(
    folder: Path, cache: Path, options: RoomActionsOptions, warp: Warp = reference_warp
) -> Videos:
    """Read a folder of videos and a table of their segments.

    warp  how pixels are taken from their frames

    Raises TrainingError where they are not there, or no video is left to learn from, or to judge by.
    """
    read = read_any(folder, Reading("segments", options.clock))
    collection, clocks = aligned(read, cached(read, SIZE, cache, rate=RATE, warp=warp), RATE)
    if options.merged:
        collection = named(collection)
    judging = _judging(collection, options.judging)
    late = delayed(collection, options.delay)
    soon = delayed(collection, options.delay_alone)
    told = {LABEL: late, INSIDE: away(late), ALONE: soon, ALONE_INSIDE: away(soon)}
    frames = {name: cached(each, SIZE, cache, rate=RATE, warp=warp) for name, each in told.items()}
    targets = {name: np.asarray(each.targets["label"], np.int64) for name, each in frames.items()}
    notes = (*read.notes, _told_of(clocks))
    return Videos(replace(frames[LABEL], targets=targets), late, judging, notes)


def delayed(collection: Collection, seconds: float) -> Collection:
    """The segments as one who answers so many seconds late is to tell them."""
    return collection.of(
        replace(item, start=(item.start or 0.0) + seconds, end=(item.end or 0.0) + seconds)
        for item in collection.items
    )


def away(collection: Collection) -> Collection:
    """The segments without their ends; of a short one half is left."""
    return collection.of(map(_without_ends, collection.items))


def _without_ends(item: Item) -> Item:
    start, end = item.start or 0.0, item.end or 0.0
    edge = min(EDGE, (end - start) / 4)
    return replace(item, start=start + edge, end=end - edge)


def _judging(collection: Collection, names: Sequence[str]) -> frozenset[str]:
    """The groups of the videos that only judge, by their files' names."""
    groups = {item.file.stem: item.group for item in collection.items}
    found = frozenset(groups[name] for name in names if name in groups)
    if not found or len(found) == len(groups):
        raise TrainingError(
            f"no video is left to {'learn from' if found else 'judge by'}; say in judging which of "
            f"{listed(groups)} only judge"
        )
    return found


def _told_of(clocks: dict[Path, Clock]) -> str:
    factors = [clock.factor for clock in clocks.values()]
    agreement = float(np.mean([clock.agreement for clock in clocks.values()]))
    return (
        f"labels' times were taken {min(factors):.3f} to {max(factors):.3f} times, by what moves "
        f"(correlation {agreement:.2f})"
    )
