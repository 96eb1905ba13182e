"""The capture thread of one camera: opens its source, reads it, and opens it again when it is lost."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Condition, Event, Thread
from typing import Protocol, TypeVar

from edge_vision.contracts.source import Source
from edge_vision.data.errors import SourceError, SourceLost, StageError
from edge_vision.engine.backoff import Backoff
from edge_vision.engine.reader import Drawn, Reader
from edge_vision.engine.tally import Tally

log = logging.getLogger(__name__)
T = TypeVar("T")

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

    def put(self, drawn: Drawn) -> None:
        """A frame to process."""

    def lend(self, draw: Callable[[], Drawn | None]) -> None:
        """Let the threads that compute draw the frames, one at a time, until there is none."""

    def recall(self) -> None:
        """Let none of them begin to draw one any more."""

    def wait_for_return(self, timeout: float) -> bool:
        """Wait until none of them will; False where that takes longer than `timeout` seconds."""

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
        self._reader = Reader(camera, source, tally, fps)
        self._backoff = backoff or Backoff()
        self._changed = Condition()
        self._stop = Event()
        self._enabled = True
        self._told = ""
        self._drawing = self._over = False
        self._problem: SourceError | None = None
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
        self._reader.pace(fps)

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
        self._receiver.recall()

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
        if self._reader.begin():
            self._tally.reconnected()
            log.info("%s: opened %s again", self._camera, self._source.description)
        try:
            return self._lend() if self._source.prompt and not self._source.live else self._read_on()
        finally:
            if self._source.live:
                self._close()

    def _read_on(self) -> bool:
        """Read it on this thread."""
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
        return False

    def _lend(self) -> bool:
        """Have it read by the threads that compute.

        It comes back when it is to rest, when the sinks have no room, and at its end.
        """
        while not self.stopping:
            self._rest()
            if not self._receiver.wait_for_room(HEARTBEAT):
                self.heartbeat = time.monotonic()
                continue
            self._receiver.lend(self._draw)
            if self._stop.is_set():  # perhaps just now, and nothing was lent yet
                self._receiver.recall()
            while not self._receiver.wait_for_return(HEARTBEAT):
                if not self._drawing:
                    self.heartbeat = time.monotonic()
            if self._problem is not None:
                raise self._problem
            if self._over:
                return True
        return False

    def _draw(self) -> Drawn | None:
        """Read the next frame of the lent source; None where it is to come back. For any thread."""
        if self.stopping or not (self._enabled and self._receiver.wait_for_room(0.0)):
            return None
        self.heartbeat = time.monotonic()
        self._drawing = True
        try:
            drawn = self._guarded(self._read_due)
            self._over = drawn is None
            return drawn
        except SourceError as problem:
            self._problem = problem
            return None
        finally:
            self._drawing = False

    def _read_due(self) -> Drawn | None:
        """Read the next frame that is not to be passed over; None at the end."""
        while not self._reader.is_due():
            if not self._reader.skip():
                return None
        drawn = self._reader.read()
        if drawn is not None:
            self._receiver.find()
        return drawn

    def _take(self) -> bool:
        """Take one frame, or pass over it; False where there was none."""
        if not self._reader.is_due():
            passed = self._reader.skip()
            if passed:
                self._receiver.find()
            return passed
        drawn = self._reader.read()
        if drawn is None:
            return False
        self._receiver.find()
        while not self._receiver.wait_for_room(HEARTBEAT):
            self.heartbeat = time.monotonic()
            if self.stopping:
                self._tally.dropped("stopped")
                return True
        self._receiver.put(drawn)
        return True

    def _guarded(self, call: Callable[[], T]) -> T:
        """Call into the source; whatever it raises becomes a SourceError."""
        try:
            return call()
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
        self._reader.rest()
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
