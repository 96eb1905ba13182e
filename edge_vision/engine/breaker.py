"""A circuit breaker: a stage that keeps failing is left alone for a while, then tried again.

After Michael Nygard, Release It!, 2007, chapter "Stability Patterns".
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

FAILURES = 5
"""Failures in a row that open the breaker."""


class Breaker:
    """Closed: calls go through. Open: they do not, until a pause is over; then one call is the trial.

    The pause doubles from `pause` to `longest` seconds while trials fail. Of a recording nothing may
    be left out, so there `holds_back` is False: the breaker tells its state and lets every call through.
    """

    def __init__(
        self,
        *,
        holds_back: bool = True,
        pause: float = 1.0,
        longest: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._holds_back = holds_back
        self._first_pause = self._pause = pause
        self._longest = longest
        self._clock = clock
        self._lock = Lock()
        self._failures = 0
        self._open = False
        self._retry_at = 0.0

    @property
    def is_open(self) -> bool:
        """True from the failure that opened it to the success that closes it."""
        return self._open

    @property
    def failures(self) -> int:
        """Failures since the last success."""
        return self._failures

    def allows(self) -> bool:
        """True where the stage may be called now. After the pause one caller is let through."""
        with self._lock:
            if not self._open or not self._holds_back:
                return True
            now = self._clock()
            if now < self._retry_at:
                return False
            self._retry_at = now + self._pause
            return True

    def succeeded(self) -> bool:
        """A call went well; True where that closed the breaker."""
        with self._lock:
            closed, self._open = self._open, False
            self._failures = 0
            self._pause = self._first_pause
            return closed

    def failed(self) -> bool:
        """A call failed; True where that opened the breaker."""
        with self._lock:
            self._failures += 1
            if self._open:
                self._pause = min(self._pause * 2, self._longest)
            elif self._failures < FAILURES:
                return False
            opened, self._open = not self._open, True
            self._retry_at = self._clock() + self._pause
            return opened
