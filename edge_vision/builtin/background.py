"""A background writer: a thread of its own that writes what others hand it, in bounded memory."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")

logger = logging.getLogger(__name__)

CLOSE_PATIENCE = 5.0
"""Seconds that `close` gives the thread to write what it has accepted."""


class BackgroundWriter(Generic[T]):
    """Takes items from any thread and writes them, in order, on one of its own.

    What cannot be written is counted as lost and logged once until a write succeeds again. When the
    reader has closed its end (a broken pipe), nothing is written any more and everything is lost.

    name   what logs call it, also the thread's name
    write  writes one item; what it raises is counted
    limit  at most so many items wait
    """

    def __init__(self, name: str, write: Callable[[T], None], limit: int) -> None:
        self._name = name
        self._write = write
        self._limit = limit
        self._waiting: deque[T] = deque()
        self._changed = threading.Condition()
        self._writing = False
        self._closing = False
        self._broken = False
        self._failing = False
        self._sent = self._lost = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wait_for_room(self, timeout: float) -> bool:
        """Wait until at most half of what may wait does; False where `timeout` seconds passed."""
        with self._changed:
            half = self._limit // 2
            return self._changed.wait_for(lambda: self._stopped or len(self._waiting) <= half, timeout)

    def accepts(self, wait: bool, rare: bool = False) -> bool:
        """Whether it is worth making an item; where not, the item is counted as lost."""
        with self._changed:
            taken = not self._stopped and (wait or self._has_room(rare))
            self._lost += not taken
            return taken

    def put(self, item: T, wait: bool, rare: bool = False) -> None:
        """Hand over an item. With no room it waits where `wait` says so, else the item is lost.

        For `rare` items, such as events, as much room again is kept.
        """
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._stopped or self._has_room(rare))
            if self._stopped or not self._has_room(rare):
                self._lost += 1
                return
            self._waiting.append(item)
            self._changed.notify_all()

    def _has_room(self, rare: bool) -> bool:
        return len(self._waiting) < self._limit * (2 if rare else 1)

    def lose(self) -> None:
        """Count an item that could not even be made."""
        with self._changed:
            self._lost += 1

    def counters(self) -> Mapping[str, int]:
        """How many items were written, were lost, and wait."""
        with self._changed:
            return {"sent": self._sent, "lost": self._lost, "pending": self._pending}

    def flush(self, timeout: float) -> bool:
        """Wait until nothing waits; False where `timeout` seconds passed."""
        with self._changed:
            return self._changed.wait_for(lambda: self._pending == 0, timeout)

    def close(self) -> None:
        """Write what was accepted, for a bounded time, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(CLOSE_PATIENCE)
        with self._changed:
            left = self._forget_waiting()
        if left:
            logger.warning("%s: %d left unwritten on closing", self._name, left)

    @property
    def alive(self) -> bool:
        """Whether the thread still runs: before `close`, or stuck in a write after it."""
        return self._thread.is_alive()

    @property
    def _stopped(self) -> bool:
        return self._closing or self._broken

    @property
    def _pending(self) -> int:
        return len(self._waiting) + self._writing

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopped)
                if not self._waiting:
                    return
                item = self._waiting.popleft()
                self._writing = True
            written = self._try(item)
            with self._changed:
                self._writing = False
                self._sent += written
                self._lost += not written
                if self._broken:
                    self._forget_waiting()
                self._changed.notify_all()

    def _try(self, item: T) -> bool:
        try:
            self._write(item)
        except BrokenPipeError:
            logger.warning("%s: the reader has gone; nothing more is written", self._name)
            self._broken = True
        except OSError as error:
            if not self._failing:
                logger.warning("%s: cannot write: %s", self._name, error)
            self._failing = True
        except Exception:
            logger.exception("%s: cannot write", self._name)
        else:
            if self._failing:
                logger.info("%s: writes again", self._name)
            self._failing = False
            return True
        return False

    def _forget_waiting(self) -> int:
        """Count all that waits as lost; the caller holds the lock."""
        left = len(self._waiting)
        self._lost += left
        self._waiting.clear()
        self._changed.notify_all()
        return left
