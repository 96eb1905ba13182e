"""The capture thread of one camera: opens its source, reads it, and opens it again when it is lost."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Condition, Event, Thread
from typing import Protocol

from edge_vision.contracts.source import Source
from edge_vision.data.errors import SourceError, SourceLost, StageError
from edge_vision.data.frame import Frame, Image, as_image
from edge_vision.engine.backoff import Backoff
from edge_vision.engine.pacer import Pacer
from edge_vision.engine.tally import Tally

log = logging.getLogger(__name__)

MISSES = 5
"""Failed reads in a row after which a live source is opened again."""
MISS_PAUSE = 0.05
"""Seconds between failed reads, so that a source that fails at once does not keep a core busy."""
STEADY = 10.0
"""Seconds of frames after which the wait between attempts starts small again."""
HEARTBEAT = 0.5
"""Seconds at most between two signs of life while waiting."""


class Receiver(Protocol):
    """Who takes the frames of a capture thread, and hears how its source does."""

    def prepare(self) -> None:
        """Get ready for frames; called on the thread before the source is opened, until it succeeds."""

    def wait_for_room(self, timeout: float) -> bool:
        """Wait until a frame may be put; False where that takes longer than `timeout` seconds."""

    def put(self, frame: Frame, received: float) -> None:
        """A frame to process, captured at `received` (time.monotonic() seconds)."""

    def find(self) -> None:
        """A frame came: the source is online."""

    def lose(self, reason: str) -> None:
        """The source cannot be opened, or gives no more frames; it will be tried again."""

    def end(self, error: Exception | None) -> None:
        """The thread is done; `error` tells why a recording could not be played."""


class Capture:
    """Reads frames on a thread of its own, and hands over those that are to be processed.

    heartbeat  when it last gave a sign of life, time.monotonic() seconds
    """

    def __init__(
        self,
        camera: str,
        source: Source,
        tally: Tally,
        receiver: Receiver,
        *,
        fps: float | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._camera = camera
        self._source = source
        self._tally = tally
        self._receiver = receiver
        self._pacer = Pacer(fps)
        self._backoff = backoff or Backoff()
        self._changed = Condition()
        self._stop = Event()
        self._enabled = True
        self._times_opened = 0
        self._told = ""
        self._position = 0
        self._period = 0.0
        self._last_frame = 0.0
        self.heartbeat = time.monotonic()
        self._thread = Thread(target=self._run, name=f"capture-{camera}", daemon=True)

    @property
    def stopping(self) -> bool:
        """True from the moment it was told to stop."""
        return self._stop.is_set()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def pace(self, fps: float | None) -> None:
        """From now on take so many frames a second at most; None: all."""
        self._pacer = Pacer(fps)

    def enable(self, enabled: bool) -> None:
        """Read, or rest: while it rests a live source is closed, a recording stands still."""
        with self._changed:
            self._enabled = enabled
            self._changed.notify_all()

    def request_stop(self) -> None:
        """Ask the thread to stop; it does so after the read it is in."""
        with self._changed:
            self._stop.set()
            self._changed.notify_all()

    def join(self, timeout: float) -> bool:
        """Wait for the thread; False where it is still in a read after `timeout` seconds."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        error: Exception | None = None
        try:
            while not self._stop.is_set():
                self._rest()
                if self._stop.is_set():
                    break
                try:
                    if self._play():
                        break
                except SourceError as problem:
                    if not self._source.live:
                        error = problem
                        break
                    self._lose(problem)
        finally:
            self._close()
            self._receiver.end(error)

    def _play(self) -> bool:
        """Open the source and read it to its end (True), or until it is to rest (False)."""
        self._receiver.prepare()
        self._guarded(self._source.open)
        if self._times_opened:
            self._tally.reconnected()
            log.info("%s: opened %s again", self._camera, self._source.description)
        self._times_opened += 1
        try:
            misses, since = 0, time.monotonic()
            while not self.stopping and (self._enabled or not self._source.live):
                self.heartbeat = time.monotonic()
                if self._guarded(self._take):
                    misses = 0
                    if time.monotonic() - since > STEADY:
                        self._backoff.reset()
                        self._told = ""
                elif not self._source.live:
                    return True
                else:
                    misses += 1
                    if misses >= MISSES:
                        raise SourceLost(f"{misses} reads in a row failed")
                    self._wait(MISS_PAUSE)
                if not self._source.live:
                    self._rest()
        finally:
            if self._source.live:
                self._close()
        return False

    def _take(self) -> bool:
        """Take one frame, or pass over it; False where there was none."""
        if not self._pacer.takes(self._moment()):
            if not self._source.skip():
                return False
            self._tally.captured()
            self._tally.dropped("rate")
            self._arrived()
            return True
        image = self._source.read()
        if image is None:
            return False
        pixels = as_image(image)
        received = self._arrived()
        frame = self._frame(pixels, received)
        while not self._receiver.wait_for_room(HEARTBEAT):
            self.heartbeat = time.monotonic()
            if self.stopping:
                self._tally.dropped("stopped")
                return True
        self._receiver.put(frame, received)
        return True

    def _frame(self, image: Image, received: float) -> Frame:
        rate = self._source.rate
        monotonic = received if self._source.live or not rate else (self._position - 1) / rate
        index = self._tally.captured()
        take = self._source.takes + self._times_opened - 1
        return Frame(image, self._camera, index, datetime.now(UTC), monotonic, take)

    def _moment(self) -> float:
        """When the next frame is, or for a live source is expected, on the source's clock."""
        rate = self._source.rate
        if not self._source.live and rate:
            return self._position / rate
        return max(time.monotonic(), self._last_frame + self._period)

    def _arrived(self) -> float:
        now = time.monotonic()
        if self._last_frame:
            gap = min(now - self._last_frame, 1.0)
            self._period = gap if not self._period else 0.9 * self._period + 0.1 * gap
        self._last_frame = now
        self._position += 1
        self._receiver.find()
        return now

    def _guarded(self, call: Callable[[], bool | None]) -> bool:
        """Call into the source; whatever it raises becomes a SourceError."""
        try:
            return bool(call())
        except SourceError:
            raise
        except StageError as error:
            raise SourceLost(str(error)) from error
        except BaseException as error:  # SystemExit too: the thread must not go silently
            raise SourceLost(f"{type(error).__name__}: {error}") from error

    def _lose(self, problem: SourceError) -> None:
        wait = self._backoff.wait()
        told, self._told = self._told, str(problem)
        level = logging.DEBUG if self._told == told else logging.WARNING
        cause = problem.__cause__ if isinstance(problem, SourceLost) else None
        log.log(
            level,
            "%s: %s: %s; next attempt in %.1f s",
            self._camera,
            self._source.description,
            problem,
            wait,
            exc_info=cause,
        )
        self._last_frame = self._period = 0.0
        self._receiver.lose(str(problem))
        self._wait(wait)

    def _rest(self) -> None:
        with self._changed:
            while not self._enabled and not self.stopping:
                self.heartbeat = time.monotonic()
                self._changed.wait(HEARTBEAT)

    def _wait(self, seconds: float) -> None:
        """Wait, giving signs of life, until it is over or something changed."""
        until = time.monotonic() + seconds
        with self._changed:
            while not self.stopping and self._enabled and (left := until - time.monotonic()) > 0:
                self.heartbeat = time.monotonic()
                self._changed.wait(min(left, HEARTBEAT))

    def _close(self) -> None:
        try:
            self._source.close()
        except Exception:
            log.exception("%s: the source failed to close", self._camera)
