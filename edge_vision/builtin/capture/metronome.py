"""A metronome: lets a recording play at the rate it was made at."""

from __future__ import annotations

import time
from collections.abc import Callable


class Metronome:
    """Waits for the next of evenly spaced beats; the first is at once.

    Who comes late by a beat or more is not made to hurry: the beats go on from there.
    """

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._period = 1.0 / rate
        self._clock = clock
        self._sleep = sleep
        self._due: float | None = None

    def wait(self) -> None:
        """Wait for the next beat, one period at most."""
        now = self._clock()
        if self._due is None or now - self._due >= self._period:
            self._due = now
        if now < self._due:
            self._sleep(self._due - now)
        self._due += self._period
