"""Glances: what models of one size saw of files, kept so that each file is decoded once."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np

from edge_vision.data.frame import Image, read_only

ROOM = 256 << 20
"""Bytes of pixels that are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """What a model looked at.

    pixels  (height, width, 3) uint8 BGR, as large as the model takes
    size    (width, height) of the picture that they are of
    """

    pixels: Image
    size: tuple[int, int]

    @classmethod
    def of(cls, pixels: Image, size: tuple[int, int]) -> Glance:
        """A copy of what was looked at: pixels may be a part of the picture, and keep all of it."""
        return cls(read_only(pixels.copy()), size)

    @property
    def placeholder(self) -> Image:
        """A black picture of that size, which takes no memory: for what is computed from sizes alone."""
        return np.broadcast_to(np.zeros((), np.uint8), (self.size[1], self.size[0], 3))


@dataclass(eq=False)
class Glances:
    """Glances by what they are of; where there is no more room those of small pictures go first.

    A picture is looked at again by each form of a model, in the same order. What was used least recently
    would be what comes next; so what counts is how long a picture takes to decode. Threads may share it.
    """

    room: int = ROOM
    _kept: dict[Hashable, Glance] = field(default_factory=dict)
    _smallest: list[tuple[int, int, Hashable]] = field(default_factory=list)
    _used: int = 0
    _numbers: count[int] = field(default_factory=count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def recall(self, key: Hashable) -> Glance | None:
        """What is kept of a key."""
        with self._lock:
            return self._kept.get(key)

    def keep(self, key: Hashable, glance: Glance) -> None:
        """Keep a glance, where there is room for it or there are some of smaller pictures."""
        with self._lock:
            if key in self._kept:
                return
            area = glance.size[0] * glance.size[1]
            self._kept[key] = glance
            # Of pictures of one size the newest goes first: the others are needed before it.
            heapq.heappush(self._smallest, (area, -next(self._numbers), key))
            self._used += glance.pixels.nbytes
            while self._used > self.room:
                _, _, least = heapq.heappop(self._smallest)
                self._used -= self._kept.pop(least).pixels.nbytes


def identity(file: Path) -> tuple[Hashable, ...]:
    """What tells a file from others, and from what it is after it was changed."""
    try:
        facts = file.stat()
    except OSError:  # told by whoever reads it
        return (file,)
    return file.resolve(), facts.st_size, facts.st_mtime_ns, facts.st_ino
