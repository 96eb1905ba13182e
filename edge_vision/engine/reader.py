"""A reader: takes frames from an open source, at the rate that is wanted, and counts all that came."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import NamedTuple

from edge_vision.contracts.source import Source
from edge_vision.data.frame import Frame, as_image
from edge_vision.engine.pacer import Pacer
from edge_vision.engine.tally import Tally


class Drawn(NamedTuple):
    """A frame to process, and when it was captured, time.monotonic() seconds."""

    frame: Frame
    received: float


class Reader:
    """Reads a source, or passes over its next frame. Used by one thread at a time.

    Whatever the source raises comes through, and StageError where it gives something that is no image.
    """

    def __init__(self, camera: str, source: Source, tally: Tally, fps: float | None) -> None:
        self._camera = camera
        self._source = source
        self._tally = tally
        self._pacer = Pacer(fps)
        self._times_opened = 0
        self._position = 0
        self._period = 0.0
        self._last_frame = 0.0

    def pace(self, fps: float | None) -> None:
        """From now on take so many frames a second at most; None: all."""
        self._pacer = Pacer(fps)

    def begin(self) -> bool:
        """The source was opened; True where that was not for the first time."""
        self._times_opened += 1
        return self._times_opened > 1

    def rest(self) -> None:
        """No frame is expected any more."""
        self._last_frame = self._period = 0.0

    def is_due(self) -> bool:
        """True where the next frame is to be read, False where it is to be passed over."""
        return self._pacer.takes(self._moment())

    def skip(self) -> bool:
        """Pass over a frame; False where there was none."""
        if not self._source.skip():
            return False
        self._tally.captured()
        self._tally.dropped("rate")
        self._note_arrival()
        return True

    def read(self) -> Drawn | None:
        """Read a frame; None where there was none."""
        image = self._source.read()
        if image is None:
            return None
        pixels = as_image(image)
        received = self._note_arrival()
        rate = self._source.rate
        monotonic = received if self._source.live or not rate else (self._position - 1) / rate
        index = self._tally.captured()
        take = self._source.takes + self._times_opened - 1
        frame = Frame(pixels, self._camera, index, datetime.now(UTC), monotonic, take)
        return Drawn(frame, received)

    def _moment(self) -> float:
        """When the next frame is, or for a live source is expected, on the source's clock."""
        rate = self._source.rate
        if not self._source.live and rate:
            return self._position / rate
        return max(time.monotonic(), self._last_frame + self._period)

    def _note_arrival(self) -> float:
        now = time.monotonic()
        if self._last_frame:
            gap = min(now - self._last_frame, 1.0)
            self._period = gap if not self._period else 0.9 * self._period + 0.1 * gap
        self._last_frame = now
        self._position += 1
        return now
