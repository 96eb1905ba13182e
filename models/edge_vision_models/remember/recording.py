"""A recording: its frames, from a video, a folder of videos, or a folder of pictures, in three parts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.data.cache import cached
from edge_vision.training.data.collection import Collection, Item
from edge_vision.training.data.files import VIDEOS, look_at
from edge_vision.training.data.unlabelled import read_unlabelled
from edge_vision.training.examples import Examples

BLOCKS = 10
"""Each recording is taken apart into so many pieces, so that what is held back is from all over it."""
PATTERN = ("learns", "learns", "learns", "calibrates", "judges")
"""What the pieces are for, one after the other."""
FEWEST = 20
"""Of fewer frames nobody learns what is usual."""

Stretch = tuple[float, float]
"""Seconds of a recording, from and to."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Frames of a recording, and what each is for.

    frames  (n, height, width, 3), named file@12.4s
    roles   (n,) words of PATTERN
    notes   sentences for people
    """

    frames: Examples
    roles: NDArray[np.str_]
    notes: tuple[str, ...] = ()

    def part(self, *roles: str) -> Examples:
        """The frames of some roles."""
        return self.frames.take(np.flatnonzero(np.isin(self.roles, roles)))


@dataclass(frozen=True, slots=True)
class Taking:
    """Which frames are taken of a recording.

    size  (width, height) in pixels of what the network sees
    rate  frames a second, of videos
    only  the stretches of the recording that are taken; empty for all of it
    most  so many frames at most, evenly apart
    """

    size: tuple[int, int]
    rate: float
    only: tuple[Stretch, ...] = ()
    most: int = 10_000


def read_recording(data: Path, taking: Taking, cache: Path, warp: Warp = reference_warp) -> Recording:
    """The frames of a video file, or of a folder of videos or pictures; raises TrainingError for none.

    warp  how pixels are taken from frames
    """
    collection = _collection(data)
    frames = cached(collection, taking.size, cache, rate=taking.rate, warp=warp)
    chosen = np.flatnonzero(_wanted(frames, taking))
    if len(chosen) < FEWEST:
        raise TrainingError(
            f"{data}: gives {len(chosen)} frames; at least {FEWEST} are needed, and an hour is better"
        )
    if len(chosen) > taking.most:
        chosen = chosen[np.linspace(0, len(chosen) - 1, taking.most).astype(np.int64)]
    taken = replace(frames.take(chosen), targets={})
    return Recording(taken, _roles(taken.groups), (*collection.notes, f"{len(taken)} frames"))


def _collection(data: Path) -> Collection:
    """The videos of a recording, else its pictures."""
    if data.is_file():
        return Collection((Item(data, data.name, data.name),), truth="segments")
    tree = look_at(data)
    if paths := tree.ending(*VIDEOS):
        items = tuple(Item(data / path, str(path), str(path)) for path in paths)
        return Collection(items, truth="segments").noting(*tree.passed_over(paths))
    pictures = read_unlabelled(data, "label")
    # All pictures are one recording: what is held back are pieces of it, not pictures here and there.
    return pictures.of(replace(item, group="pictures", part="") for item in pictures.items)


def _wanted(frames: Examples, taking: Taking) -> NDArray[np.bool_]:
    """Which frames lie in the stretches that are taken, (n,)."""
    if not taking.only:
        return np.ones(len(frames), np.bool_)
    try:
        times = np.array([float(name.rpartition("@")[2].removesuffix("s")) for name in frames.names])
    except ValueError:
        raise TrainingError("pictures have no times; leave out only, or give a video") from None
    inside = [(times >= start) & (times < end) for start, end in taking.only]
    return np.asarray(np.any(inside, axis=0))


def _roles(groups: tuple[str, ...]) -> NDArray[np.str_]:
    """What each frame is for, (n,): pieces of each recording take turns."""
    roles = np.empty(len(groups), dtype="<U10")
    of = np.array(groups)
    for group in dict.fromkeys(groups):
        rows = np.flatnonzero(of == group)
        pieces = np.arange(len(rows)) * BLOCKS // len(rows)
        roles[rows] = np.array(PATTERN)[pieces % len(PATTERN)]
    return roles
